"""The role `reaper` on a real host with systemd: what it makes, and that runs are caught up, ended and watched.

The kit itself is a stand-in there, which notes its words and does as a file says: a host has no way to PyPI.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import yaml

from chi_helpers.provision import Host
from chi_helpers.provision.inventory import inventory, to_yaml
from tests.ansible.test_content import ansible
from tests.support.labs import lab_text, write_lab
from tests.support.student import Student

pytestmark = [pytest.mark.machines, pytest.mark.nightly(part="roles")]

STATE = "/var/lib/chi-lab-reaper"
PROGRAM = f"""\
#!/bin/sh
# Notes how it is called, and what it may do; then ends as {STATE}/mode says.
cd {STATE} || exit 9
echo "$@" >>calls
case "$*" in *--alarm*) exit "$(cat alarm 2>/dev/null || echo 0)" ;; esac
touch /etc/chi-lab/reaper/x 2>/dev/null && echo settings >>wrote
touch /usr/x 2>/dev/null && echo system >>wrote
id -un >user
grep -E '^(NoNewPrivs|CapBnd):' /proc/self/status >powers
cat "$OS_CLIENT_CONFIG_FILE" >/dev/null && echo metrics >/var/lib/chi-lab-reaper-metrics/chi_lab_reaper.prom
mode=$(cat mode 2>/dev/null || echo 0)
if [ "$mode" = hang ]; then trap '' TERM; while :; do sleep 1; done; fi
exit "$mode"
"""
CLOUDS = yaml.safe_dump({"clouds": {"kvm": {"auth": {"application_credential_secret": "hunter2secret"}}}})
SERVICE, TIMER = "chi-lab-reaper.service", "chi-lab-reaper.timer"


@dataclass(frozen=True)
class Machine:
    """A host that is up, with the stand-in on it."""

    host: Host
    folder: Path
    lab: str

    def run(self, command: str, *, check: bool = True, text: str = "", seconds: float = 60) -> str:
        options = {
            "UserKnownHostsFile": self.host.known_hosts, "StrictHostKeyChecking": "yes",
            "IdentityFile": self.host.private_key, "BatchMode": "yes",
        }  # fmt: skip
        words = [*(f"-o{key}={value}" for key, value in options.items()), f"cc@{self.host.address}"]
        done = subprocess.run(
            ["ssh", *words, f"sudo sh -c '{command}'"],
            input=text, capture_output=True, text=True, check=False, timeout=seconds,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def apply(self, *words: str, **options: Any) -> dict[str, int]:
        """Apply the role; Ansible's counts."""
        chosen = {
            "reaper_reservation": self.lab, "reaper_clouds": CLOUDS, "reaper_notify": "mailto://x\n",
            "reaper_cloud_names": ["kvm"], "reaper_program": "/usr/local/bin/stand-in", "reaper_act": True,
            "reaper_minutes": 30, "reaper_alarm_minutes": 45, "reaper_spread": 0, "reaper_timeout": 5, **options,
        }  # fmt: skip
        hosts = self.folder / "hosts.yml"
        hosts.write_text(to_yaml({"reaper": inventory([self.host], chosen)["lab"]}))
        done = ansible("ansible-playbook", "-i", str(hosts), "reaper.yml", *words, folder=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "hunter2secret" not in done.stdout + done.stderr
        return {key: int(number) for key, number in re.findall(r"(ok|changed|skipped)=(\d+)", done.stdout)}

    def mode(self, mode: str) -> None:
        self.run(f"echo {mode} >{STATE}/mode; rm -f {STATE}/calls {STATE}/wrote; systemctl reset-failed")

    @property
    def calls(self) -> list[str]:
        return self.run(f"cat {STATE}/calls", check=False).splitlines()

    def start(self) -> str:
        """Start a run and wait for its end; systemd's word for the result."""
        self.run(f"systemctl start {SERVICE}", check=False, seconds=120)
        return self.run(f"systemctl show -P Result {SERVICE}")

    def wait(self, what: str, seconds: float = 60) -> list[str]:
        """Wait until one of the calls has the word `what`."""
        limit = time.monotonic() + seconds
        while not any(what in call.split() for call in self.calls):
            assert time.monotonic() < limit, f"no call with {what} in {seconds:g} s: {self.calls}"
            time.sleep(1)
        return self.calls


@pytest.fixture(scope="module")
def machine(site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reaper")
    student = Student(site, f"t{token_hex(5)}", folder)
    try:
        up = student.chi_lab("up", "--json", "-f", str(write_lab(folder / "bare.yaml", site.region)))
        assert up.returncode == 0, up.stderr
        [known_hosts] = folder.glob("state/labs/*/known_hosts")
        [address] = student.holdings().floating_ips
        host = Host("reaper1", address.floating_ip_address, site.private_key, known_hosts)
        found = Machine(host, folder, lab_text(site.region))
        found.run("cat >/usr/local/bin/stand-in && chmod 755 /usr/local/bin/stand-in", text=PROGRAM)
        yield found
    finally:
        student.remove_everything()


@pytest.fixture(scope="module")
def runs(machine):
    """What Ansible counted: check mode on the bare host, the first run, the second, check mode again."""
    checked = machine.apply("--check")
    untouched = machine.run(
        "test ! -e /etc/chi-lab && ! id chi-lab-reaper 2>&1 && ls /etc/systemd/system/chi-lab* 2>&1",
        check=False,
    )
    return {
        "check": checked,
        "untouched": untouched,
        "first": machine.apply(),
        "second": machine.apply(),
        "again": machine.apply("--check"),
    }


def test_check_mode_says_what_would_change_and_changes_nothing(runs):
    assert runs["check"]["changed"] > 0
    assert "no such user" in runs["untouched"]
    assert "No such file" in runs["untouched"]


def test_the_first_run_sets_up_the_host_and_the_second_changes_nothing(runs):
    assert runs["first"]["changed"] >= runs["check"]["changed"]
    assert (runs["second"]["changed"], runs["again"]["changed"]) == (0, 0)
    assert runs["second"]["ok"] > 0


def test_secrets_and_state_are_the_reapers_alone_and_its_user_cannot_log_in(machine, runs):
    files = (
        "/etc/chi-lab/reaper /etc/chi-lab/reaper/* /var/lib/chi-lab-reaper /var/lib/chi-lab-reaper-metrics"
    )
    assert machine.run(f'stat -c "%U %a %n" {files}').splitlines() == [
        "chi-lab-reaper 700 /etc/chi-lab/reaper",
        "chi-lab-reaper 600 /etc/chi-lab/reaper/clouds.yaml",
        "chi-lab-reaper 600 /etc/chi-lab/reaper/notify",
        "chi-lab-reaper 600 /etc/chi-lab/reaper/reservation.yaml",
        "chi-lab-reaper 700 /var/lib/chi-lab-reaper",
        "chi-lab-reaper 755 /var/lib/chi-lab-reaper-metrics",
    ]
    assert machine.run("getent passwd chi-lab-reaper").endswith(":/var/lib/chi-lab-reaper:/usr/sbin/nologin")
    assert machine.run("getent shadow chi-lab-reaper").split(":")[1].startswith("!")
    assert machine.run("cat /etc/chi-lab/reaper/clouds.yaml") == CLOUDS.strip()


def test_systemd_finds_nothing_wrong_with_the_units_and_both_timers_are_on(machine, runs):
    assert machine.run("systemd-analyze verify /etc/systemd/system/chi-lab-reaper* 2>&1") == ""
    both = "chi-lab-reaper.timer chi-lab-reaper-alarm.timer"
    assert machine.run(f"systemctl is-active {both}; systemctl is-enabled {both}").split() == [
        "active", "active", "enabled", "enabled",
    ]  # fmt: skip


def test_a_run_carries_the_plan_out_as_its_own_user_and_can_write_nothing_but_state_and_metrics(
    machine, runs
):
    machine.mode("0")
    assert machine.start() == "success"
    [call] = [call for call in machine.calls if "--alarm" not in call]
    assert call == (
        "reap -f /etc/chi-lab/reaper/reservation.yaml --cloud kvm --notify /etc/chi-lab/reaper/notify "
        "--metrics /var/lib/chi-lab-reaper-metrics/chi_lab_reaper.prom --timeout 5s --yes"
    )
    assert machine.run(f"cat {STATE}/user; cat {STATE}/wrote; cat {STATE}/powers", check=False).split() == [
        "chi-lab-reaper", "CapBnd:", "0000000000000000", "NoNewPrivs:", "1",
    ]  # fmt: skip
    assert machine.run("cat /var/lib/chi-lab-reaper-metrics/chi_lab_reaper.prom") == "metrics"


@pytest.mark.parametrize("code", ["1", "5"])
def test_what_is_left_or_doubtful_is_no_failure_of_the_unit(machine, runs, code):
    machine.mode(code)
    assert machine.start() == "success"


@pytest.mark.parametrize("code", ["2", "3", "4"])
def test_a_run_that_fails_has_the_alarm_look_at_once(machine, runs, code):
    machine.mode(code)
    assert machine.start() == "exit-code"
    assert "45m" in machine.wait("--alarm")[-1]


def test_a_run_that_hangs_and_does_not_listen_is_killed_and_the_alarm_looks(machine, runs):
    """5 s of its own, 15 s more, 10 s to obey."""
    machine.mode("hang")
    began = time.monotonic()
    assert machine.start() == "timeout"
    assert time.monotonic() - began >= 20
    assert machine.run(f"systemctl show -P ActiveState {SERVICE}") == "failed"
    assert machine.run("pgrep -u chi-lab-reaper -fc [s]leep", check=False) == "0"
    machine.wait("--alarm")


def test_a_run_that_was_missed_is_caught_up_when_the_timer_starts_again(machine, runs):
    """As after an outage: systemd remembers in the stamp's time when the timer last fired."""
    machine.mode("0")
    stamp = f"/var/lib/systemd/timers/stamp-{TIMER}"
    machine.run(
        f'systemctl stop {TIMER}; test -e {stamp}; touch -d "2 hours ago" {stamp}; systemctl start {TIMER}'
    )
    machine.wait("--yes")


def test_the_alarm_that_rings_is_a_failed_unit_and_calls_the_program_of_the_staff(machine, runs):
    machine.run(
        f'printf "#!/bin/sh\\ntouch {STATE}/paged\\n" >/usr/local/bin/page; chmod 755 /usr/local/bin/page'
    )
    assert machine.apply(reaper_alarm_program="/usr/local/bin/page")["changed"] > 0
    alarm = "chi-lab-reaper-alarm.service"
    machine.run(
        f"rm -f {STATE}/paged; echo 0 >{STATE}/alarm; systemctl start {alarm}; test ! -e {STATE}/paged"
    )
    machine.run(f"echo 1 >{STATE}/alarm; systemctl start {alarm}", check=False)
    assert machine.run(f"systemctl show -P Result {alarm}; ls {STATE}/paged") == f"exit-code\n{STATE}/paged"
    machine.run("mv /usr/local/bin/stand-in /usr/local/bin/away")  # the kit cannot start at all
    machine.run(f"rm {STATE}/paged; systemctl start {alarm}", check=False)
    assert (
        machine.run(f"mv /usr/local/bin/away /usr/local/bin/stand-in; ls {STATE}/paged") == f"{STATE}/paged"
    )
    machine.run(f"rm -f {STATE}/alarm {STATE}/paged; systemctl reset-failed")


def test_without_act_nothing_is_carried_out_and_no_alarm_rings(machine, runs):
    machine.apply(reaper_act=False)
    assert "--yes" not in machine.run(f"systemctl cat {SERVICE}")
    timers = "chi-lab-reaper.timer chi-lab-reaper-alarm.timer"
    assert machine.run(f"systemctl is-active {timers}", check=False).split() == ["active", "inactive"]
    assert machine.apply(reaper_act=False)["changed"] == 0
    machine.apply()


def test_cron_takes_over_and_gives_back_and_neither_leaves_anything_of_the_other(machine, runs):
    machine.run("mkdir -p /etc/cron.d")
    machine.apply(reaper_scheduler="cron")
    assert (
        machine.run(
            "ls /etc/systemd/system | grep chi-lab-reaper; systemctl list-timers --all | grep -c chi-lab-reaper",
            check=False,
        )
        == "0"
    )
    assert machine.run('stat -c "%U %a" /etc/cron.d/chi-lab-reaper') == "root 644"
    assert machine.apply(reaper_scheduler="cron")["changed"] == 0
    machine.mode("1")
    [line] = [
        line for line in machine.run("cat /etc/cron.d/chi-lab-reaper").splitlines() if line.startswith("*/30")
    ]
    command = line.split(maxsplit=6)[6]
    machine.run(
        "cat >/usr/local/bin/line; chmod 755 /usr/local/bin/line",
        text=f"#!/bin/sh\nexport OS_CLIENT_CONFIG_FILE=/etc/chi-lab/reaper/clouds.yaml\n{command}\n",
    )
    assert machine.run("su -s /bin/sh chi-lab-reaper -c /usr/local/bin/line") == "", "no mail for code 1"
    assert "--yes" in machine.calls[-1]
    machine.mode("hang")
    assert machine.run("su -s /bin/sh chi-lab-reaper -c /usr/local/bin/line", seconds=120).endswith(
        "The reaper failed."
    )
    machine.apply()
    assert machine.run("ls /etc/cron.d/chi-lab-reaper 2>&1", check=False).endswith(
        "No such file or directory"
    )
    assert machine.run(f"systemctl is-active {TIMER}") == "active"
