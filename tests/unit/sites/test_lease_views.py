"""Leases as Blazar describes them; what is asked for in them; and deletions that do not go through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.resources import ReservationView
from chi_helpers.model.wants import LeaseWant, ReservationWant
from chi_helpers.sites import leases
from chi_helpers.sites.errors import ConflictError, NoAnswerError
from tests.support.http_site import LEASE
from tests.unit.sites.conftest import sent

POST = ("POST", "/blazar/leases")
ONE = "/blazar/leases/L1"
WANT = LeaseWant("hello-sam", datetime(2026, 3, 2, 21, 0, tzinfo=UTC), (ReservationWant(1, flavor_id="2"),))


class TestView:
    def test_it_has_names_times_and_reservations(self):
        seen = leases.view(LEASE)
        assert seen is not None
        assert (seen.id, seen.name, seen.status, seen.user_id) == ("L1", "hello-sam", "ACTIVE", "u1")
        assert (seen.start, seen.end) == (
            datetime(2026, 3, 2, 15, 0, tzinfo=UTC),
            datetime(2026, 3, 2, 21, 0, tzinfo=UTC),
        )
        assert seen.reservations == (
            ReservationView("R1", "flavor:instance", 1, "active", "2", '{"id": "2"}'),
        )

    def test_a_time_with_a_zone_is_turned_to_utc(self):
        seen = leases.view(LEASE | {"end_date": "2026-03-02T15:00:00-06:00"})
        assert seen is not None
        assert seen.end == datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
        assert seen.end.tzinfo is UTC

    @pytest.mark.parametrize("change", [{"end_date": None}, {"start_date": "soon"}, {"reservations": [{}]}])
    def test_one_that_cannot_be_read_is_none(self, change):
        assert leases.view(LEASE | change) is None
        assert leases.view({}) is None

    def test_one_without_status_or_reservations_is_read(self):
        seen = leases.view(LEASE | {"status": None, "reservations": None})
        assert seen is not None
        assert (seen.status, seen.reservations) == ("", ())

    @pytest.mark.parametrize(
        ("reservation", "seen"),
        [
            (
                {"id": "R", "resource_type": "physical:host", "max": "2", "status": "pending", "resource_properties": "p"},
                ReservationView("R", "physical:host", 2, "pending", None, "p"),
            ),
            ({"id": "R"}, ReservationView("R", "", 0, "", None, "")),
            (
                {"id": "R", "resource_type": "virtual:floatingip", "amount": 3, "max": 9, "resource_properties": '{"id": "x"}'},
                ReservationView("R", "virtual:floatingip", 3, "", None, '{"id": "x"}'),
            ),
            (
                {"id": "R", "resource_type": "flavor:instance", "resource_properties": "nonsense"},
                ReservationView("R", "flavor:instance", 0, "", None, "nonsense"),
            ),
        ],
    )  # fmt: skip
    def test_a_reservation_is_shown_with_what_is_there(self, reservation, seen):
        found = leases.view(LEASE | {"reservations": [reservation]})
        assert found is not None
        assert found.reservations == (seen,)


class TestCreate:
    def test_nodes_are_asked_for_by_their_type_and_flavors_by_their_id(self, http, session):
        http.routes[POST] = [(201, {"lease": LEASE}, {})]
        both = (ReservationWant(2, node_type="gpu"), ReservationWant(3, flavor_id="2"))
        leases.create(session, replace(WANT, reservations=both))
        [asked] = http.posts()
        node, flavor = asked["reservations"]
        assert (node["resource_type"], node["min"], node["max"]) == ("physical:host", 2, 2)
        assert '"$node_type", "gpu"' in node["resource_properties"]
        assert (flavor["resource_type"], flavor["flavor_id"], flavor["amount"]) == ("flavor:instance", "2", 3)
        assert (asked["name"], asked["events"]) == ("hello-sam", [])

    def test_an_answer_that_cannot_be_read_is_an_error(self, http, session):
        http.routes[POST] = [(201, {"lease": LEASE | {"end_date": None}}, {})]
        with pytest.raises(SiteError, match="answer to the new lease cannot be read") as caught:
            leases.create(session, WANT)
        assert caught.value.do == "Run `chi-lab status`."

    @pytest.mark.parametrize(
        ("message", "do"),
        [
            ("Not enough hosts available", "Choose another time"),
            ("above the maximum lease duration", "lease.duration"),
        ],
    )
    def test_a_known_refusal_says_what_to_do(self, http, session, message, do):
        http.routes[POST] = [(403, {"error_message": message}, {})]
        with pytest.raises(RefusedError) as caught:
            leases.create(session, WANT)
        assert do in caught.value.do

    def test_no_room_says_for_what_and_until_when(self, http, session):
        http.routes[POST] = [(400, {"error_message": "Not enough hosts available"}, {})]
        both = (ReservationWant(1, flavor_id="2", label="m1.small"), ReservationWant(2, node_type="gpu"))
        with pytest.raises(RefusedError) as caught:
            leases.create(session, replace(WANT, reservations=both))
        assert caught.value.what == (
            "The site has no room for 1 x m1.small, 2 x gpu until 2026-03-02 21:00 UTC: Not enough hosts available."
        )

    def test_an_application_credential_s_bare_500_is_told_with_its_source(self, http, session):
        http.routes[POST] = [
            (500, {"error_message": "Internal Server Error"}, {"X-Openstack-Request-Id": "req-9"})
        ]
        kind = replace(session.credentials, auth_type="v3applicationcredential")
        with pytest.raises(RefusedError, match=r"with a test \(500: Internal Server Error\)") as caught:
            leases.create(replace(session, credentials=kind), WANT)
        assert caught.value.request_id == "req-9"

    def test_an_application_credential_s_other_refusals_stay_what_they_are(self, http, session):
        http.routes[POST] = [(409, {"error_message": "a lease of that name"}, {})]
        kind = replace(session.credentials, auth_type="v3applicationcredential")
        with pytest.raises(ConflictError, match=r"create the lease hello-sam \(409\): a lease of that name"):
            leases.create(replace(session, credentials=kind), WANT)

    @pytest.mark.parametrize("other", [{"name": "hello-alex"}, {"user_id": "u2"}])
    def test_a_lease_of_somebody_else_is_not_taken_for_the_lost_one(self, http, session, clock, other):
        def another(_):
            http.leases.append(LEASE | other)
            return 504, {}, {}

        http.routes[POST] = [another]
        with pytest.raises(NoAnswerError, match="create the lease hello-sam"):
            leases.create(session, WANT)
        assert clock.monotonic() == pytest.approx(60)

    def test_a_fault_of_the_program_is_not_told_as_one_of_the_site(self, session, monkeypatch):
        def broken(*_):
            raise ZeroDivisionError

        monkeypatch.setattr(leases, "_ask", broken)
        with pytest.raises(ZeroDivisionError):
            leases.create(session, WANT)


class TestDelete:
    @pytest.mark.parametrize("status", ["DELETING", "TERMINATING"])
    def test_one_that_is_on_its_way_is_waited_for_and_not_asked_for(self, http, session, status):
        statuses = (status, status, "TERMINATED")
        http.routes["GET", ONE] = [(200, {"lease": LEASE | {"status": s}}, {}) for s in statuses]
        leases.delete(session, "L1")
        assert sent(http, "DELETE", ONE) == []
        assert len(sent(http, "GET", ONE)) == 3

    def test_one_that_goes_between_look_and_request_is_gone(self, http, session):
        http.routes["GET", ONE] = [(200, {"lease": LEASE}, {})]
        http.routes["DELETE", ONE] = [(404, {"error_message": "gone"}, {})]
        leases.delete(session, "L1")
        assert len(sent(http, "GET", ONE)) == 1

    def test_one_that_stays_in_transition_is_an_error_with_blazars_reason(self, http, session, clock):
        http.routes["GET", ONE] = [(200, {"lease": LEASE}, {})]
        http.routes["DELETE", ONE] = [(409, {"error_message": "in transition"}, {})]
        with pytest.raises(
            ConflictError, match=r"^The site refused to delete the lease \(409\): in transition"
        ):
            leases.delete(session, "L1")
        assert clock.monotonic() == pytest.approx(300)

    def test_one_that_stays_without_a_reason_says_what_to_do(self, http, session):
        http.routes["GET", ONE] = [(200, {"lease": LEASE}, {})]
        http.routes["DELETE", ONE] = [(204, None, {})]
        with pytest.raises(SiteError, match="lease L1 is still there 300 s after it was deleted") as caught:
            leases.delete(session, "L1")
        assert caught.value.do == "Run `chi-lab down`."

    def test_a_refusal_that_will_not_pass_is_told_at_once(self, http, session, clock):
        http.routes["GET", ONE] = [(200, {"lease": LEASE}, {})]
        http.routes["DELETE", ONE] = [(403, {"error_message": "policy"}, {})]
        with pytest.raises(RefusedError, match=r"^The site refused to delete the lease \(403\): policy"):
            leases.delete(session, "L1")
        assert clock.monotonic() == 0


def test_leases_that_cannot_be_read_are_left_out_of_the_listing(http, session):
    dated = {"Date": "Mon, 02 Mar 2026 22:00:00 GMT"}
    entries = [LEASE | {"end_date": None}, LEASE, {k: v for k, v in LEASE.items() if k != "project_id"}]
    http.routes["GET", "/blazar/leases"] = [(200, {"leases": entries}, dated)]
    found, date = leases.listed(session)
    assert [lease.id for lease in found] == ["L1", "L1"]
    assert date == dated["Date"]


def test_one_lease_is_looked_at_by_its_id(http, session):
    http.routes["GET", ONE] = [(200, {"lease": LEASE}, {})]
    seen = leases.one(session, "L1")
    assert seen is not None
    assert seen.id == "L1"
    assert leases.one(session, "L2") is None
