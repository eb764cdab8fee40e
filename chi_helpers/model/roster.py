"""Who is in the class: the rows of a roster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """One row. `owner` is the name that stamps carry; the others are further names of the same person."""

    owner: str
    user: str = ""
    """Name of the user at the sites (hub user name)."""
    netid: str = ""
    email: str = ""
    suffix: str = ""
    """What the person's resources end with, where that is neither owner, user nor netid."""
    user_id: str = ""
    """Keystone's, where the instructor knows it."""
    group: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that resources may be called by, without repeats."""
        return tuple(dict.fromkeys(n for n in (self.owner, self.user, self.netid, self.suffix) if n))


@dataclass(frozen=True, slots=True)
class Roster:
    people: tuple[Person, ...] = ()

    def __len__(self) -> int:
        return len(self.people)
