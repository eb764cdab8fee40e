"""Write the lab's deadline as a metric for the node exporter's textfile collector.

deadline_metric.py GUARD.JSON METRIC.PROM

Where the deadline cannot be read, the metric goes away: an alert rings for its absence.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

NAME = "chi_lab_deadline_timestamp_seconds"


def text(settings: str) -> str:
    """The metric, from what the guard's settings say. Raises ValueError where that is no deadline."""
    try:
        told = json.loads(settings)["deadline"]
        deadline = datetime.fromisoformat(told.replace("Z", "+00:00"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no deadline: {error!r}") from error
    if deadline.tzinfo is None:
        raise ValueError(f"a deadline without a time zone: {told}")
    return f"# HELP {NAME} When the lab ends.\n# TYPE {NAME} gauge\n{NAME} {deadline.timestamp():.0f}\n"


def main() -> int:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        written = text(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        target.unlink(missing_ok=True)
        print(f"{source}: {error}", file=sys.stderr)
        return 1
    part = target.with_suffix(".part")
    part.write_text(written, encoding="utf-8")
    part.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
