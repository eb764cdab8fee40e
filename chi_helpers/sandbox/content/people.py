"""The catalog, the class project with its people, and the first student's application credentials."""

from __future__ import annotations

from typing import Any

from chi_helpers.sandbox.clients import RESTRICTED, UNRESTRICTED, write_credentials
from chi_helpers.sandbox.content import connection
from chi_helpers.sandbox.description import (
    ADMIN,
    DOMAIN,
    INSTRUCTOR,
    OTHER,
    OTHER_PROJECT,
    PROJECT,
    SERVICE_USER,
    STUDENTS,
    Description,
)

_CATALOG = {
    "nova": "compute",
    "placement": "placement",
    "neutron": "network",
    "glance": "image",
    "blazar": "reservation",
    "cinder": "volumev3",  # the older name of block-storage, which is what Chameleon's catalog has
    "swift": "object-store",
}


def create(site: Description) -> None:
    """Needs Keystone only. `manager` is what an instructor is: it may see and delete, not administer."""
    identity = connection.admin(site).identity
    _catalog(site, identity)
    roles = {role.name: role for role in identity.roles()}
    service = _project(identity, "service", "default")
    user = _user(identity, SERVICE_USER, site.secrets.service, service)
    for name in ("admin", "service"):
        identity.assign_project_role_to_user(service, user, roles[name])
    domain = identity.find_domain(DOMAIN) or identity.create_domain(name=DOMAIN)
    members = {
        PROJECT: {**dict.fromkeys(STUDENTS, "member"), INSTRUCTOR: "manager"},
        OTHER_PROJECT: {OTHER: "member"},
    }
    admin = identity.find_user(ADMIN)
    for project_name, people in members.items():
        project = _project(identity, project_name, domain.id)
        identity.assign_project_role_to_user(project, admin, roles["admin"])
        for name, role in people.items():
            person = _user(identity, name, site.secrets.users[name], project)
            identity.assign_project_role_to_user(project, person, roles[role])
    _credentials(site)


def _catalog(site: Description, identity: Any) -> None:
    known = {service.type: service for service in identity.services()}
    endpoints = {(point.service_id, point.interface) for point in identity.endpoints()}
    for name, kind in _CATALOG.items():
        if name not in site.services:
            continue
        service = known.get(kind) or identity.create_service(name=name, type=kind)
        for interface in ("public", "internal", "admin"):
            if (service.id, interface) not in endpoints:
                identity.create_endpoint(
                    service_id=service.id, interface=interface, url=site.url(name), region_id=site.region
                )


def _project(identity: Any, name: str, domain_id: str) -> Any:
    return identity.find_project(name, domain_id=domain_id) or identity.create_project(
        name=name, domain_id=domain_id
    )


def _user(identity: Any, name: str, password: str, project: Any) -> Any:
    return identity.find_user(name, domain_id=project.domain_id) or identity.create_user(
        name=name, password=password, domain_id=project.domain_id, default_project_id=project.id
    )


def _credentials(site: Description) -> None:
    """An application credential of each kind for the first student, as Horizon makes them."""
    student = connection.student(site, STUDENTS[0])
    me = student.current_user_id
    known = {credential.name: credential for credential in student.identity.application_credentials(me)}
    ids = {}
    for kind, secret in (
        (UNRESTRICTED, site.secrets.appcred),
        (RESTRICTED, site.secrets.appcred_restricted),
    ):
        name = f"{site.name}-{kind}"
        found = known.get(name) or student.identity.create_application_credential(
            me, name=name, secret=secret, unrestricted=kind == UNRESTRICTED
        )
        ids[kind] = found.id
    write_credentials(site, ids)
