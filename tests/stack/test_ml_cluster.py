"""labs/ml-cluster.yaml on three real nodes, of which one has a floating IP: Ray uses all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from secrets import token_hex

import pytest

from tests.support.site import CHECKOUT, SiteUnderTest
from tests.support.student import Student
from tests.support.tunnelled import tunnelled

pytestmark = [pytest.mark.machines, pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(2400)]

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
    ran_on = on(cluster, "head", "/opt/chi-lab/bin/ray-python job.py").split()
    assert {name.split("-", 1)[0] for name in ran_on} == NODES, ran_on


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
