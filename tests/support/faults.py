"""What can go wrong between a client and a site, as values; and, purely, which request it befalls.

A `Rule` says which fault befalls which request. `Script.decide` names the fault for one request
from nothing but the request and how many like it came before, so that a run can be repeated.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


class Moment(StrEnum):
    """When a fault strikes, as seen from the site."""

    BEFORE = "before"
    """The request never reaches the site."""
    AFTER = "after"
    """The site has acted; its answer does not arrive."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `url` is absolute, as a proxy is given it."""

    method: str
    url: str

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def shape(self) -> str:
        """The path with every identifier replaced, for example `/v2.1/servers/{id}`."""
        return _UUID.sub("{id}", self.path)

    @property
    def mutates(self) -> bool:
        """It changes something that stays: fetching a token does not."""
        return self.method in MUTATING and not self.path.endswith("/auth/tokens")


@dataclass(frozen=True, slots=True)
class Kill:
    """The client is killed with SIGKILL."""

    moment: Moment


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection closes without an answer."""

    moment: Moment


@dataclass(frozen=True, slots=True)
class Hang:
    """The site acts, and its answer does not come for `seconds`; then the connection closes."""

    seconds: float
    moment: Moment = Moment.AFTER


@dataclass(frozen=True, slots=True)
class Answer:
    """The proxy answers in the site's place, which does not see the request."""

    status: int
    retry_after: int | None = None
    body: str = '{"error": {"message": "fault injected", "code": 0}}'


@dataclass(frozen=True, slots=True)
class Truncate:
    """The site's answer breaks off: its length is announced, this share of it is sent."""

    keep: float = 0.5


@dataclass(frozen=True, slots=True)
class Delay:
    """The request reaches the site `seconds` late."""

    seconds: float


Fault = Kill | Drop | Hang | Answer | Truncate | Delay


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests: `method` exactly (None: any), `path` a regular expression searched in the path."""

    method: str | None = None
    path: str = ""

    def __call__(self, request: Request) -> bool:
        return self.method in (None, request.method) and re.search(self.path, request.path) is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """`fault` befalls matching requests number `first` to `first + times - 1` (None: all that follow)."""

    match: Callable[[Request], bool]
    fault: Fault
    first: int = 1
    times: int | None = 1

    def strikes(self, nth: int) -> bool:
        """Whether the fault befalls the `nth` matching request, counted from 1."""
        return nth >= self.first and (self.times is None or nth < self.first + self.times)


@dataclass(frozen=True, slots=True)
class Stretch:
    """`fault` befalls one request: the one `further` requests behind mutation number `mutation` (0: the start).

    Where fewer came before the next mutation, that one is befallen. So a run that polls less often than the
    one that was traced is struck too.
    """

    mutation: int
    further: int
    fault: Fault

    def strikes(self, request: Request, mutations: int, since: int) -> bool:
        """Whether to strike `request`, which comes after so many mutations, and so many requests behind the last."""
        return mutations == self.mutation and (since >= self.further or request.mutates)


@dataclass(frozen=True, slots=True)
class Chance:
    """With probability `share`, one of `faults` befalls a matching request; the same `seed`, the same choice.

    The choice depends on the request and on how many of its shape came before, not on the order in
    which threads were served.
    """

    seed: int
    share: float
    faults: tuple[Fault, ...]
    match: Callable[[Request], bool] = Match()

    def choose(self, request: Request, nth: int) -> Fault | None:
        """The fault for the `nth` request of this method and shape, or None."""
        text = f"{self.seed} {request.method} {request.shape} {nth}"
        drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:12], "big")
        luck, pick = drawn >> 32, drawn & 0xFFFFFFFF
        if luck / 2**64 >= self.share:
            return None
        return self.faults[pick % len(self.faults)]


@dataclass(slots=True)
class Script:
    """Rules in order (the first that strikes wins), then chance. Counts what it has seen; not thread-safe."""

    rules: tuple[Rule | Stretch, ...] = ()
    chance: Chance | None = None
    _mutations: int = 0
    _since: int = 0
    _matched: dict[int, int] = field(default_factory=dict)
    _shapes: dict[tuple[str, str], int] = field(default_factory=dict)

    def decide(self, request: Request) -> Fault | None:
        """The fault that befalls this request. Every rule counts it, also those that do not strike."""
        struck: Fault | None = None
        for index, rule in enumerate(self.rules):
            if self._strikes(index, rule, request) and struck is None:
                struck = rule.fault
        self._since += 1
        if request.mutates:
            self._mutations, self._since = self._mutations + 1, 0
        shape = (request.method, request.shape)
        nth = self._shapes[shape] = self._shapes.get(shape, 0) + 1
        if struck is None and self.chance is not None and self.chance.match(request):
            return self.chance.choose(request, nth)
        return struck

    def _strikes(self, index: int, rule: Rule | Stretch, request: Request) -> bool:
        if isinstance(rule, Rule) and not rule.match(request):
            return False
        if isinstance(rule, Stretch) and not rule.strikes(request, self._mutations, self._since):
            return False
        nth = self._matched[index] = self._matched.get(index, 0) + 1
        return rule.strikes(nth) if isinstance(rule, Rule) else nth == 1


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it went: `status` is None where no answer was sent to the client."""

    request: Request
    status: int | None
    milliseconds: float
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A request by what it is and its number among those of its kind (from 1): the same in every run."""

    method: str
    shape: str
    nth: int

    def __str__(self) -> str:
        return f"{self.method} {self.shape} #{self.nth}"

    def rule(self, fault: Fault) -> Rule:
        """Let `fault` befall the request at this point."""
        return Rule(lambda r: (r.method, r.shape) == (self.method, self.shape), fault, first=self.nth)


def points(trace: Iterable[Exchange]) -> tuple[tuple[Point, bool], ...]:
    """Every request of a trace as (point, whether it mutates), in order."""
    seen: dict[tuple[str, str], int] = {}
    found = []
    for exchange in trace:
        request = exchange.request
        key = (request.method, request.shape)
        seen[key] = seen.get(key, 0) + 1
        found.append((Point(*key, seen[key]), request.mutates))
    return tuple(found)
