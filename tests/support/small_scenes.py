"""Smaller scenes: a project that the class shares with others, and a dozen things with all kinds of ties."""

from __future__ import annotations

from datetime import timedelta

from tests.support.classroom import Classroom
from tests.support.making import Maker
from tests.support.scene import HOUR, Scene, Times

NO_LIMITS = {"run": "none", "project": "none", "owner": "none", "share": "none"}


def shared_project(room: Classroom) -> Scene:
    """A project that is not the class's alone: what does not carry the lab's stamp, or its name, stays."""
    make, scene, at = Maker(room), Scene(room), Times()
    past, foreign = room.line("alice", at.past), room.line("alice", at.past, lab="another-lab")
    scene.lab = {"reap": {"limits": NO_LIMITS}}

    group = make.group("alice", "ours", past)
    scene.goes("security group", group.id, "ours", "past its stamp")
    network, subnet = make.network("alice", "our-net", "10.202.1.0/24", past)
    scene.goes("network", network.id, "our-net", "past its stamp")
    scene.goes("subnet", subnet.id, subnet.name, "with its network")
    address = make.address("alice", past)
    scene.goes("floating ip", address.id, address.floating_ip_address, "past its stamp")
    long = make.lease("bob", f"{room.lab_name}-bob", timedelta(days=2), instances=1)
    scene.stays("lease", long["id"], long["name"], "named as the kit does, over-long: shortened")
    scene.trim(long, 6 * HOUR)

    other = make.group("alice", "theirs", foreign)
    scene.stays("security group", other.id, "theirs", "another lab's stamp")
    network, subnet = make.network("alice", "their-net", "10.202.2.0/24", foreign)
    scene.stays("network", network.id, "their-net", "another lab's stamp")
    scene.stays("subnet", subnet.id, subnet.name, "another lab's stamp")
    address = make.address("bob", foreign)
    scene.stays("floating ip", address.id, address.floating_ip_address, "another lab's stamp")
    image = make.image("bob", "their-image", room.stamp("bob", at.past, lab="another-lab"))
    scene.stays("image", image.id, "their-image", "another lab's stamp")
    server = make.instance("bob", "their-vm", "1", room.stamp("bob", at.past, lab="another-lab"))
    scene.stays("instance", server.id, "their-vm", "another lab's stamp")
    hand = make.group("alice", "hand-alice")
    make.age("security group", hand.id)
    scene.stays("security group", hand.id, "hand-alice", "by hand, and the project is not the class's alone")
    lease = make.lease("bob", "research-bob", timedelta(days=2), instances=1)
    scene.stays("lease", lease["id"], "research-bob", "by hand, and the project is not the class's alone")
    near = make.lease("alice", f"{room.lab_name}2-alice", timedelta(days=2), instances=1)
    scene.stays("lease", near["id"], near["name"], "the name only begins as the lab's do")
    make.settled("bob", [server], "ERROR")
    make.grow_old()
    return scene


def dozen(room: Classroom, *, storage: bool = True) -> Scene:
    """A lease with an instance and all that hangs on it; a ring of groups; storage; and what stays beside it."""
    make, scene, at = Maker(room), Scene(room), Times()
    past, line = room.stamp("alice", at.past), room.line("alice", at.past)
    young, young_line = room.stamp("alice", at.future), room.line("alice", at.future)
    scene.lab = {"reap": {"exclusive": True, "second_look": "0m", "limits": NO_LIMITS}}

    lease = make.lease("alice", f"{room.lab_name}-alice", timedelta(days=3), instances=1)
    make.age("lease", lease["id"])
    scene.goes("lease", lease["id"], lease["name"], "named as the kit does, begun nine hours ago")
    network, subnet = make.network("alice", "lab-net", "10.203.1.0/24", line)
    scene.goes("network", network.id, "lab-net", "past its stamp")
    scene.goes("subnet", subnet.id, subnet.name, "with its network")
    router = make.router("alice", "lab-router", subnet, line)
    scene.goes("router", router.id, "lab-router", "past its stamp")
    one = make.group("alice", "ring-1", line)
    two = make.group("alice", "ring-2", line, names=one.id)
    make.rule("alice", one.id, two.id)
    for group in (one, two):
        scene.goes("security group", group.id, group.name, "past its stamp")
    port = make.port("alice", "own-port", network.id, security_groups=[one.id])
    make.age("port", port.id)
    scene.goes("port", port.id, "own-port", "no stamp: its instance's, to be marked before that goes")
    image = make.image("alice", "mine", past)
    scene.goes("image", image.id, "mine", "past its stamp")

    class_net, class_subnet = make.network("alice", "class-net", "10.203.2.0/24", line)
    scene.stays("network", class_net.id, "class-net", "past its stamp, under a young port")
    scene.stays("subnet", class_subnet.id, class_subnet.name, "past its stamp, under a young port")
    fresh = make.port("alice", "young-port", class_net.id, young_line)
    scene.stays("port", fresh.id, "young-port", "young")
    group = make.group("alice", "young", young_line)
    scene.stays("security group", group.id, "young", "young")

    if storage:
        loose = make.volume("alice", "loose", past)
        scene.goes("volume", loose.id, "loose", "past its stamp")
        shot = make.snapshot("alice", "shot", loose, past)
        scene.goes("snapshot", shot.id, "shot", "past its stamp")
        scene.goes("container", make.container("alice", "old-notes", 2, past), "", "past its stamp")
        kept = make.volume("alice", "new", young)
        scene.stays("volume", kept.id, "new", "young")
        scene.stays("container", make.container("alice", "notes", 1, young), "", "young")

    flavor = make.active("alice", lease)
    server = make.instance("alice", "vm", flavor, past, networks=[{"port": port.id}])
    scene.goes("instance", server.id, "vm", "goes along with its lease")
    make.settled("alice", [server])
    address = make.address("alice", line, port=port.id)
    scene.goes("floating ip", address.id, address.floating_ip_address, "past its stamp")
    make.grow_old()
    return scene


def handful(room: Classroom) -> Scene:
    """Quickly made, without instances: of five kinds what is past its stamp, and what stays beside it."""
    make, scene, at = Maker(room), Scene(room), Times()
    line, young = room.line("alice", at.past), room.line("alice", at.future)
    scene.lab = {"spare": {"names": ["^keep-"]}, "reap": {"limits": NO_LIMITS}}

    group = make.group("alice", "old", line)
    scene.goes("security group", group.id, "old", "past its stamp")
    network, subnet = make.network("alice", "old-net", "10.204.1.0/24", line)
    scene.goes("network", network.id, "old-net", "past its stamp")
    scene.goes("subnet", subnet.id, subnet.name, "with its network")
    address = make.address("alice", line)
    scene.goes("floating ip", address.id, address.floating_ip_address, "past its stamp")
    volume = make.volume("alice", "old-disk", room.stamp("alice", at.past))
    scene.goes("volume", volume.id, "old-disk", "past its stamp")
    notes = make.container("alice", "old-notes", 1, room.stamp("alice", at.past))
    scene.goes("container", notes, notes, "past its stamp")

    for name, words, why in (
        ("young", young, "young"),
        ("keep-this", line, "past its stamp, its name is spared"),
        ("theirs", room.line("alice", at.past, lab="another-lab"), "another lab's stamp"),
        ("by-hand-alice", "", "no stamp, and the project is not the class's alone"),
    ):
        kept = make.group("alice", name, words)
        scene.stays("security group", kept.id, name, why)
    volume = make.volume("alice", "new-disk", room.stamp("alice", at.future))
    scene.stays("volume", volume.id, "new-disk", "young")
    return scene


def groups(room: Classroom, number: int) -> Scene:
    """So many security groups past their stamp, and nothing else: for the breaker."""
    make, scene, at = Maker(room), Scene(room), Times()
    for n in range(number):
        group = make.group("alice", f"group-{n}", room.line("alice", at.past))
        scene.stays("security group", group.id, group.name, "past its stamp, in a run that the breaker stops")
    return scene
