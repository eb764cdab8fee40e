"""A student of the site under test, and a second look at what is his, past the kit."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.site import BIN, SiteUnderTest, run

_GONE_SECONDS = 60.0
BUG = "This is a bug in chi-lab"
"""What chi-lab says in place of a traceback (chi_helpers/cli/run.py): it did not foresee what happened."""


def foreseen(said: str) -> None:
    """Raise AssertionError where `chi-lab`, having said `said`, met something that it has no words for."""
    if BUG in said or "Traceback (most recent call last)" in said:
        raise AssertionError(f"chi-lab took it for a bug of its own:\n{said}")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an owner holds at the site: plain `{id, name, ...}` objects of the APIs themselves."""

    leases: tuple[dict[str, Any], ...] = ()
    """Leases that have not ended."""
    instances: tuple[Any, ...] = ()
    floating_ips: tuple[Any, ...] = ()
    security_groups: tuple[Any, ...] = ()
    ports: tuple[Any, ...] = ()
    networks: tuple[Any, ...] = ()

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """(leases, instances, floating IPs, security groups)."""
        return (
            len(self.leases),
            len(self.instances),
            len(self.floating_ips),
            len(self.security_groups),
        )

    def __bool__(self) -> bool:
        return any(self.counts) or bool(self.ports) or bool(self.networks)


def _in_order(group: Any) -> Any:
    """The same group with its rules in one order: Neutron lists them as it likes, and two looks are compared."""
    group.security_group_rules = sorted(group.security_group_rules, key=lambda rule: str(rule["id"]))
    return group


@dataclass(frozen=True, slots=True)
class Student:
    """An owner name of its own at a shared site, with a working folder of its own."""

    site: SiteUnderTest
    owner: str
    folder: Path
    who: str = ""
    """Whose login: see `SiteUnderTest.cloud`."""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return self.site.env(
            self.who, CHI_LAB_OWNER=self.owner, CHI_LAB_STATE=str(self.folder / "state"), **self.extra
        )

    def command(self, *words: str, lab: Path | None = None) -> list[str]:
        """`chi-lab WORDS -f LAB`."""
        return [str(BIN / "chi-lab"), *words, *(["-f", str(lab)] if lab else [])]

    def chi_lab(
        self, *words: str, lab: Path | None = None, timeout: float = 240
    ) -> subprocess.CompletedProcess[str]:
        """Run `chi-lab` to its end, whatever its exit code. Raises AssertionError where it meets a bug."""
        done = run(self.command(*words, lab=lab), env=self.env, cwd=self.folder, timeout=timeout)
        foreseen(done.stdout + done.stderr)
        return done

    def start(self, *words: str, lab: Path | None = None, **extra: str) -> subprocess.Popen[bytes]:
        """Start `chi-lab`, in a session of its own, with `extra` in its environment.

        What it says is added to the file `said`: a pipe would stay open in programs that outlive it.
        """
        with (self.folder / "said").open("ab") as log:
            return subprocess.Popen(
                self.command(*words, lab=lab),
                env={**self.env, **extra},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All that processes of `start` said so far."""
        log = self.folder / "said"
        return log.read_text() if log.exists() else ""

    def lab_files(self, name: str) -> list[Path]:
        """Files of that name in the folders in which the kit remembers this owner's labs."""
        return sorted((self.folder / "state" / "labs").glob(f"*-{self.owner}@*/{name}"))

    def holdings(self) -> Holdings:
        """What the site itself lists for this owner: by name, and by stamp, whichever names him."""
        cloud = self.site.connection(self.who)
        leases = self.site.blazar(self.who).get("/leases").json()["leases"]
        mine = [lease for lease in leases if self._names(lease["name"]) and lease["status"] != "TERMINATED"]
        return Holdings(
            tuple(mine),
            tuple(s for s in cloud.compute.servers() if self._names(s.name, json.dumps(s.metadata))),
            tuple(f for f in cloud.network.ips() if self._names(f.description)),
            tuple(
                _in_order(g) for g in cloud.network.security_groups() if self._names(g.name, g.description)
            ),
            tuple(p for p in cloud.network.ports() if self._names(p.name, p.description)),
            tuple(n for n in cloud.network.networks() if self._names(n.name, n.description)),
        )

    def _names(self, *texts: str | None) -> bool:
        return any(self.owner in (text or "") for text in texts)

    def remove_everything(self) -> None:
        """Delete what the owner holds through the services' own APIs; raises if any of it stays."""
        deadline = time.monotonic() + _GONE_SECONDS
        while held := self.holdings():
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.owner} still holds after {_GONE_SECONDS:g} s: {held}")
            self._delete(held)
            time.sleep(0.5)

    def _delete(self, held: Holdings) -> None:
        cloud, blazar = self.site.connection(self.who), self.site.blazar(self.who)
        for address in held.floating_ips:
            cloud.network.delete_ip(address, ignore_missing=True)
        for server in held.instances:
            cloud.compute.delete_server(server, ignore_missing=True)
        if held.instances:
            return  # their groups, ports and leases are in use until they are gone
        for lease in held.leases:
            blazar.delete(f"/leases/{lease['id']}", raise_exc=False)
        for port in held.ports:
            cloud.network.delete_port(port, ignore_missing=True)
        for group in held.security_groups:
            cloud.network.delete_security_group(group, ignore_missing=True)
        for network in held.networks:
            cloud.network.delete_network(network, ignore_missing=True)
