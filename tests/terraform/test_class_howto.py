"""docs/how-to/use-terraform.md, its part on a class: each block of `sh` at a site, and a look at the site in between.

The owners of the page have names that no other test uses. The lines of a `text` block must stand, in that order, in
what the commands before it said.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.support.site import CHECKOUT, run, succeed
from tests.support.student import Student
from tests.terraform.owned import counts, owned, unroute

pytestmark = [pytest.mark.machines, pytest.mark.timeout(1200), pytest.mark.nightly(part="terraform")]

PAGE = CHECKOUT / "docs/how-to/use-terraform.md"
OWNERS = ("ann", "bob", "carol", "dave")
LAB = {
    "lease": 1, "instance": 2, "port": 2, "floating IP": 1, "security group": 3,
    "network": 1, "subnet": 1, "router": 1,
}  # fmt: skip
"""What the page's lab is for each owner."""
_BOOT_SECONDS = 120.0


@dataclass(frozen=True)
class Page:
    """The page's steps, and the owners that it is followed for."""

    folder: Path
    env: dict[str, str]
    students: dict[str, Student]
    steps: list[tuple[str, list[str]]] = field(default_factory=list)

    def follow(self) -> str:
        """Do the next step: all that it said."""
        commands, lines = self.steps.pop(0)
        done = subprocess.run(
            ["bash", "-ec", commands],
            cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=400, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        rest = done.stdout
        for line in lines:
            assert line in rest, f"{commands}\nsaid\n{done.stdout}\nand not, or not there,\n{line}"
            rest = rest.split(line, 1)[1]
        return done.stdout

    def lose(self, student: Student) -> None:
        """Let the state forget what an owner has, as if it were an older one."""
        lost = (f'module.{part}["{student.owner}"]' for part in ("nodes", "network"))
        succeed(
            ["terraform", "-chdir=terraform/class", "state", "rm", *lost],
            env=self.env,
            cwd=self.folder,
        )


def steps(names: dict[str, str]) -> list[tuple[str, list[str]]]:
    """(commands, lines that they must say) of the page's part on a class, with these names of the owners."""
    text = PAGE.read_text().split("## A lab for each owner of a roster\n", 1)[1]
    text = re.sub(rf"\b({'|'.join(OWNERS)})\b", lambda name: names[name[0]], text)
    found: list[tuple[str, list[str]]] = []
    for kind, block in re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        assert kind in ("sh", "text"), kind
        if kind == "sh":
            found.append((block, []))
        else:
            found[-1][1].extend(block.splitlines())
    return found


@pytest.fixture
def page(stack_site: Any, provided: Any, program: str, tmp_path: Path) -> Iterator[Page]:
    """What the owners still hold at the end is removed, and that is checked."""
    folder, programs = tmp_path / "work", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    (programs / "terraform").symlink_to(program)
    names = {owner: f"t{token_hex(5)}" for owner in OWNERS}
    env = stack_site.env(KIT=str(CHECKOUT), CHI_LAB_STATE=str(tmp_path / "state"), TF_CLI_ARGS="-no-color")
    env["PATH"] = f"{programs}{os.pathsep}{env['PATH']}"
    if (mirror := tmp_path / "cli.tfrc").exists():
        env["TF_CLI_CONFIG_FILE"] = str(mirror)
    students = {owner: Student(stack_site, name, tmp_path) for owner, name in names.items()}
    yield Page(folder, env, students, steps(names))
    for student in students.values():
        unroute(student)
        student.remove_everything()


def log_in(page: Page, student: Student, address: str) -> str:
    """The host's name, as the owner's own key learns it; the page leaves the host key to the reader."""
    settings = (
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "BatchMode=yes",
    )
    options = [word for setting in settings for word in ("-o", setting)]
    argv = ["ssh", "-F", "/dev/null", *options, "-i", f"keys/{student.owner}", f"cc@{address}", "hostname"]
    deadline = time.monotonic() + _BOOT_SECONDS
    while (done := run(argv, env=page.env, cwd=page.folder)).returncode:
        assert time.monotonic() < deadline, done.stderr
        time.sleep(1)
    return done.stdout


def test_a_class_gets_its_labs_changes_an_owner_and_leaves_nothing(page: Page) -> None:
    ann, bob, carol, dave = page.students.values()
    page.follow()  # the files
    page.follow()  # the leases
    assert [counts(student) for student in (ann, bob, carol, dave)] == [*[{"lease": 1}] * 3, {}]

    said = page.follow()  # apply, and a plan that changes nothing
    assert [counts(student) for student in (ann, bob, carol)] == [LAB] * 3
    held = ann.holdings()
    assert {instance.status for instance in held.instances} == {"ACTIVE"}
    stamps = {(i.metadata["chi_lab"], i.metadata["chi_lab_owner"]) for i in held.instances}
    assert stamps == {("course", ann.owner)}
    [address] = held.floating_ips
    assert address.floating_ip_address in said
    assert log_in(page, ann, address.floating_ip_address).startswith("head-course-")
    kept = owned(ann), owned(carol)

    page.follow()  # bob leaves, dave comes
    assert (counts(bob), counts(dave)) == ({}, LAB)
    assert (owned(ann), owned(carol)) == kept

    page.lose(carol)
    page.follow()  # destroy, and the leases
    assert [counts(student) for student in (ann, carol, dave)] == [{}] * 3
    assert page.steps == []
