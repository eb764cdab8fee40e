"""Plans in a file, to be read by people and carried out later: `{"format": 1, "plans": [<document>, ...]}`.

Each document has a digest of its own; one that was changed is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chi_helpers.apply.reaper.files import replace_file
from chi_helpers.model.errors import UsageError
from chi_helpers.plan.reapdocument import read, write

if TYPE_CHECKING:
    from pathlib import Path

    from chi_helpers.model.reaping import ReapPlan

FORMAT = 1
LARGEST = 256 << 20
"""Bytes; a hundred thousand resources need about a hundred million."""
_AGAIN = "Make one with `chi-lab reap --save FILE`."


def save_plans(file: Path, plans: Sequence[ReapPlan]) -> tuple[str, ...]:
    """Write the plans to `file` (0600) in one go; return their digests. Raises `UsageError`."""
    documents = [write(plan) for plan in plans]
    text = json.dumps({"format": FORMAT, "plans": documents}, indent=1, ensure_ascii=False)
    try:
        replace_file(file.absolute(), f"{text}\n")
    except OSError as error:
        raise UsageError(f"The plan cannot be written to {file}: {error.strerror or error}") from error
    return tuple(str(document["digest"]) for document in documents)


def load_plans(file: Path) -> tuple[ReapPlan, ...]:
    """Read the plans of `file`. Raises `UsageError` where it holds none, or any was changed."""
    try:
        if file.stat().st_size > LARGEST:
            raise UsageError(f"{file} is too large to be a plan.", do=_AGAIN)
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The plan {file} cannot be read: {error.strerror or error}", do=_AGAIN) from error
    except ValueError as error:
        raise UsageError(f"{file} is no plan: {error}", do=_AGAIN) from error
    if not isinstance(found, dict) or found.keys() != {"format", "plans"} or found["format"] != FORMAT:
        raise UsageError(f"{file} is no plan of this version of chi-lab.", do=_AGAIN)
    documents = found["plans"]
    if not isinstance(documents, list) or not documents:
        raise UsageError(f"{file} holds no plan.", do=_AGAIN)
    plans = tuple(read(document) for document in documents)
    if len({(plan.site, plan.project_id) for plan in plans}) < len(plans):
        raise UsageError(f"{file} holds two plans for one project.", do=_AGAIN)
    return plans
