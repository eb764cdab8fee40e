"""What a run did, noted in MLflow: parameters, metrics of each model, reports, and what is served."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from groceries.registry import FOLDER, Registry, told

EXPERIMENT = "groceries"

COPY, COMMIT, VERSION = "working_copy", "git_commit", "version"
"""Tags of a run: where it ran, what was committed, and the version that came of it."""

REASON, FAULT = "refused", "fault"
"""And what a stage said that stopped it."""

LONGEST = 5000
"""Characters of a tag that MLflow takes."""


Numbers = Mapping[str, float | None]


class Record:
    """The record of one run of the pipeline in MLflow."""

    def __init__(self, registry: Registry, run_id: str, where: str) -> None:
        self._registry, self.run_id, self._where = registry, run_id, where

    @classmethod
    def start(cls, registry: Registry, where: str, message: str, artifacts: str | None) -> Record:
        """Begin one. `where` names the working copy; `artifacts` is where files go if no server has them."""
        with told(registry.uri):
            client = registry.client
            found = client.get_experiment_by_name(EXPERIMENT)
            number = found.experiment_id if found else client.create_experiment(EXPERIMENT, artifacts)
            run = client.create_run(
                number, tags={COPY: where, "mlflow.note.content": message}, run_name=message
            )
        return cls(registry, run.info.run_id, where)

    def results(self, params: Mapping[str, Any], metrics: Mapping[str, Numbers]) -> None:
        """Note all parameters, the candidate's metrics, and a run below this one for each model."""
        self._batch(self.run_id, dict(flat(params)), metrics[params["gate"]["candidate"]], {})
        for name, numbers in metrics.items():
            self.below(name, params["models"].get(name, {}), numbers, {"model": name})

    def below(self, name: str, params: Mapping[str, Any], metrics: Numbers, tags: Mapping[str, str]) -> None:
        """Note a run that is a part of this one."""
        with told(self._registry.uri):
            client = self._registry.client
            experiment = client.get_run(self.run_id).info.experiment_id
            belongs = {"mlflow.parentRunId": self.run_id, COPY: self._where}
            run_id = client.create_run(experiment, tags=belongs, run_name=name).info.run_id
        self._batch(run_id, dict(flat(params)), metrics, tags)
        with told(self._registry.uri):
            client.set_terminated(run_id)

    def _batch(
        self, run_id: str, params: Mapping[str, str], metrics: Numbers, tags: Mapping[str, str]
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        with told(self._registry.uri):
            self._registry.client.log_batch(
                run_id,
                metrics=[Metric(key, value, now, 0) for key, value in metrics.items() if value is not None],
                params=[Param(key, value) for key, value in params.items()],
                tags=[RunTag(key, value) for key, value in tags.items()],
            )

    def files(self, reports: list[Path], package: Path | None) -> None:
        """Keep the reports that there are, and what is to be served."""
        with told(self._registry.uri):
            for path in reports:
                if path.exists():
                    self._registry.client.log_artifact(self.run_id, str(path), "reports")
            if package:
                self._registry.client.log_artifacts(self.run_id, str(package), FOLDER)

    def tag(self, **tags: str) -> None:
        """Note something in the run's tags."""
        with told(self._registry.uri):
            for name, value in tags.items():
                self._registry.client.set_tag(self.run_id, name, value[:LONGEST])

    def end(self, status: str) -> None:
        """Say that the run is over: FINISHED, FAILED or KILLED."""
        with told(self._registry.uri):
            self._registry.client.set_terminated(self.run_id, status)


def bury(registry: Registry, where: str) -> None:
    """Say of the runs of a working copy, in which none is under way, that they are over: they were killed."""
    with told(registry.uri):
        client = registry.client
        if (found := client.get_experiment_by_name(EXPERIMENT)) is None:
            return
        quoted = where.replace("'", "")
        wanted = f"attributes.status = 'RUNNING' and tags.{COPY} = '{quoted}'"
        for run in client.search_runs([found.experiment_id], wanted):
            client.set_terminated(run.info.run_id, "FINISHED" if VERSION in run.data.tags else "KILLED")


def flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every parameter by its path, like `models.linear.alpha`."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
