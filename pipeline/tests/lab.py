"""A working copy as it would be on a node, with an MLflow of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys

from groceries import record, rollback, run
from groceries.registry import Registry
from groceries.workcopy import WorkingCopy
from tests.support import ENVIRONMENT, PROJECT

SMALL = ("generate.rows=6000", "models.boosting.n_estimators=40", "gate.tolerance=0.1", "gate.min_rows=400")


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
        self.untouched = self.copy

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
