"""The demo's chapter about the pipeline: from a bare node to a model that is served, and can go back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chi_helpers.cli.story import Story

FILE = Path("labs") / "ml-pipeline.yaml"
_STOP = {
    "city": "northport",
    "stopped_at": "2025-11-03T17:05:00Z",
    "floor": 3,
    "lift": False,
    "stairs": 3,
    "crates": 8,
    "parking_m": 40.0,
    "driver_weeks": 5,
}
_ASK = (
    "curl -sS --fail-with-body http://127.0.0.1:8000/predict -H 'Content-Type: application/json' "
    f"-d '{json.dumps({'stops': [_STOP]})}'"
)


def tell(story: Story) -> None:
    """Bring `FILE` up, ask its model, train another, go back, and give all of it back."""
    which = ("-f", str(FILE))
    story.part(
        "From a bare node to a model that is served",
        "PostgreSQL, MLflow, JupyterLab, the pipeline, its service, Prometheus. It takes some minutes.",
    )
    # A demo that was stopped half way may have left something.
    story.quietly("down", *which)
    story.run("check", *which)
    story.run("up", *which)
    story.part(
        "Ask the model", "It listens on the node alone; `chi-lab tunnel` would bring it to your own ports."
    )
    story.run("ssh", *which, "--", _ASK)
    story.part("Change something", "Only what changed runs again, and a worse model would be refused.")
    story.run("pipeline", "run", *which, "--set", "generate.seed=8", "--message", "other orders", fine=(0, 1))
    story.run("pipeline", "versions", *which)
    story.part("Go back", "Data, parameters, code and model of the first version.")
    story.run("pipeline", "rollback", "v1", *which)
    story.part("Give it back", "The node, its address, its lease, and the secrets of its services.")
    story.run("down", *which)
