"""Turn the five client libraries' exceptions into errors that a person can act on.

A site is reached through keystoneauth, openstacksdk, novaclient, blazarclient and python-chi; each has
exceptions of its own. `explain` reads status, reason and request id from any of them and picks the class
by which callers act: gone, in conflict, over quota, busy, or no answer at all.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chi_helpers.model.errors import LabKitError, RefusedError, SiteError

if TYPE_CHECKING:
    from collections.abc import Iterator


class NoAnswerError(SiteError):
    """The request got no answer: whether it took effect is unknown. Look; do not send it again."""


class BusyError(SiteError):
    """The site asks to come back later (429, 503)."""

    def __init__(self, what: str, *, do: str = "", request_id: str | None = None, wait: float = 0) -> None:
        super().__init__(what, do=do, request_id=request_id)
        self.wait = wait
        """Seconds, from Retry-After; 0 where the site did not say."""


class CredentialsError(SiteError):
    """The site does not accept the credentials (401)."""


class GoneError(RefusedError):
    """The thing does not exist (404)."""


class ConflictError(RefusedError):
    """The thing is in use, or already so (409)."""


class ChangedError(RefusedError):
    """The thing is not what the request says it is (412): look again before anything is asked."""


class QuotaError(RefusedError):
    """The project's quota is spent."""


_LOST = {408, 502, 504}
_BUSY = {413, 429, 503}
_UNREACHED = {"ConnectionError", "ConnectFailure", "ConnectTimeout", "Timeout", "UnknownConnectionError"}


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Run a call to the site; what it raises comes out as a `LabKitError` that says `doing`."""
    try:
        yield
    except LabKitError:
        raise
    except Exception as error:
        explained = explain(error, doing)
        if explained is None:
            raise
        raise explained from error


def explain(error: Exception, doing: str) -> SiteError | None:  # noqa: PLR0911 - a table, read downwards
    """Say the error in the kit's words; None where it is no site's answer but a fault of the program.

    `doing` is a verb phrase: "list the leases".
    """
    error = _unwrapped(error)
    status = status_of(error)
    if status is None:
        return _without_status(error, doing)
    reason, request_id = reason_of(error), _request_id(error)
    said = f"The site refused to {doing} ({status}): {reason}"
    if status in _LOST:
        return NoAnswerError(
            f"No answer to the request to {doing} ({status}): {reason}", request_id=request_id
        )
    if "quota exceeded" in reason.lower() or "exceeds quota" in reason.lower():
        return QuotaError(said, do="Delete what is not needed, or ask the instructor.", request_id=request_id)
    if status in _BUSY:
        return BusyError(
            f"The site is too busy to {doing} ({status}).",
            do="Wait a minute and run again.",
            request_id=request_id,
            wait=_retry_after(error),
        )
    if status == 401:  # noqa: PLR2004
        return CredentialsError(
            f"The site does not accept these credentials (401): {reason}",
            do="Check user, password and project, or log in to JupyterHub again; an application credential "
            "may have expired.",
            request_id=request_id,
        )
    kinds = {403: RefusedError, 404: GoneError, 409: ConflictError, 412: ChangedError}
    if status in kinds:
        return kinds[status](said, request_id=request_id)
    if status < 500:  # noqa: PLR2004
        return RefusedError(said, request_id=request_id)
    return SiteError(
        f"The site failed to {doing} ({status}): {reason}",
        do="Run again; if it stays, tell the help desk.",
        request_id=request_id,
    )


def status_of(error: BaseException) -> int | None:
    """HTTP status of any of the clients' exceptions."""
    for name in ("http_status", "status_code", "code"):
        value = getattr(error, name, None)
        # blazarclient keeps the real code in kwargs; `code` is the class's default.
        value = getattr(error, "kwargs", {}).get("code", value) if name == "code" else value
        if isinstance(value, int) and value >= 100:  # noqa: PLR2004
            return value
    return None


def reason_of(error: BaseException) -> str:
    """Pick out the sentence that the service gave, without the clients' wrapping."""
    text = str(_said(error) or getattr(error, "details", None) or error)
    text = re.sub(r"^ERROR: ", "", text.strip())
    return re.sub(r"\s*\(HTTP \d+\).*$", "", text, flags=re.DOTALL) or type(error).__name__


def _said(error: BaseException) -> str | None:
    """Read the bodies that keystoneauth does not know how to read.

    Blazar's is `{"error_message": text}`; Neutron's `{"NeutronError": {"message": text}}`, and those of Nova
    and Cinder are like it.
    """
    try:
        body: Any = error.response.json()  # type: ignore[attr-defined]
        if "error_message" in body:
            return str(body["error_message"])
        [said] = body.values()
        return str(said["message"])
    except (AttributeError, ValueError, KeyError, TypeError):
        return None


def _unwrapped(error: Exception) -> Exception:
    # python-chi's retry_create raises ResourceError(original) (chi/util.py:151).
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return error


def _without_status(error: Exception, doing: str) -> SiteError | None:
    # By module and name: importing five libraries to compare classes costs a second.
    names = {c.__name__ for c in type(error).__mro__}
    short = str(error).split("\n", 1)[0][:300]
    if names & {"SSLError", "SSLFailure"}:
        return SiteError(
            f"The site's certificate is not trusted: {short}", do="Check auth_url and the clock."
        )
    if names & _UNREACHED:
        return NoAnswerError(
            f"The site cannot be reached{_url(error)} to {doing}: {_cause(error) or short}.",
            do="Check the network and that the site is up, then run again.",
        )
    if names & {"DiscoveryFailure", "EndpointNotFound", "MissingRequiredOptions", "OptionError"}:
        return SiteError(f"Cannot {doing}: {short}", do="Check auth_url, region and credentials.")
    if names & {"ClientException", "SDKException", "CHIValueError", "ResourceError"}:
        return SiteError(f"Cannot {doing}: {short}")
    return None


def _url(error: Exception) -> str:
    found = re.search(r"https?://[^\s:'\"]+(:\d+)?[^\s:'\"]*", str(error))
    return f" at {found.group(0)}" if found else ""


def _cause(error: Exception) -> str | None:
    """Pick out the operating system's own words of the nest that requests and urllib3 put around them."""
    found = re.search(r"\[Errno -?\d+\] ([^'\"()]+)", str(error))
    return found.group(1).strip() if found else None


def _request_id(error: Exception) -> str | None:
    found = getattr(error, "request_id", None)
    if not found:
        headers: Any = getattr(getattr(error, "response", None), "headers", {}) or {}
        found = headers.get("x-openstack-request-id") or headers.get("x-compute-request-id")
    return str(found) if found else None


def _retry_after(error: Exception) -> float:
    headers: Any = getattr(getattr(error, "response", None), "headers", {}) or {}
    value = headers.get("Retry-After") or getattr(error, "retry_after", 0)
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return 0.0
