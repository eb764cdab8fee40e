"""podman's command line: the one place that calls it.

The command, not the API socket: no daemon is needed, and a call costs 30 to 160 ms.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from chi_helpers.sandbox import programs
from chi_helpers.sandbox.errors import SandboxError

SITE_LABEL = "chi.site"
HOST_LABEL = "chi.host"
INSTANCE_LABEL = "chi.instance"
_TAIL = 500
"""Characters of podman's complaint that are worth repeating."""


class PodmanError(SandboxError):
    """podman refused; the text holds the subcommand and the end of what it said."""


@dataclass(frozen=True, slots=True)
class Podman:
    """podman as one site uses it.

    `site` labels, and is part of the name of, whatever the site has: several sandboxes share a
    machine's podman and must not touch each other's. `args` are global options, chosen by the probe.
    """

    site: str
    args: tuple[str, ...] = ()

    def run(self, *args: str, timeout: float = 300) -> str:
        """Return standard output. Raises PodmanError, also after `timeout` seconds."""
        try:
            done = subprocess.run(
                ["podman", *self.args, *args],
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=timeout,
                env=programs.environment(),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PodmanError(f"podman {args[0]}: {error}") from error
        if done.returncode:
            raise PodmanError(f"podman {' '.join(args[:2])}: {done.stderr.strip()[-_TAIL:]}")
        return done.stdout

    def exists(self, kind: str, name: str) -> bool:
        """Tell whether there is a `kind` (container, network, image) of that name."""
        done = subprocess.run(
            ["podman", *self.args, kind, "exists", name],
            env=programs.environment(),
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what podman knows of a container. Raises PodmanError where there is none."""
        found: list[dict[str, Any]] = json.loads(self.run("container", "inspect", name))
        return found[0]

    def container(self, instance_uuid: str) -> str:
        """Name of an instance's container."""
        return f"chi-{self.site}-{instance_uuid}"

    def network(self, network_id: str) -> str:
        """Name of the podman network that stands for a neutron network."""
        return f"chi-{self.site}-{network_id}"

    @property
    def mine(self) -> str:
        """The filter that selects what belongs to this site."""
        return f"label={SITE_LABEL}={self.site}"

    def containers(self, *, host: str | None = None) -> list[str]:
        """UUIDs of the site's instances, running or not; only those on `host` where it is given."""
        filters = ["--filter", self.mine]
        if host is not None:
            filters += ["--filter", f"label={HOST_LABEL}={host}"]
        layout = f'{{{{index .Labels "{INSTANCE_LABEL}"}}}}'
        return self.run("ps", "--all", *filters, "--format", layout).split()

    def networks(self) -> list[str]:
        """Names of the site's networks."""
        return self.run("network", "ls", "--quiet", "--filter", self.mine).split()
