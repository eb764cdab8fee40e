"""Whose credentials, and for which site: from clouds.yaml (OS_CLOUD) or from OS_* variables.

openstacksdk's own resolution is used as it is. Two things are added. A cloud that was named is taken from
its file alone, so that the OS_* variables that a JupyterHub sets for another site cannot leak into it. And a
hub's token, which is good at every Chameleon site, is pointed at the site that the lab names.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chi_helpers.model.errors import SiteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

REFERENCE_API = "https://api.chameleoncloud.org"
KVM_AT_TACC = "https://kvm.tacc.chameleoncloud.org"
"""The reference API does not list KVM@TACC; python-chi writes its address too (chi/context.py:298)."""
UNRESTRICTED = (
    "A lease needs a Keystone trust, and a restricted application credential may not make one. Make another "
    "in the site's dashboard (Identity > Application Credentials > Create) with *Unrestricted (dangerous)* "
    "ticked, or with `openstack application credential create --unrestricted NAME`, and use that."
)
"""What to do where Blazar answers a bare 500 to an application credential (Chameleon's docs say so)."""
NONE = "No credentials: neither OS_CLOUD with a clouds.yaml nor OS_AUTH_URL is set."
GET_SOME = (
    "Work in Chameleon's JupyterHub, or download clouds.yaml from the site's dashboard "
    "(Identity > Application Credentials) and set OS_CLOUD."
)
_EVERYWHERE = {"v3oidcaccesstoken", "v3oidcpassword", "v3password"}
"""Kinds of credentials that are good at every Chameleon site; the others belong to one."""
_V3 = {"password": "v3password", "token": "v3token"}
"""python-chi knows only the v3 plug-ins (chi/context.py:_auth_plugins)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    auth_type: str
    """keystoneauth's name of the plug-in; always a v3 one."""
    auth: Mapping[str, Any] = field(repr=False)
    region: str
    source: str
    """Where they came from, for messages."""
    interface: str = "public"
    cacert: str | None = None
    insecure: bool = False

    @property
    def auth_url(self) -> str:
        return str(self.auth.get("auth_url", ""))

    @property
    def is_application_credential(self) -> bool:
        return self.auth_type == "v3applicationcredential"


def resolve(site: str | None, cloud: str | None = None, project: str | None = None) -> Credentials:
    """Find credentials for `site` (None: the site they belong to); `cloud` is a name in clouds.yaml.

    `project` (a name or id) takes the place of the credentials' own, where they may choose one; whether they
    are for it, `open_session` sees.

    Raises `UsageError` where there are none, or where they belong to another site.
    """
    name = cloud or os.environ.get("OS_CLOUD")
    region_config = _named(name) if name else _from_environment()
    config: dict[str, Any] = region_config.config
    source = f"cloud '{name}' of clouds.yaml" if name else "the OS_* variables"
    auth = {key: value for key, value in config.get("auth", {}).items() if value not in (None, "")}
    if not auth.get("auth_url"):
        raise UsageError(NONE, do=GET_SOME)
    kind = str(config.get("auth_type") or "password")
    kind = _V3.get(kind, kind)
    if not kind.startswith("v3"):
        raise UsageError(
            f"{source}: auth_type '{kind}' is not supported.", do="Use a v3 type, such as v3password."
        )
    region = str(config.get("region_name") or "")
    if site and region and site != region:
        auth["auth_url"] = _elsewhere(site, region, kind, source, named=bool(name))
    if project:
        auth = _towards(auth, project)
    return Credentials(
        auth_type=kind,
        auth=auth,
        region=site or region,
        source=source,
        interface=str(config.get("interface") or "public"),
        cacert=config.get("cacert"),
        insecure=config.get("verify") is False,
    )


def _towards(auth: dict[str, Any], project: str) -> dict[str, Any]:
    """Choose the project: a hub starts with the first of a user's; the lab's file knows better."""
    now = {auth.get("project_name"), auth.get("project_id")} - {None}
    if not now or project in now:
        return auth
    rest = {key: value for key, value in auth.items() if key not in ("project_name", "project_id")}
    # Keystone's ids are 32 hexadecimal digits (a UUID without dashes).
    return {**rest, "project_id" if re.fullmatch(r"[0-9a-f]{32}", project) else "project_name": project}


def _named(name: str) -> Any:
    from keystoneauth1.exceptions import AuthPluginException
    from openstack import config, exceptions
    from openstack.config import loader

    files = [os.environ[v] for v in ("OS_CLIENT_CONFIG_FILE",) if os.environ.get(v)] or loader.CONFIG_FILES
    try:
        # load_envvars=False: with a cloud named, no other OS_* variable has a say.
        return config.OpenStackConfig(config_files=files, load_envvars=False).get_one(cloud=name)
    except (exceptions.ConfigException, AuthPluginException) as error:
        raise UsageError(
            f"Cloud '{name}' (OS_CLOUD): {error}", do=f"Looked in {', '.join(files)}."
        ) from error


def _from_environment() -> Any:
    from keystoneauth1.exceptions import AuthPluginException
    from openstack import config, exceptions

    try:
        return config.OpenStackConfig().get_one()
    except AuthPluginException as error:
        if os.environ.get("OS_AUTH_URL"):
            raise UsageError(f"The OS_* variables are not complete: {error}") from error
        raise UsageError(NONE, do=GET_SOME) from error
    except exceptions.ConfigException as error:
        raise UsageError(f"Credentials: {error}", do="Set OS_CLOUD to one of the clouds.") from error


def _elsewhere(site: str, region: str, kind: str, source: str, *, named: bool) -> str:
    """Find Keystone at `site` for credentials that name another region; refuse those not good there."""
    if named:
        raise UsageError(
            f"The lab is at {site}, but {source} belongs to {region}.",
            do="Choose a cloud of that site with OS_CLOUD, or the other site with --site.",
        )
    if kind not in _EVERYWHERE:
        raise UsageError(
            f"The lab is at {site}, but {source} hold a credential ({kind}) of {region}, valid only there.",
            do=f"Create one at {site} (its dashboard: Identity > Application Credentials).",
        )
    return f"{site_url(site)}:5000/v3"


def site_url(site: str) -> str:
    """Ask Chameleon's reference API (or that at `CHI_RESOURCE_API_URL`) for a site's web address."""
    import requests

    if site == "KVM@TACC":
        return KVM_AT_TACC
    api = os.environ.get("CHI_RESOURCE_API_URL", REFERENCE_API)
    try:
        answer = requests.get(f"{api}/sites.json", timeout=15)
        answer.raise_for_status()
        items = {item["name"]: str(item["web"]).rstrip("/") for item in answer.json()["items"]}
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise SiteError(
            f"Chameleon's list of sites cannot be read from {api}/sites.json: {error}",
            do="Check the network, or set OS_AUTH_URL and OS_REGION_NAME for the site.",
        ) from error
    if site not in items:
        known = ", ".join(sorted({*items, "KVM@TACC"}))
        raise UsageError(f"No site is called '{site}'.", do=f"Sites: {known}.")
    return items[site]
