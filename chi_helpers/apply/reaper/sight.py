"""Look at the site as seldom as will do: what was listed a moment ago, and not touched since, serves on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chi_helpers.apply.reaper.kinds import GUARDED, seen_lately, together, touched
from chi_helpers.model.inventory import Inventory, Kind, Listing, Ref, Resource
from chi_helpers.model.reaping import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from chi_helpers.apply.reaper.timing import Bounds, Timer
    from chi_helpers.model.reaping import Policy, Verdict
    from chi_helpers.sites.reaping import ReapSite

    Judge = Callable[[Inventory, Policy, datetime], Sequence[Verdict]]


@dataclass(frozen=True)
class Sight:
    """What was seen, and the judge's word on it."""

    inventory: Inventory
    verdicts: dict[Ref, Verdict]
    latest: datetime
    """The site's clock at the newest part of it; the inventory's own instant is that of the oldest."""
    fresh: float
    """Calls may be sent by it until this instant (monotonic),"""
    guarded: float
    """and until this one where the site refuses what has changed since,"""
    lately: Mapping[Kind, float]
    """but none later than this by which things of the kind would go along, whatever has changed on them."""

    def shows(self, ref: Ref) -> Resource | None:
        return self.inventory.by_ref.get(ref)

    def gone(self, ref: Ref) -> bool:
        """Known not to be there: all of its kind were listed, and it was not among them."""
        return self.inventory.complete(ref.kind) and ref not in self.inventory.by_ref

    def until(self, action: Action, resource: Resource) -> float:
        """Until when (monotonic) this call may be sent by it.

        A mark is written without a look at the revision, so that it counts as unguarded.
        """
        safe = action is not Action.MARK and resource.kind in GUARDED and resource.revision is not None
        along = (self.lately[kind] for kind in seen_lately((resource.kind,)) if kind in self.lately)
        return min((self.guarded if safe else self.fresh, *along))

    def covers(self, kind: Kind) -> bool:
        """Whether all was asked for that a verdict on this kind hangs on."""
        return together((kind,)) <= self.inventory.listings.keys()


class Seen(NamedTuple):
    """A full inventory that somebody else took, and when its listing began (`time.monotonic`)."""

    inventory: Inventory
    taken: float


@dataclass(slots=True)
class _Part:
    """One kind's last listing, which took from `taken` to `ended`."""

    kind: Kind
    inventory: Inventory
    listing: Listing
    resources: tuple[Resource, ...]
    taken: float
    ended: float

    def bound(self, bounds: Bounds) -> float:
        """For how long it is good (seconds): a listing that failed is to be tried again soon."""
        whole = self.inventory.complete(self.kind)
        safe = whole and self.kind in GUARDED and all(r.revision is not None for r in self.resources)
        return bounds.guarded if safe else bounds.fresh

    def until(self, bound: float) -> float:
        """Until when calls may be sent by it, where it is good for `bound` seconds.

        Where the listing itself took most of the time, for half as long from its end: else nothing would
        ever go at a slow site.
        """
        return max(self.taken + bound, self.ended + bound / 2)


@dataclass(slots=True)
class Eyes:
    """Looks, and remembers each kind's last listing until something is done to it."""

    site: ReapSite
    judge: Judge
    policy: Policy
    timer: Timer
    bounds: Bounds
    parts: dict[Kind, _Part] = field(default_factory=dict)
    requests: int = 0
    """Listing requests so far, as the site counted them."""

    def remember(self, inventory: Inventory, taken: float, ended: float) -> None:
        """Take up an inventory whose listing took from the one instant to the other.

        What is remembered already stays as old as it is: it only has its ties anew.
        """
        by_kind: dict[Kind, list[Resource]] = {kind: [] for kind in inventory.listings}
        for resource in inventory.resources:
            by_kind.setdefault(resource.kind, []).append(resource)
        for kind, listing in inventory.listings.items():
            resources, known = tuple(by_kind[kind]), self.parts.get(kind)
            if known is None:
                self.parts[kind] = _Part(kind, inventory, listing, resources, taken, ended)
            else:
                known.resources = resources

    def blink(self, kinds: Iterable[Kind] = Kind) -> None:
        """Something was done to things of these kinds: what was seen of them before counts no more."""
        self.forget(touched(kinds))

    def forget(self, kinds: Iterable[Kind]) -> None:
        """Whatever may have changed by itself since is to be looked at again."""
        for kind in kinds:
            self.parts.pop(kind, None)

    def look(self, kinds: Collection[Kind] | None = None, *, going: Iterable[Kind] = ()) -> Sight:
        """See these kinds (None: all), and whatever else was listed a moment ago. Raises `SiteError`.

        `going`: the kinds that are to be deleted by it. A part is used again only for half of the time for
        which calls on these may be sent by it.
        """
        began = self.timer.now()
        lately = seen_lately(going)
        good = {k: self.bounds.fresh if k in lately else p.bound(self.bounds) for k, p in self.parts.items()}
        young = {k: p for k, p in self.parts.items() if 0 <= began - p.taken <= good[k] / 2}
        self.parts = young if kinds is not None else {}
        lacking = None if kinds is None else frozenset(kinds) - self.parts.keys()
        if lacking is None or lacking:
            seen = self.site.inventory(lacking, frozenset(self.parts))
            self.requests += sum(listing.requests for listing in seen.listings.values())
            self.remember(seen, began, self.timer.now())
        return self.sight()

    def sight(self) -> Sight:
        """Judge what is remembered. The instant is that of the oldest part: never later than any of it."""
        parts = list(self.parts.values())
        newest = max(parts, key=lambda part: part.taken).inventory
        inventory = Inventory(
            site=newest.site,
            project_id=newest.project_id,
            project=newest.project,
            at=min(part.inventory.at for part in parts),
            skew=max((part.inventory.skew for part in parts), key=abs),
            viewer=newest.viewer,
            administrator=newest.administrator,
            resources=tuple(resource for part in parts for resource in part.resources),
            listings={kind: part.listing for kind, part in self.parts.items()},
            users=newest.users,
        )
        verdicts = self.judge(inventory, self.policy, inventory.at)
        ends = {part.kind: part.until(part.bound(self.bounds)) for part in parts}
        fresh = min(ends.values())
        return Sight(
            inventory=inventory,
            verdicts={verdict.ref: verdict for verdict in verdicts},
            latest=max(part.inventory.at for part in parts),
            fresh=fresh,
            guarded=min((end for kind, end in ends.items() if kind in GUARDED), default=fresh),
            lately={part.kind: part.until(self.bounds.fresh) for part in parts},
        )
