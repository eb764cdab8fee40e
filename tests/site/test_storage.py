"""Volumes, object storage and images made from instances: the real services, where a sandbox is asked for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from openstack.exceptions import BadRequestException, ConflictException, NotFoundException

from tests.support.sandbox import Sandbox
from tests.support.site import SiteUnderTest
from tests.support.site_api import active_lease, booted, flavor_reservation
from tests.support.student import Student

pytestmark = pytest.mark.site

_SECONDS = 60.0
_MIB = 2**20


@pytest.fixture
def owner(full_site: SiteUnderTest, tmp_path: Path) -> Iterator[Student]:
    """A name of its own; what bears it is removed in the end, and that is checked."""
    someone = Student(full_site, f"t{token_hex(5)}", tmp_path)
    yield someone
    someone.remove_everything()
    remove_storage(someone)


@pytest.fixture
def cloud(owner: Student) -> Any:
    return owner.site.connection(owner.who)


def stored(cloud: Any, owner: str) -> dict[str, list[Any]]:
    """What bears the name, in the order in which it can go."""
    found = {
        "snapshots": list(cloud.block_storage.snapshots()),
        "volumes": list(cloud.block_storage.volumes()),
        "images": list(cloud.image.images(visibility="private")),
        "containers": list(cloud.object_store.containers()),
    }
    return {kind: [one for one in things if owner in (one.name or "")] for kind, things in found.items()}


def remove_storage(someone: Student) -> None:
    cloud = someone.site.connection(someone.who)
    deadline = time.monotonic() + _SECONDS
    while any((held := stored(cloud, someone.owner)).values()):
        assert time.monotonic() < deadline, held
        for container in held["containers"]:
            for one in list(cloud.object_store.objects(container.name)):
                cloud.object_store.delete_object(one, container=container.name)
            cloud.object_store.delete_container(container.name)
        for image in held["images"]:
            cloud.image.delete_image(image)
        for snapshot in held["snapshots"]:
            cloud.block_storage.delete_snapshot(snapshot, ignore_missing=True)
        for volume in [] if held["snapshots"] else held["volumes"]:
            cloud.block_storage.delete_volume(volume, ignore_missing=True)
        time.sleep(0.5)


def until(done: Callable[[], Any], what: str) -> Any:
    """Look until it is so; what was seen then."""
    deadline = time.monotonic() + _SECONDS
    while not (seen := done()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return seen


def volume_status(cloud: Any, volume: Any, status: str) -> Any:
    """Wait until the volume, or the snapshot, has that status; it, as it is then."""
    look = cloud.block_storage.get_snapshot if "volume_id" in volume else cloud.block_storage.get_volume

    def there() -> Any:
        now = look(volume.id)
        assert now.status == status or not now.status.startswith("error"), now
        return now if now.status == status else None

    return until(there, f"{volume.name} became {status}")


def new_volume(cloud: Any, owner: str, **options: Any) -> Any:
    volume = cloud.block_storage.create_volume(name=f"vol-{owner}", **{"size": 1, **options})
    return volume_status(cloud, volume, "available")


def reserved_instance(owner: Student, **options: Any) -> Any:
    reservation = active_lease(owner, flavor_reservation("1"))["reservations"][0]["id"]
    server = booted(owner, reservation, **options)
    assert server.status == "ACTIVE", server.fault
    return server


def there(cloud: Any, volume: Any) -> bool:
    return any(one.id == volume.id for one in cloud.block_storage.volumes())


# -- volumes ------------------------------------------------------------------


def test_a_volume_is_a_sparse_file_that_grows_and_goes(owner, cloud):
    volume = new_volume(cloud, owner.owner, metadata={"chi-lab": "x"})
    assert (volume.size, volume.metadata) == (1, {"chi-lab": "x"})
    file = owner.site.folder / "volumes" / volume.id
    assert file.stat().st_size == 1024 * _MIB
    assert file.stat().st_blocks * 512 < _MIB
    cloud.block_storage.extend_volume(volume, 3)
    until(lambda: file.stat().st_size == 3 * 1024 * _MIB, "it has grown")
    volume_status(cloud, volume, "available")
    cloud.block_storage.delete_volume(volume)
    until(lambda: not there(cloud, volume), "it is gone")
    assert not file.exists()


def test_a_volume_with_a_snapshot_stays_until_the_snapshot_is_gone(owner, cloud):
    volume = new_volume(cloud, owner.owner)
    snapshot = cloud.block_storage.create_snapshot(volume_id=volume.id, name=f"snap-{owner.owner}")
    snapshot = volume_status(cloud, snapshot, "available")
    with pytest.raises(BadRequestException, match="have snapshots"):
        cloud.block_storage.delete_volume(volume)
    copy = new_volume(cloud, owner.owner, snapshot_id=snapshot.id, size=2)
    assert (copy.snapshot_id, copy.size) == (snapshot.id, 2)
    cloud.block_storage.delete_snapshot(snapshot)
    until(lambda: not list(cloud.block_storage.snapshots(volume_id=volume.id)), "the snapshot is gone")
    cloud.block_storage.delete_volume(volume)
    until(lambda: not there(cloud, volume), "the volume is gone")
    assert there(cloud, copy)


def test_an_attached_volume_is_in_use_on_both_sides_and_cannot_be_deleted(owner, cloud):
    server, volume = reserved_instance(owner), new_volume(cloud, owner.owner)
    cloud.compute.create_volume_attachment(server, volume_id=volume.id)
    attached = volume_status(cloud, volume, "in-use")
    assert [one["server_id"] for one in attached.attachments] == [server.id]
    (attachment,) = cloud.compute.volume_attachments(server)
    assert (attachment.volume_id, attachment.delete_on_termination) == (volume.id, False)
    with pytest.raises(BadRequestException, match="attached"):
        cloud.block_storage.delete_volume(volume)
    cloud.compute.delete_volume_attachment(server, volume)
    volume_status(cloud, volume, "available")
    assert not list(cloud.compute.volume_attachments(server))


def test_with_the_instance_goes_only_the_volume_that_was_attached_so(owner, cloud):
    """Booted from a volume made of an image; a second one goes with it, a third one stays."""
    goes, stays = new_volume(cloud, owner.owner), new_volume(cloud, owner.owner)
    root = {
        "boot_index": 0,
        "uuid": cloud.image.find_image("CC-Ubuntu24.04").id,
        "source_type": "image",
        "destination_type": "volume",
        "volume_size": 2,
        "delete_on_termination": True,
    }
    server = reserved_instance(owner, block_device_mapping_v2=[root], image_id="")
    (boot,) = cloud.compute.volume_attachments(server)
    for volume, with_it in ((goes, True), (stays, False)):
        cloud.compute.create_volume_attachment(server, volume_id=volume.id, delete_on_termination=with_it)
        volume_status(cloud, volume, "in-use")
    assert cloud.block_storage.get_volume(boot.volume_id).is_bootable
    cloud.compute.delete_server(server)
    until(lambda: not there(cloud, goes), "the second volume went")
    until(lambda: all(one.id != boot.volume_id for one in cloud.block_storage.volumes()), "the root went")
    volume_status(cloud, stays, "available")


# -- images made from instances -----------------------------------------------


def test_an_image_made_from_an_instance_is_the_projects_and_names_it(owner, cloud):
    server = reserved_instance(owner)
    image_id = cloud.compute.create_server_image(server, f"image-{owner.owner}", wait=False).id
    image = until(lambda: (i := cloud.image.get_image(image_id)).status == "active" and i, "it is active")
    assert image.properties["image_type"] == "snapshot"
    assert (image.instance_uuid, image.visibility) == (server.id, "private")
    assert image.owner_id == cloud.current_project_id
    assert cloud.compute.get_server(server.id).status == "ACTIVE"


def test_a_shelved_instance_leaves_its_host_and_comes_back(owner, cloud):
    server = reserved_instance(owner)

    def becomes(status: str) -> None:
        until(lambda: cloud.compute.get_server(server.id).status == status, status)

    cloud.compute.shelve_server(server)
    becomes("SHELVED_OFFLOADED")
    (image,) = stored(cloud, owner.owner)["images"]
    assert (image.name, image.status) == (f"{server.name}-shelved", "active")
    cloud.compute.unshelve_server(server)
    becomes("ACTIVE")
    until(lambda: not stored(cloud, owner.owner)["images"], "the image went when it came back")


def test_a_locked_instance_cannot_be_deleted_by_its_owner(owner, cloud):
    server = reserved_instance(owner)
    cloud.compute.lock_server(server)
    with pytest.raises(ConflictException, match="locked"):
        cloud.compute.delete_server(server)
    cloud.compute.unlock_server(server)


# -- objects --------------------------------------------------------------------


def test_a_container_keeps_objects_and_metadata_and_goes_only_when_it_is_empty(owner, cloud):
    store, box = cloud.object_store, f"box-{owner.owner}"
    store.create_container(box, metadata={"chi-lab": "x"})
    store.upload_object(box, "a/1", data=b"hello", metadata={"who": "me"})
    assert [(one.name, one.content_length) for one in store.objects(box)] == [("a/1", 5)]
    assert store.get_object_metadata("a/1", container=box).metadata["who"] == "me"
    about = store.get_container_metadata(box)
    assert (about.object_count, about.metadata["chi-lab"]) == (1, "x")
    listed = lambda: {one.name: (one.count, one.bytes) for one in store.containers()}.get(box)  # noqa: E731
    until(lambda: listed() == (1, 5), "the account's listing has the container's size")
    with pytest.raises(ConflictException):
        store.delete_container(box)
    store.delete_object("a/1", container=box)
    store.delete_container(box)
    assert listed() is None


def test_many_objects_go_in_one_call_that_names_what_failed(owner, cloud):
    """Swift's bulk deletion answers 200 whatever happens; what failed stands in the body."""
    store, box = cloud.object_store, f"box-{owner.owner}"
    store.create_container(box)
    for number in range(30):
        store.upload_object(box, f"o{number}", data=b"x")

    def bulk(*names: str) -> dict[str, Any]:
        said: dict[str, Any] = store.post(
            "?bulk-delete",
            data="\n".join(names),
            headers={"Content-Type": "text/plain", "Accept": "application/json"},
        ).json()
        return said

    early = bulk(*(f"{box}/o{number}" for number in range(20)), f"{box}/none", box)
    assert (early["Number Deleted"], early["Number Not Found"]) == (20, 1)
    assert [error[1] for error in early["Errors"]] == ["409 Conflict"], "the container has ten more"
    late = bulk(*(f"{box}/o{number}" for number in range(20, 30)), box)
    assert (late["Response Status"], late["Number Deleted"], late["Errors"]) == ("200 OK", 11, [])


def test_an_object_past_its_time_is_gone_and_leaves_the_listing(owner, cloud):
    store, box = cloud.object_store, f"box-{owner.owner}"
    store.create_container(box)
    store.upload_object(box, "brief", data=b"x", delete_after=3600)
    assert [one.name for one in store.objects(box)] == ["brief"]
    assert store.download_object("brief", box) == b"x"
    # Only now is its end near: it cannot have gone before it was seen.
    store.set_object_metadata("brief", box, delete_after=1)
    until(lambda: not list(store.objects(box)), "the expirer took it off the listing")
    with pytest.raises(NotFoundException):
        store.download_object("brief", box)


def test_another_project_has_no_access_and_sees_nothing(owner, cloud):
    box = f"box-{owner.owner}"
    cloud.object_store.create_container(box)
    volume = new_volume(cloud, owner.owner)
    other = owner.site.connection("other")
    assert box not in {one.name for one in other.object_store.containers()}
    assert volume.id not in {one.id for one in other.block_storage.volumes()}
    url = cloud.object_store.get_endpoint()
    assert other.session.get(f"{url}/{box}", raise_exc=False).status_code == 403


# -- the sandbox ------------------------------------------------------------------


@pytest.mark.nightly(part="sandbox")
def test_volumes_attachments_snapshots_and_objects_survive_down_and_up(owner, cloud):
    sandbox = Sandbox(owner.site.name, owner.site.state)
    box = f"box-{owner.owner}"
    server, volume = reserved_instance(owner), new_volume(cloud, owner.owner)
    snapshot = cloud.block_storage.create_snapshot(volume_id=volume.id, name=f"snap-{owner.owner}")
    volume_status(cloud, snapshot, "available")
    cloud.compute.create_volume_attachment(server, volume_id=volume.id)
    volume_status(cloud, volume, "in-use")
    cloud.object_store.create_container(box)
    cloud.object_store.upload_object(box, "a", data=b"hello")

    sandbox.do("down")
    assert sandbox.up() == owner.site, "it has what it was made with, without being told again"

    again = owner.site.connection(owner.who)
    assert again.block_storage.get_volume(volume.id).status == "in-use"
    assert again.block_storage.get_snapshot(snapshot.id).status == "available"
    assert again.object_store.download_object("a", box) == b"hello"
    again.compute.delete_volume_attachment(server, volume)
    volume_status(again, volume, "available")
