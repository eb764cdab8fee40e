"""The mutants of a file: where each stands, and the text that it makes."""

from __future__ import annotations

import ast
import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code

from mutation.operators import all_operators

OPERATORS = all_operators()


class Place(NamedTuple):
    """One change that an operator can make in a file."""

    line: int
    operator: str
    occurrence: int


class Mutant(NamedTuple):
    file: str
    """Relative to the checkout."""
    line: int
    operator: str
    before: str
    after: str
    text: str
    """The whole file, changed."""
    lines: range
    """Of the statement, without what it contains."""
    imported: bool
    """It runs when the module is imported, not when a function is called."""


def draw(top: Path, files: list[str], count: int, seed: int) -> list[Mutant]:
    """Draw lines, each as likely as any other; of each one operator, and one place of it."""
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated is wanted
    lines = [(file, there) for file in files for _, there in sorted(places(top / file).items())]
    chance.shuffle(lines)
    drawn: list[Mutant] = []
    for file, there in lines:
        if len(drawn) == count:
            break
        operators = sorted({place.operator for place in there})
        chance.shuffle(operators)
        chance.shuffle(there)
        inorder = sorted(there, key=lambda place: operators.index(place.operator))
        drawn += itertools.islice(_made(top, file, inorder), 1)
    return sorted(drawn, key=lambda mutant: mutant[:5])


def at(top: Path, file: str, line: int) -> list[Mutant]:
    """All mutants of the statement at a line."""
    source = (top / file).read_text()
    wanted = _statement(source, line)[0]
    found = [place for each, there in sorted(places(top / file).items()) if each in wanted for place in there]
    return list(_made(top, file, found))


def places(path: Path) -> dict[int, list[Place]]:
    """All changes of a file, by line; those that change no behaviour are left out."""
    found: dict[int, list[Place]] = defaultdict(list)
    nodes = list(ast_nodes(get_ast(path.read_text())))
    for name, operator in OPERATORS.items():
        occurrence = 0
        for node in nodes:
            for (line, _), _ in operator.mutation_positions(node):
                if not _without_effect(node):
                    found[line].append(Place(line, name, occurrence))
                occurrence += 1
    return found


def _made(top: Path, file: str, found: list[Place]) -> Iterator[Mutant]:
    """Leave out what is no Python (a changed `case`), and what means the same as before."""
    source = (top / file).read_text()
    original = ast.dump(ast.parse(source))
    for place in found:
        text = mutate_code(source, OPERATORS[place.operator], place.occurrence)
        try:
            if ast.dump(ast.parse(text)) == original:
                continue
        except SyntaxError:
            continue
        before, after = _difference(source.splitlines(), text.splitlines())
        lines, imported = _statement(source, place.line)
        yield Mutant(file, place.line, place.operator, before, after, text, lines, imported)


def _difference(old: list[str], new: list[str]) -> tuple[str, str]:
    """The lines that differ, each side in one line."""
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return " ".join(" ".join(old).split()), " ".join(" ".join(new).split())


def _statement(source: str, line: int) -> tuple[range, bool]:
    """The lines of the innermost statement, of a compound one its head; and whether the import runs it."""
    found, imported = range(line, line + 1), True
    look = [(one, True) for one in ast.parse(source).body]
    while look:
        one, outside = look.pop()
        first, last = _first(one), getattr(one, "end_lineno", None) or line
        if not first <= line <= last:
            continue
        inner = [part for name in BLOCKS for part in getattr(one, name, ())]
        head = min([_first(part) for part in inner], default=last + 1)
        found, imported = range(first, max(head, first + 1)), outside
        inside = isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        look = [(part, outside and not inside) for part in inner]
    return found, imported


BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def _first(one: Any) -> int:
    above = [mark.lineno for mark in getattr(one, "decorator_list", ())]
    return int(min([*above, one.pattern.lineno if isinstance(one, ast.match_case) else one.lineno]))


def _without_effect(node: Any) -> bool:  # noqa: C901, PLR0911 - one reason a case
    """Annotations, decorators, messages, logs, and what only type checkers read."""
    if node == "*" and node.parent.type == "parameters":
        return True  # no product
    if node in ("|", "&") and ASTQuery(node).get_definition_name() is None:
        return True  # a union of types
    if node.type == "if_stmt" and _for_types(node):
        return True
    while (parent := node.parent) is not None:
        match parent.type:
            case "tfpdef" | "annassign" if node is parent.children[-1 if parent.type == "tfpdef" else 1]:
                return True
            case "funcdef" if node is parent.annotation:
                return True
            case "decorator" | "fstring_expr" | "import_from" | "import_name":
                return True
            case "if_stmt" if _for_types(parent):
                return True
            case "expr_stmt" if parent.children[0].get_code(include_prefix=False) == "__all__":
                return True
            case "atom_expr" if parent.children[0].get_code(include_prefix=False) in FOR_TYPES:
                return True
        node = parent
    return False


def _for_types(node: Any) -> bool:
    return bool(node.children[1].get_code().split(".")[-1].strip() == "TYPE_CHECKING")


FOR_TYPES = {"cast", "TypeVar", "NewType", "assert_never", "log", "logger", "logging", "LOG"}
"""A call of these, or of something in them."""
