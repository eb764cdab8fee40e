"""The large scene: eighty things of every kind in a project that is the class's alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.classroom import ROBOT, Classroom
from tests.support.making import Maker, wait_for
from tests.support.scene import HOUR, Scene, Times


class Play:
    """Makes the scene, in a project with `reap.exclusive`."""

    def __init__(self, room: Classroom) -> None:
        self.room, self.make, self.at = room, Maker(room), Times()
        self.scene = Scene(room)
        self.scene.lab = {
            "spare": {
                "names": ["^keep-"],
                "owners": ["dora"],
                "until": {"exam-node": "2099-01-01 00:00"},
            },
            "reap": {
                "exclusive": True,
                "limits": {"run": "none", "project": "none", "owner": "none", "share": "none"},
            },
        }
        self.past = {who: room.stamp(who, self.at.past) for who in ("alice", "bob", "dora")}
        self.past_line = {who: room.line(who, self.at.past) for who in ("alice", "bob", "dora")}
        self.future_line = room.line("alice", self.at.future)
        self.future = room.stamp("alice", self.at.future)

    def build(self) -> Scene:
        """Make everything; the site's clock runs on, and nothing here depends on how long it takes."""
        self.leases()
        self.networks()
        self.groups()
        self.images()
        self.instances()
        self.volumes()
        self.addresses()
        self.ports()
        self.rest()
        self.finish()
        return self.scene

    def leases(self) -> None:
        make, scene, lab = self.make, self.scene, self.room.lab_name
        self.ended = make.lease("bob", "quick-bob", timedelta(minutes=2))
        scene.stays("lease", self.ended["id"], "quick-bob", "it has ended: history")
        self.home = make.lease("alice", f"{lab}-alice", 5 * HOUR, instances=18)
        scene.stays("lease", self.home["id"], f"{lab}-alice", "young")
        long = make.lease("bob", f"{lab}-bob", timedelta(days=4), instances=1)
        scene.stays("lease", long["id"], f"{lab}-bob", "over-long: shortened, not deleted")
        scene.trim(long, 6 * HOUR)
        self.weekend = make.lease("alice", "weekend_alice", timedelta(days=3), instances=1)
        make.age("lease", self.weekend["id"])
        scene.goes("lease", self.weekend["id"], "weekend_alice", "by hand, of the roster, nine hours old")
        self.held = make.lease("bob", "held_bob", timedelta(days=3), instances=1)
        make.age("lease", self.held["id"])
        scene.stays("lease", self.held["id"], "held_bob", "it would take a locked instance along")
        foreign = make.lease("zed", "project-zed", timedelta(days=3), instances=1)
        make.age("lease", foreign["id"])
        scene.stays("lease", foreign["id"], "project-zed", "of someone who is not on the roster")
        self.reserved = make.lease("alice", "addresses-alice", 4 * HOUR, addresses=1)
        scene.stays("lease", self.reserved["id"], "addresses-alice", "young")

    def networks(self) -> None:
        make, scene = self.make, self.scene
        self.old = self._network("alice", "lab-net", "10.201.1.0/24", self.past_line["alice"])
        self._goes_network(self.old, "past its stamp")
        self.old_router = make.router("alice", "lab-router", self.old[1], self.past_line["alice"])
        scene.goes("router", self.old_router.id, "lab-router", "past its stamp, as all that is on it")

        self.class_net = self._network("alice", "class-net", "10.201.2.0/24", self.past_line["alice"])
        self._stays_network(self.class_net, "past its stamp, and a young instance is on it")
        router = make.router("alice", "class-router", self.class_net[1], self.past_line["alice"])
        scene.stays("router", router.id, "class-router", "past its stamp, and a young instance is behind it")

        hand = self._network("bob", "net-bob", "10.201.3.0/24", "")
        make.age("network", hand[0].id)
        make.age("subnet", hand[1].id)
        self._goes_network(hand, "by hand, of the roster, nine hours old")

        self._stays_network(self._network("alice", "new-net", "10.201.4.0/24", self.future_line), "young")
        self.guest_net = self._network("bob", "guest-net", "10.201.5.0/24", self.past_line["bob"])
        self._stays_network(self.guest_net, "past its stamp, and a stranger's port is on it")

    def _network(self, who: str, name: str, cidr: str, line: str) -> tuple[Any, Any]:
        return self.make.network(who, name, cidr, line)

    def _goes_network(self, pair: tuple[Any, Any], why: str) -> None:
        self.scene.goes("network", pair[0].id, pair[0].name, why)
        self.scene.goes("subnet", pair[1].id, pair[1].name, f"with its network: {why}")

    def _stays_network(self, pair: tuple[Any, Any], why: str) -> None:
        self.scene.stays("network", pair[0].id, pair[0].name, why)
        self.scene.stays("subnet", pair[1].id, pair[1].name, why)

    def groups(self) -> None:
        make, scene = self.make, self.scene
        one = make.group("alice", "ring-1", self.past_line["alice"])
        two = make.group("alice", "ring-2", self.past_line["alice"], names=one.id)
        make.rule("alice", one.id, two.id)
        for group in (one, two):
            scene.goes("security group", group.id, group.name, "past its stamp; the two name each other")
        hand = make.group("alice", "open-alice")
        make.age("security group", hand.id)
        scene.goes("security group", hand.id, hand.name, "by hand, of the roster, nine hours old")
        named = make.group("bob", "named", self.past_line["bob"])
        scene.stays("security group", named.id, named.name, "past its stamp, and a young group names it")
        young = make.group("alice", "young", self.future_line, names=named.id)
        scene.stays("security group", young.id, young.name, "young")
        self.used = make.group("bob", "used", self.past_line["bob"])
        scene.stays("security group", self.used.id, self.used.name, "past its stamp, on a young instance")
        default = next(iter(self.room.cloud("alice").network.security_groups(name="default")))
        make.age("security group", default.id)
        scene.stays("security group", default.id, "default", "the project's own")

    def images(self) -> None:
        make, scene = self.make, self.scene
        own = make.image("alice", "mine", self.past["alice"])
        scene.goes("image", own.id, own.name, "past its stamp")
        hand = make.image("bob", "backup-bob")
        make.age("image", hand.id)
        scene.goes("image", hand.id, hand.name, "by hand, of the roster, nine hours old")
        young = make.image("alice", "fresh", self.future)
        scene.stays("image", young.id, young.name, "young")
        held = make.image("bob", "held", self.past["bob"], is_protected=True)
        scene.stays("image", held.id, held.name, "past its stamp, and protected in Glance")
        self.base = make.image("bob", "base", self.past["bob"])
        scene.stays("image", self.base.id, self.base.name, "past its stamp; a young instance runs from it")

    def instances(self) -> None:
        make, scene, alice, bob = self.make, self.scene, self.past["alice"], self.past["bob"]
        flavor = self.flavor = make.active("alice", self.home)

        def boot(who: str, name: str, stamp: dict[str, str] | None = None, **options: Any) -> Any:
            return make.instance(who, name, options.pop("flavor", flavor), stamp, **options)

        self.port = make.port("alice", "own-port")
        make.age("port", self.port.id)
        scene.goes("port", self.port.id, "own-port", "no stamp; it is only its instance's, which goes")
        go = {
            "active": boot("alice", "vm-active", alice),
            "stopped": boot("alice", "vm-stopped", alice),
            "shelved": boot("bob", "vm-shelved", bob),
            "by hand, of the roster, nine hours old": boot("alice", "vm-hand-alice"),
            "with a volume": boot("alice", "vm-disk", alice),
            "with a volume that goes along": boot("bob", "vm-temp", bob),
            "on a port made before": boot("alice", "vm-port", alice, networks=[{"port": self.port.id}]),
            "with an address": boot("bob", "vm-address", bob),
            "on a network that goes": boot("bob", "vm-net", bob, networks=[{"uuid": self.old[0].id}]),
            "in a lease that goes, by hand": boot(
                "alice", "vm-weekend-alice", flavor=make.active("alice", self.weekend)
            ),
        }
        stay = {
            "young": boot("alice", "vm-young", self.future, security_groups=[{"name": "used"}]),
            "young, on an old network and an old image": boot(
                "alice",
                "vm-class",
                self.future,
                image_id=self.base.id,
                networks=[{"uuid": self.class_net[0].id}],
            ),
            "past its stamp, its name is spared": boot("bob", "keep-bob", bob),
            "past its stamp, its owner is spared": boot("dora", "vm-dora", self.past["dora"]),
            "past its stamp, spared until 2099": boot("bob", "exam-node", bob),
            "past its stamp, locked": boot("bob", "vm-locked", bob, flavor=make.active("bob", self.held)),
            "of someone who is not on the roster": boot("zed", "vm-zed"),
            "doubt: its stamp cannot be read": boot(
                "alice", "vm-unclear-alice", self.room.stamp("alice", "tomorrow")
            ),
            "by hand, first seen a moment ago": boot("alice", "vm-late-alice"),
            "past its stamp, and nobody was warned": boot(
                "bob", "vm-unwarned", self.room.stamp("bob", self.at.recent)
            ),
        }
        for why, server in go.items():
            scene.goes("instance", server.id, server.name, why)
        for why, server in stay.items():
            scene.stays("instance", server.id, server.name, why)
        failed = boot("bob", "vm-error", bob, flavor="1")
        scene.goes("instance", failed.id, failed.name, "in ERROR: no host took it")
        make.settled("bob", [*go.values(), *stay.values()])
        make.settled("bob", [failed], "ERROR")
        self.servers = {server.name: server for server in (*go.values(), *stay.values())}
        for name in ("vm-hand-alice", "vm-weekend-alice", "vm-zed", "vm-late-alice", "vm-unclear-alice"):
            make.age("instance", self.servers[name].id)
        scene.late.append(("instance", self.servers["vm-late-alice"].id))
        self._states()

    def _states(self) -> None:
        cloud, servers = self.room.cloud("bob"), self.servers
        made = self.make.image_of("alice", "shot", servers["vm-active"], self.past["alice"])
        self.scene.goes("image", made, "shot", "past its stamp, made from an instance")
        cloud.compute.stop_server(servers["vm-stopped"])
        cloud.compute.shelve_server(servers["vm-shelved"])
        cloud.compute.lock_server(servers["vm-locked"])
        self.make.settled("bob", [servers["vm-stopped"]], "SHUTOFF")
        self.make.settled("bob", [servers["vm-shelved"]], "SHELVED_OFFLOADED")
        [parked] = cloud.image.images(visibility="private", name="vm-shelved-shelved")
        self.scene.goes("image", parked.id, parked.name, "Nova made it when it shelved, and takes it along")

    def volumes(self) -> None:
        make, scene, past = self.make, self.scene, self.past
        loose = make.volume("alice", "loose", past["alice"])
        scene.goes("volume", loose.id, "loose", "past its stamp")
        hand = make.volume("bob", "data-bob")
        make.age("volume", hand.id)
        scene.goes("volume", hand.id, "data-bob", "by hand, of the roster, nine hours old")
        data, temp = make.volume("alice", "disk", past["alice"]), make.volume("bob", "temp", past["bob"])
        self._attach("vm-disk", data)
        self._attach("vm-temp", temp, delete_on_termination=True)
        scene.goes("volume", data.id, "disk", "past its stamp; its instance goes, too")
        scene.goes("volume", temp.id, "temp", "past its stamp; goes along with its instance")
        old = make.volume("alice", "origin", past["alice"])
        scene.goes("volume", old.id, "origin", "past its stamp, as its snapshot")
        shot = make.snapshot("alice", "origin-shot", old, past["alice"])
        scene.goes("snapshot", shot.id, "origin-shot", "past its stamp")
        young = make.volume("alice", "new", self.future)
        scene.stays("volume", young.id, "new", "young")
        shot = make.snapshot("alice", "new-shot", young, past["alice"])
        scene.goes("snapshot", shot.id, "new-shot", "past its stamp; its volume stays")
        base = make.volume("bob", "base-volume", past["bob"])
        scene.stays("volume", base.id, "base-volume", "past its stamp, and has a young snapshot")
        shot = make.snapshot("bob", "base-shot", base, self.future)
        scene.stays("snapshot", shot.id, "base-shot", "young")
        used = make.volume("bob", "used-volume", past["bob"])
        self._attach("vm-young", used)
        scene.stays("volume", used.id, "used-volume", "past its stamp, in a young instance")

    def _attach(self, server: str, volume: Any, **options: Any) -> None:
        cloud = self.room.cloud("bob")
        cloud.compute.create_volume_attachment(self.servers[server], volume_id=volume.id, **options)
        cloud.block_storage.wait_for_status(
            cloud.block_storage.get_volume(volume.id), "in-use", ["error"], wait=180
        )

    def addresses(self) -> None:
        make, scene = self.make, self.scene
        loose = make.address("alice", self.past_line["alice"])
        scene.goes("floating ip", loose.id, loose.floating_ip_address, "past its stamp, bound to nothing")
        bound = make.address("bob", self.past_line["bob"], port=self._port_of("vm-address"))
        scene.goes("floating ip", bound.id, bound.floating_ip_address, "past its stamp, with its instance")
        used = make.address("bob", self.past_line["bob"], port=self._port_of("vm-young"))
        scene.stays("floating ip", used.id, used.floating_ip_address, "past its stamp, at a young instance")
        young = make.address("alice", self.future_line)
        scene.stays("floating ip", young.id, young.floating_ip_address, "young")
        plain = make.address("zed", "do not touch")
        make.age("floating ip", plain.id)
        scene.stays("floating ip", plain.id, plain.floating_ip_address, "nothing says whose it is")
        self.make.active("alice", self.reserved)
        tagged = [f for f in self.room.cloud("alice").network.ips() if "blazar" in f.tags]
        for address in tagged:
            make.age("floating ip", address.id)
            scene.stays("floating ip", address.id, address.floating_ip_address, "Blazar holds it")

    def _port_of(self, server: str) -> str:
        [port] = self.room.cloud("alice").network.ports(device_id=self.servers[server].id)
        return str(port.id)

    def ports(self) -> None:
        make, scene = self.make, self.scene
        loose = make.port("alice", "spare-port", description=self.past_line["alice"])
        scene.goes("port", loose.id, "spare-port", "past its stamp")
        hand = make.port("bob", "port-bob")
        make.age("port", hand.id)
        scene.goes("port", hand.id, "port-bob", "by hand, of the roster, nine hours old")
        young = make.port("alice", "new-port", description=self.future_line)
        scene.stays("port", young.id, "new-port", "young")
        foreign = make.port("zed", "port-zed", network=self.guest_net[0].id)
        make.age("port", foreign.id)
        scene.stays("port", foreign.id, "port-zed", "of someone who is not on the roster")
        scene.goes("port", self._port_of("vm-active"), "", "Nova made it; goes along with its instance")
        scene.stays("port", self._port_of("vm-young"), "", "Nova made it; its instance is young")

    def rest(self) -> None:
        make, scene = self.make, self.scene
        scene.goes(
            "container", make.container("alice", "old-notes", 3, self.past["alice"]), "", "past its stamp"
        )
        scene.stays("container", make.container("alice", "notes", 2, self.future), "", "young")
        scene.stays("container", make.container("zed", "plain", 1), "", "no stamp, no owner, just made")
        key = self.room.cloud(ROBOT).compute.create_keypair(name=f"key-{self.room.tag}")
        make.age("key pair", key.name)
        scene.stays("key pair", key.name, "", "the reaper's own")

    def finish(self) -> None:
        """Age what is to be old, and wait for the lease that is to have ended."""
        blazar = self.room.blazar("bob")
        self.make.grow_old()
        wait_for(
            lambda: blazar.get(f"/leases/{self.ended['id']}").json()["lease"]["status"] == "TERMINATED",
            "the short lease to end",
        )
