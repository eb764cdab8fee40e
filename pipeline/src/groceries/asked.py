"""What was asked for lately, kept in bounded memory and on bounded disk, to see whether the world drifts."""

from __future__ import annotations

import json
import logging
import logging.handlers
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from groceries.drift import DRIFTED, NOTABLE, WATCHED, psi
from groceries.features import FEATURES
from groceries.follower import Served
from groceries.stops import Stop

KEPT = 10_000
"""Stops that are looked at together."""

LEAST = 200
"""Of fewer nothing is said: PSI is large by chance then."""

FILE, BYTES = "asked.jsonl", 8 << 20
"""Where they are kept, and how large the file may become; then it is put aside, and the one before goes."""


class Asked:
    """The last stops that were asked for. They outlive the service, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._stops: deque[tuple[Stop, float]] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for path in (folder / f"{FILE}.1", folder / FILE):
            self._read(path)
        self._handler = logging.handlers.RotatingFileHandler(
            folder / FILE, maxBytes=BYTES, backupCount=1, encoding="utf-8", delay=True
        )

    def take(self, stops: Sequence[Stop], minutes: Sequence[float], version: str) -> None:
        """Keep some more. That the disk is full is no reason not to answer."""
        with self._lock:
            for stop, predicted in zip(stops, minutes, strict=True):
                self._stops.append((stop, predicted))
                line = json.dumps({**stop.model_dump(mode="json"), "minutes": predicted, "version": version})
                self._handler.emit(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()

    def drift(self, served: Served) -> dict[str, Any]:
        """How far the features of what was asked are from what the model was trained on."""
        with self._lock:
            stops = [stop for stop, _ in self._stops]
        found: dict[str, float] = {}
        if len(stops) >= LEAST:
            seen: NDArray[np.float32] = served.package.seen(stops)
            references = served.package.serving.reference
            found = {
                name: round(psi(references[name], seen[:, FEATURES.index(name)]), 4)
                for name in WATCHED
                if name in references
            }
        return {
            "version": served.name,
            "rows": len(stops),
            "least": LEAST,
            "psi": found,
            "notable": [name for name, value in found.items() if value >= NOTABLE],
            "drifted": [name for name, value in found.items() if value >= DRIFTED],
        }

    def _read(self, path: Path) -> None:
        """Take up what was kept before. A line that is broken, by a sudden end, is passed over."""
        if not path.exists():
            return
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in deque(file, maxlen=KEPT):
                try:
                    known = json.loads(line)
                    predicted = float(known.pop("minutes"))
                    known.pop("version")
                    self._stops.append((Stop.model_validate(known), predicted))
                except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
                    continue
