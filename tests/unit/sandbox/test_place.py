"""Where a sandbox lives, and that two of them never share an address."""

from __future__ import annotations

import itertools
import multiprocessing
import socket
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.sandbox import place
from chi_helpers.sandbox.errors import SandboxError
from chi_helpers.sandbox.place import Addresses


@pytest.fixture(autouse=True)
def _own_registry(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "REGISTRY", tmp_path / "registry")
    # Real sandboxes may run on this machine: these tests claim networks that none of them has.
    monkeypatch.setattr(place, "_FIRST_NET", 130)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_two_sandboxes_share_no_address_and_no_shared_subnet():
    every = [Addresses(number) for number in range(place._NETS)]
    for one, other in itertools.combinations(every, 2):
        assert not ip_network(one.public_cidr).overlaps(ip_network(other.public_cidr))
        assert not ip_network(one.shared_cidr).overlaps(ip_network(other.shared_cidr))


@pytest.mark.parametrize("number", [0, 47])
def test_all_of_a_sandbox_is_on_loopback_and_the_api_is_outside_the_floating_range(number):
    addresses = Addresses(number)
    first, last = (IPv4Address(one) for one in addresses.floating_range)
    assert IPv4Address(addresses.api).is_loopback
    assert not first <= IPv4Address(addresses.api) <= last
    pool_first, pool_last = (IPv4Address(one) for one in addresses.floating_pool)
    for reservable in addresses.reservable_floating_ips:
        assert first <= IPv4Address(reservable) <= last
        assert not pool_first <= IPv4Address(reservable) <= pool_last


def test_a_claim_is_the_same_on_every_call_until_it_is_released(tmp_path):
    folder, other = made(tmp_path / "a"), made(tmp_path / "b")
    first = place.claim(folder)
    assert place.claim(folder) == first
    assert place.claim(other) != first
    place.release(folder)
    assert place.claim(made(tmp_path / "c")) == first


def test_a_folder_that_was_deleted_holds_no_address_and_what_it_left_is_removed(tmp_path):
    gone = made(tmp_path / "gone")
    number = place.claim(gone)
    gone.rmdir()
    evicted: list[str] = []
    assert place.claim(made(tmp_path / "new"), evict=evicted.append) == number
    assert evicted == [place.label_of(gone)]


def test_a_claim_that_was_cleaned_away_is_taken_again(tmp_path):
    folder = made(tmp_path / "a")
    mine = place.claim(folder)
    (place.REGISTRY / str(mine.number)).unlink()
    place.hold(folder, mine)
    place.hold(folder, mine)
    assert place.claim(made(tmp_path / "b")) != mine


def test_a_network_that_another_has_meanwhile_is_refused_with_its_folder(tmp_path):
    folder, other = made(tmp_path / "a"), made(tmp_path / "b")
    mine = place.claim(folder)
    (place.REGISTRY / str(mine.number)).unlink()
    assert place.claim(other) == mine
    with pytest.raises(SandboxError, match=f"now belongs to another: {other}"):
        place.hold(folder, mine)


def test_a_network_where_something_listens_is_not_handed_out(tmp_path, monkeypatch):
    free = place.claim(made(tmp_path / "a"))
    place.release(tmp_path / "a")
    with socket.create_server((free.api, place._KEYSTONE)):
        assert place.claim(made(tmp_path / "b")) != free


def test_a_claim_that_cannot_be_read_counts_as_taken(tmp_path):
    """Another user's, for example: its folder may be closed to us."""
    first = place.claim(made(tmp_path / "a"))
    (place.REGISTRY / str(first.number)).write_bytes(b"\xff\xfe")
    assert place.claim(made(tmp_path / "b")) != first


def test_a_folder_of_claims_that_is_a_link_is_refused(tmp_path, monkeypatch):
    target = made(tmp_path / "elsewhere")
    link = tmp_path / "link"
    link.symlink_to(target)
    monkeypatch.setattr(place, "REGISTRY", link)
    with pytest.raises(SandboxError, match="is not a folder"):
        place.claim(made(tmp_path / "a"))
    assert list(target.iterdir()) == []


def _claim(folder: str) -> int:
    return place.claim(Path(folder)).number


def test_claims_at_the_same_time_get_different_addresses(tmp_path):
    folders = [str(made(tmp_path / f"s{number}")) for number in range(12)]
    with multiprocessing.get_context("fork").Pool(6) as pool:
        numbers = pool.map(_claim, folders)
    assert sorted(numbers) == list(range(12))


def test_when_all_networks_are_taken_the_message_names_the_list_of_their_folders(tmp_path):
    for number in range(place._NETS):
        place.claim(made(tmp_path / f"s{number}"))
    with pytest.raises(SandboxError, match=r"All 48 loopback networks.*Reset a sandbox.*registry"):
        place.claim(made(tmp_path / "one-too-many"))


@pytest.mark.parametrize("name", ["", "West", "a b", "../x", "-a", "1st", "a" * 32, "a/b", "a\n"])
def test_a_name_that_cannot_name_a_sandbox_is_refused(name):
    with pytest.raises(UsageError, match="cannot name a sandbox"):
        place.folder_of(name)


@pytest.mark.parametrize(
    ("name", "region"), [("sandbox", "CHI@Sandbox"), ("west", "CHI@West"), ("a-b", "CHI@AB")]
)
def test_the_region_comes_from_the_name(name, region):
    assert place.default_region(name) == region


def test_two_folders_of_the_same_name_have_different_labels(tmp_path):
    assert place.label_of(tmp_path / "a" / "demo") != place.label_of(tmp_path / "b" / "demo")


def test_sockets_move_to_a_short_private_folder_where_the_path_is_too_long(tmp_path):
    deep = made(tmp_path / ("x" * 60) / ("y" * 60))
    run = place.run_dir(deep)
    assert len(str(run / "supervisor.sock")) < 107
    assert run.stat().st_mode & 0o077 == 0
    assert place.run_dir(deep) == run
    run.rmdir()


def test_a_socket_folder_that_others_can_write_is_refused(tmp_path):
    deep = made(tmp_path / ("x" * 60) / ("z" * 60))
    run = place.run_dir(deep)
    run.chmod(0o777)
    try:
        with pytest.raises(SandboxError, match="open to others"):
            place.run_dir(deep)
    finally:
        run.chmod(0o700)
        run.rmdir()
