"""Read roster.csv: who is in the class, or everything that is wrong with the file."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from chi_helpers.config.owner import OWNER
from chi_helpers.config.problems import ConfigError, Problem, did_you_mean
from chi_helpers.config.text import text_of
from chi_helpers.model.roster import Person, Roster

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = tuple(field.name for field in fields(Person))
NAMES = ("owner", "user", "netid")
"""One of them at least: it is what the person is called by."""
_LEADING = (*NAMES, "suffix", "user_id")
"""What leads from a resource to its owner."""
MOST_PEOPLE = 5_000
_NAME = (OWNER, "cannot be part of a resource's name: letters, digits and . _ @ + -, at most 63")
_RULES = {
    "owner": _NAME,
    "user": _NAME,
    "netid": _NAME,
    "suffix": _NAME,
    "group": _NAME,
    "email": (r"[^@\s,;:<>?/]+@[^@\s,;:<>?/]+\.[^@\s,;:<>?/.]+", "is not an e-mail address"),
    # Keystone's: 32 hexadecimal digits, or 64 for a user of LDAP (a SHA-256).
    "user_id": (r"[0-9a-f]{32}(?:[0-9a-f]{32})?", "is not an id of Keystone's: 32 or 64 of 0-9a-f"),
}


def load_roster(path: Path | str) -> Roster:
    """Read the people of the roster at `path`.

    A CSV file in UTF-8 with a header: `owner`, `user`, `netid`, `email`, `suffix`, `user_id`, `group`, in any
    order. `owner` is else the user, else the netid. Raises `ConfigError` with all that is wrong with it.
    """
    source = Path(path)
    text = text_of(
        source,
        what="a roster",
        missing="make it, or correct class.roster in the lab's file",
    )
    found = _Reading(source)
    found.read(text)
    if found.problems:
        raise ConfigError(found.problems)
    return Roster(tuple(person for _, person in found.people))


@dataclass(slots=True)
class _Row:
    line: int
    cells: list[str]


class _Reading:
    """One pass over a roster; collects people and problems."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.people: list[tuple[int, Person]] = []
        self._called: dict[str, tuple[int, str]] = {}
        """Name or user id -> the line and owner that it belongs to."""

    def read(self, text: str) -> None:
        rows = self._rows(text)
        header = next(rows, None)
        if header is None:
            self._wrong(0, "", f"is empty: the first line names the columns, of {', '.join(COLUMNS)}")
            return
        columns = self._header(header)
        if columns is None:
            return
        for row in rows:
            if len(self.people) >= MOST_PEOPLE:
                self._wrong(row.line, "", f"more than {MOST_PEOPLE} people: this is not a class")
                return
            self._person(row, columns)
        if not self.people and not self.problems:
            self._wrong(0, "", "names nobody: add a line for each person")

    def _rows(self, text: str) -> Iterator[_Row]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        line = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._wrong(line, "", f"is not CSV: {error}")
                return
            if cells:  # a line without even a comma is no row
                yield _Row(line, [cell.strip() for cell in cells])
            line = reader.line_num + 1

    def _header(self, row: _Row) -> list[str] | None:
        columns = [cell.lower() for cell in row.cells]
        before = len(self.problems)
        for column in dict.fromkeys(columns):
            if column not in COLUMNS:
                self._wrong(row.line, column, self._unknown(column))
            elif columns.count(column) > 1:
                self._wrong(row.line, column, "this column is there twice: keep one")
        if not set(columns) & set(NAMES) and len(self.problems) == before:
            self._wrong(row.line, "", f"no column says who it is: add one of {', '.join(NAMES)}")
        return None if len(self.problems) > before else columns

    def _unknown(self, column: str) -> str:
        if not column:
            return "a column without a name: name it, or remove it"
        if ";" in column or "\t" in column:
            return "separate the columns with commas"
        near = did_you_mean(column, COLUMNS)
        return f"unknown column: {f'did you mean {near}?' if near else 'they are ' + ', '.join(COLUMNS)}"

    def _person(self, row: _Row, columns: list[str]) -> None:
        if not any(row.cells):
            self._wrong(row.line, "", "this row is empty: remove it")
            return
        if len(row.cells) != len(columns):
            hint = (
                "put a cell that holds a comma in double quotes"
                if len(row.cells) > len(columns)
                else "add commas"
            )
            self._wrong(row.line, "", f"{len(row.cells)} cells under {len(columns)} columns: {hint}")
            return
        cells = dict(zip(columns, row.cells, strict=True))
        good = True
        for column, value in cells.items():
            pattern, rule = _RULES[column]
            if value and not re.fullmatch(pattern, value):
                self._wrong(row.line, column, f'"{value}" {rule}')
                good = False
        owner = next((cells[name] for name in NAMES if cells.get(name)), "")
        if not owner:
            named = " or ".join(name for name in NAMES if name in columns)
            self._wrong(row.line, "", f"does not say who it is: fill in {named}")
        elif good:
            person = Person(**{**cells, "owner": owner})
            self._claim(row.line, person, cells)
            self.people.append((row.line, person))

    def _claim(self, line: int, person: Person, cells: dict[str, str]) -> None:
        """No name may lead to two people: the reaper could not tell whose a resource is."""
        for name in (*person.names, *([person.user_id] if person.user_id else [])):
            if name in self._called:
                first, owner = self._called[name]
                column = next((column for column in _LEADING if cells.get(column) == name), "")
                taken = f'"{name}" is {owner} of line {first} already: two people, two names'
                self._wrong(line, column, taken)
            else:
                self._called[name] = (line, person.owner)

    def _wrong(self, line: int, column: str, message: str) -> None:
        self.problems.append(Problem(self.source, line, column, message))
