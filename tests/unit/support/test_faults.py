"""The fault script decides from the request and its number alone."""

from __future__ import annotations

import pytest

from tests.support.faults import (
    Answer,
    Chance,
    Drop,
    Exchange,
    Kill,
    Match,
    Moment,
    Point,
    Request,
    Rule,
    Script,
    Stretch,
    points,
)

SERVERS = "http://127.0.0.1:8774/v2.1/servers"
ID = "0b9e3bbd-39d4-4a29-8e3c-5a0b8de4c5a1"
DROP = Drop(Moment.AFTER)


@pytest.mark.parametrize(
    ("method", "url", "mutates"),
    [
        ("POST", SERVERS, True),
        ("DELETE", f"{SERVERS}/{ID}", True),
        ("GET", SERVERS, False),
        ("POST", "http://127.0.0.1:5000/v3/auth/tokens", False),
        ("POST", "http://127.0.0.1:5000/v3/users", True),
    ],
)
def test_a_request_mutates_when_it_changes_something_that_stays(method, url, mutates):
    assert Request(method, url).mutates is mutates


@pytest.mark.parametrize("text", [ID, ID.replace("-", "")])
def test_shape_forgets_identifiers_with_and_without_hyphens_and_the_query(text):
    assert Request("GET", f"{SERVERS}/{text}/os-interface?x=1").shape == "/v2.1/servers/{id}/os-interface"


@pytest.mark.parametrize(
    ("first", "times", "struck"),
    [(1, 1, [1]), (2, 1, [2]), (2, 2, [2, 3]), (3, None, [3, 4, 5]), (9, 1, [])],
)
def test_a_rule_strikes_the_numbers_it_names(first, times, struck):
    script = Script((Rule(Match("POST", "/servers$"), DROP, first=first, times=times),))
    assert [n for n in range(1, 6) if script.decide(Request("POST", SERVERS)) is DROP] == struck


def test_only_matching_requests_count():
    script = Script((Rule(Match("POST", "/servers$"), DROP, first=2),))
    heard = [script.decide(Request(m, SERVERS)) for m in ("POST", "GET", "GET", "POST")]
    assert heard == [None, None, None, DROP]


def test_the_first_rule_that_strikes_wins_and_the_others_count_on():
    busy = Answer(503, retry_after=1)
    script = Script((Rule(Match(), DROP), Rule(Match(), busy, first=2)))
    assert [script.decide(Request("GET", SERVERS)) for _ in range(3)] == [DROP, busy, None]


@pytest.mark.parametrize(
    ("mutation", "further", "struck"),
    [(0, 0, 0), (0, 1, 1), (0, 9, 2), (1, 0, 3), (1, 2, 5), (1, 3, 6), (2, 0, 7), (2, 1, None)],
)
def test_a_stretch_strikes_one_request_behind_a_mutation_or_the_next_mutation(mutation, further, struck):
    methods = ["GET", "GET", "POST", "GET", "GET", "GET", "DELETE", "GET"]
    script = Script((Stretch(mutation, further, DROP),))
    heard = [script.decide(Request(m, SERVERS)) for m in methods]
    assert [n for n, fault in enumerate(heard) if fault] == ([] if struck is None else [struck])


def drawn(chance: Chance, count: int = 2000) -> list[bool]:
    script = Script(chance=chance)
    return [script.decide(Request("GET", SERVERS)) is not None for _ in range(count)]


def test_chance_repeats_with_its_seed_and_differs_with_another():
    assert drawn(Chance(7, 0.3, (DROP,))) == drawn(Chance(7, 0.3, (DROP,)))
    assert drawn(Chance(7, 0.3, (DROP,))) != drawn(Chance(8, 0.3, (DROP,)))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_chance_strikes_its_share(share):
    assert sum(drawn(Chance(1, share, (DROP,)))) / 2000 == pytest.approx(share, abs=0.04)


def test_chance_does_not_depend_on_what_other_requests_came_between():
    alone, mixed = Script(chance=Chance(3, 0.5, (DROP,))), Script(chance=Chance(3, 0.5, (DROP,)))
    first = [alone.decide(Request("GET", SERVERS)) for _ in range(50)]
    second = []
    for n in range(50):
        mixed.decide(Request("GET", f"http://127.0.0.1:9696/v2.0/ports/{n}"))
        second.append(mixed.decide(Request("GET", SERVERS)))
    assert first == second


def test_chance_uses_every_fault():
    faults = (DROP, Answer(500), Answer(503))
    script = Script(chance=Chance(5, 1.0, faults))
    assert {script.decide(Request("GET", SERVERS)) for _ in range(60)} == set(faults)


def test_points_name_each_request_by_its_number_among_its_kind():
    trace = [Exchange(Request(*r), 200, 1.0) for r in [("GET", SERVERS), ("POST", SERVERS), ("GET", SERVERS)]]
    assert points(trace) == (
        (Point("GET", "/v2.1/servers", 1), False),
        (Point("POST", "/v2.1/servers", 1), True),
        (Point("GET", "/v2.1/servers", 2), False),
    )


def test_the_rule_of_a_point_strikes_exactly_there():
    fault = Kill(Moment.BEFORE)
    script = Script((Point("GET", "/v2.1/servers/{id}", 2).rule(fault),))
    asked = [
        Request("GET", f"{SERVERS}/{ID}"),
        Request("GET", SERVERS),
        Request("GET", f"{SERVERS}/{ID[::-1]}"),
    ]
    assert [script.decide(r) for r in [asked[0], asked[1], asked[0], asked[0]]] == [None, None, fault, None]
