"""Leases: made of python-chi's Lease and with its Blazar client, read and deleted over Blazar's API.

`Lease.submit` is not called: it loses the reason of a refusal (`create_lease` logs it and returns None,
chi/lease.py:1457), takes an ERROR lease for a success (:627) and, asked to be idempotent, makes a second
lease as soon as an ended one of the same name exists (:194, :1415). The call that it would make is made here
instead, with the same client and from the same Lease object, so that the answer survives.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import chi
from blazarclient.exception import BlazarClientException
from chi.lease import Lease

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.resources import LeaseView, ReservationView
from chi_helpers.sites import credentials as creds
from chi_helpers.sites.errors import (
    ConflictError,
    GoneError,
    NoAnswerError,
    explain,
    reason_of,
    status_of,
    told,
)
from chi_helpers.sites.waiting import read, step_aside, ticks

if TYPE_CHECKING:
    from chi_helpers.model.wants import LeaseWant
    from chi_helpers.sites.session import Session

_FAILED = 500
_COLLIDED = "failed to create resource class"
"""What Blazar says (500) when two leases are made at once and Placement gives both the same number: it means
to draw again, but takes MariaDB's "duplicate entry for key 'PRIMARY'" for a duplicate name and answers 409
(placement/objects/resource_class.py:121). Blazar takes the lease back before it answers
(blazar/manager/service.py:436), so asking again makes no second one."""
DRAWS = 6
"""How often a lease is asked for that collides with another: a class reserves in the same minute."""
SETTLE = 60.0
"""Seconds in which a lease whose creation got no answer may still appear: when a class begins, Blazar takes
half a minute for one."""


def listed(session: Session) -> tuple[tuple[LeaseView, ...], str | None]:
    """All leases of the project, ended ones too, and the answer's Date header. Blazar does not paginate."""
    answer = read("list the leases", lambda: session.blazar.get("/leases"))
    # An administrator is shown those of every project.
    ours = (None, session.project_id)
    leases = tuple(view(lease) for lease in answer.json()["leases"] if lease.get("project_id") in ours)
    return tuple(lease for lease in leases if lease is not None), answer.headers.get("Date")


def one(session: Session, lease_id: str) -> LeaseView | None:
    found = raw(session, lease_id)
    return None if found is None else view(found)


def raw(session: Session, lease_id: str) -> dict[str, Any] | None:
    """Read the lease as Blazar describes it; None where it does not exist."""
    try:
        answer = read("look at the lease", lambda: session.blazar.get(f"/leases/{lease_id}"))
    except GoneError:
        return None
    return dict(answer.json()["lease"])


def create(session: Session, want: LeaseWant) -> LeaseView:
    """Create one lease; after a lost answer look for it, and never ask twice.

    Raises `RefusedError` with Blazar's own reason, and `NoAnswerError` where none came and none is there.
    """
    draft = Lease(want.name, start_date=_naive(want.start), end_date=_naive(want.end))
    for wanted in want.reservations:
        if wanted.flavor_id is not None:
            draft.add_flavor_reservation(id=wanted.flavor_id, amount=wanted.amount)
        else:
            draft.add_node_reservation(amount=wanted.amount, node_type=wanted.node_type)
    before = {lease.id for lease in listed(session)[0]}
    try:
        made = _ask(session, draft)
    except Exception as error:
        explained = explain(error, f"create the lease {want.name}")
        if isinstance(explained, NoAnswerError):
            return _appeared(session, want, before, explained)
        if explained is None or not isinstance(error, BlazarClientException):
            raise (explained or error) from error
        raise _refusal(session, want, error, explained) from error
    found = view(made)
    if found is None:
        raise SiteError("Blazar's answer to the new lease cannot be read.", do="Run `chi-lab status`.")
    return found


def _ask(session: Session, draft: Lease) -> dict[str, Any]:
    """Ask for the lease, again where it collided with somebody else's; Blazar's answer."""
    client = chi.blazar(session=session.blazar)
    for left in reversed(range(DRAWS)):
        try:
            made: dict[str, Any] = client.lease.create(
                name=draft.name,
                start=draft.start_date,
                end=draft.end_date,
                reservations=draft.node_reservations + draft.flavor_reservations,
                events=[],
            )
        except BlazarClientException as error:
            if not left or _COLLIDED not in reason_of(error).lower():
                raise
            # Those who collided once must not meet again.
            step_aside()
        else:
            return made
    raise AssertionError("unreachable")


def as_chi(session: Session, lease_id: str) -> Any:
    """python-chi's Lease object of a lease that exists."""
    found = raw(session, lease_id)
    if found is None:
        raise GoneError(f"The lease {lease_id} does not exist any more.", do="Run `chi-lab up`.")
    return Lease(lease_json=found)


def delete(session: Session, lease_id: str, timeout: float = 300) -> None:
    """Delete a lease and wait until Blazar says that it is gone, or ended.

    Raises `ConflictError` where it stays in a state that Blazar does not delete from.
    """
    refused: SiteError | None = None
    for _ in ticks(timeout):
        found = one(session, lease_id)
        if found is None or found.over:
            return
        if found.status not in {"DELETING", "TERMINATING"}:
            try:
                with told("delete the lease"):
                    session.blazar.delete(f"/leases/{lease_id}")
            except GoneError:
                return
            except (ConflictError, NoAnswerError) as error:
                refused = error  # in transition, or the answer was lost: look again
    raise refused or SiteError(
        f"The lease {lease_id} is still there {timeout:.0f} s after it was deleted.", do="Run `chi-lab down`."
    )


def view(lease: dict[str, Any]) -> LeaseView | None:
    """Blazar's description as a value; None for one that has no name, id or dates."""
    try:
        return LeaseView(
            id=lease["id"],
            name=lease["name"],
            status=str(lease["status"] or ""),
            user_id=lease["user_id"],
            start=_aware(lease["start_date"]),
            end=_aware(lease["end_date"]),
            reservations=tuple(_reservation(r) for r in lease.get("reservations") or ()),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _reservation(reservation: dict[str, Any]) -> ReservationView:
    amount = reservation.get("amount") or reservation.get("max") or 0
    return ReservationView(
        id=reservation["id"],
        resource_type=reservation.get("resource_type") or "",
        amount=int(amount),
        status=reservation.get("status") or "",
        flavor_id=_flavor(reservation),
        resource_properties=reservation.get("resource_properties") or "",
    )


def _flavor(reservation: dict[str, Any]) -> str | None:
    # Blazar answers with the reservation's own flavor as `flavor_id`; the one that was asked for is in
    # `resource_properties`, as JSON (blazar/plugins/flavor/flavor_plugin.py).
    if reservation.get("resource_type") != "flavor:instance":
        return None
    try:
        return str(json.loads(reservation["resource_properties"])["id"])
    except (KeyError, TypeError, ValueError):
        return None


def _aware(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _naive(instant: datetime | None) -> datetime | None:
    """In UTC and without a zone, since python-chi writes what it is given, zone or not (chi/lease.py:213)."""
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None)


def _appeared(session: Session, want: LeaseWant, before: set[str], lost: NoAnswerError) -> LeaseView:
    for _ in ticks(SETTLE):
        new = [
            lease
            for lease in listed(session)[0]
            if lease.name == want.name and lease.id not in before and lease.user_id == session.user_id
        ]
        if new:
            return new[0]
    raise lost


def _refusal(
    session: Session, want: LeaseWant, error: BlazarClientException, explained: SiteError
) -> SiteError:
    """Put the reasons that Blazar is known to give into words that say what to do."""
    reason = reason_of(error)
    request_id = session.blazar.last_request_id
    what = ", ".join(map(str, want.reservations))
    if "not enough" in reason.lower():
        # Upstream Blazar says this with HTTP 500: it is a refusal all the same.
        return RefusedError(
            f"The site has no room for {what} until {want.end:%Y-%m-%d %H:%M} UTC: {reason}.",
            do="Choose another time, a smaller flavor or another node type.",
            request_id=request_id,
        )
    if "maximum lease duration" in reason.lower():
        return RefusedError(
            f"The site does not lease for so long: {reason}",
            do="Shorten lease.duration in the lab's file.",
            request_id=request_id,
        )
    if session.credentials.is_application_credential and status_of(error) == _FAILED:
        return RefusedError(
            f"The site would not create the lease with {session.credentials.source} (500: {reason}).",
            do=creds.UNRESTRICTED,
            request_id=request_id,
        )
    explained.request_id = explained.request_id or request_id
    return explained
