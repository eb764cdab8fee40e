"""Whose name is it? The roster, by everything that a person may be called by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chi_helpers.model.inventory import Inventory, Kind, Resource

if TYPE_CHECKING:
    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.roster import Roster

OWNER_KEYS = ("owner", "netid", "user")
"""Keys under which people write on a resource whose it is."""
TELLS_MAKER = frozenset({Kind.LEASE, Kind.INSTANCE, Kind.VOLUME, Kind.SNAPSHOT})
"""Kinds whose service says who made each. Of an image only Nova does; of the others nobody."""


class Clue(NamedTuple):
    """One piece of evidence of whose a thing is. `owner` is empty where it is somebody else, or not known."""

    owner: str
    why: str
    known: bool = True


class People:
    """The roster of one lab, to look names up in."""

    def __init__(self, spec: LabSpec, roster: Roster | None, inventory: Inventory) -> None:
        people = roster.people if roster is not None else ()
        self.owners = frozenset(person.owner for person in people)
        self.of_lease = {spec.lease_name(owner): owner for owner in self.owners}
        """The kit's own name of a lease -> its owner. Of key pairs, too, only these are the lab's."""
        self._called: dict[str, set[str]] = {}
        self._ids: dict[str, set[str]] = {}
        for person in people:
            for name in person.names:
                self._called.setdefault(name, set()).add(person.owner)
            if person.user_id:
                self._ids.setdefault(person.user_id, set()).add(person.owner)
        self._all_ids = bool(people) and all(person.user_id for person in people)
        self._users, self._administrator = inventory.users, inventory.administrator

    def called(self, name: str) -> set[str]:
        """The owners that are called so, exactly: more than one where the roster is ambiguous."""
        return self._called.get(name, set())

    def maker(self, resource: Resource) -> list[Clue]:
        """What the user who made a thing says about its owner."""
        user = resource.id.split("/", 1)[0] if resource.kind is Kind.KEY_PAIR else resource.user_id
        if not user:
            lacks = resource.kind in TELLS_MAKER
            return [Clue("", "the site does not tell who made it", known=False)] if lacks else []
        if user in self._ids:
            return [Clue(owner, "the user who made it") for owner in sorted(self._ids[user])]
        if user in self._users:
            name = self._users[user]
            owners = self.called(name)
            return [Clue(owner, f"its maker, {name}") for owner in sorted(owners)] or [
                Clue("", f"{name}, who is not on the roster, made it")
            ]
        if self._administrator:
            return [Clue("", f"the site does not tell who the user {user} is", known=False)]
        return [Clue("", f"the user {user}, who is not on the roster, made it")] if self._all_ids else []

    def written(self, resource: Resource) -> list[Clue]:
        """What its metadata and the end of its name say about its owner."""
        found = []
        for key in OWNER_KEYS if resource.metadata else ():
            if value := resource.metadata.get(key):
                owners = self.called(value)
                found += [Clue(owner, f"its metadata, {key}={value}") for owner in sorted(owners)] or [
                    Clue("", f"its metadata say {key}={value}, who is not on the roster")
                ]
        name = resource.name
        for place, letter in enumerate(name):
            if letter in "-_":
                for owner in sorted(self._called.get(name[place + 1 :], ())):
                    found.append(Clue(owner, "the end of its name"))
        return found
