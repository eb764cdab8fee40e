"""Instances and key pairs: what Nova says of them, and how they hang together with the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind, Ref, Resource
from chi_helpers.sites.errors import GoneError
from chi_helpers.sites.inventory import notes
from chi_helpers.sites.inventory.world import NOVA, World, instant, part, texts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chi_helpers.sites.inventory.service import Entry, Look

TELLS_OF_DOWN_CELLS = 69
UNKNOWN = "UNKNOWN"
AT_ONCE = 8
SETTLING = timedelta(minutes=10)
"""How long an instance that is being built may have ties that Nova does not show yet."""
SHELVED = frozenset({"SHELVED", "SHELVED_OFFLOADED"})
SAME_SECOND = timedelta(seconds=2)
"""Nova's and Neutron's clocks, and whole seconds: so near, a port may be older or younger."""


def instances(look: Look, project_id: str) -> list[Entry]:
    """All instances of the project. Those of a cell that does not answer are a fault of the listing.

    Unfiltered and without a limit: else Nova leaves instances of such a cell out silently
    (nova/api/openstack/compute/servers.py, `list_records_by_skipping_down_cells`).
    """
    minor = look.service.minor
    if minor is None or minor < TELLS_OF_DOWN_CELLS:
        raise SiteError("The site's Nova is too old to say whether its list of instances is complete (2.69).")
    found = look.pages("/servers/detail", "servers", "list the instances")
    missing = [server["id"] for server in found if server.get("status") == UNKNOWN]
    if missing:
        look.faults.append(
            f"A part of Nova does not answer: unknown are {len(missing)} instances ({missing[0]} ...)."
        )
    return [s for s in found if s.get("status") != UNKNOWN and s.get("tenant_id") == project_id]


def key_pairs(look: Look, users: Iterable[str], viewer: str) -> list[Entry]:
    """Key pairs of these users: a member may ask for its own only. Their age needs a look at each."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [
            pair for pairs in pool.map(lambda user: _pairs_of(look, user, viewer), users) for pair in pairs
        ]


def _pairs_of(look: Look, user: str, viewer: str) -> list[Entry]:
    asked = {} if user == viewer else {"user_id": user}
    listed = look.pages(
        "/os-keypairs", "keypairs", "list the key pairs", asked, lambda entry: str(entry["keypair"]["name"])
    )
    found = []
    for name in (entry["keypair"]["name"] for entry in listed):
        try:
            path = f"/os-keypairs/{quote(name, safe='')}"
            pair = look.body(path, "look at the key pair", params=asked)["keypair"]
        except GoneError:
            continue
        found.append({**pair, "user_id": user})
    return found


def resources(world: World) -> list[Resource]:
    return [_instance(world, server) for server in world.of(Kind.INSTANCE)] + [
        _key_pair(pair) for pair in world.of(Kind.KEY_PAIR)
    ]


def _instance(world: World, server: Entry) -> Resource:
    metadata = texts(server.get("metadata"))
    stamp, fault, mark = notes.of_metadata(metadata)
    created = instant(server.get("created"))
    takes, needs = _ties(world, server, created)
    deleting = server.get("OS-EXT-STS:task_state") == "deleting"
    return Resource(
        kind=Kind.INSTANCE,
        id=server["id"],
        name=server.get("name") or "",
        # Nova keeps "ACTIVE" until a deletion is through; its task says that it is under way.
        status="DELETING" if deleting else str(server.get("status") or ""),
        user_id=server.get("user_id"),
        created=created,
        stamp=stamp,
        stamp_fault=fault,
        mark=mark,
        metadata=metadata,
        locked=server.get("locked"),
        # A volume that goes along and was not listed stays among them: nothing is known of it.
        takes=tuple(dict.fromkeys(takes)),
        needs=world.known(needs),
        unclear=_unclear(world, server, created),
        spec=_spec(world, server),
    )


def _ties(world: World, server: Entry, created: datetime | None) -> tuple[list[Ref], list[Ref]]:
    """What Nova deletes along with an instance, and what must not go before it."""
    takes, needs = [], [Ref(Kind.KEY_PAIR, f"{server.get('user_id')}/{server.get('key_name')}")]
    if server.get("image"):
        needs.append(Ref(Kind.IMAGE, server["image"]["id"]))
    for volume in server.get("os-extended-volumes:volumes_attached") or ():
        # Without the field (before 2.3) nothing is known: then it may go along, and must stay till then.
        ref, goes = Ref(Kind.VOLUME, volume["id"]), volume.get("delete_on_termination")
        takes += [ref] if goes is not False else []
        needs += [ref] if goes is not True else []
    names = {group["name"] for group in server.get("security_groups") or ()}
    needs += [ref for name in sorted(names) for ref in world.groups.get(name, ())]
    for port in world.ports_of.get(server["id"], ()):
        ref = Ref(Kind.PORT, port["id"])
        mine = _made_by_nova(port, created)
        takes += [ref] if mine is not False else []
        needs += [ref] if mine is not True else []
    return takes + _parked(world, server), needs


def _parked(world: World, server: Entry) -> list[Ref]:
    """The image that Nova made when it shelved the instance, and deletes with it.

    Which one that is Nova keeps to itself (nova/compute/api.py, `_delete`); it has the instance's id, and
    `<name>-shelved` for a name.
    """
    if server.get("status") not in SHELVED:
        return []
    name = f"{server.get('name')}-shelved"
    return [
        Ref(Kind.IMAGE, image["id"])
        for image in world.of(Kind.IMAGE)
        if image.get("instance_uuid") == server["id"] and image.get("name") == name
    ]


def _made_by_nova(port: Entry, created: datetime | None) -> bool | None:
    """Whether Nova made the port, and deletes it with the instance; None where it may be either.

    Nova deletes the ports that it made and unbinds those that it was given (nova/network/neutron.py,
    `deallocate_for_instance`), and knows them apart by a list that it shows to nobody. What it makes has
    neither name nor description nor tags (`_create_port_minimal`), and is younger than the instance, whose
    time is that of the request (nova/objects/build_request.py). A port that is surely older was given. One
    that somebody wrote on may be either: it counts as both, so that it must itself be due, and is marked
    before the instance goes. Any other is taken for Nova's, and is as old as its instance: a quick site makes
    both within one second, so that nothing would tell most of Nova's own from one that was given. Was it
    given after all, then Nova leaves it, and the next look judges it as a port of its own.
    """
    made = instant(port.get("created_at"))
    if created is None or made is None:
        return None
    if made < created - SAME_SECOND:
        return False
    return None if port.get("name") or port.get("description") or port.get("tags") else True


def _unclear(world: World, server: Entry, created: datetime | None) -> tuple[str, ...]:
    """Say what is not told of an instance that is being built, is shelved, or has addresses without a port.

    A Neutron that has just started may answer with empty lists and status 200: it makes its rules at the
    first request, and judges those that come meanwhile without (neutron/policy.py, `init`, has no lock).
    """
    portless = not world.ports_of.get(server["id"])
    if portless and server.get("status") == "BUILD" and (created is None or world.now - created < SETTLING):
        return ("Nova is still building it, and does not show its networks, ports and volumes yet.",)
    if portless and Kind.PORT in world.full and _holds_an_address(server):
        return ("Nova shows addresses of it, and Neutron lists none of its ports.",)
    if server.get("status") in SHELVED and Kind.IMAGE not in world.full:
        return ("It is shelved, and the images, of which one goes along with it, were not all listed.",)
    return ()


def _holds_an_address(server: Entry) -> bool:
    """Whether Nova shows one, and is not about to give it back."""
    return any((server.get("addresses") or {}).values()) and server.get("OS-EXT-STS:task_state") != "deleting"


def _spec(world: World, server: Entry) -> dict[str, object]:
    ports = [
        part(port, "id", "network_id", "fixed_ips", "name", "security_groups")
        for port in world.ports_of.get(server["id"], ())
        if str(port.get("device_owner") or "").startswith(NOVA)
    ]
    kept = part(
        server,
        "name",
        "image",
        "flavor",
        "key_name",
        "metadata",
        "security_groups",
        "description",
        "tags",
        "config_drive",
        "scheduler_hints",
        "locked_reason",
        "OS-EXT-AZ:availability_zone",
        "os-extended-volumes:volumes_attached",
        "addresses",
    )
    return {**kept, "ports": ports} if ports else kept


def _key_pair(pair: Entry) -> Resource:
    return Resource(
        kind=Kind.KEY_PAIR,
        id=f"{pair['user_id']}/{pair['name']}",
        name=pair["name"],
        user_id=pair["user_id"],
        created=instant(pair.get("created_at")),
        spec=part(pair, "name", "type", "public_key", "fingerprint"),
    )
