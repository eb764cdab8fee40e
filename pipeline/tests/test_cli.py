"""Each stage from the shell: exit codes, what goes to stdout, what to stderr."""

from __future__ import annotations

import pytest

from groceries import cli
from tests.support import orders, put, stage


def test_exit_0_and_a_line_of_what_was_done(tmp_path):
    done = stage("generate", "--rows", 1234, "--out", tmp_path / "o.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path}/o.csv: 1,234 orders\n"


def test_exit_1_where_validation_refuses_and_what_to_do(tmp_path):
    path = put(orders(600).assign(city="atlantis"), tmp_path / "bad.csv")
    table, report = tmp_path / "orders.parquet", tmp_path / "ingest.json"
    assert stage("ingest", path, "--out", table, "--report", report).returncode == 0
    refused = stage("validate", "--orders", table, "--ingested", report, "--report", tmp_path / "v.json")
    assert (refused.returncode, refused.stdout) == (1, "")
    first, last = refused.stderr.splitlines()
    assert first.startswith(f"{path}: city: unknown city in 600 of the rows: row 1 (atlantis), row 2")
    assert last.startswith("1 problem(s) in 600 rows: nothing of this batch is used.")
    features = ("features", "--orders", table, "--validation", tmp_path / "v.json", "--out", tmp_path / "f")
    assert stage(*features).returncode == 1


def test_now_is_the_clock_unless_it_is_said(tmp_path):
    table, report = tmp_path / "orders.parquet", tmp_path / "ingest.json"
    stage("ingest", put(orders(600), tmp_path / "a.csv"), "--out", table, "--report", report)
    validate = ("validate", "--orders", table, "--ingested", report, "--report", tmp_path / "v.json")
    assert stage(*validate).returncode == 0
    early = stage(*validate, "--now", "2025-01-02")
    assert early.returncode == 1
    assert "in the future" in early.stderr


def test_exit_1_where_the_gate_refuses(run, tmp_path):
    changed = (tmp_path / "params.yaml", "candidate: boosting", "candidate: fixed")
    put_params(*changed)
    decision = ("gate", "--evaluation", run.evaluation, "--out", tmp_path / "g.json")
    refused = stage("--params", tmp_path / "params.yaml", *decision)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "fixed" in refused.stderr
    assert "is refused:\noverall: mae" in refused.stderr
    accepted = stage(*decision)
    assert accepted.returncode == 0
    assert "may replace what is there" in accepted.stdout


def put_params(path, old, new):
    from tests.support import PROJECT

    text = (PROJECT / "params.yaml").read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["bake"], "No such command", id="no such stage"),
        pytest.param(["generate"], "Missing option '--out'", id="an option is missing"),
        pytest.param(["generate", "--out", "o", "--rows", "0"], "not in the range", id="no rows"),
        pytest.param(["--params", "nowhere.yaml", "generate", "--out", "o"], "Name it with --params", id="no params"),
        pytest.param(["ingest", "nowhere.csv", "--out", "o", "--report", "r"], "nowhere.csv: cannot be read", id="no file"),
        pytest.param(["train", "oracle", "--features", "f", "--out", "o"], "is not one of", id="no such model"),
        pytest.param(["train", "fixed", "--features", "f", "--out", "o"], "Run the stage that writes it", id="no features"),
    ],
)  # fmt: skip
def test_exit_2_for_wrong_use_and_wrong_files(arguments, says):
    wrong = stage(*arguments)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert says in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_exit_2_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    wrong = stage("generate", "--rows", 1, "--out", tmp_path / "file" / "o.csv")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert f"{tmp_path}/file: cannot be written" in wrong.stderr


def test_exit_3_for_a_fault_which_is_no_refusal(monkeypatch, capsys):
    monkeypatch.setattr(cli, "stages", lambda: 1 / 0)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_help_names_the_exit_codes():
    assert "Exit codes: 0 done; 1 validation refused" in " ".join(stage("--help").stdout.split())
