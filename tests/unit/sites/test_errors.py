"""Refusals of a site: each becomes the class by which callers act, with reason, request id and what to do."""

from __future__ import annotations

import pytest
from blazarclient.exception import BlazarClientException
from keystoneauth1 import exceptions as keystone
from openstack import exceptions as sdk

from chi_helpers.model.errors import RefusedError, SiteError, UsageError
from chi_helpers.sites.errors import (
    BusyError,
    ChangedError,
    ConflictError,
    CredentialsError,
    GoneError,
    NoAnswerError,
    QuotaError,
    explain,
    reason_of,
    status_of,
    told,
)


class Answer:
    """As much of a `requests.Response` as the clients' errors carry."""

    def __init__(self, body=None, **headers):
        self.body, self.headers = body, {k.replace("_", "-"): v for k, v in headers.items()}

    def json(self):
        if self.body is None:
            raise ValueError
        return self.body


def refusal(status, message="said", **headers):
    body = {"NeutronError": {"message": message, "type": "x", "detail": ""}}
    return keystone.HttpError(
        message, http_status=status, response=Answer(body, **headers), request_id="req-9"
    )


def explained(error, doing="list the things"):
    found = explain(error, doing)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "kind", "what", "do"),
    [
        (400, RefusedError, "The site refused to list the things (400): said", ""),
        (401, CredentialsError, "The site does not accept these credentials (401): said", "Check user, password and project, or log in to JupyterHub again; an application credential may have expired."),
        (403, RefusedError, "The site refused to list the things (403): said", ""),
        (404, GoneError, "The site refused to list the things (404): said", ""),
        (408, NoAnswerError, "No answer to the request to list the things (408): said", ""),
        (409, ConflictError, "The site refused to list the things (409): said", ""),
        (412, ChangedError, "The site refused to list the things (412): said", ""),
        (413, BusyError, "The site is too busy to list the things (413).", "Wait a minute and run again."),
        (429, BusyError, "The site is too busy to list the things (429).", "Wait a minute and run again."),
        (499, RefusedError, "The site refused to list the things (499): said", ""),
        (500, SiteError, "The site failed to list the things (500): said", "Run again; if it stays, tell the help desk."),
        (502, NoAnswerError, "No answer to the request to list the things (502): said", ""),
        (503, BusyError, "The site is too busy to list the things (503).", "Wait a minute and run again."),
        (504, NoAnswerError, "No answer to the request to list the things (504): said", ""),
    ],
)  # fmt: skip
def test_a_status_decides_class_message_and_what_to_do(status, kind, what, do):
    found = explained(refusal(status))
    assert type(found) is kind
    assert (found.what, found.request_id) == (what, "req-9")
    assert found.do == do


@pytest.mark.parametrize("said", ["Quota exceeded for cores", "Request EXCEEDS QUOTA of 3"])
@pytest.mark.parametrize("status", [403, 409, 413])
def test_a_spent_quota_is_told_by_its_words_whatever_the_status(status, said):
    found = explained(refusal(status, said))
    assert type(found) is QuotaError
    assert (found.what, found.request_id) == (
        f"The site refused to list the things ({status}): {said}",
        "req-9",
    )
    assert found.do == "Delete what is not needed, or ask the instructor."


@pytest.mark.parametrize(
    ("after", "wait"), [("7", 7), ("-3", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0), ("", 0)]
)
def test_a_busy_site_says_for_how_long(after, wait):
    found = explained(refusal(503, Retry_After=after))
    assert isinstance(found, BusyError)
    assert found.wait == wait


def test_novaclient_keeps_the_wait_itself():
    error = refusal(429)
    error.retry_after = 5
    found = explained(error)
    assert isinstance(found, BusyError)
    assert found.wait == 5


@pytest.mark.parametrize("header", ["x_openstack_request_id", "x_compute_request_id"])
def test_a_request_id_is_read_from_the_headers_where_the_error_has_none(header):
    error = keystone.HttpError("x", http_status=404, response=Answer(**{header: "req-8"}))
    assert explained(error).request_id == "req-8"
    assert explained(keystone.HttpError("x", http_status=404)).request_id is None


class TestStatus:
    def test_blazarclients_real_code_is_in_its_arguments(self):
        """`code` is the class's default, 500."""
        assert status_of(BlazarClientException("x", code=409)) == 409
        assert status_of(BlazarClientException("x")) == 500

    @pytest.mark.parametrize("name", ["http_status", "status_code", "code"])
    def test_each_client_has_a_name_of_its_own_for_it(self, name):
        error = Exception("x")
        setattr(error, name, 100)
        assert status_of(error) == 100

    @pytest.mark.parametrize("value", [99, "404", None])
    def test_what_is_no_status_is_not_taken_for_one(self, value):
        error = Exception("x")
        error.code = value  # type: ignore[attr-defined]
        assert status_of(error) is None


class TestReason:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"error_message": "Blazar's"}, "Blazar's"),
            ({"NeutronError": {"message": "Neutron's"}}, "Neutron's"),
            ({"a": {"message": "1"}, "b": {"message": "2"}}, "the text"),
            ({"a": "text"}, "the text"),
            (None, "the text"),
        ],
    )
    def test_it_is_read_from_the_body_where_the_body_has_it(self, body, said):
        assert reason_of(keystone.HttpError("the text", response=Answer(body))) == said

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("ERROR: Not enough hosts", "Not enough hosts"),
            ("No such key (HTTP 404) (Request-ID: req-1)\nmore", "No such key"),
            (" plain ", "plain"),
            ("", "Exception"),
        ],
    )
    def test_the_clients_wrapping_is_taken_off(self, text, said):
        assert reason_of(Exception(text)) == said

    def test_openstacksdk_keeps_it_in_the_details(self):
        assert (
            reason_of(sdk.HttpException("Client Error for url: http://x", details="the reason"))
            == "the reason"
        )


class TestWithoutStatus:
    def test_a_certificate_that_is_not_trusted_is_told(self):
        found = explained(keystone.SSLError("bad\ncertificate"))
        assert type(found) is SiteError
        assert found.what == "The site's certificate is not trusted: bad"
        assert "clock" in found.do

    def test_a_site_that_is_not_reached_is_told_with_address_and_cause(self):
        text = "Unable to reach http://x.org:5000/v3: NewConnectionError('[Errno 111] Connection refused')"
        found = explained(keystone.ConnectFailure(text))
        assert type(found) is NoAnswerError
        assert (
            found.what
            == "The site cannot be reached at http://x.org:5000/v3 to list the things: Connection refused."
        )
        assert "Check the network" in found.do
        plain = explained(keystone.ConnectTimeout("timed out\nmore"))
        assert plain.what == "The site cannot be reached to list the things: timed out."

    def test_an_address_without_a_port_is_read_too(self):
        assert "at https://x.org/v3 to" in explained(keystone.ConnectFailure("to https://x.org/v3 'x'")).what

    @pytest.mark.parametrize(
        "kind", [keystone.DiscoveryFailure, keystone.EndpointNotFound, keystone.OptionError]
    )
    def test_a_service_that_is_not_found_or_an_option_says_what_to_check(self, kind):
        found = explained(kind("nowhere"))
        assert type(found) is SiteError
        assert (found.what, found.do) == (
            "Cannot list the things: nowhere",
            "Check auth_url, region and credentials.",
        )

    def test_other_errors_of_the_clients_are_told_with_their_first_line_cut(self):
        found = explained(sdk.SDKException("x" * 400 + "\nmore"))
        assert type(found) is SiteError
        assert found.what == f"Cannot list the things: {'x' * 300}"

    def test_a_fault_of_the_program_stays_what_it_is(self):
        assert explain(ZeroDivisionError("x"), "list") is None
        with pytest.raises(ZeroDivisionError), told("list"):
            raise ZeroDivisionError

    def test_what_python_chi_wraps_is_unwrapped(self):
        """`retry_create` raises ResourceError(original) (chi/util.py:151)."""
        assert isinstance(explained(RuntimeError(RuntimeError(refusal(404)))), GoneError)


def test_an_error_of_the_kits_own_passes_unchanged():
    error = UsageError("mine")
    with pytest.raises(UsageError) as caught, told("list"):
        raise error
    assert caught.value is error


def test_the_clients_error_is_the_cause_of_the_kits():
    error = refusal(404)
    with pytest.raises(GoneError) as caught, told("list"):
        raise error
    assert caught.value.__cause__ is error
