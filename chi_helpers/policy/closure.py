"""What can go together: nothing goes while something that stays needs it, or would be taken along.

The largest set that is closed under both, found by taking out what cannot go until nothing changes; each
edge is looked at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.model.reaping import Finding, Rule
from chi_helpers.model.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chi_helpers.policy.ties import Ties

NO, UNKNOWN, YES = 0, 1, 2
"""Kleene's values as numbers: his `and` is `min`."""

_NOTHING = (YES, YES, -1, False)
_FREE = Finding(Rule.UNREFERENCED, Truth.YES, "nothing that stays needs it")


def closed(may: Iterable[bool], ties: Ties) -> bytearray:
    """The largest part of what `may` go that can go together, as a flag for each position."""
    goes = bytearray(may)
    takers, needs = ties.takers, ties.needs
    todo = [number for number, flag in enumerate(goes) if not flag]
    while todo:
        stays = todo.pop()
        for neighbours in (takers.get(stays, ()), needs.get(stays, ())):
            for other in neighbours:
                if goes[other]:
                    goes[other] = 0
                    todo.append(other)
    return goes


class Closure:
    """Kleene's version of it: `base` has YES, UNKNOWN or NO for each position, by all the other rules."""

    def __init__(self, base: Sequence[int], ties: Ties) -> None:
        self._base, self._ties = base, ties
        self._cache: dict[tuple[int, int, bool], Finding] = {}
        lost = ties.lost
        self.sure = closed((b == YES and n not in lost for n, b in enumerate(base)), ties)
        """What goes."""
        self.maybe = closed((b != NO for b in base), ties) if lost or UNKNOWN in base else self.sure
        """What would go, were all that is unknown true."""

    def finding(self, number: int) -> Finding:
        """The rule UNREFERENCED for one position, with what stands in the way.

        Of a thing that stays anyway only what others are by themselves counts: they may stay because of it.
        """
        ties, sure = self._ties, self.sure
        if sure[number] or not (number in ties.takes or number in ties.holders or number in ties.lost):
            return _FREE
        stays = [
            (self._value(number, other), self._base[other], other, True)
            for other in ties.takes.get(number, ())
            if not sure[other]
        ]
        stays += [
            (self._value(number, other), self._base[other], other, False)
            for other in ties.holders.get(number, ())
            if not sure[other]
        ]
        # The first to be told of is what stays for reasons of its own.
        worst, _, blocker, along = min(stays, default=_NOTHING)
        if number in ties.lost and worst > NO:
            why = f"{ties.lost[number]} would go along, and was not listed"
            return Finding(Rule.UNREFERENCED, Truth.UNKNOWN, why)
        if worst == YES:
            return _FREE
        key = (worst, blocker, along)
        if key not in self._cache:
            self._cache[key] = self._in_the_way(*key)
        return self._cache[key]

    def _in_the_way(self, worst: int, blocker: int, along: bool) -> Finding:
        truth = Truth.NO if worst == NO else Truth.UNKNOWN
        stays = "stays" if worst == NO else "may have to stay"
        tie = "would go along" if along else "needs it"
        return Finding(Rule.UNREFERENCED, truth, f"{self._named(blocker)} {tie}, and {stays}")

    def _value(self, number: int, other: int) -> int:
        if self._base[number] == NO:
            return self._base[other]
        if not self.maybe[other]:
            return NO
        return UNKNOWN if self._base[number] == YES else self._base[other]

    def _named(self, number: int) -> str:
        name = self._ties.resources[number].name
        return f"{self._ties.refs[number]} ({name})" if name else str(self._ties.refs[number])
