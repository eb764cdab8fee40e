"""`groceries run` and `rollback` in a working copy, with a real MLflow: what is registered, and what is not."""

from __future__ import annotations

import json
import os
import signal

import pytest
import yaml
from click.testing import CliRunner

from groceries import features, package, record, run, stops, store, tables
from groceries.cli import stages
from groceries.errors import BusyError, Exit, PipelineError, StoppedError, UnreachableError
from groceries.registry import Registry
from groceries.workcopy import WorkingCopy
from tests.servers import ask, free_port, service, until
from tests.support import PROJECT, orders, put

pytestmark = pytest.mark.slow


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
    assert logged.data.params["models.boosting.n_estimators"] == "40"
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
    with pytest.raises(StoppedError) as stopped:
        lab.run("gate.candidate=fixed")
    assert stopped.value.exit_code == Exit.REFUSED
    assert stopped.value.words[0].endswith("is refused:")
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
    assert {"n_estimators": 40, "learning_rate": 0.1, "max_depth": 5, "reg_lambda": 1.0}.items() <= next(
        trial for trial in tried if trial["n_estimators"] == 40
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
        with pytest.raises(BusyError, match=rf"a run is under way here \(process {os.getpid()}\)") as busy:
            lab.run()
        assert busy.value.exit_code == Exit.USAGE
        with pytest.raises(BusyError):
            lab.back("v1")


def test_a_run_that_is_killed_leaves_nothing_half(lab):
    """SIGKILL while a model is trained; then broken off after every later step. In the end there is one version."""
    process = lab.start("run", "--set", "models.boosting.n_estimators=60", "--set", "gate.tolerance=0.2")
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


def test_a_roll_back_brings_everything_back_and_the_service_says_so(lab, monkeypatch):
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with service(lab.root, lab.url, port):
        until(lambda: ask(f"{base}/version")[1].get("name") == "v2")
        (lab.copy / "params.yaml").write_text("an experiment\n")
        monkeypatch.chdir(lab.copy)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", lab.url)
        done = CliRunner().invoke(stages, ["rollback", "v1", "--json"])
        assert done.exit_code == 0, done.stderr
        back = json.loads(done.stdout)
        assert (back["name"], back["stashed"]) == ("v1", True)
        version = until(lambda: (found := ask(f"{base}/version")[1])["name"] == "v1" and found)
        assert version["git_commit"] == lab.first["git_commit"]
        assert version["data_version"] == lab.first["data_version"]
    assert lab.names() == [("v1", True), ("v2", False)]
    assert yaml.safe_load((lab.copy / "params.yaml").read_text())["models"]["boosting"]["n_estimators"] == 40
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


def test_another_mlflow_that_knows_nothing_of_the_versions_is_told(lab, monkeypatch):
    monkeypatch.setattr(lab.registry, "versions", list)
    with pytest.raises(PipelineError, match=r"tag v2 is here, but MLflow at http.* has no version after v0"):
        lab.run()


def test_without_mlflow_nothing_is_begun(lab, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(
        UnreachableError, match=r"MLflow at http://127.0.0.1:1: (.|\n)*MLFLOW_TRACKING_URI right"
    ) as away:
        run.run(lab.working_copy(), Registry("http://127.0.0.1:1"), ["gate.min_rows=1"], "", lambda _: None)
    assert away.value.exit_code == Exit.UNREACHABLE
    assert lab.git("status", "--porcelain") == ""


def test_what_the_service_would_see_otherwise_is_not_put_into_production(lab, monkeypatch):
    """As if the working copy's code made a feature that the installed code makes otherwise."""
    monkeypatch.setattr(stops, "frame", lambda *given: features.frame(*given).assign(hour=0.0))
    with pytest.raises(PipelineError, match="its examples come out otherwise than where it was made"):
        lab.run("gate.tolerance=1.0")
    assert lab.names() == [("v1", False), ("v2", True)]
    assert lab.git("tag").split() == ["v1", "v2"]
