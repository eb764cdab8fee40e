"""A container is emptied page by page, and is never taken for empty without a list that says so."""

from __future__ import annotations

import pytest

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.inventory import Kind, Resource
from chi_helpers.sites.errors import ConflictError
from chi_helpers.sites.reap import ProjectSite
from chi_helpers.sites.session import open_session
from tests.unit.sites.conftest import REQUEST, credentials

HOME = "/swift/v1/AUTH_p1/"
PLACE = f"{HOME}X"
DONE = {"Response Status": "200 OK", "Errors": []}


@pytest.fixture
def delete(project):
    site = ProjectSite(open_session(credentials(project)))
    return lambda: site.delete(Resource(Kind.CONTAINER, "X", "x"))


def pages(http, *names):
    """The pages of the listing, the last one empty; and nothing against the container's end."""
    found: list[object] = [(200, [{"name": name} for name in page], {}) for page in names]
    http.routes["GET", PLACE] = [*found, (200, [], {})]
    http.routes["DELETE", PLACE] = [(204, None, REQUEST)]


def bulk(http, *answers, most=2):
    http.routes["GET", "/swift/info"] = [(200, {"bulk_delete": {"max_deletes_per_request": most}}, {})]
    http.routes["POST", HOME] = list(answers) or [(200, DONE, {})]


def asked(http, method):
    return [path for m, path, _ in http.requests if m == method and path.startswith("/swift")]


def test_every_page_is_deleted_and_swift_is_asked_once_what_it_can(project, delete):
    pages(project, ["a", "b", "c"], ["d"])
    bulk(project)
    assert delete() == "req-9"
    looks = [f"{PLACE}?format=json&marker={marker}" for marker in ("", "c", "d")]
    assert [path for path in asked(project, "GET") if path.startswith(PLACE)] == looks
    assert asked(project, "GET").count("/swift/info") == 1
    sent = [
        body
        for method, path, body in project.requests
        if (method, path) == ("POST", f"{HOME}?bulk-delete=true")
    ]
    assert sent == ["/X/a\n/X/b", "/X/c", "/X/d"]


def test_a_bulk_request_is_text_and_asks_for_json(project, delete):
    pages(project, ["a"])
    bulk(project)
    delete()
    [at] = [
        n for n, (method, path, _) in enumerate(project.requests) if (method, path[:6]) == ("POST", "/swift")
    ]
    headers = project.headers[at]
    assert (headers["content-type"], headers["accept"]) == ("text/plain", "application/json")


def test_swift_is_asked_what_it_can_without_the_token(project, delete):
    pages(project, ["a"])
    bulk(project)
    delete()
    [at] = [n for n, (_, path, _) in enumerate(project.requests) if path == "/swift/info"]
    assert "x-auth-token" not in project.headers[at]


def test_a_bulk_request_has_at_most_a_thousand_names(project, delete):
    pages(project, [f"{n:04}" for n in range(1001)])
    bulk(project, most=10000)
    delete()
    bodies = [body for method, path, body in project.requests if (method, path[:6]) == ("POST", "/swift")]
    assert [len(body.split("\n")) for body in bodies] == [1000, 1]


def test_a_listing_that_does_not_go_on_is_an_error_and_ends(project, delete):
    project.routes["GET", PLACE] = [(200, [{"name": "b"}], {})]
    bulk(project)
    with pytest.raises(SiteError, match="page of objects after b does not go on from there"):
        delete()
    assert asked(project, "DELETE") == []


@pytest.mark.parametrize("listing", [[{"hash": "x"}], {"error": "x"}, [1], None])
def test_a_listing_that_cannot_be_read_is_an_error_and_never_empty(project, delete, listing):
    pages(project)
    project.routes["GET", PLACE] = [(200, listing, {})]
    with pytest.raises(
        SiteError, match=r"Cannot delete the object container X: its list of objects cannot be read: \w+"
    ):
        delete()
    assert asked(project, "DELETE") == []


@pytest.mark.parametrize(
    "info", [(404, {}, {}), (200, {}, {}), (200, None, {}), (200, {"bulk_delete": 1}, {})]
)
def test_without_bulk_every_object_of_a_page_is_deleted_once(project, delete, info):
    pages(project, ["a", "b/c d"], ["e"])
    project.routes["GET", "/swift/info"] = [info]
    for name in ("a", "b/c%20d", "e"):
        project.routes["DELETE", f"{PLACE}/{name}"] = [(204, None, {})]
    delete()
    assert asked(project, "DELETE") == [f"{PLACE}/a", f"{PLACE}/b/c%20d", f"{PLACE}/e", PLACE]


def test_an_object_that_may_not_be_deleted_alone_is_told(project, delete):
    pages(project, ["a", "b"])
    project.routes["DELETE", f"{PLACE}/a"] = [(403, None, {})]
    with pytest.raises(RefusedError, match="403"):
        delete()
    assert asked(project, "DELETE") == [f"{PLACE}/a"]


@pytest.mark.parametrize("body", [{}, {"Errors": []}, {"Response Status": "200 OK"}, [], None])
def test_a_bulk_answer_that_cannot_be_read_is_an_error(project, delete, body):
    pages(project, ["a"])
    bulk(project, (200, body, {}))
    with pytest.raises(
        SiteError, match=r"Cannot delete the object container X: Swift's answer cannot be read: \w+"
    ):
        delete()
    assert asked(project, "DELETE") == []


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"Response Status": "400 Bad Request", "Response Body": "too many"}, ConflictError, "0 of its objects stay: too many"),
        ({"Response Status": "502 Bad Gateway"}, ConflictError, "0 of its objects stay: 502 Bad Gateway"),
        ({"Errors": [[f"/X/{n}", "409 Conflict"] for n in "abcd"]}, ConflictError,
         "4 of its objects stay: /X/a 409 Conflict, /X/b 409 Conflict, /X/c 409 Conflict"),
        ({"Errors": [["/X/a", "409 Conflict"], ["/X/b", "401 Unauthorized"]]}, RefusedError, "2 of its objects stay: /X/a 409 Conflict, /X/b 401 Unauthorized"),
        ({"Errors": [["/X/a", "403 Forbidden"]]}, RefusedError, "1 of its objects stay: /X/a 403 Forbidden"),
    ],
)  # fmt: skip
def test_objects_that_stay_are_told_with_swifts_reasons_and_request(project, delete, body, kind, said):
    pages(project, ["a"])
    bulk(project, (200, DONE | body, REQUEST))
    with pytest.raises(RefusedError) as caught:
        delete()
    assert type(caught.value) is kind
    assert caught.value.what == f"Cannot delete the object container X: {said}"
    assert caught.value.request_id == "req-9"
    assert asked(project, "DELETE") == []
