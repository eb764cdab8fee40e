"""The sandbox of the benchmark: up, its state kept and put back, its clock of things set back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chi_helpers.sandbox import database
from chi_helpers.sandbox.content import connection
from chi_helpers.sandbox.description import Description, load

NAME = "reap"
_TABLES = {
    "port": "ports",
    "floating IP": "floatingips",
    "network": "networks",
    "subnet": "subnets",
    "router": "routers",
    "security group": "securitygroups",
}
"""Neutron's tables, by kind; each row has a row of `standardattributes`, where its times are."""
_EARLIER = timedelta(minutes=10)
"""How much older than the instances everything else is made: as where networks and ports come first."""
_CHI_LAB = (sys.executable, "-m", "chi_helpers")


@dataclass(frozen=True)
class BenchSite:
    """A sandbox in the state folder `state`."""

    state: Path

    @property
    def folder(self) -> Path:
        return self.state / "sandbox" / NAME

    @property
    def description(self) -> Description:
        found = load(self.folder)
        assert found, f"no sandbox in {self.folder}"
        return found

    @property
    def kept(self) -> Path:
        return self.state / "db.scene"

    def up(self, *options: str) -> None:
        self._command("up", *options)

    def reset(self) -> None:
        self._command("reset")
        shutil.rmtree(self.kept, ignore_errors=True)

    def keep(self) -> None:
        """Put the site's whole state aside, for `put_back`; it is up again after that."""
        self._command("down")
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(self.folder / "db", self.kept, copy_function=shutil.copy2)
        self._command("up")

    def put_back(self) -> None:
        """The site as `keep` found it, byte for byte, with services that have just started."""
        self._command("down")
        shutil.rmtree(self.folder / "db")
        shutil.copytree(self.kept, self.folder / "db", copy_function=shutil.copy2)
        self._command("up")

    def admin(self) -> Any:
        """openstacksdk's connection as the site's administrator."""
        return connection.admin(self.description)

    def set_back(self, ids: dict[str, list[str]], to: datetime) -> None:
        """Make these instances (`{kind: ids}`) as old as `to` (UTC) says, and all else a bit older."""
        stamp, earlier = (f"{when:%Y-%m-%d %H:%M:%S}" for when in (to, to - _EARLIER))
        times = f"created_at='{stamp}', updated_at='{stamp}'"
        some = _quoted(ids["instance"])
        statements = [f"update nova.instances set {times}, launched_at='{stamp}' where uuid in ({some});"]  # noqa: S608 - ids that the site gave
        times = f"s.created_at='{earlier}', s.updated_at='{earlier}'"
        for kind, table in _TABLES.items():
            if some := _quoted(ids.get(kind, ())):
                statements.append(
                    f"update neutron.standardattributes s join neutron.{table} t "  # noqa: S608 - as above
                    f"on t.standard_attr_id = s.id set {times} where t.id in ({some});"
                )
        database.sql(self.description.db_socket, "\n".join(statements))

    def _command(self, verb: str, *options: str) -> None:
        done = subprocess.run(
            [*_CHI_LAB, "sandbox", verb, "--name", NAME, *options],
            env={**os.environ, "CHI_LAB_STATE": str(self.state)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"chi-lab sandbox {verb} ended with {done.returncode}:\n{done.stderr}")


def _quoted(ids: Iterable[str]) -> str:
    return ",".join(f"'{one}'" for one in ids)
