"""What of the roles serving and monitoring can be said without a node."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ROLES = TOP / "ansible" / "roles"
PACK = ROLES / "serving" / "files" / "pack.py"


def pack(pipeline, archive):
    return subprocess.run(
        [sys.executable, str(PACK), str(pipeline), str(archive)], capture_output=True, text=True, check=False
    )


def test_the_archive_has_all_that_a_working_copy_needs_and_is_the_same_each_time(tmp_path):
    for name in ("one.tar", "two.tar"):
        done = pack(TOP / "pipeline", tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as tar:
        names = tar.getnames()
    tracked = subprocess.run(
        ["git", "ls-files", "."], cwd=TOP / "pipeline", capture_output=True, text=True, check=True
    ).stdout.split()
    apart = re.compile(r"tests/|benchmarks/|requirements-dev\.txt|production/model|dvc\.lock")
    assert set(names) == {name for name in tracked if not apart.match(name)} | {".complete"}
    assert names[-1] == ".complete"


def test_a_folder_that_is_not_the_pipeline_is_refused_with_what_it_lacks(tmp_path):
    (tmp_path / "src" / "groceries").mkdir(parents=True)
    done = pack(tmp_path, tmp_path / "x.tar")
    assert done.returncode == 1
    assert "dvc.yaml" in done.stderr
    assert not (tmp_path / "x.tar").exists()


def test_the_environment_s_lock_is_of_the_versions_that_the_pipeline_was_tested_with():
    def pinned(path):
        return dict(re.findall(r"^([a-zA-Z0-9._-]+)==([^\s;\\]+)", path.read_text(), re.MULTILINE))

    tested, locked = (
        pinned(TOP / "pipeline/requirements.txt"),
        pinned(ROLES / "serving/files/requirements.txt"),
    )
    assert len(tested) > 50
    assert locked == tested


@pytest.fixture(scope="module")
def metric():
    spec = importlib.util.spec_from_file_location(
        "deadline_metric", ROLES / "monitoring/files/deadline_metric.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("told", ["2026-01-29T19:55:00+00:00", "2026-01-29T19:55:00Z"])
def test_the_deadline_becomes_a_metric(metric, told):
    assert metric.text(f'{{"deadline": "{told}"}}').splitlines()[-1] == f"{metric.NAME} 1769716500"


@pytest.mark.parametrize(
    "settings",
    ["", "{}", "[]", '{"deadline": 7}', '{"deadline": "soon"}', '{"deadline": "2026-01-29T19:55:00"}'],
)
def test_what_is_no_deadline_takes_the_metric_away(metric, settings, tmp_path, monkeypatch, capsys):
    source, target = tmp_path / "guard.json", tmp_path / "chi-lab.prom"
    source.write_text(settings)
    target.write_text("of before")
    monkeypatch.setattr(sys, "argv", ["deadline_metric.py", str(source), str(target)])
    assert metric.main() == 1
    assert not target.exists()
    assert str(source) in capsys.readouterr().err


def test_a_metric_is_written_whole(metric, tmp_path, monkeypatch):
    source, target = tmp_path / "guard.json", tmp_path / "chi-lab.prom"
    source.write_text('{"deadline": "2026-01-29T19:55:00Z"}')
    monkeypatch.setattr(sys, "argv", ["deadline_metric.py", str(source), str(target)])
    assert metric.main() == 0
    assert target.read_text().endswith("1769716500\n")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []
