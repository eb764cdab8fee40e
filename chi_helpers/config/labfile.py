"""Read reservation.yaml: from the file to a `LabSpec`, or to everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chi_helpers.config.build import build
from chi_helpers.config.document import Document
from chi_helpers.config.marks import Marked, YamlError, read
from chi_helpers.config.problems import ConfigError, Place, Problem, dotted
from chi_helpers.config.rules import broken
from chi_helpers.config.text import text_of
from chi_helpers.config.translate import MISSING, meant, place_of, said
from chi_helpers.model.lab import LabSpec

# What stands in for a wrong or missing part that the file cannot do without, so that the rest is still
# checked. No message ever shows one: findings about such a part are dropped.
_STAND_INS: dict[str, Any] = {
    "version": 1,
    "lab": "lab",
    "site": "site",
    "lifetime": {"max": "6h"},
    "max": "6h",
    "nodes": {"node1": {"flavor": "m1.small", "image": "image"}},
    "image": "image",
    "from": "2026-01-01 00:00",
    "to": "2026-01-02 00:00",
    "why": "why",
    "roster": "roster.csv",
}


def load(path: Path | str) -> LabSpec:
    """Read the lab that the file at `path` declares.

    Raises `ConfigError`, whose `problems` are all that is wrong with the file, each with its line and field.
    """
    source = Path(path)
    text = text_of(source, what="a lab's file", missing="go to the lab's folder, or name the file with -f")
    try:
        marked = read(text)
    except YamlError as error:
        raise ConfigError([Problem(source, error.line, dotted(error.place), error.message)]) from error
    problems = [Problem(source, fault.line, dotted(fault.place), fault.message) for fault in marked.faults]
    if not isinstance(marked.data, dict):
        raise ConfigError([*problems, Problem(source, 0, "", _not_a_lab(marked))])
    document, wrong, doubtful = _validated(marked.data)
    for fault in marked.faults:
        wrong.pop(fault.place, None)  # said already, and better
    if document is not None:
        for finding in broken(document):
            if not any(_touches(place, bad) for place in finding.reads for bad in doubtful):
                wrong[finding.place] = finding.message
    problems += [
        Problem(source, marked.line(place), dotted(place), message) for place, message in wrong.items()
    ]
    if problems or document is None:
        raise ConfigError(problems)
    return build(document, source)


def _not_a_lab(marked: Marked) -> str:
    what = "is empty" if marked.data is None else "holds no keys"
    return f"{what}: a lab starts with `version: 1`, `lab: ...`, `site: ...`"


def _validated(data: dict[str, Any]) -> tuple[Document | None, dict[Place, str], set[Place]]:
    """The document with stand-ins for its wrong parts; what is wrong, by place; what to build nothing on."""
    wrong: dict[Place, str] = {}
    doubtful: set[Place] = set()
    for _ in range(8):  # a part, its stand-in, and the same again for the parts around it
        try:
            return Document.model_validate(data), wrong, doubtful
        except ValidationError as error:
            # Backwards, so that taking out one item of a list does not move another that is wrong too.
            for detail in reversed(error.errors(include_url=False)):
                place = place_of(detail)
                if not any(_touches(place, bad) for bad in wrong):
                    wrong[place] = said(detail)
                    doubtful.add(_gone(place))
                data = _without(data, place)
            for detail in error.errors(include_url=False):
                # One misspelt key is one problem, not an unknown key and a missing one.
                if right := meant(detail):
                    doubtful.add(right)
                    if wrong.get(right, "").startswith(MISSING):
                        del wrong[right]
    return None, wrong, doubtful


def _without(data: Any, place: Place) -> Any:
    """`data` with the part at `place` taken out, or with a stand-in where it was not there to begin with."""
    if not place or not isinstance(data, dict | list):
        return data
    head, rest = place[0], place[1:]
    if isinstance(data, list):
        index = int(head)
        changed = [_without(data[index], rest)] if rest else []
        return [*data[:index], *changed, *data[index + 1 :]]
    if rest:
        return data | {head: _without(data[head], rest)} if head in data else data
    if head in data:
        return {key: value for key, value in data.items() if key != head}
    return data | {head: _STAND_INS.get(str(head))}


def _gone(bad: Place) -> Place:
    """What is no longer as the file has it: where an item was taken out of a list, all of the list."""
    return bad[:-1] if bad and isinstance(bad[-1], int) else bad


def _touches(one: Place, other: Place) -> bool:
    """Whether one place is the other, or inside it."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
