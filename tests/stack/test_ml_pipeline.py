"""labs/ml-pipeline.yaml on a real node: what `chi-lab up` ends with, and that it stays so."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.stack.conftest import LAB, Stack
from tests.support.site import CHECKOUT
from tests.support.tunnelled import Tunnelled, tunnelled

pytestmark = [pytest.mark.machines, pytest.mark.timeout(1800), pytest.mark.nightly(part="stack")]

STOP = {
    "city": "northport",
    "stopped_at": "2025-11-03T17:05:00Z",
    "floor": 3,
    "lift": False,
    "stairs": 3,
    "crates": 8,
    "parking_m": 40.0,
    "driver_weeks": 5,
}
SERVICES = ("jupyter", "mlflow", "serving", "prometheus")
PORTS = (22, 80, 111, 443, 3000, 4000, 5000, 5432, 6379, 8000, 8080, 8265, 8888, 9090, 9093, 9100, 10001)


def test_up_killed_half_way_and_run_again_ends_with_everything_done(stack: Stack):
    assert stack.report["ok"] is True


def test_the_model_that_is_served_predicts(services: Tunnelled):
    answer = services.ask(
        "serving", "/predict", {"stops": [STOP, {**STOP, "crates": 1, "floor": 0, "stairs": 0}]}
    )
    assert answer.status == 200, answer
    found = answer.json()
    many, few = found["minutes"]
    assert many > few > 0, "eight crates up three floors take longer than one at the door"
    assert found["version"] == services.ask("serving", "/version").json()["name"]


def test_a_request_that_makes_no_sense_is_refused_with_its_field(services: Tunnelled):
    answer = services.ask("serving", "/predict", {"stops": [{**STOP, "crates": -1}]})
    assert answer.status == 422
    assert "crates" in answer.body


def test_the_version_is_in_mlflow_and_its_data_in_dvc(stack: Stack, services: Tunnelled):
    served = services.ask("serving", "/version").json()
    alias = services.ask(
        "mlflow", "/api/2.0/mlflow/registered-models/alias?name=stop-minutes&alias=production"
    ).json()["model_version"]
    assert f"v{alias['version']}" == served["name"]
    run = services.ask("mlflow", f"/api/2.0/mlflow/runs/get?run_id={alias['run_id']}").json()["run"]
    assert run["info"]["status"] == "FINISHED"
    assert any(metric["key"].endswith("mae") for metric in run["data"]["metrics"])
    lock = stack.node("cat groceries/dvc.lock")
    assert served["data_version"].removeprefix("md5:") in lock
    assert stack.node("cd groceries && git rev-parse v1").strip() == served["git_commit"]


def test_every_target_is_up_in_prometheus_and_the_deadline_is_known(stack: Stack, services: Tunnelled):
    def query(text: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = services.ask("prometheus", f"/api/v1/query?query={text}").json()[
            "data"
        ]["result"]
        return found

    end = time.monotonic() + 90
    while True:
        up = {row["metric"]["job"]: row["value"][1] for row in query("up")}  # type: ignore[index]
        if up and set(up.values()) == {"1"} and query("groceries_requests_total"):
            break
        assert time.monotonic() < end, up
        time.sleep(3)
    assert {"node", "serving", "prometheus"} <= set(up)
    (deadline,) = query("chi_lab_deadline_timestamp_seconds")
    told = stack.status()["deadline"]
    assert float(deadline["value"][1]) == pytest.approx(_seconds(told), abs=60)  # type: ignore[index]


def test_each_alert_rings_when_it_should_and_not_before(stack: Stack):
    """By Prometheus' own tool, with the rules as they are on the node."""
    stories = (Path(__file__).parent / "alerts.test.yml").read_text()
    stack.node(f"cat >alerts.test.yml <<'END'\n{stories}END")
    assert "SUCCESS" in stack.node("promtool test rules alerts.test.yml 2>&1")


def _seconds(instant: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(instant).timestamp()


def test_jupyter_asks_for_its_token(stack: Stack, services: Tunnelled):
    assert services.ask("jupyter", "/api/kernels").status == 403
    token = {"Authorization": f"token {stack.secrets['jupyter_token']}"}
    assert services.ask("jupyter", "/api/kernels", headers=token).status == 200


def test_from_outside_only_ssh_answers(stack: Stack):
    assert [port for port in PORTS if _answers(stack.address, port)] == [22]


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


def test_on_the_node_nothing_but_ssh_listens_to_others(stack: Stack):
    listening = [line.split()[3] for line in stack.node("sudo ss -Hltn").splitlines()]
    others = {each for each in listening if not each.startswith(("127.", "[::1]"))}
    assert {each.rsplit(":", 1)[1] for each in others} == {"22"}, others


def test_no_secret_is_where_others_could_read_it(stack: Stack):
    secrets = stack.secrets
    assert {"postgres_password", "jupyter_token"} <= set(secrets)
    patterns = "\n".join(secrets.values())
    stack.node(f"umask 077; printf '%s' {json.dumps(patterns)} > patterns")
    try:
        seen = {
            "journal": "sudo journalctl --no-pager | grep -cFf patterns || true",
            "processes": "sudo cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -vF patterns | grep -cFf patterns || true",
            "files": "sudo find / -xdev \\( -path /proc -o -path /sys \\) -prune -o -type f -perm -o=r -size -2M "
            "-print0 | sudo xargs -0 grep -lFf patterns 2>/dev/null | wc -l",
        }
        assert {what: stack.node(command).strip() for what, command in seen.items()} == dict.fromkeys(
            seen, "0"
        )
    finally:
        stack.node("rm patterns")
    ours = [
        path for path in stack.student.folder.rglob("*") if path.is_file() and path.name != "secrets.json"
    ]
    assert len(ours) > 3
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True).stdout
    for path in [*ours, *(CHECKOUT / name for name in tracked.decode().split("\0") if name)]:
        if path.is_file():
            data = path.read_bytes()
            assert not any(secret.encode() in data for secret in secrets.values()), path
    words = b"".join(p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if _readable(p))
    assert not any(secret.encode() in words for secret in secrets.values())


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_provisioned_again_nothing_changes(stack: Stack):
    done = stack.chi_lab("provision", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (host,) = json.loads(done.stdout)["hosts"]
    assert (host["changed"], host["failures"]) == (0, [])
    assert host["ok"] > 20


def test_a_better_model_replaces_the_first_and_a_rollback_brings_that_back(stack: Stack):
    first = json.loads(stack.chi_lab("pipeline", "versions", "--json").stdout)
    assert [version["name"] for version in first if version["production"]] == ["v1"]
    run = stack.chi_lab(
        "pipeline", "run", "--json", "--set", "generate.rows=60000", "--message", "more orders"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    with tunnelled(stack.student, LAB, "--site", stack.student.site.region, "serving") as services:
        _until_version(services, "v2")
        back = stack.chi_lab("pipeline", "rollback", "v1")
        assert back.returncode == 0, back.stderr
        _until_version(services, "v1")
        assert services.ask("serving", "/predict", {"stops": [STOP]}).json()["version"] == "v1"
    after = json.loads(stack.chi_lab("pipeline", "versions", "--json").stdout)
    assert [(version["name"], version["production"]) for version in after] == [("v1", True), ("v2", False)]


def _until_version(services: Tunnelled, name: str) -> None:
    end = time.monotonic() + 60
    while (found := services.ask("serving", "/version").json())["name"] != name:
        assert time.monotonic() < end, found
        time.sleep(1)


def test_what_is_no_parameter_is_refused_and_changes_nothing(stack: Stack):
    before = stack.chi_lab("pipeline", "versions", "--json").stdout
    wrong = stack.chi_lab("pipeline", "run", "--set", "generate.rowz=1")
    assert wrong.returncode == 2, wrong.stderr
    assert "rowz" in wrong.stderr
    assert stack.chi_lab("pipeline", "versions", "--json").stdout == before


def test_after_a_reboot_all_services_answer_again(stack: Stack):
    before = stack.node(_BOOTED)
    (server,) = stack.student.holdings().instances
    stack.student.site.connection().compute.reboot_server(server, "SOFT")
    end = time.monotonic() + 180
    while not _booted_again(stack, before):
        assert time.monotonic() < end, "it did not come up again"
        time.sleep(2)
    with tunnelled(stack.student, LAB, "--site", stack.student.site.region) as services:
        for service, path in (
            ("serving", "/healthz"),
            ("mlflow", "/health"),
            ("prometheus", "/-/ready"),
            ("jupyter", "/api"),
        ):
            services.until(service, path)
        assert services.ask("serving", "/predict", {"stops": [STOP]}).status == 200


_BOOTED = "cut -d' ' -f22 /proc/1/stat"
"""When the first process began, in ticks."""


def _booted_again(stack: Stack, before: str) -> bool:
    try:
        return stack.node(_BOOTED) != before
    except AssertionError:
        return False


def test_down_gives_all_back_and_forgets_the_secrets(stack: Stack):
    """A test that comes after this one finds the lab up again: the fixture sees to that."""
    down = stack.chi_lab("down", "--json")
    assert down.returncode == 0, down.stdout + down.stderr
    assert stack.student.lab_files("secrets.json") == []
    assert not stack.student.holdings()
