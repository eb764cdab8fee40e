"""The judge: from an inventory, the policy and the instant to one verdict for each resource.

A resource is deleted only where all seven rules are strictly true. What is not known is kept, and said.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from chi_helpers.model.inventory import Kind, Resource
from chi_helpers.model.reaping import Decision, Finding, Verdict
from chi_helpers.model.truth import Truth
from chi_helpers.policy.clock import MINUTE, to_the_minute
from chi_helpers.policy.closure import NO, UNKNOWN, YES, Closure, closed
from chi_helpers.policy.expiry import Bound, Expiry, Term
from chi_helpers.policy.listing import Listings
from chi_helpers.policy.owners import HISTORY, Claim, Owners
from chi_helpers.policy.protection import Protection
from chi_helpers.policy.ties import Ties, edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chi_helpers.model.inventory import Inventory
    from chi_helpers.model.reaping import Policy

TRIM_AHEAD = timedelta(minutes=2)
"""A lease's new end must be so far ahead: Blazar knows minutes only, and refuses an end in the past."""


def judge(inventory: Inventory, policy: Policy, now: datetime) -> tuple[Verdict, ...]:
    """One verdict for each resource, by kind and id, however the site listed them.

    `now` is the site's clock (aware): `inventory.at`, unless it is asked what would be later.
    """
    return Judgement(inventory, policy, now).verdicts


@dataclass(slots=True)
class _Case:
    """What the rules but the last say of one resource."""

    listed: Finding
    claim: Claim
    term: Term
    unprotected: Finding


class Judgement:
    """The verdicts, and what they were made from: for plans and explanations."""

    def __init__(self, inventory: Inventory, policy: Policy, now: datetime) -> None:
        if now.tzinfo is None:
            raise ValueError(f"a time without a time zone: {now}")
        self.inventory, self.policy, self.now = inventory, policy, now
        with without_collecting():
            self._judge()

    def _judge(self) -> None:
        inventory, policy, now = self.inventory, self.policy, self.now
        self.ties = Ties(inventory)
        self.owners = Owners(inventory, policy, now, self.ties)
        self.expiry = Expiry(policy.spec, now, inventory.skew)
        self._listings = Listings(inventory, self.ties)
        self._protection = Protection(policy.spec, policy.roster, now)
        self._cases: list[_Case | None] = [None] * len(self.ties.resources)
        for kind in _WHOLES_FIRST:
            for number in self.ties.of_kind[kind]:
                self._cases[number] = self._case(number)
        cases = [self._cases[number] for number in range(len(self._cases))]
        self.cases: list[_Case] = [case for case in cases if case is not None]
        self._lasting = [_lasting(case) for case in self.cases]
        base = [
            NO if value == NO else _every(value, _timely(case))
            for value, case in zip(self._lasting, self.cases, strict=True)
        ]
        self.closure = Closure(base, self.ties)
        self.verdicts = tuple(self._verdict(number) for number in range(len(self.cases)))

    @cached_property
    def _endable(self) -> bytearray:
        """What could go, were it time. Asked for over-long leases only."""
        lost = self.ties.lost
        return closed((v == YES and n not in lost for n, v in enumerate(self._lasting)), self.ties)

    def bounds(self, number: int) -> list[Bound]:
        """All limits of a thing's life, that of what it is a part of among them."""
        whole = self.ties.whole(number)
        term = None if whole is None else self.cases[whole].term
        return self.expiry.bounds(self.ties.resources[number], term)

    def _case(self, number: int) -> _Case:
        resource = self.ties.resources[number]
        claim = self.owners.of(number)
        whole = self.ties.whole(number)
        before = None if whole is None else self._cases[whole]
        told: Sequence[datetime] = ()
        if warned := self.policy.memory.warned:
            refs = (self.ties.refs[number], *(() if whole is None else (self.ties.refs[whole],)))
            told = [warned[ref] for ref in refs if ref in warned]
        term = self.expiry.of(resource, None if before is None else before.term, told)
        free = self._protection.of(resource, claim.owner, part=whole is not None)
        return _Case(self._listings.of(number), claim, term, free)

    def _verdict(self, number: int) -> Verdict:
        resource, case, ref = self.ties.resources[number], self.cases[number], self.ties.refs[number]
        if resource.kind is Kind.LEASE and resource.status == HISTORY:
            return Verdict(ref, resource.name, Decision.KEEP, (case.claim.ours,))
        claim, term = case.claim, case.term
        findings = (
            case.listed,
            claim.ours,
            claim.owned,
            term.expired,
            term.warned,
            case.unprotected,
            self.closure.finding(number),
        )
        decision, until = Decision.KEEP, None
        if self.closure.sure[number]:
            decision = Decision.DELETE
        elif resource.kind is Kind.LEASE and (until := self._trim(number, resource)) is not None:
            decision = Decision.TRIM
        elif term.due and self._to_warn(number, case):
            decision = Decision.WARN
        restamp = claim.lent and decision is not Decision.DELETE and self._can_stamp(resource, case)
        return Verdict(ref, resource.name, decision, findings, claim.owner, term.deadline, until, restamp)

    def _to_warn(self, number: int, case: _Case) -> bool:
        """Whether the warning that is due is to be given: for somebody's, not spared, and not told of yet."""
        for finding in (case.claim.ours, case.claim.owned, case.unprotected):
            if finding.truth is not Truth.YES:
                return False
        told, whole = self.policy.memory.warned, self.ties.whole(number)
        if whole is not None and self.cases[whole].term.deadline == case.term.deadline:
            return False  # It goes with the other, and that one's warning says so.
        return told.get(self.ties.refs[number]) != case.term.deadline

    def _trim(self, number: int, lease: Resource) -> datetime | None:
        """The end that an over-long lease is to have; None where it is to be left.

        By the file's cap; where that is past or too near, and only younger things in it keep it from being
        deleted, by the last deadline of these: else somebody could make new ones in it for months.
        """
        cap = self.expiry.cap(lease)
        if cap is None or lease.end is None or lease.end <= cap:
            return None
        if not self.expiry.trusted or not self._endable[number]:
            return None
        end = to_the_minute(cap)
        if end < self.now + TRIM_AHEAD:
            terms = [self.cases[other].term.deadline for other in edges(self.ties.takes, number)]
            deadlines = [deadline for deadline in terms if deadline is not None]
            if not deadlines or len(deadlines) < len(terms):
                return None
            end = _up_to_the_minute(max(deadlines))
        return end if self.now + TRIM_AHEAD <= end < lease.end else None

    def _can_stamp(self, resource: Resource, case: _Case) -> bool:
        rules = (case.listed, case.claim.owned, case.unprotected)
        return not resource.stamp_fault and all(finding.truth is Truth.YES for finding in rules)


_WHOLES_FIRST = (
    *(Kind.LEASE, Kind.INSTANCE, Kind.NETWORK, Kind.ROUTER),
    *(kind for kind in Kind if kind not in (Kind.LEASE, Kind.INSTANCE, Kind.NETWORK, Kind.ROUTER)),
)
"""What things are parts of is judged before them: a part's deadline is at most that of the whole."""


@contextmanager
def without_collecting() -> Iterator[None]:
    """Put off the search for circular garbage: it would go through all that is made here, again and again."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _lasting(case: _Case) -> int:
    """Kleene's `and` of the rules that time alone does not change."""
    claim = case.claim
    return _every(YES, (case.listed, claim.ours, claim.owned, case.unprotected))


def _timely(case: _Case) -> tuple[Finding, ...]:
    return (case.term.expired, case.term.warned)


def _every(value: int, findings: tuple[Finding, ...]) -> int:
    for finding in findings:
        truth = finding.truth
        if truth is _YES:
            continue
        if truth is _NO:
            return NO
        value = min(value, UNKNOWN)
    return value


# As names of this module: looked up a million times.
_YES, _NO = Truth.YES, Truth.NO


def _up_to_the_minute(instant: datetime) -> datetime:
    whole = to_the_minute(instant)
    return whole if whole == instant.astimezone(UTC) else whole + MINUTE
