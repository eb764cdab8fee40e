"""The changes that are tried: cosmic-ray's operators, as far as they are likely slips, and some of our own.

Cosmic-ray and mutmut both know no deleted statement and no dropped argument. Cosmic-ray takes more operators;
mutmut keeps its own set, draws no sample, and changes nothing outside functions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, ClassVar

import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider

Position = tuple[tuple[int, int], tuple[int, int]]

COMPARISONS = (
    ("Eq", "NotEq"), ("NotEq", "Eq"), ("Is", "IsNot"), ("IsNot", "Is"),
    ("Lt", "LtE"), ("Lt", "GtE"), ("LtE", "Lt"), ("LtE", "Gt"),
    ("Gt", "GtE"), ("Gt", "LtE"), ("GtE", "Gt"), ("GtE", "Lt"),
)  # fmt: skip
"""The opposite and the limit. Cosmic-ray has all pairs: `==` to `>=` is no slip."""
ARITHMETIC = (
    ("Add", "Sub"), ("Sub", "Add"), ("Mul", "Div"), ("Div", "Mul"), ("FloorDiv", "Mul"), ("Mod", "Mul"),
    ("BitOr", "BitAnd"), ("BitAnd", "BitOr"),
)  # fmt: skip
THEIRS = (
    *(f"ReplaceComparisonOperator_{old}_{new}" for old, new in COMPARISONS),
    *(f"ReplaceBinaryOperator_{old}_{new}" for old, new in ARITHMETIC),
    "ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub",
    "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer",
    "ZeroIterationForLoop",
)  # fmt: skip


class Ours(Operator):  # type: ignore[misc]  # cosmic-ray ships no types
    """An operator with one change a node: `changed` says what stands in a node's place, or None."""

    before: ClassVar[str]
    after: ClassVar[str]

    def changed(self, node: Any) -> str | None:
        raise NotImplementedError

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if self.changed(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        return parso.parse(f"{node.get_first_leaf().prefix}{self.changed(node)}")  # type: ignore[no-untyped-call]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example(cls.before, cls.after),)


class DropStatement(Ours):
    """Drops calls, raises, deletions, and what is written into a thing or onto an earlier value."""

    before, after = "raise ValueError\n", "pass\n"

    def changed(self, node: Any) -> str | None:
        if node.type != "simple_stmt":
            return None
        what = node.children[0]
        drops = (
            what.type in {"raise_stmt", "del_stmt", "yield_expr"}
            or (what.type == "keyword" and what.value in {"return", "raise"})
            or (what.type == "atom_expr" and what.children[-1].children[0] == "(")
            or (what.type == "expr_stmt" and self.overwrites(what))
        )
        return "pass\n" if drops else None

    @staticmethod
    def overwrites(statement: Any) -> bool:
        """A new name that is not bound is noticed by every test that comes there, and tells nothing."""
        target, sign = statement.children[:2]
        if sign.type == "annassign":
            return False
        return sign != "=" or target.type == "atom_expr" or _reads(statement.children[-1], target)


class ReturnNone(Ours):
    before, after = "return answer", "return None"

    def changed(self, node: Any) -> str | None:
        nothing = {"None", "False"}  # callers tell these apart only where they compare
        if node.type != "return_stmt" or node.children[1].get_code(include_prefix=False) in nothing:
            return None
        return "return None"


class DropArgument(Ours):
    """Drops one argument of a call: any that is given by name, or the last of several others."""

    before, after = "call(node, timeout=3)", "call(timeout=3)"

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        for argument in self.droppable(node):
            yield argument.start_pos, argument.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        dropped = self.droppable(node)[index]
        kept = [arg.get_code(include_prefix=False) for arg in self.arguments_of(node) if arg is not dropped]
        return parso.parse(f"{node.get_first_leaf().prefix}({', '.join(kept)})")  # type: ignore[no-untyped-call]

    @staticmethod
    def arguments_of(node: Any) -> list[Any]:
        if node.type != "trailer" or node.children[0].value != "(" or len(node.children) < 3:  # noqa: PLR2004
            return []
        inner = node.children[1]
        return [arg for arg in inner.children if arg != ","] if inner.type == "arglist" else [inner]

    def droppable(self, node: Any) -> list[Any]:
        given = self.arguments_of(node)
        if any(arg.type == "argument" and arg.children[1].type == "sync_comp_for" for arg in given):
            return []
        named = [arg for arg in given if arg.type == "argument" and arg.children[1] == "="]
        placed = [arg for arg in given if arg.type != "argument"]
        return placed[1:][-1:] + named


class SwapIn(Ours):
    before, after = "a in b", "a not in b"

    def changed(self, node: Any) -> str | None:
        if node.parent is None or node.parent.type != "comparison":
            return None
        return {"in": "not in", "not in": "in"}.get(" ".join(node.get_code(include_prefix=False).split()))


class NegateFilter(Ours):
    """The condition of a comprehension; `AddNot` has those of statements and of `a if b else c`."""

    before, after = "[x for x in y if x]", "[x for x in y if not (x)]"

    def changed(self, node: Any) -> str | None:
        return (
            f"if not ({node.children[1].get_code(include_prefix=False)})" if node.type == "comp_if" else None
        )


class ChangeString(Ours):
    """Words that programs read: a key, a status, a name. Sentences are for people, and left alone."""

    before, after = 'find("ACTIVE")', "find('ACTIVEXX')"

    def changed(self, node: Any) -> str | None:
        if node.type != "string" or node.parent.type in {"simple_stmt", "strings"}:
            return None
        value = ast.literal_eval(node.value)
        return repr(f"{value}XX") if isinstance(value, str) and value and len(value.split()) == 1 else None


OURS = (DropStatement, ReturnNone, DropArgument, SwapIn, NegateFilter, ChangeString)


def all_operators() -> dict[str, Operator]:
    known = OperatorProvider()
    return {name: known[name]() for name in THEIRS} | {operator.__name__: operator() for operator in OURS}


def _reads(expression: Any, target: Any) -> bool:
    return target.type == "name" and any(
        node.type == "name" and node.value == target.value for node in ast_nodes(expression)
    )
