"""oslo.config files as values, and the settings that several services share."""

from __future__ import annotations

import site as python_site
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from chi_helpers.sandbox.description import PORTS, SERVICE_USER, Description
from chi_helpers.sandbox.errors import SandboxError

_WARNING = (
    *("keystone", "placement", "glance", "neutron", "neutron_lib", "nova", "blazar", "waitress", "amqp"),
    *("cinder", "os_brick", "tooz", "taskflow"),
    *("sqlalchemy", "alembic", "stevedore", "os_vif", "urllib3", "castellan", "keystonemiddleware"),
    *("oslo.messaging", "oslo_messaging", "oslo_policy", "oslo_db", "oslo_service", "oslo.service"),
    *("oslo_config", "oslo_utils", "oslo_concurrency"),
)
# They warn of options they do not know, of token caches in the process, of retries that succeed, and of
# quotas that are set in the configuration.
_ERROR = [
    "urllib3.connectionpool",
    "neutronclient",
    "keystonemiddleware.auth_token",
    "keystonemiddleware._common",
    "cinder.quota",
]
# INFO costs a fifth of the services' time and buries what matters. One logger must have it: Blazar 18
# answers no request at all without it (blazar/api/v1/request_log.py returns None).
_LOG_LEVELS = ",".join(
    [*(f"{name}=WARNING" for name in _WARNING), *(f"{name}=ERROR" for name in _ERROR)]
    + ["blazar.api.v1.request_log=INFO"]
)

Value = str | int | bool | Sequence[str]
Sections = Mapping[str, Mapping[str, Value]]


def render(sections: Sections) -> str:
    """An oslo.config file; a tuple or list stands for an option that is given several times."""
    lines: list[str] = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        for name, value in options.items():
            if isinstance(value, bool):
                lines.append(f"{name} = {str(value).lower()}")
            elif isinstance(value, str | int):
                lines.append(f"{name} = {value}")
            else:
                lines += [f"{name} = {item}" for item in value]
        lines.append("")
    return "\n".join(lines)


def merged(*parts: Sections) -> dict[str, dict[str, Value]]:
    """All parts in one; later ones win, option by option."""
    found: dict[str, dict[str, Value]] = {}
    for part in parts:
        for section, options in part.items():
            found.setdefault(section, {}).update(options)
    return found


def distributed(service: str, name: str) -> Path:
    """A file that the service's package installs under `etc/` (pip puts it under the prefix)."""
    for prefix in (sys.prefix, python_site.getuserbase()):
        path = Path(prefix) / "etc" / service / name
        if path.exists():
            return path
    raise SandboxError(
        f"{service}'s {name} is not installed under {sys.prefix}.",
        do="Install the sandbox's services: pip install 'chi-lab-kit[sandbox]'.",
    )


def service_login(site: Description) -> dict[str, Value]:
    """How a service logs in to Keystone as itself."""
    return {
        "auth_type": "password",
        "auth_url": site.auth_url,
        "username": SERVICE_USER,
        "password": site.secrets.service,
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        "project_name": "service",
        "region_name": site.region,
    }


def common(site: Description, database: str) -> dict[str, dict[str, Value]]:
    """What every service has: database, logging to stderr (the supervisor's log), token checks."""
    return {
        "DEFAULT": {
            "use_stderr": True,
            "log_color": False,
            "default_log_levels": _LOG_LEVELS,
        },
        "database": {
            "connection": site.database_url(database),
            "max_pool_size": 10,
            "max_overflow": 40,
        },
        "oslo_messaging_notifications": {"driver": "noop"},
        "oslo_concurrency": {"lock_path": str(site.folder / "lock")},
    }


def token_checks(site: Description) -> dict[str, dict[str, Value]]:
    """The keystonemiddleware section of a service that takes tokens."""
    return {
        "keystone_authtoken": {
            **service_login(site),
            "www_authenticate_uri": f"http://{site.addresses.api}:{PORTS['keystone']}/v3",
            "interface": "internal",
            "service_token_roles_required": True,
            "service_token_roles": "service",
            "token_cache_time": 300,
        },
    }
