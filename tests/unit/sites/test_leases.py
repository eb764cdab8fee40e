"""Leases against a Blazar that refuses, stalls and drops connections; and what plain python-chi makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import chi
import pytest
from chi.lease import Lease

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.wants import LeaseWant, ReservationWant
from chi_helpers.sites import leases
from chi_helpers.sites.errors import BusyError, NoAnswerError
from chi_helpers.sites.session import open_session
from tests.support.http_site import LEASE, DropError
from tests.unit.sites.conftest import credentials

POST = ("POST", "/blazar/leases")
WANT = LeaseWant(
    "hello-sam",
    datetime(2026, 3, 2, 21, 0, tzinfo=UTC),
    (ReservationWant(1, flavor_id="2", label="m1.small"),),
)


def refusal(status, message):
    return [(status, {"error_code": status, "error_message": message}, {"X-Openstack-Request-Id": "req-9"})]


def test_a_lease_is_asked_for_with_minutes_in_utc_and_the_flavors_id(http, session):
    http.routes[POST] = [(201, {"lease": LEASE}, {})]
    zone = timezone(timedelta(hours=-6))
    start, end = datetime(2026, 3, 2, 9, 0, tzinfo=zone), datetime(2026, 3, 2, 15, 0, tzinfo=zone)
    made = leases.create(session, replace(WANT, start=start, end=end))
    [sent] = http.posts()
    assert (sent["start_date"], sent["end_date"]) == ("2026-03-02 15:00", "2026-03-02 21:00")
    assert sent["reservations"] == [
        {"resource_type": "flavor:instance", "flavor_id": "2", "amount": 1, "affinity": None}
    ]
    assert (made.id, made.end, made.reservations[0].flavor_id) == ("L1", WANT.end, "2")


def test_python_chi_writes_local_times_as_if_they_were_utc():
    """The trap (chi/lease.py:213): no conversion."""
    nine = datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=-6)))
    assert Lease("x", start_date=nine, end_date=nine + timedelta(hours=6)).start_date == "2026-03-02 09:00"


def test_python_chi_counts_the_end_of_an_advance_lease_from_now():
    """The trap (chi/lease.py:222): it would end before it starts. `LeaseWant` has an end, never a duration."""
    start = datetime.now(UTC) + timedelta(days=2)
    lease = Lease("x", start_date=start, duration=timedelta(hours=6))
    assert lease.end_date < lease.start_date


def test_a_lease_that_starts_now_is_asked_for_with_the_word(http, session):
    http.routes[POST] = [(201, {"lease": LEASE}, {})]
    leases.create(session, WANT)
    assert http.posts()[0]["start_date"] == "now"


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (500, "Not enough hosts available", "has no room for 1 x m1.small"),
        (403, "Lease duration of 99 seconds must be less than or equal to the maximum lease duration of 9 seconds.",
         "does not lease for so long"),
        (400, "End date must be later than start date.", "End date must be later"),
        (409, "A lease with that name", "A lease with that name"),
    ],
)  # fmt: skip
def test_a_refusal_keeps_blazars_reason_and_request_id(http, session, status, message, said):
    http.routes[POST] = refusal(status, message)
    with pytest.raises(RefusedError, match=said) as caught:
        leases.create(session, WANT)
    assert message.rstrip(".") in caught.value.what
    assert caught.value.request_id == "req-9"
    assert len(http.posts()) == 1


def test_python_chi_loses_the_reason_of_a_refusal(http, session):
    """The trap (chi/lease.py:1457)."""
    http.routes[POST] = refusal(403, "Lease duration of 99 seconds is too long")
    draft = Lease("x", end_date=WANT.end)
    draft.add_flavor_reservation(id="2")
    with pytest.raises(chi.exception.ResourceError) as caught:
        draft.submit(wait_for_active=False)
    assert str(caught.value) == "Unable to make lease"


def test_a_bare_500_to_an_application_credential_says_how_to_make_one_that_works(http, session):
    http.routes[POST] = refusal(500, "Internal Server Error")
    restricted = replace(
        session, credentials=replace(session.credentials, auth_type="v3applicationcredential")
    )
    with pytest.raises(RefusedError) as caught:
        leases.create(restricted, WANT)
    assert "openstack application credential create --unrestricted" in caught.value.do
    with pytest.raises(SiteError, match="failed to create the lease") as other:
        leases.create(session, WANT)
    assert "unrestricted" not in str(other.value)


COLLISION = refusal(500, "Failed to create resource class 'CUSTOM_RESERVATION_1F'")


def test_a_lease_that_collides_with_another_in_placement_is_asked_for_again(http, session):
    """Reproduced with the real Placement in tests/site/test_quirks.py."""
    http.routes[POST] = [*COLLISION * 2, (201, {"lease": LEASE}, {})]
    assert leases.create(session, WANT).id == "L1"
    first, *more = http.posts()
    assert more == [first, first]


def test_a_lease_that_always_collides_is_given_up_with_blazars_reason(http, session):
    http.routes[POST] = COLLISION
    with pytest.raises(SiteError, match="Failed to create resource class") as caught:
        leases.create(session, WANT)
    assert len(http.posts()) == leases.DRAWS
    assert caught.value.request_id == "req-9"


def test_after_a_lost_answer_the_lease_that_was_made_is_found_and_not_made_again(http, session):
    def made_and_lost(body):
        http.leases.append(LEASE)
        raise DropError

    http.routes[POST] = [made_and_lost]
    assert leases.create(session, WANT).id == "L1"
    assert len(http.posts()) == 1


def test_a_lease_that_appears_a_minute_after_the_lost_answer_is_found(http, session, clock):
    """A class's Blazar is slow: the gateway gives up long before it has made the lease."""

    def shown(_):
        return 200, {"leases": [LEASE] if clock.monotonic() > 45 else []}, {}

    http.routes["GET", "/blazar/leases"] = [shown]
    http.routes[POST] = [(504, {"error_message": "gateway timeout"}, {})]
    assert leases.create(session, WANT).id == "L1"
    assert len(http.posts()) == 1


def test_an_older_lease_of_the_name_is_not_taken_for_the_lost_one(http, session):
    http.leases.append(LEASE | {"id": "old", "status": "TERMINATED"})

    def lost(body):
        raise DropError

    http.routes[POST] = [lost]
    with pytest.raises(NoAnswerError):
        leases.create(session, WANT)
    assert len(http.posts()) == 1


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_site_is_not_asked_twice_to_create(http, session, status):
    http.routes[POST] = [(status, {"error_message": "busy"}, {})]
    with pytest.raises(BusyError):
        leases.create(session, WANT)
    assert len(http.posts()) == 1


def test_a_gateway_that_gave_up_waiting_counts_as_a_lost_answer(http, session):
    def made_slowly(body):
        http.leases.append(LEASE)
        return 504, {"error_message": "gateway timeout"}, {}

    http.routes[POST] = [made_slowly]
    assert leases.create(session, WANT).id == "L1"


def test_python_chi_makes_a_second_lease_once_an_ended_one_of_the_name_exists(http, session):
    """The trap of the second day (chi/lease.py:194, 1415); our plan knows the ended from the active."""
    http.leases += [LEASE | {"id": "old", "status": "TERMINATED"}, LEASE]
    http.routes[POST] = [(201, {"lease": LEASE | {"id": "third"}}, {})]
    again = Lease("hello-sam", end_date=WANT.end)
    again.add_flavor_reservation(id="2")
    again.submit(idempotent=True, wait_for_active=False)
    assert len(http.posts()) == 1, "a duplicate, though an active one is there"
    alive = [lease.id for lease in leases.listed(session)[0] if not lease.over]
    assert alive == ["L1"]


def test_python_chi_takes_an_error_for_a_started_lease(http, session, capsys):
    """The trap (chi/lease.py:627): `wait` returns. Ours: tests/unit/apply/test_lab.py."""
    http.routes["GET", "/blazar/leases/L1"] = [(200, {"lease": LEASE | {"status": "ERROR"}}, {})]
    lease = Lease(lease_json=LEASE)
    lease.wait(show=None, timeout=5)
    assert lease.status == "ERROR"
    assert "Waiting" in capsys.readouterr().out, "and it prints to stdout"


def test_a_lease_is_deleted_when_blazar_says_that_it_is_gone(http, session):
    """Not when DELETE is answered; a lost answer and a conflict are looked through."""

    def lost(body):
        raise DropError

    looks: list[object] = [
        (200, {"lease": LEASE | {"status": s}}, {}) for s in ("ACTIVE", "ACTIVE", "ACTIVE", "DELETING")
    ]
    http.routes["GET", "/blazar/leases/L1"] = [*looks, (404, {"error_message": "gone"}, {})]
    http.routes["DELETE", "/blazar/leases/L1"] = [lost, (409, {"error_message": "in use"}, {}), (204, {}, {})]
    leases.delete(session, "L1")
    assert [m for m, path, _ in http.requests if path == "/blazar/leases/L1"] == ["GET", "DELETE"] * 3 + [
        "GET"
    ] * 2


def test_a_lease_that_stays_is_an_error_and_not_gone(http, session):
    http.routes["GET", "/blazar/leases/L1"] = [(200, {"lease": LEASE}, {})]
    http.routes["DELETE", "/blazar/leases/L1"] = [(204, {}, {})]
    with pytest.raises(SiteError, match="still there"):
        leases.delete(session, "L1")


def test_a_listing_is_asked_for_again_when_the_site_is_busy_as_it_says(http, session, clock):
    http.routes["GET", "/blazar/leases"] = [(503, {}, {"Retry-After": "7"}), (200, {"leases": [LEASE]}, {})]
    before = clock.monotonic()
    assert [lease.id for lease in leases.listed(session)[0]] == ["L1"]
    assert clock.monotonic() - before == 7


def test_leases_of_other_projects_which_an_administrator_is_shown_are_not_listed(http, session):
    http.leases += [LEASE | {"id": "foreign", "project_id": "p2"}, LEASE]
    assert [lease.id for lease in leases.listed(session)[0]] == ["L1"]


def test_a_listing_that_fails_is_an_error_and_never_empty(http, session):
    http.routes["GET", "/blazar/leases"] = [(503, {}, {})]
    with pytest.raises(BusyError):
        leases.listed(session)


def test_a_wrong_password_is_told_as_that(http, clock):
    http.answer = lambda *_: (401, {"error": {"message": "The request you have made"}}, {})
    with pytest.raises(SiteError, match="does not accept these credentials"):
        open_session(credentials(http))


def test_credentials_that_are_not_complete_are_told_with_where_they_came_from(http, clock):
    auth = {k: v for k, v in credentials(http).auth.items() if k != "user_domain_name"}
    with pytest.raises(SiteError, match=r"log in with a test: .*user_domain"):
        open_session(credentials(http, auth=auth))


def test_a_site_that_is_not_there_is_told_with_its_address(http, clock):
    auth = credentials(http).auth | {"auth_url": "http://127.0.0.1:1/v3"}
    with pytest.raises(
        NoAnswerError, match=r"http://127\.0\.0\.1:1/v3/auth/tokens to log in: Connection refused\."
    ):
        open_session(credentials(http, auth=auth))
