"""What clients need: `clouds.yaml`, the shell's `env`, and the students' key pair. All 0600."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any

import yaml

from chi_helpers.sandbox.description import (
    ADMIN,
    DOMAIN,
    INSTRUCTOR,
    OTHER,
    OTHER_PROJECT,
    PROJECT,
    STUDENTS,
    Description,
    keypair_name,
    write_private,
)

RESTRICTED, UNRESTRICTED = "appcred-restricted", "appcred"


def write_all(site: Description) -> None:
    """Write `clouds.yaml` and `env`."""
    document = {"clouds": clouds(site)}
    write_private(
        site.folder / "clouds.yaml",
        f"# Written by `chi-lab sandbox up`. Holds passwords.\n{yaml.safe_dump(document)}",
    )
    write_private(site.folder / "env", shell(environment(site, site.name)))


def clouds(site: Description) -> dict[str, dict[str, Any]]:
    """`{cloud name: settings}` for the file `clouds.yaml`."""
    people = {
        "": (STUDENTS[0], PROJECT),
        **{f"-{user}": (user, PROJECT) for user in (*STUDENTS, INSTRUCTOR)},
        f"-{OTHER}": (OTHER, OTHER_PROJECT),
    }
    found = {
        site.name + suffix: _cloud(site, _password(site, user, project))
        for suffix, (user, project) in people.items()
    }
    found[f"{site.name}-admin"] = _cloud(
        site,
        {
            "username": ADMIN,
            "password": site.secrets.admin,
            "user_domain_name": "Default",
            "project_name": "admin",
            "project_domain_name": "Default",
        },
    )
    secret = {UNRESTRICTED: site.secrets.appcred, RESTRICTED: site.secrets.appcred_restricted}
    for kind, identifier in read_credentials(site).items():
        login = {"application_credential_id": identifier, "application_credential_secret": secret[kind]}
        found[f"{site.name}-{kind}"] = {"auth_type": "v3applicationcredential", **_cloud(site, login)}
    return found


def read_credentials(site: Description) -> dict[str, str]:
    """`{kind: id}` of the first student's application credentials; empty before they are made."""
    path = site.folder / "credentials.json"
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


def write_credentials(site: Description, ids: dict[str, str]) -> None:
    write_private(site.folder / "credentials.json", json.dumps(ids))


def environment(site: Description, cloud: str) -> dict[str, str]:
    """The variables for one of `clouds`: as a Chameleon JupyterHub sets them, and OS_CLOUD.

    Raises KeyError where there is no such cloud.
    """
    entry = clouds(site)[cloud]
    auth = entry["auth"]
    names = {
        "OS_AUTH_URL": "auth_url",
        "OS_USERNAME": "username",
        "OS_PASSWORD": "password",
        "OS_PROJECT_NAME": "project_name",
        "OS_USER_DOMAIN_NAME": "user_domain_name",
        "OS_PROJECT_DOMAIN_NAME": "project_domain_name",
        "OS_APPLICATION_CREDENTIAL_ID": "application_credential_id",
        "OS_APPLICATION_CREDENTIAL_SECRET": "application_credential_secret",
    }
    return {
        "OS_CLIENT_CONFIG_FILE": str(site.folder / "clouds.yaml"),
        "OS_CLOUD": cloud,
        "OS_AUTH_TYPE": entry.get("auth_type", "v3password"),
        **{variable: auth[key] for variable, key in names.items() if key in auth},
        "OS_REGION_NAME": site.region,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_INTERFACE": "public",
        "OS_KEYPAIR_NAME": keypair_name(site.name),
        "OS_KEYPAIR_PRIVATE_KEY": str(site.private_key),
        "OS_KEYPAIR_PUBLIC_KEY": f"{site.private_key}.pub",
        "CHI_RESOURCE_API_URL": site.reference_url,
        "CHI_LAB_SITE": site.region,
    }


def shell(variables: dict[str, str]) -> str:
    """Lines that a POSIX shell can read with `eval` or `.`; starts from a clean slate."""
    forget = "unset $(env | sed -n 's/^\\(OS_[A-Za-z0-9_]*\\)=.*/\\1/p')"
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([forget, *exports, ""])


def make_keys(site: Description) -> None:
    """Make the students' SSH key pair, once."""
    if site.private_key.exists():
        return
    site.private_key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    subprocess.run(
        [
            "ssh-keygen",
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-C",
            f"students@{site.region}",
            "-f",
            str(site.private_key),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def _password(site: Description, user: str, project: str) -> dict[str, str]:
    return {
        "username": user,
        "password": site.secrets.users[user],
        "user_domain_name": DOMAIN,
        "project_name": project,
        "project_domain_name": DOMAIN,
    }


def _cloud(site: Description, login: dict[str, str]) -> dict[str, Any]:
    return {
        "auth": {"auth_url": site.auth_url, **login},
        "region_name": site.region,
        "identity_api_version": "3",
        "interface": "public",
    }
