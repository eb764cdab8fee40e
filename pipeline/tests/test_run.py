"""`groceries run` and `rollback` in a working copy, with a real MLflow: what is registered, and what is not."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from click.testing import CliRunner

from groceries import package, record, rollback, run, store, tables
from groceries.cli import stages
from groceries.errors import BusyError, PipelineError
from groceries.registry import Registry
from groceries.workcopy import WorkingCopy
from tests.servers import ask, free_port, mlflow, service, until
from tests.support import ENVIRONMENT, PROJECT, orders, put

pytestmark = pytest.mark.slow

SMALL = ("generate.rows=6000", "models.boosting.max_iter=40", "gate.tolerance=0.1", "gate.min_rows=400")


class Lab:
    """A working copy as it would be on a node, with its MLflow."""

    def __init__(self, root, url):
        self.root, self.url, self.copy = root, url, root / "groceries"
        ignored = shutil.ignore_patterns(
            *("tests", "data", "models", "reports", "package", "cache", "tmp", "__pycache__", "*.egg-info"),
            *(".venv", "model.*", "mlflow.db", "mlartifacts", ".*_cache"),
        )
        shutil.copytree(PROJECT, self.copy, ignore=ignored)
        self.git("init", "-q")
        self.git("add", ".")
        self.git("-c", "user.name=s", "-c", "user.email=s@example.org", "commit", "-qm", "as it came")
        self.registry = Registry(url)
        self.first = {}

    def git(self, *arguments):
        return subprocess.run(
            ["git", *arguments], cwd=self.copy, check=True, capture_output=True, text=True
        ).stdout.strip()

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "groceries", *arguments],
            cwd=self.copy,
            env={**ENVIRONMENT, "MLFLOW_TRACKING_URI": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def groceries(self, *arguments):
        process = self.start(*arguments)
        out, err = process.communicate()
        return process.returncode, out, err

    def run(self, *changes):
        return run.run(self.working_copy(), self.registry, list(changes), "", lambda _: None)

    def back(self, name):
        return rollback.rollback(self.working_copy(), self.registry, name, lambda _: None)

    def names(self):
        return [(each.name, each.production) for each in self.registry.versions()]

    def runs(self, status):
        experiment = self.registry.client.get_experiment_by_name(record.EXPERIMENT)
        assert experiment is not None
        wanted = f"attributes.status = '{status}'"
        found = self.registry.client.search_runs([experiment.experiment_id], wanted)
        return [each for each in found if "mlflow.parentRunId" not in each.data.tags]

    def working_copy(self):
        return WorkingCopy(self.copy)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab whose first run is done: v1."""
    root = tmp_path_factory.mktemp("lab")
    url, server = mlflow(root)
    with server:
        made = Lab(root, url)
        sets = [part for each in SMALL for part in ("--set", each)]
        code, out, err = made.groceries("run", "--json", "--message", "a small one", *sets)
        assert code == 0, err
        made.first = json.loads(out)
        yield made


def test_a_run_ends_with_a_version_that_is_known_everywhere(lab):
    """Commit, tag, DVC, MLflow and production/ say the same."""
    first = lab.first
    assert (first["version"], first["new"], len(first["stages"])) == ("v1", True, 10)
    [version] = lab.registry.versions()
    assert version.production
    assert version.git_commit == lab.git("rev-parse", "v1^{commit}") == first["git_commit"]
    assert lab.git("log", "-1", "--format=%s", "v1") == "a small one"
    assert version.data_version == tables.version(lab.copy / "data" / "orders.parquet")
    assert version.mae == pytest.approx(first["metrics"]["boosting"]["mae"])
    assert version.package == package.manifest(lab.copy / "package")
    assert store.card(lab.copy / "production") == store.card(lab.copy / "models" / "boosting")
    assert lab.git("status", "--porcelain") == ""
    logged = lab.registry.client.get_run(version.run_id)
    assert logged.info.status == "FINISHED"
    assert logged.data.params["models.boosting.max_iter"] == "40"
    assert logged.data.metrics["mae"] == pytest.approx(version.mae)
    children = lab.registry.client.search_runs(
        [logged.info.experiment_id], f"tags.mlflow.parentRunId = '{version.run_id}'"
    )
    assert {each.data.tags["model"] for each in children} == {"fixed", "linear", "boosting"}
    comments = (PROJECT / "params.yaml").read_text().count("#")
    assert (lab.copy / "params.yaml").read_text().count("#") == comments


def test_with_nothing_changed_nothing_is_done(lab):
    runs = len(lab.runs("FINISHED"))
    outcome = lab.run()
    assert (outcome.version, outcome.new, outcome.stages) == ("v1", False, [])
    assert outcome.git_commit == lab.first["git_commit"]
    assert (lab.names(), len(lab.runs("FINISHED"))) == ([("v1", True)], runs)


def test_a_bad_batch_is_stopped_with_its_rows_named_and_nothing_is_registered(lab):
    spoilt = orders(600, seed=9)
    spoilt.loc[[4, 6], "crates"] = -3
    spoilt["order_id"] += 10**7
    spoilt["route_id"] += 10**7
    path = put(spoilt, lab.copy / "incoming" / "bad.csv")
    code, out, err = lab.groceries("run", "--json")
    assert code == 1
    said = json.loads(out)
    assert said["stage"] == "validate"
    assert "incoming/bad.csv: crates: negative in 2 of the rows: row 5 (-3), row 7 (-3)" in said["said"][0]
    assert said["said"][0] in err
    assert lab.names() == [("v1", True)]
    [noted] = lab.runs("FAILED")
    assert "row 5 (-3)" in noted.data.tags["refused"]
    path.unlink()


def test_a_worse_model_is_refused_and_noted_with_the_reason(lab):
    code, out, err = lab.groceries("run", "--set", "gate.candidate=fixed")
    assert (code, out) == (1, "")
    assert "is refused:\noverall: mae" in err
    assert lab.names() == [("v1", True)]
    noted = max(lab.runs("FAILED"), key=lambda each: each.info.start_time)
    assert "overall: mae" in noted.data.tags["refused"]
    assert lab.git("tag") == "v1"
    lab.git("restore", ".")


def test_a_search_over_ray_is_noted_and_its_best_is_applied(lab):
    code, out, err = lab.groceries("tune", "--trials", "2", "--rows", "4000", "--apply", "--json")
    assert code == 0, err
    tried = json.loads(out)["trials"]
    assert len(tried) == 3
    assert tried == sorted(tried, key=lambda trial: trial["mae"])
    assert {"max_iter": 40, "learning_rate": 0.1, "max_leaf_nodes": 31, "l2": 1.0}.items() <= next(
        trial for trial in tried if trial["max_iter"] == 40
    ).items()
    written = yaml.safe_load((lab.copy / "params.yaml").read_text())["models"]["boosting"]
    assert written == {key: tried[0][key] for key in written}
    parent = max(lab.runs("FINISHED"), key=lambda each: each.info.start_time)
    children = lab.registry.client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    )
    assert sorted(each.data.metrics["mae"] for each in children) == [trial["mae"] for trial in tried]
    lab.git("restore", ".")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("generate.rowz=1", "generate.rowz: is no parameter"),
        ("generate.rows=many", "generate.rows: Input should be a valid integer"),
        ("generate.rows", "is not KEY=VALUE"),
        ("generate.rows=[", "is not YAML"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(lab, change, says):
    before = (lab.copy / "params.yaml").read_text()
    with pytest.raises(PipelineError, match=says):
        lab.working_copy().set(["gate.min_rows=1", change])
    assert (lab.copy / "params.yaml").read_text() == before
    assert lab.git("status", "--porcelain") == ""


def test_of_two_runs_at_once_the_second_is_refused(lab):
    with lab.working_copy().lock():
        code, out, err = lab.groceries("run")
        assert (code, out) == (2, "")
        assert "a run is under way here (process " in err
        with pytest.raises(BusyError), lab.working_copy().lock():
            pass


def test_a_run_that_is_killed_leaves_nothing_half(lab):
    """SIGKILL while a model is trained; then broken off after every later step. In the end there is one version."""
    process = lab.start("run", "--set", "models.boosting.max_iter=60", "--set", "gate.tolerance=0.2")
    for line in process.stderr:
        if "Running stage 'train@boosting'" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert lab.names() == [("v1", True)]
    assert len(lab.runs("RUNNING")) == 1
    until(lambda: unlocked(lab), 180)  # what it had started comes to its end
    for owner, step in (
        (WorkingCopy, "commit"),
        (Registry, "add"),
        (WorkingCopy, "tag"),
        (run, "put"),
        (Registry, "promote"),
    ):
        broken_off_after(lab, owner, step)
    assert lab.run().version == "v2"
    assert lab.names() == [("v1", False), ("v2", True)]
    version = lab.registry.versions()[-1]
    assert lab.git("rev-parse", "v2^{commit}") == version.git_commit
    assert store.card(lab.copy / "production") == store.card(lab.copy / "models" / "boosting")
    assert lab.git("status", "--porcelain") == ""
    assert lab.runs("RUNNING") == []


def unlocked(lab):
    try:
        with lab.working_copy().lock():
            return True
    except BusyError:
        return False


class PowerCutError(BaseException):
    """What nothing is ready for."""


def broken_off_after(lab, owner, step):
    """A run that ends right after `step`, with no time for anything else."""
    whole = getattr(owner, step)

    def cut(*arguments, **named):
        whole(*arguments, **named)
        raise PowerCutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, step, cut)
        patch.setattr(record.Record, "end", lambda *_: None)
        with pytest.raises(PowerCutError):
            lab.run()


def test_a_roll_back_brings_everything_back_and_the_service_says_so(lab):
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with service(lab.root, lab.url, port):
        until(lambda: ask(f"{base}/version")[1].get("name") == "v2")
        (lab.copy / "params.yaml").write_text("an experiment\n")
        code, out, err = lab.groceries("rollback", "v1", "--json")
        assert code == 0, err
        back = json.loads(out)
        assert (back["name"], back["stashed"]) == ("v1", True)
        version = until(lambda: (found := ask(f"{base}/version")[1])["name"] == "v1" and found)
        assert version["git_commit"] == lab.first["git_commit"]
        assert version["data_version"] == lab.first["data_version"]
    assert lab.names() == [("v1", True), ("v2", False)]
    assert yaml.safe_load((lab.copy / "params.yaml").read_text())["models"]["boosting"]["max_iter"] == 40
    assert tables.version(lab.copy / "data" / "orders.parquet") == lab.first["data_version"]
    assert store.card(lab.copy / "production") == store.card(lab.copy / "models" / "boosting")
    assert lab.git("diff", "v1", "--stat") == ""
    assert lab.git("stash", "list").endswith("before the roll-back to v1")
    again = lab.run()
    assert (again.version, again.new, again.stages) == ("v1", False, [])


def test_forward_again_is_the_same_version_and_no_new_one(lab):
    back = lab.back("v2")
    assert (back.version.name, back.stashed) == ("v2", False)
    assert lab.run().version == "v2"
    assert lab.names() == [("v1", False), ("v2", True)]


def test_versions_are_listed(lab, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", lab.url)
    listed = {
        each["name"]: each for each in json.loads(CliRunner().invoke(stages, ["versions", "--json"]).output)
    }
    assert listed["v1"]["data_version"] == lab.first["data_version"]
    assert listed["v2"]["production"] is True
    lines = CliRunner().invoke(stages, ["versions"]).output.splitlines()
    assert len(lines) == 3
    assert lines[2].endswith("in production")


def test_what_is_not_there_is_told(lab):
    with pytest.raises(PipelineError, match="v9: no such version\nThere are: v1, v2"):
        lab.back("v9")
    with pytest.raises(PipelineError, match="is not a git repository of its own"):
        WorkingCopy(PROJECT)


def test_without_mlflow_nothing_is_begun(lab):
    begun = time.monotonic()
    lab.url, url = "http://127.0.0.1:1", lab.url
    try:
        code, _, err = lab.groceries("run", "--set", "gate.min_rows=1")
    finally:
        lab.url = url
    assert code == 4
    assert "MLflow at http://127.0.0.1:1: " in err
    assert "is MLFLOW_TRACKING_URI right?" in err
    assert lab.git("status", "--porcelain") == ""
    assert time.monotonic() - begun < 60


def test_code_that_the_service_does_not_have_is_not_put_into_production(lab):
    """A feature made otherwise in the working copy: the service would see other things than the model learnt from."""
    path = lab.copy / "src" / "groceries" / "features.py"
    path.write_text(path.read_text().replace('"hour": seconds / 3600', '"hour": seconds / 7200'))
    with pytest.raises(PipelineError, match="its examples come out otherwise than where it was made"):
        lab.run("gate.tolerance=1.0")
    assert lab.names() == [("v1", False), ("v2", True)]
