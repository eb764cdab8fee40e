"""What the site offers and what the caller may use of it: flavors, images, networks, quota."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.facts import Flavor, Quota, SiteFacts
from chi_helpers.sites import clock, leases
from chi_helpers.sites.waiting import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chi_helpers.sites.session import Session

_UNLIMITED = -1


def flavors(session: Session) -> dict[str, Flavor]:
    """Flavors that may be reserved, by name: all but those that Blazar made for leases."""
    found = read("list the flavors", lambda: list(session.conn.compute.flavors()))
    return {
        f.name: Flavor(f.id, f.name, f.vcpus, f.ram, f.disk)
        for f in found
        if not f.name.startswith("reservation:")
    }


def images(session: Session, names: Iterable[str]) -> dict[str, int]:
    """How many images have each of these names."""
    return {name: _images(session, name) for name in sorted(set(names))}


def disks(session: Session, names: Iterable[str]) -> dict[str, int]:
    """GiB that a disk must have to hold each of these images; what the site does not have is left out."""
    found = {name: list(_named(session, name)) for name in sorted(set(names))}
    return {name: max(map(_gib, images)) for name, images in found.items() if images}


def networks(session: Session) -> frozenset[str]:
    """Names of the networks that the project may use."""
    return frozenset(n.name for n in read("list the networks", lambda: list(session.conn.network.networks())))


def facts(session: Session, names: Iterable[str], *, node_types: bool) -> SiteFacts:
    """Ask for everything that the preflight needs; `names` are the images that the lab uses."""
    before = datetime.now(UTC)
    date = clock.read_date(leases.listed(session)[1])
    # The header has whole seconds: compare with the middle of the request, and let one second pass.
    skew = before + (datetime.now(UTC) - before) / 2 - date if date else timedelta(0)
    token = _token(session)
    return SiteFacts(
        source=session.credentials.source,
        user=token.get("user", {}).get("name") or session.user_id,
        project=token.get("project", {}).get("name") or session.project_id,
        skew=skew,
        project_id=session.project_id,
        restricted=bool(token.get("application_credential", {}).get("restricted")),
        flavors=flavors(session),
        images=images(session, names),
        networks=networks(session),
        node_types=_node_types(session) if node_types else None,
        quotas=_quotas(session),
    )


def _images(session: Session, name: str) -> int:
    return len(_named(session, name))


def _named(session: Session, name: str) -> list[Any]:
    return read("list the images", lambda: list(session.conn.image.images(name=name)))


def _gib(image: Any) -> int:
    """As Cinder compares it with a volume: cinder/volume/volume_utils.py, cinder/image/image_utils.py."""
    return max(1, image.min_disk or 0, -(-(image.virtual_size or image.size or 0) // 2**30))


def _node_types(session: Session) -> frozenset[str] | None:
    try:
        hosts = read("list the hosts", lambda: session.blazar.get("/os-hosts")).json()["hosts"]
    except RefusedError:
        return None  # upstream Blazar shows them to administrators only
    return frozenset(str(host["node_type"]) for host in hosts if host.get("node_type"))


def _quotas(session: Session) -> dict[str, Quota]:
    limits = read("read the limits", session.conn.compute.get_limits).absolute
    found = {
        "instances": _quota(limits.instances_used, limits.instances),
        "cores": _quota(limits.total_cores_used, limits.total_cores),
        "ram": _quota(limits.total_ram_used, limits.total_ram),
    }
    try:
        answer = read(
            "read the network quota",
            lambda: session.conn.network.get(f"/quotas/{session.project_id}/details.json"),
        )
        details: Mapping[str, Any] = answer.json()["quota"] if answer.ok else {}
    except SiteError:
        details = {}  # not every site shows it to members; creating then tells
    for name in ("floatingip", "security_group"):
        if name in details:
            found[name] = _quota(
                details[name]["used"] + details[name].get("reserved", 0), details[name]["limit"]
            )
    return found


def _quota(used: int | None, limit: int | None) -> Quota:
    return Quota(used or 0, None if limit in (None, _UNLIMITED) else limit)


def _token(session: Session) -> dict[str, Any]:
    keystone = session.conn.session
    token = keystone.get_token()
    answer = read(
        "look at the token",
        lambda: keystone.get(
            f"{session.credentials.auth_url.rstrip('/')}/auth/tokens",
            headers={"X-Subject-Token": token},
            authenticated=True,
        ),
    )
    return dict(answer.json()["token"])
