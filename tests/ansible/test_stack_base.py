"""The roles from `users` to `jupyter` on a real node: what answers, who is let in, and where no secret is."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.support.labs import node, write_lab
from tests.support.student import Student

STACK = ["jupyter", "mlflow", "postgres", "python", "users", "base"]
"""The roles decide on their order, not the file."""
PROVISION_SECONDS = 1500.0

pytestmark = [
    pytest.mark.machines,
    pytest.mark.timeout(2 * PROVISION_SECONDS),
    pytest.mark.nightly(part="roles"),
]


@dataclass(frozen=True)
class Stack:
    """A node with the roles of STACK on it."""

    student: Student
    lab: Path
    partner: Path
    """The private key of somebody whom the lab's file lets in."""
    first: Any
    second: Any

    def run(self, command: str) -> str:
        done = self.student.chi_lab("ssh", "-f", str(self.lab), "--", command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return str(done.stdout).strip()

    def lets_in(self, key: Path) -> bool:
        """Whether somebody with this private key alone can log in."""
        (known_hosts,) = self.student.lab_files("known_hosts")
        (address,) = self.student.holdings().floating_ips
        options = {
            "UserKnownHostsFile": known_hosts, "StrictHostKeyChecking": "yes", "BatchMode": "yes",
            "IdentityFile": key, "IdentitiesOnly": "yes", "IdentityAgent": "none", "ConnectTimeout": 10,
        }  # fmt: skip
        words = [f"-o{name}={value}" for name, value in options.items()]
        done = subprocess.run(
            ["ssh", "-F", "none", *words, f"cc@{address.floating_ip_address}", "id -un"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0 or "Permission denied (publickey" in done.stderr, done.stderr
        return done.stdout == "cc\n"

    def status(self, address: str, *words: str) -> str:
        """The HTTP status of a request from the node itself."""
        options = shlex.join(["-s", "-o", "/dev/null", "-w", "%{http_code}", *words, address])
        return self.run(f"curl {options}")

    @property
    def secrets(self) -> dict[str, str]:
        (path,) = self.student.lab_files("secrets.json")
        found: dict[str, str] = json.loads(path.read_text())
        return found


def new_key(folder: Path, name: str) -> Path:
    """Make a key pair; the path of its private half."""
    path = folder / name
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name}@{{{{ tests }}}}", "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def stack(site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    student = Student(site, f"t{token_hex(5)}", folder)
    nodes = {"node1": node(flavor="m1.small", stack=STACK)}
    partner = new_key(folder, "partner")
    people = [partner.with_suffix(".pub").read_text().strip()]
    lab = write_lab(folder / "lab.yaml", site.region, nodes=nodes, people=people)
    try:
        up = student.chi_lab("up", "--json", "-f", str(lab), timeout=PROVISION_SECONDS)
        assert up.returncode == 0, up.stdout + up.stderr
        again = student.chi_lab("provision", "--json", "-f", str(lab), timeout=PROVISION_SECONDS)
        assert again.returncode == 0, again.stdout + again.stderr
        (host,) = json.loads(again.stdout)["hosts"]
        yield Stack(student, lab, partner, json.loads(up.stdout), host)
    finally:
        student.remove_everything()


def test_a_second_run_changes_nothing(stack):
    assert stack.first["ok"] is True
    assert (stack.second["changed"], stack.second["failures"]) == (0, [])
    assert stack.second["ok"] > 40


def test_nothing_but_ssh_listens_beyond_the_node(stack):
    listening = {line.split()[3] for line in stack.run("sudo ss -Hltn").splitlines()}
    assert {each for each in listening if not each.startswith("127.0.0.1:")} == {"0.0.0.0:22", "[::]:22"}
    assert {f"127.0.0.1:{port}" for port in (5000, 5432, 8888)} <= listening


def test_mlflow_keeps_an_experiment_in_the_database_and_serves_an_artifact(stack):
    code = """
import mlflow, pathlib
mlflow.set_tracking_uri("http://127.0.0.1:5000")
mlflow.set_experiment("proof")
with mlflow.start_run() as run:
    mlflow.log_metric("minutes", 1.5)
    mlflow.log_text("kept", "note.txt")
print(mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt"))
"""
    said = stack.run(
        f"MLFLOW_DISABLE_TELEMETRY=true /opt/chi-lab/envs/jupyter/bin/python -c {shlex.quote(code)}"
    )
    assert said.splitlines()[-1] == "kept"
    rows = stack.run(
        "sudo -u postgres psql -XAt mlflow -c \"SELECT count(*) FROM experiments WHERE name = 'proof'\""
    )
    assert rows == "1"


def test_mlflow_refuses_a_host_name_that_is_not_its_own(stack):
    """So that no web page reaches it through a student's browser."""
    search = "http://127.0.0.1:5000/api/2.0/mlflow/experiments/search"
    body = ["-X", "POST", "-H", "Content-Type: application/json", "-d", '{"max_results": 1}']
    assert stack.status(search, *body) == "200"
    assert stack.status(search, *body, "-H", "Host: localhost:15000") == "200"
    assert stack.status(search, *body, "-H", "Host: evil.example") == "403"


def test_the_database_lets_nobody_in_without_the_password(stack):
    login = "psql -Xw -h 127.0.0.1 -U mlflow -d mlflow -c 'SELECT 1'"
    assert "no password supplied" in stack.run(f"{login} 2>&1 || true")
    assert "authentication failed" in stack.run(f"PGPASSWORD=guess {login} 2>&1 || true")


def test_jupyter_lets_nobody_in_without_the_token(stack):
    status = "http://127.0.0.1:8888/api/status"
    assert stack.status(status) == "403"
    assert stack.status(status, "-H", "Authorization: token guess") == "403"
    header = "sed 's/^/Authorization: token /' /etc/chi-lab/jupyter.token"
    assert stack.run(f"{header} | curl -s -o /dev/null -w '%{{http_code}}' -H @- {status}") == "200"


def test_the_environments_hold_what_their_lock_files_say_and_nothing_else(stack):
    for name in ("mlflow", "jupyter"):
        frozen = stack.run(f"/opt/chi-lab/bin/uv pip freeze -p /opt/chi-lab/envs/{name}/bin/python")
        locked = stack.run(f"grep -oE '^[a-z0-9.-]+==[^ ;]+' /opt/chi-lab/locks/{name}.txt")
        assert set(frozen.split()) <= set(locked.split())
        assert len(frozen.split()) > 50


@pytest.mark.parametrize("unit", ["mlflow", "jupyter", "postgresql"])
def test_a_service_starts_at_boot(stack, unit):
    assert stack.run(f"systemctl is-active {unit}; systemctl is-enabled {unit}").split() == [
        "active",
        "enabled",
    ]


def test_no_unit_failed(stack):
    assert stack.run("systemctl --failed --no-legend") == ""


def test_no_secret_is_where_others_can_read_it(stack):
    secrets = stack.secrets
    assert set(secrets) == {"postgres_password", "jupyter_token"}
    patterns = "".join(f"{secret}\n" for secret in secrets.values())
    done = subprocess.run(
        stack.student.command("ssh", "-f", str(stack.lab), "--", "umask 077; cat > patterns"),
        env=stack.student.env, cwd=stack.student.folder, input=patterns, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    look = {
        "the file of patterns": "grep -c . patterns",
        "journal": "sudo journalctl --no-pager | grep -cFf patterns || true",
        "command lines": "sudo cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -cFf patterns || true",
        "readable files": "sudo find /etc /opt /var /home /run /tmp /usr -xdev -type f -perm -o=r -size -2M -print0"
        " | sudo xargs -0 grep -lFf patterns | wc -l",
        "PostgreSQL's log": "sudo grep -rcFf patterns /var/log/postgresql | grep -v ':0$' || true",
    }
    found = {what: stack.run(command) for what, command in look.items()}
    assert found == {
        "the file of patterns": "2",
        "journal": "0",
        "command lines": "0",
        "readable files": "0",
        "PostgreSQL's log": "",
    }


def test_files_with_secrets_belong_to_who_needs_them(stack):
    files = "/etc/chi-lab/mlflow.env /etc/chi-lab/jupyter.token /var/lib/mlflow"
    assert stack.run(f"sudo stat -c '%U:%G %a' {files}").splitlines() == [
        "root:mlflow 640", "cc:root 600", "mlflow:mlflow 700",
    ]  # fmt: skip


def test_what_a_killed_run_wrote_is_taken_up_by_the_next(stack):
    """A run that ends before a restart leaves files that the next one finds as they should be, and services of before."""
    units = ["chi-lab-guard", "postgresql@*", "mlflow", "jupyter"]
    ask = f"systemctl show --value --property=InvocationID {shlex.join(units)}"
    before = stack.run(ask).split()
    stack.lab.write_text(stack.lab.read_text() + "options: {mlflow_workers: 3}\n")
    stack.run(
        "sudo sed -i 's/--workers 2/--workers 3/' /etc/systemd/system/mlflow.service;"
        " sudo touch /usr/local/bin/chi-lab-guard /etc/postgresql/*/main/pg_hba.conf;"
        " sudo /opt/chi-lab/bin/uv pip uninstall -q -p /opt/chi-lab/envs/jupyter/bin/python json5"
    )
    for changed in (True, False):
        done = stack.student.chi_lab("provision", "--json", "-f", str(stack.lab), timeout=PROVISION_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        (host,) = json.loads(done.stdout)["hosts"]
        assert (host["changed"] > 0) is changed
    after = stack.run(ask).split()
    assert len(before) == len(after) == len(units)
    assert set(before) & set(after) == set()
    assert stack.run("pgrep -fc 'mlflow server .*--workers 3'") >= "1"


def test_the_people_of_the_labs_file_can_log_in_until_they_are_taken_off_it(stack, site, tmp_path):
    stranger = new_key(tmp_path, "stranger")
    assert [stack.lets_in(key) for key in (site.private_key, stack.partner, stranger)] == [True, True, False]
    nodes = {"node1": node(flavor="m1.small", stack=["users"])}
    people = [stranger.with_suffix(".pub").read_text().strip()]
    for named, able in ((people, [True, False, True]), (None, [True, False, False])):
        write_lab(stack.lab, site.region, nodes=nodes, people=named)
        done = stack.student.chi_lab("provision", "--json", "-f", str(stack.lab))
        assert done.returncode == 0, done.stdout + done.stderr
        assert [stack.lets_in(key) for key in (site.private_key, stack.partner, stranger)] == able
