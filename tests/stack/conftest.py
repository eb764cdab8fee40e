"""One lab with the whole stack on one node, provisioned once; its first provisioning is killed half-way."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pytest

from tests.support.killing import ANSIBLE
from tests.support.site import CHECKOUT, SiteUnderTest
from tests.support.student import Student
from tests.support.tunnelled import Tunnelled, tunnelled

LAB = CHECKOUT / "labs" / "ml-pipeline.yaml"
_KILLED_AT = " : Install what the lock file says, and nothing else]"
"""A task that takes long, first for the fifth of the lab's eight roles: as Ansible prints its beginning."""
UP_SECONDS = 1500.0


@dataclass(frozen=True)
class Stack:
    """A lab that is up, with its student."""

    student: Student
    report: Any
    """What the second `up` said, as JSON."""

    def chi_lab(self, *words: str, timeout: float = UP_SECONDS) -> Any:
        """`chi-lab WORDS` at this site; the process that ended."""
        verb = 2 if words[0] == "pipeline" else 1
        return self.student.chi_lab(
            *words[:verb], "--site", self.student.site.region, *words[verb:], lab=LAB, timeout=timeout
        )

    def node(self, command: str) -> str:
        """Run a command on the node; what it printed."""
        done = self.student.chi_lab(
            "ssh", "--site", self.student.site.region, "-f", str(LAB), "--", command, timeout=300
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return str(done.stdout)

    def status(self) -> Any:
        return json.loads(self.chi_lab("status", "--json").stdout)

    @property
    def address(self) -> str:
        return str(self.status()["nodes"][0]["address"])

    @property
    def secrets(self) -> dict[str, str]:
        (path,) = self.student.lab_files("secrets.json")
        found: dict[str, str] = json.loads(path.read_text())
        return found


@pytest.fixture(scope="session")
def lab_of_stack(stack_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    student = Student(stack_site, f"t{token_hex(5)}", tmp_path_factory.mktemp("stack"))
    try:
        _killed_half_way(student)
        yield Stack(student, _up(student))
    finally:
        student.remove_everything()


@pytest.fixture
def stack(lab_of_stack: Stack) -> Stack:
    """The lab, up: brought up again where a test before this one gave it back."""
    if not lab_of_stack.student.holdings().instances:
        _up(lab_of_stack.student)
    return lab_of_stack


def _up(student: Student) -> Any:
    """Bring the lab up; the report, as JSON."""
    up = student.chi_lab("up", "--json", "--site", student.site.region, lab=LAB, timeout=UP_SECONDS)
    assert up.returncode == 0, up.stdout + up.stderr
    return json.loads(up.stdout)


def _killed_half_way(student: Student) -> None:
    """Start `up`, and end it by SIGKILL as soon as Ansible has begun a certain task, which takes long."""
    process = student.start("up", "--site", student.site.region, lab=LAB)
    end = time.monotonic() + UP_SECONDS
    while _KILLED_AT not in _printed(student):
        assert process.poll() is None, student.said
        assert time.monotonic() < end, student.said
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, student.said
    assert "PLAY RECAP" not in _printed(student), "it was through before it was killed"


def _printed(student: Student) -> str:
    """What Ansible has printed so far."""
    return "".join(path.read_text(errors="replace") for path in student.lab_files(ANSIBLE))


@pytest.fixture
def services(stack: Stack) -> Iterator[Tunnelled]:
    with tunnelled(stack.student, LAB, "--site", stack.student.site.region) as found:
        yield found
