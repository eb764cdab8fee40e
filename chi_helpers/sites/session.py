"""One authenticated session for everything: python-chi's, which openstacksdk then shares.

python-chi keeps its session in module globals and defaults its options from every OS_* variable of the
environment. Here each option of the chosen plug-in is set, absent ones to None, so that nothing of the
environment is mixed in (an application credential with a project name is refused by keystoneauth).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import chi
from chi import context
from keystoneauth1 import loading
from keystoneauth1.adapter import Adapter
from openstack.config import cloud_region
from openstack.connection import Connection

from chi_helpers.model.errors import UsageError
from chi_helpers.sites.errors import told
from chi_helpers.sites.waiting import read

if TYPE_CHECKING:
    from chi_helpers.sites.credentials import Credentials

# neutronclient warns on stderr, at every call, that it is deprecated; that is python-chi's business.
logging.getLogger("neutronclient.v2_0.client").setLevel(logging.ERROR)

TIMEOUT = 120
"""Seconds for one request. A class's Blazar takes half a minute for a lease at busy times."""


BUSY = [429, 502, 503, 504]
"""Answers after which a look may be repeated."""
LOOKS = 3
"""How often keystoneauth repeats a look, after 0.5, 1 and 2 seconds."""


_VERSIONS: dict[str, dict[str, Any]] = {}
"""Keystone's address -> what the services there told of their versions: the same for all projects."""

_ONE_AT_A_TIME = threading.Lock()
"""python-chi's globals are everybody's: two that log in at once would get each other's credentials."""


class RememberingAdapter(Adapter):  # type: ignore[misc]
    """Passes requests on and keeps the last answer's request id, which blazarclient's errors lose."""

    last_request_id: str | None = None

    def request(self, url: str, method: str, **kwargs: Any) -> Any:
        self.last_request_id = None
        answer = super().request(url, method, **kwargs)
        self.last_request_id = answer.headers.get("x-openstack-request-id")
        return answer


@dataclass(frozen=True, slots=True)
class Session:
    """An open door to one site, as one user in one project."""

    credentials: Credentials
    conn: Any
    """openstacksdk's Connection."""
    blazar: Any
    """Adapter to the reservation service; openstacksdk has no proxy for it."""
    project_id: str
    user_id: str


def open_session(credentials: Credentials, project: str | None = None) -> Session:
    """Log in, to `project` (name or id) where one is named.

    Raises `SiteError` (unreachable, or credentials refused) and `UsageError` (they are for another project).
    """
    with _ONE_AT_A_TIME, told(f"log in with {credentials.source}"):
        configure_chi(credentials)
        shared = chi.session().session
    _be_patient(shared)
    # python-chi makes the session, and does not pass keystoneauth's option for this on.
    shared._discovery_cache = _VERSIONS.setdefault(credentials.auth_url, {})  # noqa: SLF001
    config = cloud_region.from_session(shared, region_name=credentials.region)
    config.config["interface"] = credentials.interface
    conn = Connection(config=config)
    blazar = RememberingAdapter(
        shared,
        service_type="reservation",
        region_name=credentials.region,
        interface=credentials.interface,
        # Looks at leases are repeated by `waiting.read`, which waits as long as Retry-After asks.
        status_code_retries=0,
    )
    with told("log in"):
        read("log in", shared.get_token)
        access = read("log in", lambda: shared.auth.get_access(shared))
    _of_project(credentials, project, str(access.project_id), str(access.project_name))
    return Session(credentials, conn, blazar, str(access.project_id), str(access.user_id))


def _of_project(credentials: Credentials, wanted: str | None, found_id: str, found_name: str) -> None:
    """Refuse credentials of another project: those that are bound to one log in there whatever is asked."""
    if wanted in (None, found_id, found_name):
        return
    raise UsageError(
        f"The lab is of project {wanted}, but {credentials.source} are for project {found_name} "
        f"({found_id}).",
        do=f"Use credentials of {wanted}: choose another cloud with OS_CLOUD, or make an application "
        "credential there; or change `project` in the lab's file.",
    )


def _be_patient(shared: Any) -> None:
    """Repeat looks that the site is too busy for: also those that python-chi makes within its own calls.

    `Server(...)` alone asks for flavors, images and networks, and gives up at the first 503.
    """
    ask = shared.request

    def request(url: str, method: str, **kwargs: Any) -> Any:
        if method == "GET":
            kwargs.setdefault("status_code_retries", LOOKS)
            kwargs.setdefault("retriable_status_codes", BUSY)
        return ask(url, method, **kwargs)

    shared.request = request


def configure_chi(credentials: Credentials) -> None:
    """Point python-chi's module-global context at the same site, project and user."""
    context.set("auth_type", credentials.auth_type)
    for option in loading.get_plugin_loader(credentials.auth_type).get_options():
        context.set(option.dest, credentials.auth.get(option.dest))
    context.set("region_name", credentials.region)
    context.set("interface", credentials.interface)
    context.set("cafile", credentials.cacert)
    context.set("insecure", credentials.insecure)
    context.set("timeout", TIMEOUT)
