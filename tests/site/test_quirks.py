"""python-chi's traps on a real site: each is reproduced with plain python-chi, and then how the kit avoids it.

Those that need a site to misbehave are in tests/unit/sites/test_leases.py.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import chi
import pymysql
import pytest
from chi import network
from chi.exception import CHIValueError
from chi.server import Server, update_keypair

from chi_helpers.model.errors import UsageError
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.wants import InstanceWant, KeyPair, LeaseWant, ReservationWant
from chi_helpers.sandbox import database, description
from chi_helpers.sites import connect
from tests.support.site_contract import IMAGE, eventually

pytestmark = pytest.mark.site


@pytest.fixture
def site_(student, monkeypatch):
    for name, value in student.env.items():
        monkeypatch.setenv(name, value)
    found = connect(student.site.region)
    found.ensure_keypair(found.keypair())
    return found


@pytest.fixture
def lease(site_, student):
    """One m1.tiny for an hour, active."""
    until = site_.snapshot("quirks", student.owner, ()).at + timedelta(hours=1)
    tiny = ReservationWant(1, flavor_id=site_.flavors()["m1.tiny"].id, label="m1.tiny")
    made = site_.create_lease(LeaseWant(f"quirks-{student.owner}", until, (tiny,)))
    return eventually(lambda: site_.lease(made.id), lambda found: found.status == "ACTIVE")


@pytest.fixture
def instance(site_, student, lease):
    """Made by the kit, ACTIVE."""
    stamp = Stamp(student.owner, "quirks", lease.end, "node1")
    group = site_.create_group(f"quirks-{student.owner}", stamp)
    want = InstanceWant(
        f"quirks-{student.owner}",
        IMAGE,
        site_.keypair().name,
        "sharednet1",
        (group.id,),
        stamp,
        lease.reservations[0].id,
    )
    made = site_.create_instance(want)
    return eventually(lambda: site_.instance(made.id), lambda found: found.status == "ACTIVE")


def plain(student, lease, name):
    return Server(
        name=f"{name}-{student.owner}",
        image_name=IMAGE,
        flavor_name=f"reservation:{lease.reservations[0].id}",
        key_name="none-of-ours",
    )


def test_server_delete_leaves_the_floating_ip_behind_and_ours_releases_it(site_, student, instance):
    """`conn.network.delete(<uuid>)` asks for a path that does not exist (chi/server.py:299)."""
    address = site_.create_address(instance.id, instance.stamp)
    server = site_.chi_server(instance, IMAGE, "sharednet1")
    eventually(server.get_all_floating_ips, lambda found: found == [address.address])
    server.delete(delete_ips=True)
    eventually(lambda: site_.instance(instance.id), lambda found: found is None)
    [left] = student.holdings().floating_ips
    assert left.id == address.id, "python-chi said that it deletes the address"
    site_.delete_address(address.id)
    assert student.holdings().floating_ips == ()


def test_submit_outside_jupyter_makes_the_server_and_then_raises(site_, student, lease):
    """The default show="widget" fails after the instance was made (chi/server.py:381); ours passes None."""
    name = site_.keypair().name
    server = plain(student, lease, "widget")
    server.keypair = chi.server.get_keypair(name)
    with pytest.raises(chi.exception.ResourceError, match="Invalid show type"):
        server.submit(metadata={"owner": student.owner})
    assert [i.name for i in student.holdings().instances] == [f"widget-{student.owner}"]


def test_wait_takes_error_for_success_and_ours_tells_novas_reason(site_, student, lease, instance):
    """chi/server.py:355. The lease has one place, and `instance` has it."""
    server = plain(student, lease, "error")
    server.keypair = chi.server.get_keypair(site_.keypair().name)
    server.submit(show=None, metadata={"owner": student.owner})
    assert server.status == "ERROR", "and submit returned as if all were well"
    assert "No valid host" in site_.instance(server.id).fault


def test_associating_takes_a_classmates_address_and_ours_makes_its_own(site_, student, instance):
    """`get_free_floating_ip` takes any unbound address of the project (chi/network.py:613)."""
    cloud = student.site.connection("student2")
    external = cloud.network.find_network("public")
    unbound = [f for f in cloud.network.ips(project_id=cloud.current_project_id) if f.port_id is None]
    hers = cloud.network.create_ip(floating_network_id=external.id, description=f"of {student.owner}'s mate")
    try:
        assert site_.create_address(instance.id, instance.stamp).address != hers.floating_ip_address
        assert cloud.network.get_ip(hers.id).port_id is None
        taken = network.get_free_floating_ip()["floating_ip_address"]
        assert taken in {hers.floating_ip_address, *(f.floating_ip_address for f in unbound)}
    finally:
        cloud.network.delete_ip(hers.id)


def test_update_keypair_replaces_a_key_of_the_name_and_ours_refuses(site_, student, tmp_path):
    """chi/server.py:1084: the key that instances wait for is gone."""
    cloud, name = student.site.connection(), f"quirk-{student.owner}"
    keys = []
    for file in ("old", "new"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / file], check=True)
        keys.append((tmp_path / f"{file}.pub").read_text().strip())
    cloud.compute.create_keypair(name=name, public_key=keys[0], type="ssh")
    try:
        with pytest.raises(UsageError, match="holds another key"):
            site_.ensure_keypair(KeyPair(name, tmp_path / "new", keys[1]))
        assert cloud.compute.get_keypair(name).public_key.split()[1] == keys[0].split()[1]
        update_keypair(name, keys[1])
        assert cloud.compute.get_keypair(name).public_key.split()[1] == keys[1].split()[1]
    finally:
        cloud.compute.delete_keypair(name)


def test_a_reservation_is_named_by_the_flavors_id_and_python_chi_knows_no_ended_flavor(site_, student):
    """Reserving by name is a bare 500 at the site; the kit asks for the ID and names unknown flavors itself."""
    with pytest.raises(CHIValueError, match="No flavors found"):
        chi.server.get_flavor_id("m1.huge")
    answer = site_.session.blazar.post(
        "/leases",
        json={
            "name": f"quirks-{student.owner}",
            "start_date": "now",
            "end_date": f"{site_.snapshot('quirks', student.owner, ()).at + timedelta(hours=1):%Y-%m-%d %H:%M}",
            "reservations": [
                {"resource_type": "flavor:instance", "flavor_id": "m1.tiny", "amount": 1, "affinity": None}
            ],
            "events": [],
        },
        raise_exc=False,
    )
    assert answer.status_code == 500
    assert "m1.tiny" not in answer.text


def test_leases_that_collide_in_placement_are_made_all_the_same(site_, student):
    """Two leases of the same moment draw one number; Placement refuses the later, and Blazar with it.

    The other lease is played by a row that is not committed yet: Placement does not see its number, takes the
    same one, and is told so when the row is committed.
    """
    end = site_.snapshot("quirks", student.owner, ()).at + timedelta(hours=1)
    tiny = (ReservationWant(1, flavor_id=site_.flavors()["m1.tiny"].id, label="m1.tiny"),)

    def draft(name):
        lease = chi.lease.Lease(f"{name}-{student.owner}", end_date=end.replace(tzinfo=None))
        lease.add_flavor_reservation(id=tiny[0].flavor_id)
        return lease

    with colliding(student.site), pytest.raises(chi.exception.ResourceError):
        draft("plain").submit(wait_for_active=False)
    with colliding(student.site):
        made = site_.create_lease(LeaseWant(f"quirks-{student.owner}", end, tiny))
    assert [lease["id"] for lease in student.holdings().leases] == [made.id]


@contextmanager
def colliding(site) -> Iterator[None]:
    """The first resource class that Placement makes meanwhile gets a number that is taken."""
    place = description.load(site.folder)
    assert place, f"no sandbox in {site.folder}"
    connection = pymysql.connect(
        unix_socket=str(place.db_socket), user="chi", password=place.secrets.database, database="placement"
    )
    waits = "select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'"
    with connection, ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
        cursor.execute("select greatest(max(id) + 1, 10000) from resource_classes")
        taken = cursor.fetchone()[0]
        cursor.execute("insert into resource_classes (id, name) values (%s, 'CUSTOM_TAKEN')", (taken,))

        def commit_when_waited_for():
            eventually(lambda: database.sql(place.db_socket, waits), lambda found: int(found) > 0)
            connection.commit()

        committed = pool.submit(commit_when_waited_for)
        yield
        committed.result()
        cursor.execute("delete from resource_classes where id = %s", (taken,))
        connection.commit()
