#!/usr/bin/python3
"""Deadline guard of a Chameleon lab: warns the people on this node, then powers it off.

It needs no network and nothing beyond Python's standard library. The deadline is an absolute
instant, so that a reboot changes nothing. It powers off only when the clock shows a time past the
deadline and a notice has stood for NOTICE seconds of the kernel's own count, which nobody can set: a
deadline that is already past gives people that long. A clock that jumps ahead is not believed for
PATIENCE seconds, and when it is put right the notice is taken back. Whatever the guard cannot read or
understand keeps the node running.

    chi-lab-guard run      the service's loop
    chi-lab-guard status   the deadline and the time left, for people
    chi-lab-guard check F  exit 1, with the reason, unless F is a settings file it understands
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable

SETTINGS = Path("/etc/chi-lab/guard.json")
MEMORY = Path("/var/lib/chi-lab/guard.json")
MOTD = Path("/run/motd.d/chi-lab")
NOTICE = 60
"""Seconds between the last notice and the power-off."""
SLACK = 120
"""Seconds a clock may be set back without a warning being given again."""
PATIENCE = 900
"""Seconds for which a clock that has jumped ahead powers nothing off."""
POLL = 10
"""Longest sleep in seconds: how soon a changed deadline or clock is seen."""


class UnreadableError(Exception):
    """The settings are missing, or not understood."""


@dataclass(frozen=True)
class Settings:
    """What the lab asks of this node. `warn` in seconds before the deadline, longest first."""

    lab: str
    owner: str
    deadline: datetime
    warn: tuple[int, ...] = ()
    zone: str = "UTC"
    advice: str = ""


@dataclass(frozen=True)
class Memory:
    """What has been said. `given` holds the marks of `deadline`; it survives a reboot."""

    deadline: str = ""
    given: tuple[int, ...] = ()
    notice: float | None = None
    """The kernel's second of the last notice; forgotten by a reboot, which starts a new one."""
    jumped: float | None = None
    """The kernel's second at which the clock was last seen to jump ahead."""


@dataclass(frozen=True)
class Decision:
    """What to do now, and when to look again (seconds)."""

    memory: Memory
    say: str = ""
    power_off: bool = False
    sleep: float = POLL


def parse(text: str) -> Settings:
    """Read settings from JSON; raises UnreadableError, which keeps the node running."""
    try:
        found = json.loads(text)
        deadline = datetime.fromisoformat(str(found["deadline"]).replace("Z", "+00:00"))
        warn = tuple(sorted({int(mark) for mark in found.get("warn", ())}, reverse=True))
        texts = {key: str(found.get(key, "")) for key in ("lab", "owner", "advice")}
        zone = str(found.get("zone") or "UTC")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableError(f"settings not understood: {type(error).__name__}: {error}") from error
    if deadline.tzinfo is None:
        raise UnreadableError(f"the deadline has no time zone: {found['deadline']}")
    if any(mark <= 0 for mark in warn):
        raise UnreadableError(f"warn holds a mark that is not before the deadline: {found['warn']}")
    return Settings(deadline=deadline.astimezone(timezone.utc), warn=warn, zone=zone, **texts)


def decide(settings: Settings, memory: Memory, now: datetime, second: float) -> Decision:
    """Decide what to do at `now` (aware) and the kernel's `second`; pure.

    Each mark is given once for a deadline. Of several that have passed unseen only one is said.
    """
    name = settings.deadline.isoformat()
    if memory.deadline != name:
        memory = Memory(name, jumped=memory.jumped)
    left = (settings.deadline - now).total_seconds()
    if left <= NOTICE:
        return _last_minute(settings, memory, left, second)
    # Given by a clock that ran ahead: these marks are still to come.
    memory = replace(memory, given=tuple(mark for mark in memory.given if left <= mark + SLACK))
    due = tuple(mark for mark in settings.warn if left <= mark)
    if memory.notice is not None:
        text = f"The clock was put right: this node is not powered off now. {_until(settings, left)}"
        memory = replace(
            memory, notice=None, jumped=None, given=tuple(sorted({*memory.given, *due}, reverse=True))
        )
        return Decision(memory, text, sleep=_pause(left, settings.warn))
    if set(due) - set(memory.given):
        text = f"{_until(settings, left)} {settings.advice}".strip()
        memory = replace(memory, given=tuple(sorted({*memory.given, *due}, reverse=True)))
        return Decision(memory, text, sleep=_pause(left, settings.warn))
    return Decision(memory, sleep=_pause(left, settings.warn))


def _last_minute(settings: Settings, memory: Memory, left: float, second: float) -> Decision:
    # The marks are spent: a deadline that has come is not followed by "15 minutes left".
    spent = replace(memory, given=tuple(sorted({*memory.given, *settings.warn}, reverse=True)))
    wait = NOTICE if memory.jumped is None else max(NOTICE, memory.jumped + PATIENCE - second)
    if memory.notice is None:
        if wait > NOTICE:
            text = f"The clock jumped ahead: if it is right, lab {settings.lab} is over, and this node"
            text += f" powers off in {span(wait)}. Save your work NOW."
        else:
            text = (
                f"Lab {settings.lab} is over: this node powers off in {NOTICE} seconds. Save your work NOW."
            )
        return Decision(replace(spent, notice=second), text, sleep=1)
    believed = memory.jumped is None or second - memory.jumped >= PATIENCE
    if left <= 0 and believed and second - memory.notice >= NOTICE:
        return Decision(spent, power_off=True, sleep=POLL)
    return Decision(spent, sleep=1)


def _pause(left: float, warn: tuple[int, ...]) -> float:
    """Seconds until the next mark, notice or poll, whichever is first."""
    ahead = [left - mark for mark in (*warn, NOTICE) if left > mark]
    return max(0.2, min([POLL, *ahead]))


def span(seconds: float) -> str:
    """Write a time left as people say it: `5 h 12 min`."""
    minutes = int(max(0.0, seconds) / 60 + 0.5)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def instants(settings: Settings) -> str:
    """Write the deadline in the owner's zone and in UTC."""
    utc = settings.deadline.strftime("%Y-%m-%d %H:%M UTC")
    try:
        from zoneinfo import ZoneInfo

        local = settings.deadline.astimezone(ZoneInfo(settings.zone))
    except Exception:  # noqa: BLE001 - whatever is wrong with the zone data, UTC is right
        return utc
    return utc if local.utcoffset() is None else f"{local.strftime('%a %Y-%m-%d %H:%M %Z')} ({utc})"


def _until(settings: Settings, left: float) -> str:
    return f"Lab {settings.lab}: {span(left)} left. This node powers off at {instants(settings)}."


def message(settings: Settings, now: datetime) -> str:
    """Write the message of the day."""
    left = (settings.deadline - now).total_seconds()
    state = f"{span(left)} left" if left > 0 else "over: this node powers off within a minute"
    rows = [
        ("lab", settings.lab),
        ("owner", settings.owner),
        ("deadline", instants(settings)),
        ("time", state),
    ]
    lines = [f"  {key:<9} {value}" for key, value in rows]
    advice = [f"  {settings.advice}"] if settings.advice else []
    return "\n".join(["", *lines, *advice, "  chi-lab-guard status   shows the time left", "", ""])


def recall(path: Path) -> Memory:
    """Recall what was said before the last restart; nothing, where that cannot be read."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Memory(str(found["deadline"]), tuple(int(mark) for mark in found["given"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Memory()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)


def _attempt(what: str, act: Callable[[], object]) -> None:
    """Do one thing; a failure is logged, and never stops the guard."""
    try:
        act()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{what} failed: {error}", file=sys.stderr, flush=True)


class Guard:
    """The loop's one turn. Clocks and commands are arguments, so that a test can own them."""

    def __init__(
        self,
        settings: Path = SETTINGS,
        memory: Path = MEMORY,
        motd: Path = MOTD,
        *,
        wall: tuple[str, ...] = ("wall",),
        power_off: tuple[str, ...] = ("systemctl", "poweroff"),
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        second: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self.paths = settings, memory, motd
        self.wall, self.power_off = wall, power_off
        self.now, self.second = now, second
        self.memory = recall(memory)
        self._saved = self.memory
        self._last = now(), second()
        self._told = ""
        self._complaint = ""

    def turn(self) -> float:
        """Look once and act; return the seconds to sleep."""
        settings_path, memory_path, motd_path = self.paths
        try:
            settings = parse(settings_path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, UnreadableError) as error:
            self._complain(f"{error}; this node keeps running")
            self.memory = replace(self.memory, notice=None)
            self._look_at_clock()
            _attempt("removing the message of the day", lambda: motd_path.unlink(missing_ok=True))
            self._told = ""
            return POLL
        self._complain("")
        now, second = self._look_at_clock()
        decision = decide(settings, self.memory, now, second)
        self.memory = decision.memory
        # Remembered before it is said: a guard that dies here must not repeat itself for ever.
        self._remember(memory_path)
        self._tell(motd_path, message(settings, now))
        if decision.say:
            print(decision.say, file=sys.stderr, flush=True)
            _attempt("wall", lambda: _run(self.wall, decision.say + "\n"))
        if decision.power_off:
            print("the deadline has passed: powering off", file=sys.stderr, flush=True)
            _attempt("power-off", lambda: _run(self.power_off))
        return decision.sleep

    def _look_at_clock(self) -> tuple[datetime, float]:
        now, second = self.now(), self.second()
        ahead = (now - self._last[0]).total_seconds() - (second - self._last[1])
        self._last = now, second
        if ahead > SLACK:
            print(f"the clock jumped ahead by {span(ahead)}", file=sys.stderr, flush=True)
            self.memory = replace(self.memory, jumped=second)
        return now, second

    def _complain(self, text: str) -> None:
        if text and text != self._complaint:
            print(text, file=sys.stderr, flush=True)
        self._complaint = text

    def _remember(self, path: Path) -> None:
        lasting = replace(self.memory, notice=None, jumped=None)
        if lasting != self._saved:
            found = {"deadline": lasting.deadline, "given": lasting.given}
            _attempt("remembering", lambda: _write(path, json.dumps(found) + "\n"))
            self._saved = lasting

    def _tell(self, path: Path, text: str) -> None:
        if text != self._told:
            _attempt("writing the message of the day", lambda: _write(path, text))
            self._told = text


def _run(command: tuple[str, ...], text: str = "") -> None:
    subprocess.run(command, input=text, text=True, check=True, timeout=20)


def main(arguments: list[str] | None = None) -> int:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "status", "check"))
    parser.add_argument("file", nargs="?", type=Path, default=SETTINGS)
    options = parser.parse_args(arguments)
    if options.command == "run":
        guard = Guard(options.file)
        while True:
            time.sleep(guard.turn())
    try:
        settings = parse(options.file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, UnreadableError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 1
    if options.command == "status":
        print(message(settings, datetime.now(timezone.utc)).strip("\n"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
