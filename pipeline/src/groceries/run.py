"""One run of the whole pipeline: what changed, to a registered model in production, and safe to break off.

Everything before the last step can be done again: a version is registered whole, it is found again by its
content, and only then is it put into production. A run that finds what a killed one left goes on from there.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from groceries import package, settings, store, tables
from groceries.errors import Exit, PipelineError, StoppedError, UnreachableError, WrongFileError
from groceries.record import COMMIT, FAULT, REASON, VERSION, Record, bury
from groceries.registry import Registry, Version
from groceries.workcopy import Tell, WorkingCopy

REPORTS = ("metrics.json", "evaluation.json", "gate.json", "validation.json", "ingest.json")


@dataclass(slots=True)
class Outcome:
    """What a run did: the stages that ran, and the version that is in production now.

    `new` says whether that version is a new one, `metrics` are those of every model by name.
    """

    version: str
    new: bool
    git_commit: str
    data_version: str
    stages: list[str] = field(default_factory=list)
    metrics: dict[str, dict[str, float | None]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return asdict(self)


def run(copy: WorkingCopy, registry: Registry, changes: list[str], message: str, tell: Tell) -> Outcome:
    """Bring the working copy up to date, and the model that passes the gate into production.

    Raises StoppedError where validation or the gate refuses, or a stage fails, and BusyError where a run is
    under way here.
    """
    with copy.lock():
        before = mend(copy, registry, tell)
        copy.set(changes)
        changed = copy.changed()
        if before and _only_production(changed) and _made(copy) == before.package:
            commit = copy.commit(message or "Look at what is in production again")
            tell(f"nothing changed: {before.name} is in production")
            return Outcome(before.name, False, commit, copy.data_version(), metrics=_metrics(copy))
        record = Record.start(registry, copy.where, message or _said(changes), _artifacts(copy, registry))
        try:
            stages = copy.reproduce(tell) if changed else []
            outcome = _through(copy, registry, record, before, message or _said(changes), tell)
            outcome.stages = stages
        except StoppedError as error:
            with suppress(UnreachableError):  # what the stage said counts, also where it cannot be noted
                record.tag(**{REASON if error.exit_code == Exit.REFUSED else FAULT: "\n".join(error.words)})
                record.files([copy.root / "reports" / name for name in REPORTS], None)
                record.end("FAILED")
                tell(f"noted as run {record.run_id} in MLflow; nothing new is in production")
            raise
        except BaseException as error:
            with suppress(UnreachableError):
                record.end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            raise
        record.end("FINISHED")
        return outcome


def mend(copy: WorkingCopy, registry: Registry, tell: Tell) -> Version | None:
    """End what a killed run left: its record, its git tag, `production/`. Gives what is in production."""
    bury(registry, copy.where)
    versions = registry.versions()
    last = max((version.number for version in versions), default=0)
    if ahead := [number for number in copy.numbers() if number > last]:
        raise WrongFileError(
            f"tag v{max(ahead)} is here, but MLflow at {registry.uri} has no version after v{last}",
            do="Set MLFLOW_TRACKING_URI to the one that has it, or take such tags away (`git tag --delete`).",
        )
    for version in versions:
        if copy.knows(version.git_commit):
            copy.tag(version.name, version.git_commit)
    current = next((version for version in versions if version.production), None)
    if current and not _holds(copy, current):
        tell(f"production/ is made {current.name} again, as MLflow has it")
        with_package = copy.root / ".git" / "groceries-production"
        registry.download(current, with_package)
        put(copy, with_package)
        shutil.rmtree(with_package)
    return current


def put(copy: WorkingCopy, folder: Path) -> None:
    """Make `production/`, with which the next candidate is compared, the model in `folder`."""
    for name in (store.MODEL, store.CARD):
        part = copy.root / "production" / f"{name}.part"
        part.parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / name, part)
        part.replace(part.with_suffix(""))


def _through(
    copy: WorkingCopy, registry: Registry, record: Record, before: Version | None, message: str, tell: Tell
) -> Outcome:
    folder = copy.root / "package"
    package.load(folder)  # what is installed here, and not only this working copy's code, can serve it
    params, metrics, made = settings.read(copy.root / "params.yaml"), _metrics(copy), package.manifest(folder)
    record.results(params, metrics)
    commit, data = copy.commit(message), copy.data_version()
    record.tag(**{COMMIT: commit, "data_version": data})
    record.files([copy.root / "reports" / name for name in REPORTS], folder)
    versions = registry.versions()
    if _of(versions) != (before.number if before else None):
        raise PipelineError("another run put another version into production meanwhile", do="Run again.")
    known = next((version for version in reversed(versions) if version.package == made), None)
    version = known or registry.add(
        record.run_id,
        git_commit=commit,
        data_version=data,
        mae=metrics[params["gate"]["candidate"]]["mae"] or 0.0,
        files=made,
    )
    record.tag(**{VERSION: version.name})
    if copy.knows(version.git_commit):
        copy.tag(version.name, version.git_commit)
    put(copy, folder)
    registry.promote(version)
    tell(f"{version.name} is in production")
    return Outcome(version.name, known is None, commit, data, metrics=metrics)


def _only_production(changed: dict[str, Any]) -> bool:
    """Whether nothing changed but, at most, what is in production: the next one is compared with that."""
    for stage in changed.values():
        for what in stage:
            if not isinstance(what, dict) or set(what) != {"changed deps"}:
                return False
            if set(what["changed deps"]) != {"production"}:
                return False
    return True


def _made(copy: WorkingCopy) -> dict[str, str] | None:
    try:
        return package.manifest(copy.root / "package")
    except WrongFileError:
        return None


def _holds(copy: WorkingCopy, version: Version) -> bool:
    try:
        return all(
            tables.sha256(copy.root / "production" / name) == version.package.get(name)
            for name in (store.MODEL, store.CARD)
        )
    except WrongFileError:
        return False


def _metrics(copy: WorkingCopy) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = tables.read_json(copy.root / "reports" / "metrics.json")
    return found


def _of(versions: list[Version]) -> int | None:
    return next((version.number for version in versions if version.production), None)


def _artifacts(copy: WorkingCopy, registry: Registry) -> str | None:
    """Where artifacts go: a server knows; beside a database of one's own, into the working copy."""
    return None if registry.uri.startswith("http") else (copy.root / "mlartifacts").as_uri()


def _said(changes: list[str]) -> str:
    return "Run with " + ", ".join(changes) if changes else "Run"
