"""Which model is served: the one in production in MLflow, and while MLflow is away the last one that was.

The follower has a thread of its own: what MLflow does, or does not do, holds up no answer.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from groceries import package
from groceries.errors import PipelineError
from groceries.registry import Registry, Version

CURRENT = "current.json"

PATIENCE = 60.0
"""Seconds until a version that could not be served is tried again."""

SILENCE = 30.0
"""Seconds without an answer of MLflow that are nothing to speak of."""

KEPT = 2
"""Versions whose files are kept."""


@dataclass(frozen=True, slots=True)
class Served:
    """The model that answers, what it is called, and since when (UTC) it answers here."""

    package: package.Package
    name: str
    git_commit: str
    data_version: str
    since: datetime

    def document(self) -> dict[str, Any]:
        """As `/version` tells it."""
        return {
            "name": self.name,
            "git_commit": self.git_commit,
            "data_version": self.data_version,
            "since": self.since.isoformat(timespec="seconds"),
            "model": f"{self.package.card.name} {self.package.card.version}",
        }


class Follower:
    """Follows what is in production, with its files in `folder`, looking `every` so many seconds."""

    def __init__(self, uri: str, folder: Path, every: float) -> None:
        self._uri, self._folder, self._every = uri, folder, every
        self._registry: Registry | None = None
        self._stop = threading.Event()
        self._refused: tuple[int, float] = (0, 0.0)
        self.served: Served | None = None
        """Replaced as a whole: who took it before goes on with what it took."""
        self.error: str | None = "not asked yet"
        """What was wrong at the last look, if anything."""
        self.looked: float = 0.0
        """When MLflow last answered (seconds, of the epoch)."""
        self.thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    @property
    def trouble(self) -> str | None:
        """What keeps it from following, if anything: said by MLflow, or by its silence."""
        if self.error:
            return self.error
        silent = time.time() - self.looked
        if silent > max(SILENCE, 3 * self._every):
            return f"MLflow at {self._uri} has not answered for {silent:.0f} seconds"
        return None

    def start(self) -> None:
        """Serve what was served before, if there is such, and follow from then on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remember()
        self.thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def look(self) -> None:
        """Look once at what is in production, and serve that. What is wrong is kept in `error`."""
        try:
            self._registry = self._registry or Registry(self._uri)
            version = self._registry.production()
            self.looked = time.time()
            if version is None:
                self.error = "no model is in production: `groceries run` puts one there"
            elif self.served is None or version.name != self.served.name:
                self._serve(self._registry, version)
            else:
                self.error = None
        except PipelineError as error:
            self.error = error.what
        except Exception as error:  # noqa: BLE001 - whatever is wrong there, the service goes on
            self.error = f"{type(error).__name__}: {error}"

    def _follow(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every)

    def _serve(self, registry: Registry, version: Version) -> None:
        number, until = self._refused
        if number == version.number and time.monotonic() < until:
            return
        self._refused = (version.number, time.monotonic() + PATIENCE)
        folder = self._folder / version.name
        if not _holds(folder, version.package):
            registry.download(version, folder)
        whole = package.load(folder)
        served = Served(whole, version.name, version.git_commit, version.data_version, datetime.now(UTC))
        note = {
            "name": version.name,
            "git_commit": version.git_commit,
            "data_version": version.data_version,
            "package": version.package,
        }
        part = self._folder / f"{CURRENT}.part"
        part.write_text(json.dumps(note), encoding="utf-8")
        part.replace(self._folder / CURRENT)
        self._refused = (0, 0.0)
        self.served, self.error = served, None
        self._forget()

    def _remember(self) -> None:
        """Serve the last model again, before MLflow was asked."""
        try:
            note = json.loads((self._folder / CURRENT).read_text(encoding="utf-8"))
            folder = self._folder / note["name"]
            if not _holds(folder, note["package"]):
                return
            self.served = Served(
                package.load(folder),
                note["name"],
                note["git_commit"],
                note["data_version"],
                datetime.now(UTC),
            )
        except (OSError, ValueError, KeyError, TypeError, PipelineError):
            return  # MLflow has it

    def _forget(self) -> None:
        """Remove the files of what was served longest ago."""
        kept = [path for path in self._folder.iterdir() if path.is_dir() and path.name[:1] == "v"]
        kept.sort(key=lambda path: path.stat().st_mtime)
        current = self.served.name if self.served else None
        for path in [each for each in kept if each.name != current][: max(0, len(kept) - KEPT)]:
            shutil.rmtree(path, ignore_errors=True)


def _holds(folder: Path, files: dict[str, str]) -> bool:
    try:
        return package.manifest(folder) == files
    except PipelineError:
        return False
