"""The role `base` on a real node: what it changes, what it leaves, and that the deadline is kept."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from chi_helpers.config import load
from chi_helpers.model.outcome import Result, Silent
from chi_helpers.provision import Host, provision
from tests.support.labs import node, write_lab
from tests.support.student import Student

pytestmark = [pytest.mark.machines, pytest.mark.nightly(part="roles")]


@dataclass(frozen=True)
class Node:
    """A node that is up, and nothing has been done to; `lab` is a file that asks for `base` on it."""

    student: Student
    lab: Path
    address: str
    known_hosts: Path

    @property
    def login(self):
        options = {
            "UserKnownHostsFile": self.known_hosts,
            "StrictHostKeyChecking": "yes",
            "IdentityFile": self.student.site.private_key,
            "BatchMode": "yes",
        }
        return ["ssh", *(f"-o{key}={value}" for key, value in options.items()), f"cc@{self.address}"]

    def run(self, command) -> str:
        done = subprocess.run(
            [*self.login, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def provision(self, *words) -> Any:
        done = self.student.chi_lab("provision", "--json", "-f", str(self.lab), *words)
        assert done.returncode == 0, done.stderr
        (host,) = json.loads(done.stdout)["hosts"]
        return host

    @property
    def host(self) -> Host:
        key = self.student.site.private_key
        return Host("node1", self.address, key, self.known_hosts, stack=("base",))

    def status(self) -> Any:
        return json.loads(self.student.chi_lab("status", "--json", "-f", str(self.lab)).stdout)


@pytest.fixture(scope="module")
def bare(site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    student = Student(site, f"t{token_hex(5)}", folder)
    try:
        up = student.chi_lab("up", "--json", "-f", str(write_lab(folder / "bare.yaml", site.region)))
        assert up.returncode == 0, up.stderr
        lab = write_lab(folder / "lab.yaml", site.region, nodes={"node1": node(stack=["base"])})
        (known_hosts,) = folder.glob("state/labs/*/known_hosts")
        status = json.loads(student.chi_lab("status", "--json", "-f", str(lab)).stdout)
        yield Node(student, lab, status["nodes"][0]["address"], known_hosts)
    finally:
        student.remove_everything()


@pytest.fixture(scope="module")
def runs(bare):
    """What Ansible counted: check mode on the bare node, the first run, the second, check mode again."""
    checked = bare.provision("--check")
    untouched = bare.run("test ! -e /etc/chi-lab && test ! -e /usr/local/bin/chi-lab-guard && echo yes")
    first, second = bare.provision(), bare.provision()
    return {
        "check": checked,
        "untouched": untouched,
        "first": first,
        "second": second,
        "again": bare.provision("--check"),
    }


def test_check_mode_says_what_would_change_and_changes_nothing(runs):
    assert runs["check"]["changed"] > 0
    assert runs["untouched"] == "yes"


def test_the_first_run_changes_the_node_and_the_second_changes_nothing(runs):
    assert runs["first"]["changed"] >= runs["check"]["changed"]
    assert runs["second"]["changed"] == 0
    assert runs["second"]["ok"] > 0
    assert runs["again"]["changed"] == 0


def test_the_node_lives_in_the_labs_time_zone(bare, runs):
    assert bare.run("readlink /etc/localtime; cat /etc/timezone; date +%Z").split() in (
        ["/usr/share/zoneinfo/America/New_York", "America/New_York", zone] for zone in ("EST", "EDT")
    )


def test_the_guard_runs_and_will_run_after_a_reboot(bare, runs):
    assert (
        bare.run("systemctl is-active chi-lab-guard; systemctl is-enabled chi-lab-guard") == "active\nenabled"
    )
    assert bare.run("systemctl --failed --no-legend") == ""


def test_the_guard_knows_the_leases_end_as_its_deadline(bare, runs):
    settings = json.loads(bare.run("cat /etc/chi-lab/guard.json"))
    assert datetime.fromisoformat(settings["deadline"]) == datetime.fromisoformat(bare.status()["deadline"])
    assert settings["owner"] == bare.student.owner
    assert settings["warn"] == [3600, 900]


def test_files_belong_to_root_and_nobody_else_may_write_them(bare, runs):
    files = "/etc/chi-lab /etc/chi-lab/guard.json /usr/local/bin/chi-lab-guard /etc/systemd/system/chi-lab-guard.service"
    assert bare.run(f"stat -c '%U:%G %a' {files}").splitlines() == [
        "root:root 755", "root:root 644", "root:root 755", "root:root 644",
    ]  # fmt: skip


def test_a_login_is_greeted_with_lab_owner_and_deadline(bare, runs):
    done = subprocess.run(
        [*bare.login, "-tt"], input="exit\n", capture_output=True, text=True, check=False, timeout=60
    )
    deadline = datetime.fromisoformat(bare.status()["deadline"]).astimezone(UTC)
    for text in ("hello_chameleon", bare.student.owner, f"{deadline:%Y-%m-%d %H:%M UTC}", "chi-lab down"):
        assert text in done.stdout


def test_a_host_key_that_is_not_the_labs_stops_ansible_before_it_logs_in(bare, tmp_path):
    nobody = tmp_path / "known_hosts"
    nobody.touch()
    host = replace(bare.host, known_hosts=nobody)
    report = provision(
        load(bare.lab), "x", datetime.now(UTC) + timedelta(hours=1), [host], tmp_path, Silent()
    )
    (outcome,) = report.outcomes
    assert outcome.result is Result.FAILED
    assert "Host key verification failed" in outcome.detail


def test_one_node_that_fails_does_not_stop_the_other(bare, runs, tmp_path):
    away = replace(bare.host, name="away", port=1)
    deadline = datetime.fromisoformat(bare.status()["deadline"])
    spec, owner = load(bare.lab), bare.student.owner
    report = provision(spec, owner, deadline, [away, bare.host], tmp_path, Silent())
    assert [outcome.result for outcome in report.outcomes] == [Result.FAILED, Result.ALREADY]
    assert not report.ok
    log = tmp_path / "provision.log"
    assert log.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["provision.log"]


def test_the_guard_warns_who_is_logged_in_and_powers_the_node_off_at_the_deadline(bare, runs, tmp_path):
    spec = load(bare.lab)
    spec = replace(spec, lifetime=replace(spec.lifetime, warn=(timedelta(seconds=80),)))
    session = subprocess.Popen(
        [*bare.login, "-tt"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = datetime.now(UTC) + timedelta(seconds=110)
        report = provision(spec, bare.student.owner, deadline, [bare.host], tmp_path, Silent())
        assert report.ok, report.failures
        gone = wait_for_status(bare, "SHUTOFF", deadline + timedelta(seconds=60))
        said, _ = session.communicate(timeout=60)
    finally:
        session.kill()
    assert gone >= deadline.replace(microsecond=0)
    assert said.count("This node powers off at") == 1
    assert said.count("powers off in 60 seconds") == 1


def wait_for_status(node, wanted, until):
    """When Nova first said so."""
    while datetime.now(UTC) < until:
        (found,) = node.student.holdings().instances
        if found.status == wanted:
            return datetime.now(UTC)
        time.sleep(1)
    pytest.fail(f"{node.address} is still {found.status}, {datetime.now(UTC) - until} after {until}")
