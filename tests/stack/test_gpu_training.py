"""A node whose GPU turns up later: the pipeline gets XGBoost with CUDA, and says what it trains on.

What `lspci` and `nvidia-smi` say is made up, and no computer of the tests has a GPU: XGBoost, asked, finds none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.support import gpu
from tests.support.labs import node, write_lab
from tests.support.site import SiteUnderTest
from tests.support.student import Student

pytestmark = [pytest.mark.machines, pytest.mark.timeout(1800), pytest.mark.nightly(part="stack")]

SERVING = ["python", "postgres", "mlflow", "serving"]
BUILD = (
    "/opt/chi-lab/envs/pipeline/bin/python -c "
    "'import xgboost; print(xgboost.__version__, xgboost.build_info()[\"USE_CUDA\"])'"
)


@dataclass(frozen=True)
class Lab:
    student: Student
    file: Path

    def apply(self, verb: str, stack: list[str], **options: Any) -> Any:
        """`chi-lab VERB` with that stack; what it reports of the node, with the code it ended with."""
        nodes = {"node1": node(flavor="m1.large", stack=stack)}
        write_lab(self.file, self.student.site.region, nodes=nodes, options=options)
        done = self.student.chi_lab(verb, "--json", lab=self.file, timeout=1500)
        found = json.loads(done.stdout)
        return {
            "code": done.returncode,
            "said": done.stderr,
            **(found["hosts"][0] if "hosts" in found else {}),
        }

    def run(self, command: str) -> str:
        done = self.student.chi_lab("ssh", "-f", str(self.file), "--", command, timeout=300)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return str(done.stdout).strip()


@pytest.fixture(scope="module")
def lab(stack_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("training")
    student = Student(stack_site, f"t{token_hex(5)}", folder)
    made = Lab(student, folder / "lab.yaml")
    try:
        up = made.apply("up", SERVING)
        assert up["code"] == 0, up
        made.run(f"sudo sh -s <<'ROOT'\n{gpu.installed('none nvidia', gpu.H100)}ROOT")
        yield made
    finally:
        student.remove_everything()


def test_without_a_gpu_the_small_build_is_there(lab: Lab):
    assert lab.run(BUILD).endswith("False")
    assert lab.run("groceries device").startswith("cpu: ")
    assert json.loads(lab.run("cat groceries/models/boosting/model.json"))["device"] == "cpu"


def test_where_it_must_be_the_gpu_and_xgboost_finds_none_the_node_fails_and_says_why(lab: Lab):
    found = lab.apply("provision", ["gpu", *SERVING], serving_device="cuda")
    assert found["code"] != 0
    [failure] = found["failures"]
    assert failure["task"] == "serving : Fail where it must be the GPU and is not"
    assert "XGBoost finds no GPU" in failure["message"]


def test_else_the_build_with_cuda_is_there_and_what_it_trains_on_is_said(lab: Lab):
    found = lab.apply("provision", ["gpu", *SERVING])
    assert found["code"] == 0, found
    assert any("models are trained on the processor: XGBoost finds no GPU" in note for note in found["notes"])
    assert lab.run(BUILD).endswith("True")
    again = lab.apply("provision", ["gpu", *SERVING])
    assert (again["code"], again["changed"]) == (0, 0)


def test_the_build_with_cuda_trains_and_serves_without_a_gpu(lab: Lab):
    """It serves what the other build trained, and what it trains itself."""
    ask = "curl -sf http://127.0.0.1:8000/{}"
    assert json.loads(lab.run(ask.format("healthz"))) == {"status": "ok", "version": "v1", "registry": None}
    lab.run("cd groceries && groceries run --set models.boosting.n_estimators=150 2>&1")
    lab.run("for i in $(seq 30); do " + ask.format("version") + " | grep -q v2 && break; sleep 1; done")
    assert json.loads(lab.run(ask.format("healthz")))["version"] == "v2"


def test_gpu_taken_out_of_the_stack_brings_the_small_build_back(lab: Lab):
    found = lab.apply("provision", SERVING)
    assert found["code"] == 0, found
    assert lab.run(BUILD).endswith("False")
    assert json.loads(lab.run("curl -sf http://127.0.0.1:8000/healthz"))["version"] == "v2"
