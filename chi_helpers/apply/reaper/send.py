"""Send a batch of calls, as many at once as the pace allows, each once unless the site was too busy."""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chi_helpers.model.errors import LabKitError, SiteError
from chi_helpers.sites.errors import BusyError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chi_helpers.apply.reaper.pace import Pace
    from chi_helpers.apply.reaper.timing import Timer
    from chi_helpers.model.inventory import Kind
    from chi_helpers.model.reaping import Action, ReapStep


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one step: the request id, or the error."""

    step: ReapStep
    request_id: str = ""
    error: LabKitError | None = None
    seconds: float = 0.0
    """How long the call was under way."""


class Pool(Protocol):
    """The part of `concurrent.futures.Executor` that is used here."""

    def submit(self, fn: Callable[[], Answer], /) -> Future[Answer]: ...


class Inline:
    """A pool without threads: the call is made where it is submitted. What kills it comes out at once."""

    def submit(self, fn: Callable[[], Answer], /) -> Future[Answer]:
        done: Future[Answer] = Future()
        done.set_result(fn())
        return done


class Call(NamedTuple):
    """One step's call, which may be made until an instant (monotonic)."""

    step: ReapStep
    ask: Callable[[], str]
    until: float


@dataclass(slots=True)
class Sender:
    pool: Pool
    pace: Pace
    timer: Timer
    flying: set[Future[Answer]] = field(default_factory=set)

    def send(self, calls: Sequence[Call]) -> tuple[Answer, ...]:
        """Make the calls, none after its instant; those that were not made have no answer.

        One that the site is too busy for is made again after the pause, while there is time. Bad credentials
        end the batch. KeyboardInterrupt and the like pass through, when the calls in flight have ended.
        """
        with self.pace.sending():
            return self._send(calls)

    def _send(self, calls: Sequence[Call]) -> tuple[Answer, ...]:
        # What may be sent for a short time only comes first: the rest can wait for it.
        queue, answers = deque(sorted(calls, key=lambda call: call.until)), list[Answer]()
        by_step = {id(call.step): call for call in calls}
        while queue or self.flying:
            while queue and len(self.flying) < self.pace.share and self.pace.resume <= self.timer.now():
                call = queue.popleft()
                if self.timer.now() <= call.until:
                    self.pace.asking(_kind(call.step))
                    self.flying.add(self.pool.submit(partial(self._ask, call)))
            if not self.flying:
                if not queue or not self._rest(max(call.until for call in queue)):
                    break
                continue
            for answer in self._landed():
                if isinstance(answer.error, BusyError):
                    self.pace.busy(answer.error.wait, self.timer.now())
                    queue.append(by_step[id(answer.step)])
                    continue
                if not answer.error:
                    # A refusal is quicker than the work, and says nothing of how long that takes.
                    self.pace.answered(_kind(answer.step), answer.seconds)
                answers.append(answer)
                if isinstance(answer.error, CredentialsError):
                    queue.clear()
        return tuple(answers)

    def _rest(self, until: float) -> bool:
        """Wait until the pace allows the next call; False where that is too late."""
        now = self.timer.now()
        if max(now, self.pace.resume) > until:
            return False
        self.timer.sleep(max(0.0, self.pace.resume - now))
        return True

    def _landed(self) -> list[Answer]:
        done, self.flying = wait(self.flying, return_when=FIRST_COMPLETED)
        return [future.result() for future in done]

    def _ask(self, call: Call) -> Answer:
        began = self.timer.now()
        request_id, error = _outcome(call.ask)
        return Answer(call.step, request_id, error, self.timer.now() - began)


def _kind(step: ReapStep) -> tuple[Action, Kind]:
    """What its call has in common with others that take about as long."""
    return step.action, step.ref.kind


def _outcome(ask: Callable[[], str]) -> tuple[str, LabKitError | None]:
    try:
        return ask() or "", None
    except LabKitError as error:
        return error.request_id or "", error
    except Exception as error:  # noqa: BLE001 - one thing's fault, even ours, must not stop the others
        return "", SiteError(f"{type(error).__name__}: {error}")
