"""YAML text to plain data and the line of every part of it.

Plain scalars are read as YAML 1.2 reads them, not as PyYAML's YAML 1.1 does: there `6:00` is the number
360, `no` is a boolean, `0123` is 83 and `2026-01-29 14:00:00` is a time in UTC. Here each of them stays
text, so that the field that holds it can say what it wants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from chi_helpers.config.problems import Place

MOST_PARTS = 20_000
"""More parts than any lab has; an alias that multiplies itself stops here."""
_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"


class YamlError(Exception):
    """The text is not YAML, or not the kind we read: `line` counts from 1."""

    def __init__(self, line: int, message: str, place: Place = ()) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.place = place


@dataclass(slots=True)
class Marked:
    """Plain data (dict, list, str, int, bool, None), the `lines` of its parts, and keys given twice."""

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[YamlError] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it that is in the text."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute


for _kind, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(_pattern), list(_first))


def read(text: str) -> Marked:
    """Read one YAML document.

    Raises `YamlError` where the text cannot be read at all; a key given twice and the like are
    listed in `faults`, so that they are reported with everything else.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        return Marked() if root is None else _Reader(loader).read(root)
    except yaml.MarkedYAMLError as error:
        raise YamlError(*_syntax(error)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise YamlError(
            line, f"the character U+{ord(text[error.position]):04X} cannot stand here: remove it"
        ) from error


def _syntax(error: yaml.MarkedYAMLError) -> tuple[int, str]:
    mark = error.problem_mark or error.context_mark
    what = ", ".join(part for part in (error.context, error.problem) if part)
    if mark is None:
        return 1, f"not valid YAML: {what}"
    hint = ": indent with spaces, not with tabs" if r"'\t'" in what else ""
    begun = error.context_mark
    if begun is not None and begun.line != mark.line:
        hint += f" (it begins in line {begun.line + 1})"
    return mark.line + 1, f"not valid YAML at column {mark.column + 1}: {what}{hint}"


class _Reader:
    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._found = Marked()
        self._parts = 0
        self._open: list[yaml.Node] = []

    def read(self, root: yaml.Node) -> Marked:
        self._found.lines[()] = _line(root)
        self._found.data = self._value(root, ())
        return self._found

    def _value(self, node: yaml.Node, place: Place) -> Any:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise YamlError(
                _line(node), f"more than {MOST_PARTS} parts: aliases (*name) multiply here", place
            )
        if any(node is outer for outer in self._open):
            raise YamlError(_line(node), "an alias (*name) stands inside the very thing it names", place)
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            if isinstance(node, yaml.SequenceNode):
                return self._sequence(node, place)
            return self._scalar(node, place)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        own: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode) or key.tag == _TAG + "null":
                self._fault(key, "a key must be a word", place)
                continue
            name = key.value
            if name in own:
                self._fault(key, f"given twice, first in line {own[name]}: keep one", (*place, name))
                continue
            own[name] = _line(key)
            self._found.lines[(*place, name)] = _line(key)
            data[name] = self._value(value, (*place, name))
        for base in self._merged(node, place):
            for name, value in base.items():
                data.setdefault(name, value)
        return data

    def _merged(self, node: yaml.MappingNode, place: Place) -> Iterator[dict[str, Any]]:
        for key, value in node.value:
            if key.tag != _MERGE:
                continue
            bases = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for base in bases:
                if not isinstance(base, yaml.MappingNode):
                    self._fault(base, "`<<` takes a mapping, as in `<<: *name`", place)
                    continue
                mine = dict(self._found.lines)
                merged = self._value(base, place)
                self._found.lines |= mine  # what stands here itself keeps its own line
                yield merged

    def _sequence(self, node: yaml.SequenceNode, place: Place) -> list[Any]:
        data = []
        for index, item in enumerate(node.value):
            self._found.lines[(*place, index)] = _line(item)
            data.append(self._value(item, (*place, index)))
        return data

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        if node.tag not in {_TAG + kind for kind in ("str", "int", "bool", "null")}:
            self._fault(
                node, f"the tag {node.tag.replace(_TAG, '!!')} is not understood here: remove it", place
            )
            return None
        try:
            return self._loader.construct_object(node)
        except (ValueError, KeyError, yaml.YAMLError):
            self._fault(node, f"{node.value!r} is not what its tag says: remove the tag", place)
            return None

    def _fault(self, node: yaml.Node, message: str, place: Place) -> None:
        self._found.faults.append(YamlError(_line(node), message, place))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
