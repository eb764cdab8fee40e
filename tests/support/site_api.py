"""Leases and instances through the services' own APIs, for tests of the site itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.student import Student

_SECONDS = 60.0
FLAVOR = "flavor:instance"


def flavor_reservation(flavor_id: str, amount: int = 1) -> dict[str, Any]:
    """As python-chi and the labs ask for instances of a flavor."""
    return {"resource_type": FLAVOR, "flavor_id": flavor_id, "amount": amount, "affinity": None}


def host_reservation(node_type: str) -> dict[str, Any]:
    """As python-chi asks for one bare-metal node of a type."""
    return {
        "resource_type": "physical:host",
        "resource_properties": f'["==", "$node_type", "{node_type}"]',
        "hypervisor_properties": "",
        "min": 1,
        "max": 1,
    }


def ask_lease(
    student: Student, *reservations: dict[str, Any], lasts: timedelta = timedelta(hours=1), name: str = ""
) -> Any:
    """POST a lease that starts now; the answer, whatever it is."""
    # "now", for a minute written out may be over when it arrives.
    end = datetime.now(UTC) + lasts
    body = {
        "name": name or f"lease-{student.owner}",
        "start_date": "now",
        "end_date": end.strftime("%Y-%m-%d %H:%M"),
        "reservations": list(reservations),
        "events": [],
    }
    return student.site.blazar(student.who).post("/leases", json=body, raise_exc=False)


def active_lease(student: Student, *reservations: dict[str, Any], name: str = "") -> dict[str, Any]:
    """Make a lease of one hour and wait until it is active."""
    answer = ask_lease(student, *reservations, name=name)
    assert answer.status_code == 201, answer.text
    lease: dict[str, Any] = answer.json()["lease"]
    blazar = student.site.blazar(student.who)
    deadline = time.monotonic() + _SECONDS
    while lease["status"] != "ACTIVE":
        assert time.monotonic() < deadline, lease
        assert lease["status"] != "ERROR", lease
        time.sleep(0.3)
        lease = blazar.get(f"/leases/{lease['id']}").json()["lease"]
    return lease


def end_soon(student: Student, lease: dict[str, Any]) -> None:
    """Let Blazar end this lease at the next full minute that is at least 15 seconds away.

    So what has to be there before the end may take its time, however slow the machine is.
    """
    end = datetime.now(UTC) + timedelta(seconds=75)
    body = {"end_date": end.strftime("%Y-%m-%d %H:%M")}
    student.site.blazar(student.who).put(f"/leases/{lease['id']}", json=body)


def booted(student: Student, flavor_id: str, **options: Any) -> Any:
    """Ask for an instance on sharednet1 and wait until it is ACTIVE or in ERROR; openstacksdk's Server."""
    cloud = student.site.connection(student.who)
    wanted = {
        "name": f"node-{student.owner}",
        "flavor_id": flavor_id,
        "image_id": cloud.image.find_image("CC-Ubuntu24.04").id,
        "networks": [{"uuid": cloud.network.find_network("sharednet1").id}],
        **options,
    }
    server = cloud.compute.create_server(**wanted)
    deadline = time.monotonic() + _SECONDS
    while server.status not in ("ACTIVE", "ERROR"):
        assert time.monotonic() < deadline, server
        time.sleep(0.3)
        server = cloud.compute.get_server(server.id)
    return server
