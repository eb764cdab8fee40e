"""labs/ml-cluster.yaml on three real nodes, of which one has a floating IP: Ray uses all of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from secrets import token_hex

import pytest

from tests.support.site import CHECKOUT, SiteUnderTest
from tests.support.student import Student
from tests.support.tunnelled import Tunnelled, tunnelled

pytestmark = [pytest.mark.machines, pytest.mark.timeout(2400), pytest.mark.nightly(part="cluster")]

LAB = CHECKOUT / "labs" / "ml-cluster.yaml"
NODES = {"head", "tracking", "database"}
UP_SECONDS = 1800.0
JOB = """
import socket, time
import ray

ray.init(log_to_driver=False)

@ray.remote(num_cpus=1, scheduling_strategy="SPREAD")
def where(number):
    time.sleep(1)
    return socket.gethostname()

print("\\n".join(ray.get([where.remote(n) for n in range(8)])))
"""


@pytest.fixture(scope="module")
def cluster(stack_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Student]:
    """A student whose cluster is up."""
    student = Student(stack_site, f"t{token_hex(5)}", tmp_path_factory.mktemp("cluster"))
    try:
        up = student.chi_lab("up", "--site", stack_site.region, lab=LAB, timeout=UP_SECONDS)
        assert up.returncode == 0, up.stdout + up.stderr
        yield student
    finally:
        student.remove_everything()


def on(student: Student, node: str, command: str) -> str:
    words = ("ssh", node, "--site", student.site.region, "-f", str(LAB), "--", command)
    done = student.chi_lab(*words, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return str(done.stdout)


def test_a_ray_job_uses_all_nodes(cluster: Student):
    """The job runs as the user on the head, and its tasks on every node."""
    on(cluster, "head", f"cat >job.py <<'END'\n{JOB}END")
    assert ran_on(cluster) == NODES


def ran_on(cluster: Student) -> set[str]:
    """The nodes that a job of eight tasks ran on."""
    return {name.split("-", 1)[0] for name in on(cluster, "head", "ray-python job.py").split()}


def test_a_search_for_better_parameters_is_spread_over_the_nodes(cluster: Student):
    """Eight trials, and no node has cores for all of them."""
    command = "cd groceries && groceries tune --trials 7 --rows 5000 --json"
    trials = json.loads(on(cluster, "head", command))["trials"]
    assert len(trials) == 8
    assert {trial["node"].split("-", 1)[0] for trial in trials} == NODES, trials
    with tunnelled(cluster, LAB, "--site", cluster.site.region, "mlflow") as services:
        asked = {"experiment_ids": experiments(services), "filter": "attributes.run_name LIKE 'Tune%'"}
        found = services.ask("mlflow", "/api/2.0/mlflow/runs/search", asked).json()["runs"]
    assert [run["info"]["status"] for run in found] == ["FINISHED"]


def experiments(services: Tunnelled) -> list[str]:
    found = services.ask("mlflow", "/api/2.0/mlflow/experiments/search", {"max_results": 100}).json()
    return [each["experiment_id"] for each in found["experiments"]]


def test_one_prometheus_watches_every_node(cluster: Student):
    """And knows the deadline of each."""
    with tunnelled(cluster, LAB, "--site", cluster.site.region, "prometheus") as services:
        up = {(row["job"], row["node"]): value for row, value in query(services, "up")}
        told = {row["node"]: value for row, value in query(services, "chi_lab_deadline_timestamp_seconds")}
    assert set(up) == {
        *(("node", node) for node in NODES),
        *(("ray", node) for node in NODES),
        ("serving", "head"),
        ("prometheus", "head"),
    }
    assert set(up.values()) == {"1"}
    assert set(told) == NODES
    assert len(set(told.values())) == 1


def query(services: Tunnelled, text: str) -> list[tuple[dict[str, str], str]]:
    found = services.ask("prometheus", f"/api/v1/query?query={text}").json()["data"]["result"]
    return [(row["metric"], row["value"][1]) for row in found]


PRIVATE = {
    ("head", "tracking", 9100): "open",
    ("database", "tracking", 9100): "closed",
    ("head", "tracking", 5000): "open",
    ("database", "tracking", 5000): "open",
    ("head", "tracking", 6381): "open",
    ("database", "tracking", 6381): "open",
    ("tracking", "database", 5432): "open",
    ("head", "database", 5432): "closed",
}
"""(from, to, port). Metrics are for Prometheus' node, the database for MLflow's, the others for all."""


def test_a_port_of_the_private_network_lets_in_whom_it_is_for(cluster: Student):
    assert let_in(cluster) == PRIVATE


def let_in(cluster: Student) -> dict[tuple[str, str, int], str]:
    """What of `PRIVATE` is so."""
    address = {node: private_address(cluster, node) for node in NODES}
    ask = "timeout 3 bash -c 'exec 3<>/dev/tcp/{}/{}' 2>&- && echo open || echo closed"
    return {
        (origin, node, port): on(cluster, origin, ask.format(address[node], port)).strip()
        for origin, node, port in PRIVATE
    }


def test_a_stranger_on_the_private_network_reaches_ssh_alone(cluster: Student):
    assert open_to_a_stranger(cluster) == ["open", "closed", "closed", "closed"]


def open_to_a_stranger(cluster: Student) -> list[str]:
    """SSH, metrics, MLflow and Ray of `tracking`, for another address of `database`, which no rule knows."""
    own, target = private_address(cluster, "database"), private_address(cluster, "tracking")
    head, _, last = own.rpartition(".")
    stranger = f"{head}.{(int(last) + 97) % 250 + 2}"
    script = (
        f"link=$(ip -o -4 route get {target} | grep -o 'dev [^ ]*' | cut -d' ' -f2)\n"
        f"sudo ip address add {stranger}/32 dev $link\n"
        f"cat >stranger.py <<'END'\n{STRANGER.format(stranger, target)}END\n"
        "for port in 22 9100 5000 6381; do python3 stranger.py $port; done\n"
        f"sudo ip address del {stranger}/32 dev $link"
    )
    return on(cluster, "database", script).split()


STRANGER = """
import socket, sys
try:
    socket.create_connection(("{1}", int(sys.argv[1])), timeout=3, source_address=("{0}", 0)).close()
    print("open")
except OSError:
    print("closed")
"""


def private_address(student: Student, node: str) -> str:
    return on(student, node, "hostname -I").split()[0]


def test_one_floating_ip_is_all_that_it_takes(cluster: Student):
    assert cluster.holdings().counts == (1, 3, 1, 4)


def test_the_model_that_the_head_serves_is_in_the_registry_of_another_node(cluster: Student):
    """Whose database is on a third."""
    with tunnelled(cluster, LAB, "--site", cluster.site.region, "mlflow", "serving") as services:
        services.until("serving", "/healthz")
        alias = services.ask(
            "mlflow", "/api/2.0/mlflow/registered-models/alias?name=stop-minutes&alias=production"
        ).json()["model_version"]
        assert services.ask("serving", "/version").json()["name"] == f"v{alias['version']}"
    count = on(cluster, "database", "sudo -u postgres psql -Atc 'select count(*) from model_versions' mlflow")
    assert int(count) >= 1


def test_provisioned_again_nothing_changes_on_any_node(cluster: Student):
    done = cluster.chi_lab("provision", "--json", "--site", cluster.site.region, lab=LAB, timeout=UP_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    hosts = json.loads(done.stdout)["hosts"]
    assert {host["name"] for host in hosts} == NODES
    assert [(host["changed"], host["failures"]) for host in hosts] == [(0, [])] * len(NODES)


def test_rules_that_somebody_emptied_are_there_again_after_the_next_provisioning(cluster: Student):
    on(cluster, "tracking", "sudo nft flush ruleset")
    assert open_to_a_stranger(cluster) == ["open"] * 4
    done = cluster.chi_lab("provision", "--json", "--site", cluster.site.region, lab=LAB, timeout=UP_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert open_to_a_stranger(cluster) == ["open", "closed", "closed", "closed"]


def test_a_node_that_is_away_is_said_and_the_others_keep_their_settings(cluster: Student):
    """The last but one: `tracking` has MLflow, which `head` needs."""
    connection = cluster.site.connection()
    (server,) = [i for i in cluster.holdings().instances if i.name.startswith("tracking")]
    before = on(cluster, "head", "grep TRACKING /etc/chi-lab/pipeline.env")
    connection.compute.stop_server(server)
    connection.compute.wait_for_server(connection.compute.get_server(server.id), "SHUTOFF", wait=120)
    done = cluster.chi_lab("provision", "--json", "--site", cluster.site.region, lab=LAB, timeout=UP_SECONDS)
    assert done.returncode == 1, done.stdout + done.stderr
    hosts = {host["name"]: host for host in json.loads(done.stdout)["hosts"]}
    assert "instance is not active" in json.dumps(hosts["tracking"]["failures"])
    assert hosts["database"]["failures"] == []
    serves = on(cluster, "head", "grep TRACKING /etc/chi-lab/pipeline.env")
    assert serves == before, "MLflow is where it was, and not on another node"
    connection.compute.start_server(server)
    with tunnelled(cluster, LAB, "--site", cluster.site.region, "serving") as services:
        services.until("serving", "/healthz")
    end = time.monotonic() + 240
    while ran_on(cluster) != NODES:
        assert time.monotonic() < end, "Ray on the node did not join again"
        time.sleep(5)
    assert open_to_a_stranger(cluster) == ["open", "closed", "closed", "closed"]
    assert let_in(cluster) == PRIVATE
    assert not on(cluster, "tracking", "systemctl --failed --no-legend").strip()
    assert "ordering cycle" not in on(cluster, "tracking", "sudo journalctl -b --no-pager")
    assert "1" in on(
        cluster, "head", f"curl -s http://{private_address(cluster, 'tracking')}:5000/health | grep -c OK"
    )


def test_down_gives_all_back(cluster: Student):
    down = cluster.chi_lab("down", "--json", "--site", cluster.site.region, lab=LAB)
    assert down.returncode == 0, down.stdout + down.stderr
    assert not cluster.holdings()
