"""Round after round: look, judge, send what may go, look again, until all is settled or nothing moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chi_helpers.apply.reaper.kinds import together
from chi_helpers.apply.reaper.proof import proving_kinds
from chi_helpers.apply.reaper.send import Call
from chi_helpers.apply.reaper.tell import title, told_answer, told_asked
from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind, Mark
from chi_helpers.model.reaping import Action
from chi_helpers.model.stamp import Stamp
from chi_helpers.sites.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chi_helpers.apply.journal import Journal
    from chi_helpers.apply.reaper.course import Course, Track
    from chi_helpers.apply.reaper.manifest import Manifest
    from chi_helpers.apply.reaper.send import Sender
    from chi_helpers.apply.reaper.sight import Eyes, Seen, Sight
    from chi_helpers.apply.reaper.timing import Bounds, Timer
    from chi_helpers.model.inventory import Resource
    from chi_helpers.model.outcome import Progress
    from chi_helpers.model.reaping import ReapPlan, ReapStep


class StoppedError(Exception):
    """The run may not go on; the message says why. What was sent is still to be proved."""


class UnreachedError(StoppedError):
    """It may not, because the site cannot be looked at, or refuses the credentials."""


class TooOldError(StoppedError):
    """By the site's clock the plan is too old."""


@dataclass(slots=True)
class Rounds:
    plan: ReapPlan
    course: Course
    eyes: Eyes
    sender: Sender
    timer: Timer
    bounds: Bounds
    journal: Journal
    manifest: Manifest
    progress: Progress
    asked: int = 0
    """Calls that were sent and answered, one way or the other."""
    _moved: float = field(init=False)
    """When there was progress last."""
    _seen: int = 0
    """The course's progress then."""
    _sent: float = field(init=False)
    """When the latest calls were sent first."""

    def run(self, seen: Seen | None) -> Sight:
        """Go on until every step is settled or nothing moves any more. Returns the last look.

        `seen`: the look that the plan was made from; what of it is young enough is not looked at again.

        Raises `StoppedError` where the clock, the plan's age, the credentials or blindness end the run.
        """
        began = self._moved = self._sent = self.timer.now()
        sight = self._first(seen)
        idle = 0
        while True:
            self.course.observe(sight)
            busy = self._waves(sight)
            idle = 0 if self._has_moved() or busy else idle + 1
            now = self.timer.now()
            if not self.course.unsettled or now - self._moved > self.bounds.patience:
                return sight
            if now - began > self.bounds.longest:
                raise StoppedError(f"The run took {self.bounds.longest:.0f} s; the next one goes on.")
            if idle >= self.bounds.blind and not self.course.slow():
                return sight
            found = self._look_on(idle)
            if found is None:
                return sight
            sight = found

    def see(self, kinds: Collection[Kind] | None, going: Collection[Kind] = ()) -> Sight:
        """Look, and stop where the look says that the run may not go on. `going`: as `Eyes.look` has it."""
        sight = self._seen_again(kinds, going)
        self._allowed(sight)
        return sight

    def _seen_again(self, kinds: Collection[Kind] | None, going: Collection[Kind] = ()) -> Sight:
        for attempt in range(1, self.bounds.blind + 1):
            try:
                return self.eyes.look(kinds, going=going)
            except CredentialsError as error:
                raise UnreachedError(str(error)) from error
            except SiteError as error:
                if attempt == self.bounds.blind:
                    raise UnreachedError(f"The site cannot be looked at. {error}") from error
                self.timer.sleep(2.0 ** (attempt - 1))
        raise AssertionError("unreachable")

    def prove(self, kinds: Collection[Kind]) -> Sight:
        """Look once more, at nothing that was seen before. Raises `StoppedError` where that is not possible.

        No call follows it, so neither the plan's age nor the clock matter.
        """
        self.eyes.blink()
        return self._seen_again(kinds)

    def _first(self, seen: Seen | None) -> Sight:
        if seen is not None:
            self.eyes.remember(seen.inventory, seen.taken, seen.taken)
        return self.see(proving_kinds(self.plan), {step.ref.kind for step in self.plan.deletions})

    def _allowed(self, sight: Sight) -> None:
        inventory, most = sight.inventory, self.eyes.policy.spec.reap.skew
        if abs(inventory.skew) > most:
            raise StoppedError(
                f"This machine's clock is {inventory.skew.total_seconds():+.0f} s off the site's, more than "
                f"the {most.total_seconds():.0f} s that the file allows: set the clock."
            )
        if (inventory.site, inventory.project_id) != (self.plan.site, self.plan.project_id):
            raise StoppedError(f"The site shows {inventory.project_id}, and not the plan's project.")
        if sight.latest >= self.plan.expires:
            raise TooOldError(f"The plan was good until {self.plan.expires:%H:%M:%S} UTC: make a new one.")

    def _waves(self, sight: Sight) -> bool:
        """Send all that may go by this look, and what that frees at once. Says whether there was any."""
        tried = False
        while ready := self._ready(sight):
            tried = True
            steps = [track.step for track, _ in ready]
            going = [step.ref for step in steps if step.action is Action.DELETE]
            # Both are on the disk before the first call is sent.
            self.manifest.add(going, sight.inventory, {step.ref: step.owner for step in steps})
            self.journal.write_all("asking", (told_asked(step) for step in steps))
            for step in steps:
                self.progress.started(title(step))
            # Before they are sent: one in flight when the run is ended has perhaps been done.
            self.eyes.blink({step.ref.kind for step in steps})
            calls = [Call(t.step, self._call(t.step, r), sight.until(t.step.action, r)) for t, r in ready]
            self._sent = self.timer.now()
            answers = self.sender.send(calls)
            for answer in answers:
                self.course.hear(answer, self.timer.now())
            self.journal.write_all("answered", (told_answer(answer) for answer in answers))
            self.asked += len(answers)
            refused = next((a.error for a in answers if isinstance(a.error, CredentialsError)), None)
            if refused is not None:
                raise UnreachedError(str(refused))
            if not answers:
                break
        return tried

    def _ready(self, sight: Sight) -> list[tuple[Track, Resource]]:
        """What may be asked for, and for which the look still counts."""
        now = self.timer.now()
        return [
            (track, resource)
            for track, ruling in self.course.ready(sight, now)
            if (resource := ruling.resource) is not None and now <= sight.until(track.step.action, resource)
        ]

    def _call(self, step: ReapStep, resource: Resource) -> Callable[[], str]:
        site = self.eyes.site
        match step.action:
            case Action.MARK if step.root is not None and step.deadline is not None:
                mark = Mark(step.root, step.owner, self.plan.lab, step.deadline)
                return lambda: site.mark(resource, mark)
            case Action.TRIM if step.until is not None:
                until = step.until
                return lambda: site.trim(resource, until)
            case Action.RESTAMP if step.deadline is not None:
                stamp = Stamp(step.owner, self.plan.lab, step.deadline, step.node)
                return lambda: site.restamp(resource, stamp)
            case Action.DELETE:
                return lambda: site.delete(resource)
        raise StoppedError(f"The plan's step on {step.ref} is not complete.")

    def _look_on(self, idle: int) -> Sight | None:
        """Wait for what vanishes, then look at what can go next; None where nothing can.

        After `idle` looks in a row that let nothing go, it looks later, and at everything.
        """
        self._rest_until(self.sender.pace.resume)
        if idle:
            self._rest_until(self.course.later() or self.timer.now() + 2.0 ** (idle - 1))
        if self.course.slow():
            self._until_vanished()
        coming = self.course.next_kinds(self.timer.now())
        if not coming and (later := self.course.later()) is not None:
            self._rest_until(later)
            coming = self.course.next_kinds(self.timer.now())
        if not coming and not self.course.slow():
            return None
        return self.see(None if idle else together(coming) | self.course.slow(), coming)

    def _until_vanished(self) -> None:
        """Poll, one listing for all of a kind, while the site deletes and nothing else could be done."""
        began, left = self.timer.now(), self.course.vanishing
        # What took long to ask for takes long to vanish.
        pause = min(max((began - self._sent) / 4, self.bounds.shortest_pause), self.bounds.longest_pause)
        while slow := self.course.slow():
            self.timer.sleep(pause)
            self.eyes.forget(slow)
            self.course.observe(self.see(slow))
            now, still = self.timer.now(), self.course.vanishing
            moved = self._has_moved()
            if now - self._moved > self.bounds.patience or now - began > self.bounds.longest:
                return
            if not moved and self.course.next_kinds(now):
                # Whatever is stuck there must not keep back what has been set free.
                return
            gone = left - still
            rest = (now - began) * still / gone if gone > 0 else 2 * pause
            pause = min(max(rest, self.bounds.shortest_pause), self.bounds.longest_pause)

    def _rest_until(self, instant: float) -> None:
        pause = instant - self.timer.now()
        if pause > 0:
            self.timer.sleep(pause)

    def _has_moved(self) -> bool:
        if self.course.progress == self._seen:
            return False
        self._seen, self._moved = self.course.progress, self.timer.now()
        return True
