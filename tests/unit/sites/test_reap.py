"""The reaper's verbs: one request each, guarded, never repeated; and what refusals are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar

import pytest

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.inventory import Kind, Mark, Ref, Resource
from chi_helpers.model.stamp import Stamp, from_description
from chi_helpers.sites.errors import BusyError, ChangedError, ConflictError, GoneError, NoAnswerError
from chi_helpers.sites.inventory import notes
from chi_helpers.sites.reap import ProjectSite
from chi_helpers.sites.session import open_session
from tests.support import http_project as made
from tests.support.http_project import furnish, listing
from tests.support.http_site import DropError
from tests.unit.sites.conftest import credentials

DEADLINE = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
STAMP = Stamp("sam", "hello", DEADLINE, "node1")
MARK = Mark(Ref(Kind.INSTANCE, "I1"), "sam@uni.edu", "hello:lab", DEADLINE)
PLACES = {
    Kind.LEASE: "/blazar/leases/X",
    Kind.INSTANCE: "/compute/v2.1/servers/X",
    Kind.FLOATING_IP: "/network/v2.0/floatingips/X",
    Kind.PORT: "/network/v2.0/ports/X",
    Kind.VOLUME: "/volume/v3/p1/volumes/X",
    Kind.SNAPSHOT: "/volume/v3/p1/snapshots/X",
    Kind.IMAGE: "/image/v2/images/X",
    Kind.NETWORK: "/network/v2.0/networks/X",
    Kind.SUBNET: "/network/v2.0/subnets/X",
    Kind.ROUTER: "/network/v2.0/routers/X",
    Kind.GROUP: "/network/v2.0/security-groups/X",
}
NEUTRON = (Kind.FLOATING_IP, Kind.PORT, Kind.NETWORK, Kind.SUBNET, Kind.ROUTER, Kind.GROUP)
LOGIN = "/v3/auth/tokens"
OK = {"x-openstack-request-id": "req-9"}


def of(kind, **changes):
    return Resource(kind, "X", "x", **changes)


@pytest.fixture
def site_(http, clock):
    furnish(http)
    return ProjectSite(open_session(credentials(http)))


def sent(http, method):
    found = zip(http.requests, http.headers, strict=True)
    return [(path, body, headers) for (m, path, body), headers in found if m == method and path != LOGIN]


class TestDelete:
    @pytest.mark.parametrize("kind", PLACES, ids=str)
    def test_is_one_request_whose_id_comes_back(self, site_, http, kind):
        http.routes["DELETE", PLACES[kind]] = [(204, None, OK)]
        assert site_.delete(of(kind)) == "req-9"
        assert [path for path, _, _ in sent(http, "DELETE")] == [PLACES[kind]]

    @pytest.mark.parametrize("kind", NEUTRON, ids=str)
    def test_neutron_is_told_the_revision_that_was_judged(self, site_, http, kind):
        http.routes["DELETE", PLACES[kind]] = [(204, None, OK)]
        site_.delete(of(kind, revision=7))
        assert sent(http, "DELETE")[0][2]["if-match"] == "revision_number=7"

    @pytest.mark.parametrize(
        ("status", "body", "wanted"),
        [
            (404, {"itemNotFound": {"message": "no such thing"}}, GoneError),
            (409, {"NeutronError": {"type": "InUse", "message": "in use", "detail": ""}}, ConflictError),
            (412, {"NeutronError": {"type": "Constraint", "message": "revision is 8"}}, ChangedError),
            (403, {"forbidden": {"message": "policy"}}, RefusedError),
            (429, {"overLimit": {"message": "slow down"}}, BusyError),
            (503, {}, BusyError),
            (504, {}, NoAnswerError),
            (500, {"computeFault": {"message": "ouch"}}, SiteError),
        ],
    )
    def test_a_refusal_is_told_by_its_class_and_never_asked_again(self, site_, http, status, body, wanted):
        http.routes["DELETE", PLACES[Kind.PORT]] = [(status, body, OK | {"Retry-After": "7"})]
        with pytest.raises(SiteError) as told:
            site_.delete(of(Kind.PORT))
        assert type(told.value) is wanted
        assert told.value.request_id == "req-9"
        assert len(sent(http, "DELETE")) == 1
        assert "delete the port X" in told.value.what
        assert f"({status})" in told.value.what
        if isinstance(told.value, BusyError):
            assert told.value.what == f"The site is too busy to delete the port X ({status})."
            assert told.value.wait == 7
        elif body:
            assert next(iter(body.values()))["message"] in told.value.what

    def test_a_lost_answer_is_told_and_not_asked_again(self, site_, http):
        def drop(_):
            raise DropError

        http.routes["DELETE", PLACES[Kind.VOLUME]] = [drop]
        with pytest.raises(NoAnswerError):
            site_.delete(of(Kind.VOLUME))
        assert len(sent(http, "DELETE")) == 1

    @pytest.mark.parametrize("protected", [{"locked": True}, {"fixed": "Blazar holds it"}])
    def test_what_is_protected_is_not_even_asked_for(self, site_, http, protected):
        """Nova and Neutron would let an administrator do it."""
        with pytest.raises(RefusedError):
            site_.delete(of(Kind.INSTANCE, **protected))
        assert sent(http, "DELETE") == []

    def test_a_lock_that_was_set_meanwhile_is_final_and_no_conflict(self, site_, http):
        body = {"conflictingRequest": {"code": 409, "message": "Instance X is locked"}}
        http.routes["DELETE", PLACES[Kind.INSTANCE]] = [(409, body, OK)]
        with pytest.raises(RefusedError, match="is locked") as told:
            site_.delete(of(Kind.INSTANCE))
        assert not isinstance(told.value, ConflictError)

    def test_an_instance_that_is_busy_is_a_conflict(self, site_, http):
        body = {"conflictingRequest": {"message": "Cannot 'delete' instance X while it is in task_state y"}}
        http.routes["DELETE", PLACES[Kind.INSTANCE]] = [(409, body, OK)]
        with pytest.raises(ConflictError):
            site_.delete(of(Kind.INSTANCE))

    @pytest.mark.parametrize("kind", [Kind.VOLUME, Kind.SNAPSHOT])
    def test_cinders_bad_request_for_a_volume_in_use_is_a_conflict(self, site_, http, kind):
        said = f"Invalid {'volume' if kind is Kind.VOLUME else 'snapshot'}: Volume status must be available"
        http.routes["DELETE", PLACES[kind]] = [(400, {"badRequest": {"code": 400, "message": said}}, OK)]
        with pytest.raises(ConflictError, match="must be available"):
            site_.delete(of(kind))

    def test_a_key_pair_is_named_and_an_administrator_names_its_user(self, site_, http):
        path = "/compute/v2.1/os-keypairs/a%20b"
        http.routes["DELETE", path] = [(202, None, OK)]
        site_.delete(replace(of(Kind.KEY_PAIR), id="u1/a b"))
        site_.delete(replace(of(Kind.KEY_PAIR), id="u2/a b"))
        assert [asked for asked, _, _ in sent(http, "DELETE")] == [path, f"{path}?user_id=u2"]


class TestRouter:
    PORTS = (Ref(Kind.PORT, "P1"), Ref(Kind.PORT, "P2"))
    GATEWAY: ClassVar = {"external_gateway_info": {"network_id": "N9"}}
    OFF = f"{PLACES[Kind.ROUTER]}/remove_router_interface"

    def test_its_interfaces_are_taken_off_first_and_the_first_only_if_it_is_unchanged(self, site_, http):
        """Each of them changes the revision; to guard the rest would refuse what has been begun."""
        http.routes["PUT", self.OFF] = [(200, {}, {})]
        http.routes["DELETE", PLACES[Kind.ROUTER]] = [(204, None, OK)]
        router = of(Kind.ROUTER, revision=7, takes=self.PORTS, spec=self.GATEWAY)
        assert site_.delete(router) == "req-9"
        (_, first, guarded), (_, second, free) = sent(http, "PUT")
        assert (first, second) == ({"port_id": "P1"}, {"port_id": "P2"})
        assert (guarded["if-match"], free.get("if-match")) == ("revision_number=7", None)
        [(_, _, last)] = sent(http, "DELETE")
        assert "if-match" not in last

    @pytest.mark.parametrize(
        ("status", "wanted"), [(412, ChangedError), (409, ConflictError), (404, GoneError)]
    )
    def test_where_the_first_is_refused_nothing_else_is_tried(self, site_, http, status, wanted):
        http.routes["PUT", self.OFF] = [
            (status, {"NeutronError": {"message": "required by floating IPs"}}, {})
        ]
        with pytest.raises(wanted, match="required by"):
            site_.delete(of(Kind.ROUTER, revision=7, takes=self.PORTS))
        assert len(sent(http, "PUT")) == 1
        assert sent(http, "DELETE") == []

    def test_one_with_nothing_but_a_gateway_is_compared_before(self, site_, http):
        """Neutron would take the gateway off, and then refuse."""
        path = PLACES[Kind.ROUTER]
        http.routes["GET", path] = [(200, {"router": {"revision_number": n}}, {}) for n in (8, 7)]
        http.routes["DELETE", path] = [(204, None, OK)]
        router = of(Kind.ROUTER, revision=7, spec=self.GATEWAY)
        with pytest.raises(ChangedError):
            site_.delete(router)
        assert sent(http, "DELETE") == []
        assert site_.delete(router) == "req-9"
        assert "if-match" not in sent(http, "DELETE")[0][2]


class TestContainer:
    HOME = "/swift/v1/AUTH_p1/"
    PLACE = f"{HOME}X"

    def objects(self, http, *names):
        page = [{"name": name} for name in names]
        http.routes["GET", self.PLACE] = [(200, page, {}), (200, [], {})]
        http.routes["DELETE", self.PLACE] = [(204, None, {"x-trans-id": "tx-1"})]

    def bulk(self, http, **body):
        http.routes["GET", "/swift/info"] = [(200, {"bulk_delete": {"max_deletes_per_request": 2}}, {})]
        usual = {"Response Status": "200 OK", "Errors": [], "Number Deleted": 2, "Number Not Found": 0}
        http.routes["POST", self.HOME] = [(200, usual | body, {})]

    def test_an_empty_one_is_one_look_and_one_request(self, site_, http):
        self.objects(http)
        http.routes["GET", self.PLACE] = [(204, None, {})]
        assert site_.delete(of(Kind.CONTAINER)) == "tx-1"
        assert [path for path, _, _ in sent(http, "DELETE")] == [self.PLACE]

    def test_its_objects_go_in_bulk_where_swift_can(self, site_, http):
        self.objects(http, "a b", "c/d", "e")
        self.bulk(http)
        site_.delete(of(Kind.CONTAINER))
        bodies = [body for _, body, _ in sent(http, "POST")]
        assert bodies == ["/X/a%20b\n/X/c/d", "/X/e"]
        assert [path for path, _, _ in sent(http, "DELETE")] == [self.PLACE]

    def test_a_bulk_answer_of_200_is_read_before_it_is_believed(self, site_, http):
        self.objects(http, "a")
        self.bulk(http, Errors=[["/X/a", "409 Conflict"]], **{"Response Status": "400 Bad Request"})
        with pytest.raises(ConflictError, match="1 of its objects stay: /X/a 409"):
            site_.delete(of(Kind.CONTAINER))
        assert sent(http, "DELETE") == []

    def test_objects_that_may_not_be_deleted_are_a_refusal(self, site_, http):
        self.objects(http, "a")
        self.bulk(http, Errors=[["/X/a", "403 Forbidden"]], **{"Response Status": "400 Bad Request"})
        with pytest.raises(RefusedError) as told:
            site_.delete(of(Kind.CONTAINER))
        assert not isinstance(told.value, ConflictError)

    def test_one_by_one_where_swift_has_no_bulk(self, site_, http):
        self.objects(http, "a b", "c/d")
        http.routes["GET", "/swift/info"] = [(200, {"swift": {}}, {})]
        http.routes["DELETE", f"{self.PLACE}/a%20b"] = [(204, None, {})]
        http.routes["DELETE", f"{self.PLACE}/c/d"] = [(404, None, {})]
        site_.delete(of(Kind.CONTAINER))
        assert [p for p, _, _ in sent(http, "DELETE")] == [
            f"{self.PLACE}/a%20b",
            f"{self.PLACE}/c/d",
            self.PLACE,
        ]

    def test_an_object_that_came_meanwhile_keeps_it(self, site_, http):
        self.objects(http)
        http.routes["DELETE", self.PLACE] = [(409, None, {})]
        with pytest.raises(ConflictError):
            site_.delete(of(Kind.CONTAINER))


class TestTrim:
    def test_the_end_is_cut_to_the_minute_in_utc(self, site_, http):
        """Blazar takes minutes; the lease may end sooner than asked, never later."""
        http.routes["PUT", PLACES[Kind.LEASE]] = [(200, {"lease": {}}, OK)]
        end = datetime(2026, 3, 2, 15, 30, 59, tzinfo=timezone(timedelta(hours=-6)))
        assert site_.trim(of(Kind.LEASE), end) == "req-9"
        assert [body for _, body, _ in sent(http, "PUT")] == [{"end_date": "2026-03-02 21:30"}]

    def test_an_end_without_a_time_zone_is_an_error_of_the_caller(self, site_):
        with pytest.raises(ValueError, match="time zone"):
            site_.trim(of(Kind.LEASE), datetime(2026, 3, 2, 15, 30))  # noqa: DTZ001 - meant


class TestNotes:
    def test_a_mark_on_neutrons_kinds_is_one_tag_more(self, site_, http):
        http.routes["PUT", PLACES[Kind.PORT] + "/tags/" + self.tag()] = [(201, None, OK)]
        assert site_.mark(of(Kind.PORT), MARK) == "req-9"
        [(_, body, headers)] = sent(http, "PUT")
        assert body is None
        assert "if-match" not in headers

    def tag(self):
        return "chi-lab-mark%3Ainstance%3AI1%3Asam%40uni.edu%3Ahello%253Alab%3A20260302T210000Z"

    @pytest.mark.parametrize(
        ("kind", "verb", "path"),
        [
            (Kind.VOLUME, "POST", "/volume/v3/p1/volumes/X/metadata"),
            (Kind.SNAPSHOT, "POST", "/volume/v3/p1/snapshots/X/metadata"),
            (Kind.INSTANCE, "POST", "/compute/v2.1/servers/X/metadata"),
        ],
        ids=str,
    )
    def test_metadata_is_added_by_a_post_that_leaves_the_rest(self, site_, http, kind, verb, path):
        http.routes[verb, path] = [(200, {"metadata": {}}, OK)]
        assert site_.restamp(of(kind), STAMP) == site_.mark(of(kind), MARK) == "req-9"
        [(_, stamped, _), (_, marked, _)] = sent(http, verb)
        assert stamped == {"metadata": STAMP.metadata()}
        assert notes.of_metadata(marked["metadata"]).mark == MARK

    def test_on_an_image_they_are_properties(self, site_, http):
        http.routes["PATCH", PLACES[Kind.IMAGE]] = [(200, {}, OK)]
        site_.restamp(of(Kind.IMAGE), STAMP)
        [(_, patch, headers)] = sent(http, "PATCH")
        assert {"op": "add", "path": "/chi_lab_owner", "value": "sam"} in patch
        assert headers["content-type"] == "application/openstack-images-v2.1-json-patch"

    def test_on_a_container_they_are_headers(self, site_, http):
        http.routes["POST", "/swift/v1/AUTH_p1/X"] = [(204, None, OK)]
        site_.restamp(of(Kind.CONTAINER), STAMP)
        site_.mark(of(Kind.CONTAINER), MARK)
        [(_, _, stamped), (_, _, marked)] = sent(http, "POST")
        assert notes.of_metadata(notes.from_headers(stamped)).stamp == STAMP
        assert notes.of_metadata(notes.from_headers(marked)).mark == MARK

    def test_a_stamp_takes_the_place_of_a_description_only_while_it_is_the_same_thing(self, site_, http):
        http.routes["PUT", PLACES[Kind.GROUP]] = [(200, {}, OK)]
        site_.restamp(of(Kind.GROUP, revision=4), STAMP)
        [(_, body, headers)] = sent(http, "PUT")
        assert from_description(body["security_group"]["description"]) == STAMP
        assert headers["if-match"] == "revision_number=4"

    @pytest.mark.parametrize("kind", [Kind.LEASE, Kind.KEY_PAIR])
    def test_kinds_without_room_for_notes_are_refused(self, site_, kind):
        with pytest.raises(RefusedError, match="no room"):
            site_.restamp(of(kind), STAMP)


class TestMarks:
    def test_what_is_written_is_read_again(self):
        for kind in Kind:
            mark = replace(MARK, root=Ref(kind, "u1/my key: ü"))
            assert notes.read(notes.write(mark)) == mark
            assert notes.write(mark).isascii()
            assert "/" not in notes.write(mark)

    def test_a_mark_of_usual_names_fits_neutrons_tag(self):
        root = Ref(Kind.FLOATING_IP, "5b0d5a63-1d0f-4a3b-9d5e-0f4d9d5e0f4d")
        mark = Mark(root, "firstname.lastname@university.edu", "hello-chameleon", DEADLINE)
        assert len(notes.MARK_TAG + notes.write(mark)) <= 255

    @pytest.mark.parametrize(
        "text", ["", "a:b:c:d:e", "instance::sam:hello:20260302T210000Z", "instance:I1:sam:hello:x"]
    )
    def test_a_mark_that_cannot_be_read_is_a_fault(self, text):
        assert notes.read(text) is None
        found = notes.of_description("", [notes.MARK_TAG + text])
        assert found.mark is None
        assert found.fault

    def test_of_several_marks_the_latest_deadline_counts_and_other_owners_are_a_fault(self):
        later = replace(MARK, root=Ref(Kind.INSTANCE, "I2"), deadline=DEADLINE + timedelta(hours=1))
        tags = [notes.MARK_TAG + notes.write(mark) for mark in (MARK, later)]
        assert notes.of_description("", tags).mark == later
        other = notes.MARK_TAG + notes.write(replace(MARK, owner="ann"))
        assert notes.of_description("", [*tags, other]).fault

    def test_a_mark_is_seen_on_a_port(self, site_, http):
        tag = notes.MARK_TAG + notes.write(MARK)
        listing(http, "ports", made.port(tags=["mine", tag]))
        assert site_.inventory().by_ref[Ref(Kind.PORT, "P1")].mark == MARK
