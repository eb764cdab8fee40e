"""Is a thing in scope, and whose is it? The rules OURS and OWNED.

By the stamp of this lab or by the reaper's mark; a lease by its exact name, or by what runs in it; what is a
part of something else, and an instance in the owner's lease, by that. What people made by hand only where
the file says that the project is the lab's alone, the roster knows the owner, and it was seen before; a key
pair only where it has the lab's exact name as well, for it is in all projects of its user. Two pieces of
evidence that disagree are no knowledge.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from chi_helpers.model.inventory import Kind, Resource
from chi_helpers.model.reaping import Finding, Rule
from chi_helpers.model.truth import Truth, every
from chi_helpers.policy.listing import unseen
from chi_helpers.policy.memory import known_since
from chi_helpers.policy.people import Clue, People
from chi_helpers.policy.ties import edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chi_helpers.model.inventory import Inventory
    from chi_helpers.model.reaping import Policy
    from chi_helpers.policy.ties import Ties

HISTORY = "TERMINATED"
"""Blazar's word for a lease that has ended; it stays in the list for good."""

_ORDER = (
    *(Kind.LEASE, Kind.INSTANCE, Kind.VOLUME, Kind.SNAPSHOT, Kind.IMAGE, Kind.KEY_PAIR, Kind.CONTAINER),
    *(Kind.PORT, Kind.FLOATING_IP, Kind.GROUP, Kind.NETWORK, Kind.SUBNET, Kind.ROUTER),
)
"""Owners are found in this order: each by what comes before it."""
_FRAMES = frozenset({Kind.NETWORK, Kind.ROUTER})
"""Their own ports come last, and say nothing about them."""
_TIES_TELL = frozenset(
    {Kind.PORT, Kind.FLOATING_IP, Kind.GROUP, Kind.NETWORK, Kind.SUBNET, Kind.ROUTER},
)
"""Neutron does not know who made what: here ties count as evidence."""
_EVIDENCE = {
    Kind.INSTANCE: frozenset({Kind.LEASE}),
    **dict.fromkeys(_TIES_TELL, frozenset({Kind.INSTANCE, Kind.PORT})),
}
"""Kinds without which a clue to somebody else may be missing."""


class Claim(NamedTuple):
    """Whose a thing is, if anybody's of the lab."""

    owner: str
    ours: Finding
    owned: Finding
    tied: bool = False
    """Nothing on the thing itself says so: when what it hangs on goes, it must have been marked."""
    lent: bool = False
    """By the lease that it runs in: its own stamp is gone, and can be restored."""


class Owners:
    """Finds the claim for every position of `ties`."""

    def __init__(self, inventory: Inventory, policy: Policy, now: datetime, ties: Ties) -> None:
        self._inventory, self._policy, self._now, self._ties = inventory, policy, now, ties
        self._spec = policy.spec
        self.people = People(policy.spec, policy.roster, inventory)
        self._cache: dict[tuple[str, str], Claim] = {}
        self._parts: dict[tuple[str, Truth, Truth, Kind], Claim] = {}
        self._foreign = _out(
            f"it carries no stamp of {self._spec.lab}, and the project is not declared exclusive"
        )
        self._claims: list[Claim | None] = [None] * len(ties.resources)
        last = []
        for kind in _ORDER:
            for number in ties.of_kind[kind]:
                if kind is Kind.PORT and self._of_a_frame(number):
                    last.append(number)
                else:
                    self._claims[number] = self._claim(number)
        for number in last:
            self._claims[number] = self._claim(number)

    def of(self, number: int) -> Claim:
        """The claim for the resource at this position."""
        claim = self._claims[number]
        if claim is None:
            raise AssertionError(f"{self._ties.refs[number]} was passed over")
        return claim

    def clues(self, number: int) -> list[Clue]:
        """All evidence on the thing itself and by its ties, whatever decides in the end."""
        resource = self._ties.resources[number]
        stamped = self._stamped(resource)
        return [*stamped, *self.people.maker(resource), *self.people.written(resource), *self._tied(number)]

    def _of_a_frame(self, number: int) -> bool:
        """Whether it is a port that a network or a router has for itself."""
        resources = self._ties.resources
        return resources[number].kind is Kind.PORT and any(
            resources[taker].kind in _FRAMES for taker in edges(self._ties.takers, number)
        )

    def _claim(self, number: int) -> Claim:
        resource = self._ties.resources[number]
        return (
            self._noted(resource)
            or self._lease(number, resource)
            or self._along(number, resource)
            or self._private(resource)
            or (self._by_hand(number, resource) if self._spec.reap.exclusive else self._foreign)
        )

    def _noted(self, resource: Resource) -> Claim | None:
        """By what is written on it, or by what it is; None where that decides nothing."""
        lab, stamp, mark = self._spec.lab, resource.stamp, resource.mark
        claim = None
        if resource.kind is Kind.LEASE and resource.status == HISTORY:
            claim = _HISTORY
        elif self._reapers_own(resource):
            claim = _OWN
        elif resource.stamp_fault:
            claim = _doubt(resource.stamp_fault, ours=Truth.UNKNOWN)
        elif stamp is not None and stamp.lab == lab:
            if mark is not None and mark.lab == lab and mark.owner != stamp.owner:
                claim = _doubt(f"its stamp says {stamp.owner}, the reaper's mark {mark.owner}")
            else:
                claim = self._sure(stamp.owner, "its stamp")
        elif stamp is not None and not self._spec.reap.exclusive:
            claim = _out(f"it carries the stamp of another lab, {stamp.lab}", stamp.owner)
        elif mark is not None and mark.lab == lab:
            claim = self._sure(mark.owner, "the reaper's mark")
        return claim

    def _reapers_own(self, resource: Resource) -> bool:
        viewer = self._inventory.viewer
        return bool(viewer) and resource.kind is Kind.KEY_PAIR and resource.id.split("/", 1)[0] == viewer

    def _lease(self, number: int, resource: Resource) -> Claim | None:
        """A lease has no stamp: by the kit's exact name for it, else by the stamp of what runs in it."""
        if resource.kind is not Kind.LEASE:
            return None
        owner = self.people.of_lease.get(resource.name)
        if owner is not None:
            return self._sure(owner, "its name")
        inside = {
            stamp.owner
            for other in edges(self._ties.takes, number)
            if (stamp := self._ties.resources[other].stamp) is not None and stamp.lab == self._spec.lab
        }
        if len(inside) > 1:
            return _doubt(f"instances of {' and '.join(sorted(inside))} run in it")
        return self._sure(inside.pop(), "the stamp of what runs in it") if inside else None

    def _along(self, number: int, resource: Resource) -> Claim | None:
        """As what it is a part of, or, for an instance, as the lease that its owner made for it."""
        takers = [(t, c) for t in edges(self._ties.takers, number) if (c := self._claims[t]) is not None]
        if not takers:
            return None
        if resource.kind is Kind.INSTANCE:
            return self._in_lease(takers, resource)
        owners = {claim.owner for _, claim in takers}
        if len(owners) > 1:
            return _doubt(f"it goes along with things of {_names(owners)}")
        owner = owners.pop()
        truth = every(claim.owned.truth for _, claim in takers)
        ours = every(claim.ours.truth for _, claim in takers)
        if Truth.NO in (truth, ours) and self._spec.reap.exclusive and resource.kind not in _TIES_TELL:
            return None
        for clue in [*self._stamped(resource), *self.people.maker(resource)]:
            if not clue.known or clue.owner not in ("", owner):
                return _doubt(f"it goes along with a thing of {owner}; {_said(clue)}")
        return self._part(owner, ours, truth, self._ties.resources[takers[0][0]].kind)

    def _part(self, owner: str, ours: Truth, owned: Truth, kind: Kind) -> Claim:
        key = (owner, ours, owned, kind)
        if key not in self._parts:
            why = f"as a part of the {kind} that it goes along with"
            self._parts[key] = Claim(
                owner,
                Finding(Rule.OURS, ours, f"it is in scope {why}" if ours is Truth.YES else f"judged {why}"),
                Finding(Rule.OWNED, owned, f"{owner or 'nobody known'}, {why}"),
                tied=True,
            )
        return self._parts[key]

    def _in_lease(self, takers: Sequence[tuple[int, Claim]], resource: Resource) -> Claim | None:
        """An unstamped instance is its lease's where the same user made both, and nothing says otherwise."""
        number, lease = takers[0]
        maker = self._ties.resources[number].user_id
        sure = lease.ours.truth is Truth.YES and lease.owned.truth is Truth.YES
        home = self._ties.resources[number].kind is Kind.LEASE and len(takers) == 1
        if not home or not sure or resource.stamp is not None:
            return None
        clues = [*self.people.maker(resource), *self.people.written(resource)]
        others = [clue for clue in clues if not clue.known or clue.owner != lease.owner]
        if others:
            return _doubt(f"it runs in the lease of {lease.owner}; {_said(others[0])}")
        if resource.user_id != maker and not clues:
            if self._spec.reap.exclusive:
                return None
            return _doubt(f"it runs in the lease of {lease.owner}, and another user made it")
        claim = self._sure(lease.owner, "the lease that it runs in")
        return self._second_look(resource, claim)._replace(lent=True)

    def _private(self, resource: Resource) -> Claim | None:
        """A key pair says nothing of a project, and carries no notes: only its name can make it the lab's."""
        if resource.kind is Kind.KEY_PAIR and resource.name not in self.people.of_lease:
            return _PRIVATE
        return None

    def _by_hand(self, number: int, resource: Resource) -> Claim:
        for kind in sorted(_EVIDENCE.get(resource.kind, ())):
            if not self._inventory.complete(kind):
                return _doubt(f"whose it is may show elsewhere, and {unseen(self._inventory, kind)}")
        own = [*self._stamped(resource), *self.people.maker(resource), *self.people.written(resource)]
        clues = own + self._tied(number)
        owners = {clue.owner for clue in clues if clue.owner}
        strangers = [clue for clue in clues if not clue.owner]
        if len(owners) > 1:
            return _doubt(f"the evidence disagrees: {'; '.join(_said(clue) for clue in clues)}")
        if strangers and (owners or not all(clue.known for clue in strangers)):
            return _doubt("; ".join(_said(clue) for clue in clues))
        if strangers:
            return Claim("", _EXCLUSIVE, Finding(Rule.OWNED, Truth.NO, strangers[0].why))
        named = any(clue.owner for clue in own)
        if not owners or (resource.kind is Kind.INSTANCE and not named):
            # Whoever is in the project may start an instance in any lease of it: that says nothing.
            return _NOBODY
        owner = owners.pop()
        claim = self._sure(owner, f"made by hand, {clues[0].why}", _EXCLUSIVE)
        claim = self._second_look(resource, claim)
        return claim if named else claim._replace(tied=True)

    def _stamped(self, resource: Resource) -> list[Clue]:
        stamp = resource.stamp
        if stamp is None:
            return []
        owners = self.people.called(stamp.owner)
        if not owners:
            return [Clue("", f"its stamp is of {stamp.lab} and {stamp.owner}, who is not on the roster")]
        return [Clue(owner, f"its stamp of {stamp.lab}") for owner in sorted(owners)]

    def _tied(self, number: int) -> list[Clue]:
        """Whose the things are that it is for: a port's instance, an address's port, a network's ports."""
        ties = self._ties
        kind = ties.resources[number].kind
        if kind not in _TIES_TELL and kind is not Kind.INSTANCE:
            return []
        near: list[int] = [*edges(ties.takers, number)] if kind in (Kind.INSTANCE, Kind.PORT) else []
        if kind is not Kind.INSTANCE:
            near += edges(ties.holders, number)
            near += edges(ties.needs, number) if kind is Kind.ROUTER else ()
        found: dict[str, Clue] = {}
        for other in near:
            claim = self._claims[other]
            if claim is None or self._of_a_frame(other):
                continue
            if claim.owner:
                found.setdefault(claim.owner, Clue(claim.owner, f"its tie to {ties.refs[other]}"))
            elif kind is not Kind.INSTANCE:
                found.setdefault(
                    "", Clue("", f"{ties.refs[other]} is tied to it, and {claim.owned.why}", known=False)
                )
        return list(found.values())

    def _second_look(self, resource: Resource, claim: Claim) -> Claim:
        since = known_since(self._policy.memory, resource)
        if since is not None and self._now - since >= self._spec.reap.second_look:
            return claim
        seen = "now" if since is None else f"at {since:%H:%M:%S} UTC"
        why = f"{claim.owner}; it carries no stamp and was first seen {seen}: a second look is due"
        return claim._replace(owned=Finding(Rule.OWNED, Truth.NO, why))

    def _sure(self, owner: str, why: str, ours: Finding | None = None) -> Claim:
        """Make each of these once: there are few owners, and many things."""
        claim = self._cache.get((owner, why))
        if claim is None:
            found = ours or Finding(Rule.OURS, Truth.YES, f"it is of the lab {self._spec.lab}, by {why}")
            claim = Claim(owner, found, Finding(Rule.OWNED, Truth.YES, f"{owner}, by {why}"))
            self._cache[owner, why] = claim
        return claim


def _out(why: str, owner: str = "") -> Claim:
    """Out of scope; it may well be known whose it is."""
    owned = Finding(Rule.OWNED, Truth.YES if owner else Truth.NO, f"{owner}'s" if owner else "")
    return Claim(owner, Finding(Rule.OURS, Truth.NO, why), owned)


def _doubt(why: str, ours: Truth = Truth.YES) -> Claim:
    return Claim("", Finding(Rule.OURS, ours, why), Finding(Rule.OWNED, Truth.UNKNOWN, why))


def _said(clue: Clue) -> str:
    return f"{clue.owner} by {clue.why}" if clue.owner else clue.why


def _names(owners: set[str]) -> str:
    return " and ".join(sorted(owner or "nobody known" for owner in owners))


_HISTORY = _out("it has ended: history")
_OWN = _out("it is of the user that the reaper works as")
_PRIVATE = _out("a key pair is its user's, for all projects, and its name is not the lab's")
_EXCLUSIVE = Finding(Rule.OURS, Truth.YES, "the file says that the project is the lab's alone")
_NOBODY = Claim("", _EXCLUSIVE, Finding(Rule.OWNED, Truth.UNKNOWN, "nothing says whose it is"))
