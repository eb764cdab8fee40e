"""Who is told what over which channel, and whom it reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chi_helpers.apply.notify.channels import Channel
from chi_helpers.apply.notify.send import Message, send_all
from chi_helpers.model.inventory import Ref
from chi_helpers.plan.digest import Digest


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of some messages."""

    reached: frozenset[str] = frozenset()
    """Owners of whom at least one channel took the message."""
    warned: Mapping[tuple[str, Ref], datetime] = field(default_factory=dict)
    """(project id, thing) -> the deadline of which its owner was warned with success."""
    undelivered: tuple[str, ...] = ()
    """What did not arrive, in words without URLs."""


@dataclass(frozen=True, slots=True)
class Notifier:
    channels: tuple[Channel, ...] = ()
    send: Callable[[Sequence[Message]], tuple[bool, ...]] = send_all

    def owners(self, digests: Sequence[Digest]) -> Delivery:
        """Send each digest to its person, over every channel that leads to them. Never raises."""
        personal = [channel for channel in self.channels if channel.personal]
        jobs = [
            (digest, channel, Message(url, digest.title, digest.body))
            for digest in digests
            for channel in personal
            if (url := channel.url(digest.person)) is not None
        ]
        results = self.send([message for _, _, message in jobs])
        reached: set[str] = set()
        failed: dict[str, list[str]] = {digest.person.owner: [] for digest in digests}
        for (digest, channel, _), accepted in zip(jobs, results, strict=True):
            if accepted:
                reached.add(digest.person.owner)
            else:
                failed[digest.person.owner].append(f"{channel} failed")
        undelivered = [
            f"{owner}: {', '.join(said) or _nowhere(personal)}"
            for owner, said in failed.items()
            if said or owner not in reached
        ]
        warned = {
            thing: deadline
            for digest in digests
            if digest.person.owner in reached
            for thing, deadline in digest.warns.items()
        }
        return Delivery(frozenset(reached), warned, tuple(undelivered))

    @property
    def to_staff(self) -> tuple[Channel, ...]:
        """The channels that lead to nobody in particular."""
        return tuple(channel for channel in self.channels if not channel.personal)

    def staff(self, title: str, body: str) -> Delivery:
        """Send to the channels that lead to nobody in particular. Never raises."""
        common = self.to_staff
        results = self.send([Message(channel.template, title, body) for channel in common])
        failed = [f"staff: {channel} failed" for channel, ok in zip(common, results, strict=True) if not ok]
        return Delivery(undelivered=tuple(failed))


def _nowhere(personal: Sequence[Channel]) -> str:
    if not personal:
        return "no channel leads to owners"
    return "no channel leads there: the roster lacks what the channels need"
