"""pydantic's errors in words that say what to do."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from chi_helpers.config.document import Document
from chi_helpers.config.problems import Place, did_you_mean

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number, without quotes",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list, as in [a, b]",
    "dict_type": "a mapping, with keys of its own",
    "model_type": "a mapping, with keys of its own",
}


def place_of(detail: ErrorDetails) -> Place:
    """Where in the file the error is; pydantic marks a wrong key with one more part."""
    return tuple(part for part in detail["loc"] if part != "[key]")


MISSING = "is missing"


def meant(detail: ErrorDetails) -> Place | None:
    """For an unknown key: the place of the key that it most likely stands for."""
    place = place_of(detail)
    section = _section(place[:-1]) if detail["type"] == "extra_forbidden" else None
    near = did_you_mean(str(place[-1]), _keys(section)) if section else ""
    return (*place[:-1], near) if near else None


def said(detail: ErrorDetails) -> str:
    """The error as a sentence."""
    place, value, context = place_of(detail), detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            message = str(context["error"])
        case "missing":
            message = f"{MISSING}: add for example `{_EXAMPLES[str(place[-1])]}`"
        case "extra_forbidden":
            message = _unknown(place)
        case "too_short":
            message = "is empty: name at least one"
        case kind if value is None or kind == "string_too_short":
            example = _EXAMPLES.get(str(place[-1]))
            message = f"is empty: write for example `{example}`" if example else _EMPTY
        case kind:
            wanted = context["expected"] if kind == "literal_error" else _WANTED.get(kind)
            message = f"{f'must be {wanted}' if wanted else detail['msg']}, not {_shown(value)}"
    return message


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


_EMPTY = "is empty: give it a value, or remove the line"
_EXAMPLES = {
    "version": "version: 1",
    "lab": "lab: hello_chameleon",
    "site": "site: KVM@TACC",
    "lifetime": "lifetime: {max: 6h}",
    "max": "max: 6h",
    "nodes": "nodes: {node1: {flavor: m1.small, image: CC-Ubuntu24.04}}",
    "image": "image: CC-Ubuntu24.04",
    "from": "from: 2026-01-28 00:00",
    "to": "to: 2026-01-29 00:00",
    "why": "why: maintenance",
    "roster": "roster: roster.csv",
}


def _unknown(place: Place) -> str:
    word = str(place[-1])
    section = _section(place[:-1])
    known = _keys(section) if section else []
    if near := did_you_mean(word, known):
        return f"unknown key: did you mean {near}?"
    homes = sorted({home for home, key in _everywhere(Document, "") if key == word})
    if homes:
        where = " or ".join(home or "the top of the file" for home in homes)
        return f"unknown key here: it belongs under {where}"
    return f"unknown key: the keys here are {', '.join(known)}"


def _keys(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _section(place: Place) -> type[BaseModel] | None:
    """The model of the mapping at `place`."""
    section: type[BaseModel] | None = Document
    parts = iter(place)
    for part in parts:
        inner = next((hint for name, hint in _hints(section) if name == part), None) if section else None
        section = _model_in(inner)
        if typing.get_origin(_bare(inner)) in (dict, list):
            next(parts, None)  # a node's key, an index
    return section


def _hints(section: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in section.model_fields.items():
        yield field.alias or name, field.annotation


def _bare(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _model_in(hint: Any) -> type[BaseModel] | None:
    if typing.get_origin(hint) is None and isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    return next((found for part in typing.get_args(hint) if (found := _model_in(part))), None)


def _everywhere(section: type[BaseModel], home: str) -> Iterator[tuple[str, str]]:
    """Every key of the file with the dotted name of the section that it belongs to."""
    for name, hint in _hints(section):
        yield home, name
        if inner := _model_in(hint):
            here = f"{home}.{name}" if home else name
            yield from _everywhere(inner, f"{here}.<node>" if name == "nodes" else here)
