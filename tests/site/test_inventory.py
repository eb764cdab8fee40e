"""The reaper's verbs on the real services: the contract, and how things really hang together."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from urllib.parse import quote

import pytest

from chi_helpers.model.errors import RefusedError
from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.sites import connect_project
from chi_helpers.sites.errors import ChangedError, ConflictError
from tests.support.classroom import ROBOT, classroom
from tests.support.making import Maker, wait_for
from tests.support.reap_contract import ReapContract

pytestmark = pytest.mark.site
ALICE = "alice"


@pytest.fixture(scope="module")
def room(full_site, tmp_path_factory):
    """A project of its own, at a site that has every kind."""
    made = classroom(full_site, tmp_path_factory.mktemp("room"), (ALICE,))
    yield made
    made.purge()


@pytest.fixture(scope="module")
def maker(room):
    return Maker(room)


@pytest.fixture(scope="module")
def lease(room, maker):
    """An active lease with room for the instances of this file."""
    made = maker.lease(ALICE, f"room-{room.tag}", timedelta(hours=1), instances=8)
    return made | {"flavor": maker.active(ALICE, made)}


@pytest.fixture(scope="module")
def site_(room):
    """The robot's application credential: a member's, restricted."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in room.env().items():
            patch.setenv(name, value)
        yield connect_project(room.site.region, project=room.project)


def see(site_, kind, identity):
    found = site_.inventory().by_ref.get(Ref(kind, identity))
    assert found is not None, f"{kind} {identity} is not listed"
    return found


class TestProjectSite(ReapContract):
    @pytest.fixture
    def make(self, maker, lease):
        def made(kind, name, stamp):
            return str(MAKE[kind](maker, lease, name, stamp))

        return made

    @pytest.fixture
    def lock(self, room):
        return lambda identity: room.cloud(ALICE).compute.lock_server(identity, locked_reason="grading")


def a_lease(maker, lease, name, stamp):
    made = maker.lease(ALICE, name, timedelta(hours=1), instances=1)
    maker.active(ALICE, made)
    return made["id"]


def an_instance(maker, lease, name, stamp):
    server = maker.instance(ALICE, name, lease["flavor"], keys(stamp))
    maker.settled(ALICE, [server])
    return server.id


def a_subnet(maker, lease, name, stamp):
    network, _ = maker.network(ALICE, f"net-{name}", "10.9.0.0/24")
    options = {"network_id": network.id, "ip_version": 4, "cidr": "10.9.1.0/24"}
    return maker.room.cloud(ALICE).network.create_subnet(name=name, description=line(stamp), **options).id


def a_router(maker, lease, name, stamp):
    _, subnet = maker.network(ALICE, f"net-{name}", "10.9.0.0/24")
    return maker.router(ALICE, name, subnet, line(stamp)).id


def a_key_pair(maker, lease, name, stamp):
    """The robot's own: a member is not shown another's."""
    maker.room.cloud(ROBOT).compute.create_keypair(name=name)
    return f"{maker.room.members[ROBOT].user_id}/{name}"


def a_snapshot(maker, lease, name, stamp):
    return maker.snapshot(ALICE, name, maker.volume(ALICE, f"of-{name}"), keys(stamp)).id


def line(stamp):
    return stamp.description() if stamp else ""


def keys(stamp):
    return stamp.metadata() if stamp else None


MAKE = {
    Kind.LEASE: a_lease,
    Kind.INSTANCE: an_instance,
    Kind.FLOATING_IP: lambda maker, _lease, _name, stamp: maker.address(ALICE, line(stamp)).id,
    Kind.PORT: lambda maker, _, name, stamp: maker.port(ALICE, name, description=line(stamp)).id,
    Kind.VOLUME: lambda maker, _, name, stamp: maker.volume(ALICE, name, keys(stamp)).id,
    Kind.SNAPSHOT: a_snapshot,
    Kind.IMAGE: lambda maker, _, name, stamp: maker.image(ALICE, name, keys(stamp)).id,
    Kind.NETWORK: lambda maker, _, name, stamp: maker.network(ALICE, name, "10.9.0.0/24", line(stamp))[0].id,
    Kind.SUBNET: a_subnet,
    Kind.ROUTER: a_router,
    Kind.GROUP: lambda maker, _, name, stamp: maker.group(ALICE, name, line(stamp)).id,
    Kind.KEY_PAIR: a_key_pair,
    Kind.CONTAINER: lambda maker, _, name, stamp: maker.container(ALICE, name, 3, keys(stamp)),
}


class TestTies:
    """What the inventory says of an instance on a network of its own; and that the services do just that."""

    @pytest.fixture(scope="class")
    def scene(self, maker, room, lease):
        tag = token_hex(3)
        network, subnet = maker.network(ALICE, f"net-{tag}", "10.8.0.0/24")
        router = maker.router(ALICE, f"router-{tag}", subnet)
        group = maker.group(ALICE, f"group-{tag}")
        given = maker.port(ALICE, "", network.id, security_group_ids=[group.id])
        # Surely older than the instance: of the same second, without a word on it, it would count as Nova's.
        maker.age("port", given.id)
        maker.grow_old()
        server = maker.instance(
            ALICE, f"node-{tag}", lease["flavor"], networks=[{"port": given.id}, {"uuid": network.id}]
        )
        maker.settled(ALICE, [server])
        address = maker.address(ALICE, port=given.id)
        cloud = room.cloud(ALICE)
        [made] = [p.id for p in cloud.network.ports(device_id=server.id) if p.id != given.id]
        return {
            "lease": Ref(Kind.LEASE, lease["id"]),
            "network": Ref(Kind.NETWORK, network.id),
            "subnet": Ref(Kind.SUBNET, subnet.id),
            "router": Ref(Kind.ROUTER, router.id),
            "group": Ref(Kind.GROUP, group.id),
            "given": Ref(Kind.PORT, given.id),
            "made": Ref(Kind.PORT, made),
            "server": Ref(Kind.INSTANCE, server.id),
            "address": Ref(Kind.FLOATING_IP, address.id),
        }

    def test_are_seen(self, site_, scene):
        seen = site_.inventory().by_ref
        server, given, router = seen[scene["server"]], seen[scene["given"]], seen[scene["router"]]
        assert scene["server"] in seen[scene["lease"]].takes
        assert scene["made"] in server.takes
        assert scene["given"] in server.needs
        assert set(given.needs) == {
            scene["network"], scene["subnet"], scene["router"], scene["group"], scene["address"],
        }  # fmt: skip
        assert seen[scene["address"]].needs == (scene["router"],)
        assert len(router.takes) == 1
        assert {scene["network"], scene["subnet"]} <= set(router.needs)
        assert scene["subnet"] in seen[scene["network"]].takes
        assert all(r.unclear == () for r in seen.values()), [r for r in seen.values() if r.unclear]

    @pytest.mark.parametrize("part", ["network", "subnet", "router", "group"])
    def test_what_is_needed_is_refused_as_in_use(self, site_, scene, part):
        with pytest.raises(ConflictError):
            site_.delete(see(site_, *scene[part]))
        see(site_, *scene[part])

    def test_all_goes_in_the_order_of_the_ties(self, site_, scene):
        """The port that Nova made goes with the instance; the one that it was given stays, and lets go."""
        site_.delete(see(site_, *scene["server"]))
        wait_for(lambda: scene["server"] not in site_.inventory([Kind.INSTANCE]).by_ref, "the instance to go")
        left = site_.inventory().by_ref
        assert scene["made"] not in left
        assert left[scene["given"]].unclear == ()
        for part in ("given", "address", "router", "group", "network"):
            site_.delete(see(site_, *scene[part]))
            assert scene[part] not in site_.inventory().by_ref
        assert scene["subnet"] not in site_.inventory().by_ref


def test_a_leases_end_takes_its_instances_and_its_addresses_along(site_, maker, room):
    """As the inventory says it will: one call, and nothing of it is left."""
    made = maker.lease(ALICE, f"lease-{room.tag}", timedelta(hours=1), instances=1, addresses=1)
    server = maker.instance(ALICE, f"of-{room.tag}", maker.active(ALICE, made))
    maker.settled(ALICE, [server])
    lease = see(site_, Kind.LEASE, made["id"])
    assert {ref.kind for ref in lease.takes} == {Kind.INSTANCE, Kind.FLOATING_IP}
    [address] = [ref for ref in lease.takes if ref.kind is Kind.FLOATING_IP]
    with pytest.raises(RefusedError, match="Blazar"):
        site_.delete(see(site_, *address))
    site_.delete(lease)
    wait_for(lambda: not {lease.ref, *lease.takes} & site_.inventory().by_ref.keys(), "all of it to go")


def test_a_container_goes_with_all_its_objects_whatever_they_are_called(site_, room, maker):
    """More than one bulk request takes none of them for another's."""
    store = room.cloud(ALICE).object_store
    name = f"übung {room.tag}"
    home = f"/{quote(name, safe='')}"
    neighbour = maker.container(ALICE, f"kept-{room.tag}", 2)
    assert store.put(home).status_code in (201, 202)
    awkward = ["a b", "a%20b", "ü/1", "#?&", "x\ny", *(f"n{n}" for n in range(5))]
    for key in awkward:
        assert store.put(f"{home}/{quote(key)}", data=b"x").status_code == 201
    container = see(site_, Kind.CONTAINER, name)
    site_.delete(container)
    left = site_.inventory([Kind.CONTAINER]).by_ref
    assert container.ref not in left
    assert len(store.get(f"/{neighbour}?format=json").json()) == 2


def test_a_container_is_as_young_as_the_last_of_its_name(site_, room, maker):
    """The trap: it keeps the X-Timestamp of the one that was deleted. Metadata and a PUT renew it, too."""
    store = room.cloud(ALICE).object_store
    name = maker.container(ALICE, f"again-{room.tag}", 0)
    first = store.head(f"/{name}").headers["X-Timestamp"]

    def put() -> None:
        assert store.put(f"/{name}").status_code in (201, 202)

    def again() -> None:
        assert store.delete(f"/{name}").status_code == 204
        put()

    def write() -> None:
        assert store.post(f"/{name}", headers={"X-Container-Meta-Purpose": "notes"}).status_code == 204

    for change in (again, write, put):
        time.sleep(2)
        before = datetime.now(UTC)
        change()
        created = see(site_, Kind.CONTAINER, name).created
        assert created is not None
        assert created >= before, change
        assert store.head(f"/{name}").headers["X-Timestamp"] == first


def test_an_administrator_sees_and_deletes_a_members_key_pair(administrator, room):
    """Of a member who has nothing else in the project; a plain member is shown its own only."""
    room.cloud(ALICE).compute.create_keypair(name="hers")
    ref = Ref(Kind.KEY_PAIR, f"{room.members[ALICE].user_id}/hers")
    pair = administrator.inventory([Kind.KEY_PAIR]).by_ref[ref]
    assert pair.created is not None
    administrator.delete(pair)
    assert ref not in administrator.inventory([Kind.KEY_PAIR]).by_ref
    assert list(room.cloud(ALICE).compute.keypairs()) == []


def test_verbs_may_be_called_from_many_threads(site_, maker):
    """Each of twenty deletions has its own answer, and all are gone."""
    made = [maker.group(ALICE, f"thread-{n}").id for n in range(20)]
    seen = site_.inventory().by_ref
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda i: site_.delete(seen[Ref(Kind.GROUP, i)]), made))
    assert len(set(ids)) == len(ids)
    assert not {Ref(Kind.GROUP, i) for i in made} & site_.inventory().by_ref.keys()


def test_what_blazar_or_neutron_gives_every_project_is_not_to_delete(site_):
    [default] = [r for r in site_.inventory([Kind.GROUP]).resources if r.name == "default"]
    with pytest.raises(RefusedError, match="default group"):
        site_.delete(default)


@pytest.fixture
def administrator(full_site, room, monkeypatch):
    """The same project with an administrator's login."""
    identity = full_site.connection("admin").identity
    user = identity.find_user("admin", ignore_missing=False)
    identity.assign_project_role_to_user(room.project_id, user, identity.find_role("admin"))
    for name, value in full_site.env("admin").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OS_PROJECT_NAME", room.project)
    monkeypatch.setenv("OS_PROJECT_DOMAIN_NAME", "chameleon")
    for name in ("OS_CLOUD", "OS_CLIENT_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    return connect_project(full_site.region, project=room.project)


def test_a_member_and_an_administrator_see_the_same_of_the_project(site_, administrator, room, maker):
    """An administrator of the project is shown every project's leases and networks, and lists this one's."""
    maker.group(ALICE, f"seen-{room.tag}")
    theirs = administrator.inventory()
    ours = site_.inventory()
    assert theirs.administrator
    assert not ours.administrator
    private = Kind.KEY_PAIR
    assert {r for r in theirs.by_ref if r.kind is not private} == {
        r for r in ours.by_ref if r.kind is not private
    }
    assert theirs.users[room.members[ALICE].user_id] == room.members[ALICE].user


def test_neutron_takes_a_routers_gateway_off_though_it_refuses_the_deletion(room, maker):
    """The trap: 412 for a revision that was right, and the gateway is gone."""
    api = room.cloud(ALICE).network
    _, subnet = maker.network(ALICE, "net-trap", "10.7.0.0/24")
    router = maker.router(ALICE, "router-trap", subnet)
    api.remove_interface_from_router(router, subnet_id=subnet.id)
    path = f"/routers/{router.id}"
    revision = api.get(path).json()["router"]["revision_number"]
    assert api.delete(path, headers={"If-Match": f"revision_number={revision}"}).status_code == 412
    assert api.get(path).json()["router"]["external_gateway_info"] is None


@pytest.mark.parametrize("interface", [True, False], ids=["interface", "gateway alone"])
def test_a_router_that_changed_keeps_its_gateway_and_interfaces(site_, room, maker, interface):
    api = room.cloud(ALICE).network
    _, subnet = maker.network(ALICE, "net-kept", "10.6.0.0/24")
    router = maker.router(ALICE, "router-kept", subnet)
    if not interface:
        api.remove_interface_from_router(router, subnet_id=subnet.id)
    before = see(site_, Kind.ROUTER, router.id)
    api.update_router(router, name="wanted")
    with pytest.raises(ChangedError):
        site_.delete(before)
    after = see(site_, Kind.ROUTER, router.id)
    assert (after.takes, after.spec["external_gateway_info"]) == (
        before.takes,
        before.spec["external_gateway_info"],
    )
    site_.delete(after)
    assert after.ref not in site_.inventory([Kind.ROUTER]).by_ref
