"""`dvc repro` runs what changed and what depends on it, and nothing else."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support import ENVIRONMENT, PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(lab, tmp_path_factory):
    """What the first run left, in a folder of its own, as if nothing were in production yet."""
    root = shutil.copytree(lab.untouched, tmp_path_factory.mktemp("dvc") / "groceries", symlinks=True)
    for name in ("model.skops", "model.json"):
        (root / "production" / name).unlink()
    return root


def git(root, *arguments):
    who = ("-c", "user.name=student", "-c", "user.email=student@example.org")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True)


def change(root, key, value):
    path = root / "params.yaml"
    found = section = yaml.safe_load(path.read_text())
    *sections, name = key.split(".")
    for each in sections:
        section = section[each]
    section[name] = value
    path.write_text(yaml.safe_dump(found))


def dvc(root, *arguments):
    return subprocess.run(
        ["dvc", *arguments], cwd=root, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def repro(root):
    """Which stages ran."""
    done = dvc(root, "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"Running stage '(.+)'", done.stdout)


def test_with_nothing_changed_nothing_runs(project):
    assert repro(project) == []


@pytest.mark.parametrize(
    ("key", "value", "runs"),
    [
        ("gate.tolerance", 0.11, ["gate"]),
        ("costs.late_route", 26.0, ["evaluate", "gate"]),
        ("models.linear.alpha", 2.0, ["train@linear", "evaluate", "gate"]),
        ("validate.show", 6, ["validate"]),  # the verdict is the same, and so is all that depends on it
    ],
)
def test_of_a_changed_parameter_only_dependents_run(project, key, value, runs):
    change(project, key, value)
    assert repro(project) == runs


def test_metrics_are_shown(project):
    shown = json.loads(dvc(project, "metrics", "show", "--json").stdout)
    [metrics] = shown[""]["data"].values()
    numbers = metrics["data"]
    assert numbers.keys() == {"fixed", "linear", "boosting"}
    assert numbers["boosting"]["mae"] < numbers["fixed"]["mae"]


def test_a_model_names_the_data_version_that_dvc_locked(project):
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    [locked] = lock["stages"]["features"]["outs"]
    card = json.loads((project / "models" / "boosting" / "model.json").read_text())
    assert card["data_version"] == f"md5:{locked['md5']}"


def test_an_earlier_version_comes_back_as_it_was(project):
    """Data, models and reports of a commit: from the cache, and nothing is to run."""
    card = project / "models" / "linear" / "model.json"
    assert json.loads(card.read_text())["params"] == {"alpha": 2.0}
    git(project, "checkout", "-q", "HEAD", "--", "dvc.lock", "params.yaml")
    assert dvc(project, "checkout").returncode == 0
    assert json.loads(card.read_text())["params"] == {"alpha": 1.0}
    assert repro(project) == []


def test_every_parameter_has_a_stage_that_depends_on_it(project):
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    named = {param.split(".")[0] for stage in stages.values() for param in stage.get("params", ())}
    assert named == yaml.safe_load((project / "params.yaml").read_text()).keys()


def test_a_model_in_production_is_compared_with_at_the_next_run(project):
    """Promoted, the candidate is the model in production, and the gate says so."""
    for name in ("model.skops", "model.json"):
        shutil.copy(project / "models" / "boosting" / name, project / "production")
    assert repro(project) == ["evaluate", "gate", "package"]
    notes = json.loads((project / "reports" / "gate.json").read_text())["notes"]
    assert "boosting is the same model as production" in notes


PLUMBING = {"errors", "params", "tables"}
"""Modules that carry what stages make and do not change it."""


def uses(module):
    """The pipeline's modules that a module imports, itself or through others."""
    seen, ahead = set(), [module]
    while ahead:
        if (name := ahead.pop()) not in seen:
            seen.add(name)
            for node in ast.walk(ast.parse((PROJECT / "src" / "groceries" / f"{name}.py").read_text())):
                match node:
                    case ast.ImportFrom(module="groceries"):
                        ahead += [alias.name for alias in node.names]
                    case ast.ImportFrom(module=str(path)) if path.startswith("groceries."):
                        ahead.append(path.removeprefix("groceries."))
    return seen - PLUMBING


def test_a_stage_depends_on_all_of_its_code():
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    for name, stage in stages.items():
        code = {Path(path).stem for path in stage["deps"] if path.startswith("src/")}
        assert code == uses(name), name


def test_bad_data_stops_the_run_before_anything_is_made_of_it(project):
    change(project, "cities", ["northport"])
    stopped = dvc(project, "repro")
    assert stopped.returncode != 0
    assert "city: unknown city" in stopped.stderr
    assert "Running stage 'features'" not in stopped.stdout
    assert json.loads((project / "reports" / "validation.json").read_text())["accepted"] is False
