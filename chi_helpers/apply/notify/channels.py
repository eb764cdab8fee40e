"""The file of channels: one apprise URL a line."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from chi_helpers.config.problems import ConfigError, Problem
from chi_helpers.config.text import text_of
from chi_helpers.model.errors import UsageError
from chi_helpers.model.roster import Person

PLACEHOLDERS = ("email", "netid", "owner")
_HOLES = re.compile(r"\{([A-Za-z_]+)\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://")
_SAMPLE = Person("someone", netid="ab123", email="someone@example.edu")


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of the file. With a placeholder in it, it leads to each owner; without, to staff."""

    line: int
    scheme: str
    template: str = field(repr=False)
    """The URL, with its secrets."""

    @property
    def personal(self) -> bool:
        return bool(_HOLES.search(self.template))

    def url(self, person: Person) -> str | None:
        """The URL for `person`; None where something that it needs is not known of them."""
        values = {name: getattr(person, name) for name in set(_HOLES.findall(self.template))}
        if not all(values.values()):
            return None
        return _HOLES.sub(lambda hole: quote(values[hole[1]], safe=""), self.template)

    def __str__(self) -> str:
        return f"{self.scheme} (line {self.line})"


def read_channels(path: Path) -> tuple[Channel, ...]:
    """Read the channels of the file: one apprise URL a line, `#` begins a comment line.

    Raises `UsageError` where others than its owner may read it, and `ConfigError` with every line that
    is no channel. No message holds a URL.
    """
    _private(path)
    text = text_of(path, what="a file of channels", missing="name it with --notify or CHI_LAB_NOTIFY")
    channels: list[Channel] = []
    problems: list[Problem] = []
    for number, written in enumerate(text.splitlines(), start=1):
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        scheme = _SCHEME.match(line)
        channel = Channel(number, scheme[1].lower() if scheme else "", line)
        fault = _fault(channel)
        if fault:
            problems.append(Problem(path, number, "", fault))
        channels.append(channel)
    if not channels:
        problems.append(Problem(path, 0, "", "holds no channel: write one apprise URL a line"))
    if problems:
        raise ConfigError(problems)
    return tuple(channels)


def _fault(channel: Channel) -> str:
    """What is wrong with a channel, in words without its URL; empty where nothing is."""
    if not channel.scheme:
        return "is no apprise URL: it begins with for example mailtos:// or slack://"
    unknown = sorted(set(_HOLES.findall(channel.template)) - set(PLACEHOLDERS))
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        return f"{{{unknown[0]}}} is not known: write one of {known}"
    from chi_helpers.apply.notify.send import understood

    if not understood(channel.url(_SAMPLE) or ""):
        return f"apprise does not understand this {channel.scheme}:// URL"
    return ""


def _private(path: Path) -> None:
    try:
        found = os.stat(path)  # noqa: PTH116 - follows links, as reading does
    except OSError:
        return  # said by whoever reads it
    others = found.st_mode & 0o077
    if not stat.S_ISREG(found.st_mode) or not others:
        return
    # For a user that is not root Kubernetes mounts a secret as root's, 0440, of the pod's group (fsGroup):
    # the process could not read it in another way.
    lent = found.st_uid != os.geteuid() and found.st_gid in (os.getegid(), *os.getgroups())
    if lent and others == stat.S_IRGRP:
        return
    raise UsageError(
        f"{path} holds passwords and may be read by others (mode {stat.S_IMODE(found.st_mode):04o}).",
        do=f"Run `chmod 600 {path}`.",
    )
