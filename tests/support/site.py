"""The site under test, as one value; and how a test speaks to it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack
import yaml
from keystoneauth1.adapter import Adapter

BIN = Path(sys.executable).parent
CHECKOUT = Path(__file__).resolve().parents[2]
_STRIPPED = ("OS_", "CHI_", "JUPYTERHUB_")
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
_OF_CLOUD = {
    "auth_url": "OS_AUTH_URL",
    "username": "OS_USERNAME",
    "password": "OS_PASSWORD",
    "project_name": "OS_PROJECT_NAME",
    "user_domain_name": "OS_USER_DOMAIN_NAME",
    "project_domain_name": "OS_PROJECT_DOMAIN_NAME",
    "application_credential_id": "OS_APPLICATION_CREDENTIAL_ID",
    "application_credential_secret": "OS_APPLICATION_CREDENTIAL_SECRET",
}


@dataclass(frozen=True, slots=True)
class SiteUnderTest:
    """A running sandbox: `folder` is its data folder, with `site.json`, `clouds.yaml` and `env`."""

    name: str
    region: str
    auth_url: str
    reference_url: str
    folder: Path
    machines: str
    """`podman` or `none`."""
    key_name: str
    private_key: Path
    extras: tuple[str, ...] = ()
    """What it was started `--with`."""

    @property
    def state(self) -> Path:
        """What CHI_LAB_STATE is for commands that concern this sandbox."""
        return self.folder.parent.parent

    def cloud(self, who: str = "") -> str:
        """Name in clouds.yaml: '' the first student, else for example `student2`, `appcred`, `admin`."""
        return f"{self.name}-{who}" if who else self.name

    def env(self, who: str = "", **extra: str) -> dict[str, str]:
        """Environment of a process of `who`, as Chameleon's JupyterHub and the sandbox's `env` file set it.

        Nothing of the surrounding environment that chooses a site, a lab or a proxy gets through.
        """
        hub = read_exports(self.folder / "env")
        if who:
            hub = {k: v for k, v in hub.items() if k not in _OF_CLOUD.values()}
            hub |= self._login(who)
        return {**surroundings(), **hub, **extra}

    def cloud_env(self, who: str = "", **extra: str) -> dict[str, str]:
        """As `env`, with OS_CLOUD and OS_CLIENT_CONFIG_FILE as the only variables of OpenStack."""
        chosen = {"OS_CLOUD": self.cloud(who), "OS_CLIENT_CONFIG_FILE": str(self.folder / "clouds.yaml")}
        return {**surroundings(), **chosen, **extra}

    def _login(self, who: str) -> dict[str, str]:
        clouds = yaml.safe_load((self.folder / "clouds.yaml").read_text())["clouds"]
        found: dict[str, Any] = clouds[self.cloud(who)]
        kind = found.get("auth_type", "v3password")
        kind = kind if kind.startswith("v3") else f"v3{kind}"
        login = {_OF_CLOUD[k]: str(v) for k, v in found["auth"].items() if k in _OF_CLOUD}
        return {"OS_AUTH_TYPE": kind, "OS_CLOUD": self.cloud(who), **login}

    def connection(self, who: str = "") -> Any:
        """A connection of openstacksdk, which no environment variable changes."""
        config = openstack.config.OpenStackConfig(
            config_files=[str(self.folder / "clouds.yaml")], load_envvars=False
        )
        return openstack.connection.Connection(config=config.get_one(cloud=self.cloud(who)))

    def blazar(self, who: str = "") -> Adapter:
        """Blazar's API, which openstacksdk does not know; errors raise."""
        session = self.connection(who).session
        return Adapter(session, service_type="reservation", region_name=self.region, interface="public")


def run(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float = 180
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit code; its output as text."""
    return subprocess.run(
        argv,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def succeed(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float = 180) -> str:
    """As `run`; returns stdout. Raises AssertionError with all that was said where the exit code is not 0."""
    done = run(argv, env=env, cwd=cwd, timeout=timeout)
    if done.returncode:
        raise AssertionError(
            f"{shlex.join(argv)} exited {done.returncode}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
        )
    return done.stdout


def site_of(path: Path) -> SiteUnderTest:
    """The sandbox that a `site.json` describes."""
    facts = json.loads(path.read_text())
    return SiteUnderTest(
        name=facts["name"],
        region=facts["region"],
        auth_url=facts["auth_url"],
        reference_url=facts["reference_url"],
        folder=path.parent.resolve(),
        machines=facts["machines"],
        key_name=facts["keypair"]["name"],
        private_key=Path(facts["keypair"]["private"]),
        extras=tuple(facts.get("extras", ())),
    )


def surroundings() -> dict[str, str]:
    """The environment of this process, without what chooses a site, a lab or a proxy."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_STRIPPED) and k.lower() not in _PROXIES}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}"}


def read_exports(path: Path) -> dict[str, str]:
    """The variables that a shell file of `export NAME=value` lines sets; comments are left out."""
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["export"]:
            found |= dict(word.split("=", 1) for word in words[1:])
    return found
