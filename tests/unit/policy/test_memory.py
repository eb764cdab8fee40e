"""What is remembered from run to run, and what is forgotten."""

from __future__ import annotations

from dataclasses import replace

from chi_helpers.model.inventory import Kind, Listing, Seen
from chi_helpers.model.reaping import Memory
from chi_helpers.policy.memory import remember, warned
from tests.support.worlds import ALL_SEEN, DUE, HOUR, MINUTE, NOW, known, ours, project, thing, verdict

OLD, NEW = thing(name="old"), thing(name="new")


def test_what_is_new_is_first_seen_now_and_what_is_known_stays_known():
    memory = remember(known(OLD), project(OLD, NEW), NOW)
    assert memory.first_seen == {OLD.ref: NOW - HOUR, NEW.ref: NOW}


def test_what_is_gone_is_forgotten_with_its_warning():
    told = replace(known(OLD), warned={OLD.ref: NOW})
    assert remember(told, project(), NOW) == Memory()


def test_what_was_not_listed_is_not_forgotten():
    told = replace(known(OLD), warned={OLD.ref: NOW})
    assert remember(told, project(unseen=(Kind.INSTANCE,)), NOW) == told
    never_looked = {kind: found for kind, found in ALL_SEEN.items() if kind is not Kind.INSTANCE}
    assert remember(told, project(listings=never_looked), NOW) == told


def test_a_kind_without_a_service_is_forgotten():
    absent = {**ALL_SEEN, Kind.INSTANCE: Listing(Seen.ABSENT, "compute")}
    assert remember(known(OLD), project(listings=absent), NOW) == Memory()


def test_another_thing_of_the_same_name_is_new():
    """Object containers have no id but their name."""
    before = thing(Kind.CONTAINER, "c")
    again = replace(before, created=NOW - 5 * MINUTE)
    assert remember(known(before, ago=HOUR), project(again), NOW).first_seen == {again.ref: NOW}
    dateless = replace(before, created=None)
    assert remember(known(before, ago=HOUR), project(dateless), NOW) == known(before, ago=HOUR)


def test_a_warning_is_noted_with_the_deadline_that_it_named():
    soon, undated = ours(), thing(name="u", age=None)
    noted = warned(known(OLD, warned={OLD.ref: NOW}), [verdict(soon), verdict(undated)])
    assert noted.warned == {OLD.ref: NOW, soon.ref: DUE}
    assert noted.first_seen == known(OLD).first_seen
