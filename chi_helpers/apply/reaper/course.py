"""How far each step of the plan has come: what was asked, what came back, and what the looks show of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from chi_helpers.apply.reaper.guard import May, Ruling, rule
from chi_helpers.apply.reaper.kinds import AT_ONCE, GUARDED
from chi_helpers.model.errors import RefusedError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.reaping import Action, Fate, ReapOutcome, ReapPlan, ReapStep
from chi_helpers.sites.errors import ChangedError, ConflictError, GoneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chi_helpers.apply.reaper.send import Answer
    from chi_helpers.apply.reaper.sight import Sight
    from chi_helpers.apply.reaper.timing import Bounds
    from chi_helpers.model.inventory import Ref


class Asked(Enum):
    NOT = "not asked"
    TAKEN_IN = "accepted"
    """The site said yes. A look has to show the effect."""
    LOST = "no answer"
    """It may have been done or not: only a look tells, and then it may be asked again."""


@dataclass(slots=True)
class Track:
    """One step under way."""

    step: ReapStep
    asked: Asked = Asked.NOT
    fate: Fate | None = None
    """None: not settled."""
    detail: str = ""
    """Why it waits, or how it ended."""
    request_id: str = ""
    tries: int = 0
    again: float = 0.0
    """Not to be asked before this instant (monotonic)."""
    unseen: bool = False
    """It was asked for, and not looked at since."""
    missed: bool = False
    """The site said that there is no such thing (404)."""
    contested: bool = False
    """The site said last that it is in use, or was changed (409, 412)."""
    spent: bool = False
    """Asked for often enough in this run."""

    def settle(self, fate: Fate, detail: str = "") -> None:
        self.fate, self.detail = fate, detail

    @property
    def open(self) -> bool:
        return self.fate is None

    @property
    def outcome(self) -> ReapOutcome:
        fate = self.fate or (Fate.FAILED if self.spent and not self.contested else Fate.WAITING)
        detail = self.detail or ("" if self.fate else "this run did not come to it")
        return ReapOutcome(self.step, fate, detail, self.request_id)


@dataclass(slots=True)
class Course:
    plan: ReapPlan
    bounds: Bounds
    tracks: list[Track] = field(init=False)
    planned: frozenset[Ref] = field(init=False)
    """All that the plan lets go."""
    progress: int = 0
    """Grows whenever something was settled or accepted."""
    _by_step: dict[int, Track] = field(init=False)
    _going: dict[Ref, Track] = field(init=False)
    _takers: dict[Ref, list[Track]] = field(init=False)
    _marks: dict[Ref, list[Track]] = field(init=False)

    def __post_init__(self) -> None:
        self.tracks = [Track(step) for step in self.plan.steps if step.action is not Action.WARN]
        self._by_step = {id(track.step): track for track in self.tracks}
        self._going = {t.step.ref: t for t in self.tracks if t.step.action is Action.DELETE}
        self._takers, self._marks = {}, {}
        for track in self.tracks:
            for ref in track.step.takes:
                self._takers.setdefault(ref, []).append(track)
            if track.step.action is Action.MARK and track.step.root is not None:
                self._marks.setdefault(track.step.root, []).append(track)
        self.planned = frozenset(self._going) | frozenset(self._takers)

    def observe(self, sight: Sight) -> None:
        """Settle what the look settles; say of the others why they wait."""
        for track in self.tracks:
            if track.open:
                self._observe(track, sight)

    def _observe(self, track: Track, sight: Sight) -> None:
        step = track.step
        ruling = self._rule(track, sight)
        if not sight.inventory.complete(step.ref.kind):
            if track.asked is Asked.NOT and step.ref.kind in sight.inventory.listings:
                track.detail = ruling.why
            return
        track.unseen = False
        if ruling.may is May.GONE:
            self._settle(track, self._how_it_went(track))
        elif ruling.may is May.SO:
            self._settle(track, Fate.DONE, "" if track.asked is not Asked.NOT else ruling.why)
        elif track.asked is Asked.TAKEN_IN and step.action is Action.DELETE:
            if self._another(track, sight):
                self._settle(track, Fate.DONE, "another one of that name is there")
            elif step.ref.kind in AT_ONCE:
                # Accepted, and yet there: whoever answered was wrong.
                track.asked, track.detail = Asked.LOST, "the site said that it is gone, and it is there"
            else:
                track.detail = "the site is deleting it"
        elif ruling.may is May.CHANGED and sight.covers(step.ref.kind):
            another = track.asked is not Asked.NOT and self._another(track, sight)
            self._settle(track, Fate.DONE if another else Fate.CHANGED, ruling.why)
        elif ruling.may is May.WAIT and not track.spent:
            track.detail = ruling.why

    def ready(self, sight: Sight, now: float) -> Iterator[tuple[Track, Ruling]]:
        """Yield the steps that may be asked for at the instant `now`, each with the look's ruling."""
        for track in self.tracks:
            if not self._may_come(track) or track.unseen or now < track.again:
                continue
            if track.step.action is Action.DELETE and self._held_back(track):
                continue
            ruling = self._rule(track, sight)
            if ruling.may is May.GO:
                yield track, ruling

    def hear(self, answer: Answer, now: float) -> None:
        """Take in what came back for one step."""
        track = self._by_step[id(answer.step)]
        track.tries += 1
        track.unseen = True
        track.request_id = answer.request_id or track.request_id
        error = answer.error
        detail = "" if error is None else f"{error.what} {error.do}".strip()
        if error is None or isinstance(error, GoneError):
            # 404 is no proof, either: the next look is.
            track.asked, track.detail, track.missed = Asked.TAKEN_IN, detail, error is not None
            self.progress += 1
            if track.step.action is not Action.DELETE:
                self._settle(track, Fate.GONE if error else Fate.DONE, detail)
        elif isinstance(error, (ConflictError, ChangedError)) or not isinstance(error, RefusedError):
            # In use, or changed, or no answer, or the site's own fault: look, and then ask again.
            track.asked, track.detail = Asked.LOST, detail
            track.contested = isinstance(error, RefusedError)
            track.again = now + min(2.0 ** (track.tries - 1), self.bounds.longest_pause)
            track.spent = track.tries >= self.bounds.tries
        else:
            self._settle(track, Fate.REFUSED, detail)

    @property
    def unsettled(self) -> bool:
        return any(track.open for track in self.tracks)

    @property
    def vanishing(self) -> int:
        """How many were accepted and are not seen to have happened."""
        return sum(1 for t in self.tracks if t.open and t.asked is Asked.TAKEN_IN)

    def slow(self) -> frozenset[Kind]:
        """Those of them that take their time to vanish."""
        return frozenset(
            t.step.ref.kind
            for t in self.tracks
            if t.open and t.asked is Asked.TAKEN_IN and t.step.ref.kind not in AT_ONCE
        )

    def next_kinds(self, now: float) -> frozenset[Kind]:
        """Kinds of the steps that one good look would let go at the instant `now`, one after the other."""
        known: dict[int, bool] = {}
        return frozenset(t.step.ref.kind for t in self.tracks if self._coming(t, now, known))

    def later(self) -> float | None:
        """When the next step that has to pause may be asked again; None where none has to."""
        return min((t.again for t in self.tracks if self._may_come(t) and t.tries), default=None)

    def end(self, sight: Sight | None) -> tuple[ReapOutcome, ...]:
        """Give every step its end. What the last look contradicts was not done, whatever was answered."""
        if sight is None:
            return tuple(track.outcome for track in self.tracks)
        for track in self.tracks:
            self._last(track, sight)
        return tuple(track.outcome for track in self.tracks) + self._went_along(sight)

    def _went_along(self, sight: Sight) -> tuple[ReapOutcome, ...]:
        """What became of that which has no step of its own, where what takes it is gone."""
        known = {verdict.ref: verdict for verdict in self.plan.verdicts}
        found = []
        for ref, takers in self._takers.items():
            taker = next((t for t in takers if t.fate in (Fate.DONE, Fate.GONE)), None)
            if taker is None or ref in self._going or not sight.inventory.complete(ref.kind):
                continue
            verdict = known.get(ref)
            step = replace(
                taker.step,
                ref=ref,
                name=verdict.name if verdict else "",
                owner=verdict.owner if verdict else taker.step.owner,
                why=f"it goes along with {taker.step.ref}",
                created=None,
                takes=(),
                after=(),
            )
            gone = sight.gone(ref)
            why = "" if gone else f"{taker.step.ref} went, and it did not"
            found.append(ReapOutcome(step, Fate.TAKEN if gone else Fate.WAITING, why, taker.request_id))
        return tuple(found)

    def _last(self, track: Track, sight: Sight) -> None:
        step, resource = track.step, sight.shows(track.step.ref)
        there = resource is not None and resource.created == step.created
        if track.fate in (Fate.DONE, Fate.GONE, Fate.TAKEN):
            unchanged = step.action is Action.DELETE or self._rule(track, sight).may is May.GO
            if there and unchanged:
                track.fate, track.detail = None, "the last look shows it as it was"
        elif track.fate is not Fate.CHANGED and sight.gone(step.ref):
            self._settle(track, self._how_it_went(track))

    def _rule(self, track: Track, sight: Sight) -> Ruling:
        if track.step.ref.kind is Kind.FLOATING_IP:
            # Neutron writes it anew when its port goes: by the revision that the look showed it would
            # refuse (412). One more look serves all of them.
            return rule(track.step, sight, sight.gone, self.planned)
        return rule(track.step, sight, lambda ref: self._over(ref, sight), self.planned)

    def _settle(self, track: Track, fate: Fate, detail: str = "") -> None:
        track.settle(fate, detail)
        self.progress += 1

    def _how_it_went(self, track: Track) -> Fate:
        if track.step.action is not Action.DELETE or track.asked is Asked.NOT:
            taken = any(t.asked is not Asked.NOT for t in self._takers.get(track.step.ref, ()))
            return Fate.TAKEN if taken else Fate.GONE
        return Fate.GONE if track.missed else Fate.DONE

    def _another(self, track: Track, sight: Sight) -> bool:
        resource = sight.shows(track.step.ref)
        return resource is not None and resource.created != track.step.created

    def _over(self, ref: Ref, sight: Sight) -> bool:
        """Whether it is gone: seen so, or answered so by a service that answers when it is."""
        track = self._going.get(ref)
        went = (*self._takers.get(ref, ()), *((track,) if track is not None else ()))
        return any(map(_answered_gone, went)) or sight.gone(ref)

    def _held_back(self, track: Track) -> bool:
        """Whether it goes along with something, or must first be told of what it leaves behind."""
        ref = track.step.ref
        if any(taker.open and not taker.spent for taker in self._takers.get(ref, ())):
            return True
        unmarked = [m for m in self._marks.get(ref, ()) if m.fate not in _MARKED]
        if unmarked:
            track.detail = f"{unmarked[0].step.ref}, which it leaves behind, is not marked yet"
        return bool(unmarked)

    def _may_come(self, track: Track) -> bool:
        return track.open and not track.spent and track.asked is not Asked.TAKEN_IN

    def _coming(self, track: Track, now: float, known: dict[int, bool]) -> bool:
        """Whether nothing of this run stands before it, but what would itself go at once."""
        if id(track) not in known:
            known[id(track)] = False  # a ring of steps frees none of them
            known[id(track)] = (
                self._may_come(track) and track.again <= now and not self._stopped(track, now, known)
            )
        return known[id(track)]

    def _stopped(self, track: Track, now: float, known: dict[int, bool]) -> bool:
        step = track.step
        before = [self._going[ref] for ref in step.after if ref in self._going]
        before += [taker for ref in step.after for taker in self._takers.get(ref, ())]
        takers: list[Track] = []
        marks: list[Track] = []
        if step.action is Action.DELETE:
            takers = self._takers.get(step.ref, [])
            marks = self._marks.get(step.ref, [])
        # Neutron writes a floating IP anew with its port: it cannot go by a look from before (see `_rule`). A
        # look at what no revision guards would be too old when all that is before it has been asked for.
        alone = step.ref.kind is Kind.FLOATING_IP or step.ref.kind not in GUARDED
        return (
            any(not (_away(other) if alone else self._passing(other, now, known)) for other in before)
            or any(taker.open and not taker.spent for taker in takers)
            or any(mark.fate not in _MARKED and not self._coming(mark, now, known) for mark in marks)
        )

    def _passing(self, track: Track, now: float, known: dict[int, bool]) -> bool:
        """Whether it is gone, or would be at once."""
        at_once = track.open and track.step.ref.kind in AT_ONCE
        return _away(track) or (at_once and self._coming(track, now, known))


def _away(track: Track) -> bool:
    return _answered_gone(track) or not (track.open or track.fate in _STAYS)


def _answered_gone(track: Track) -> bool:
    """Accepted by a service that answers when it is done. Right before a look only: the look decides."""
    return track.asked is Asked.TAKEN_IN and track.step.ref.kind in AT_ONCE


_MARKED = (Fate.DONE, Fate.GONE, Fate.CHANGED)
_STAYS = (Fate.REFUSED, Fate.FAILED, Fate.CHANGED)
