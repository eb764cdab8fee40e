"""What a good reservation.yaml means."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.config import load
from chi_helpers.model.lab import ActiveHours, ClassSpec, Limits, NodeSpec, Outage, ReapSpec

TOP = Path(__file__).parents[3]
SMALLEST = """\
version: 1
lab: hello
site: CHI@Sandbox
lifetime: {max: 6h}
nodes: {node1: {flavor: m1.small, image: CC-Ubuntu24.04}}
"""
EVERYTHING = """\
version: 1
lab: hello-chameleon
site: KVM@TACC
project: 231095
lifetime:
  max: 1d
  warn: [15m, 1h]
  hours: "08:00-24:00 America/New_York"
lease:
  start: 2026-01-29 14:00
  duration: 2h30m
  end_early: 10m
timezone: America/Chicago
nodes:
  node1: {flavor: m1.medium, image: CC-Ubuntu24.04, floating_ip: yes, ports: [22, 8888], stack: [base, users]}
  gpu2: {flavor: g1.h100.pci.1, image: CC-Ubuntu24.04-CUDA, ports: [], boot_volume: 200}
  gpu1: {node_type: gpu_a100_pcie, image: CC-Ubuntu24.04-CUDA, ports: []}
people:
  - ssh-ed25519  AAAAC3NzaC1lZDI1NTE5AAAAIFSrGi/AqiBN22g47LdWWytuDPYbEL2kG4TSkezT9v6g anna@laptop
options:
  docker_registry_mirrors: [http://10.0.0.5:5000]
  serving_first_rows: 50000
  docker_settings: {debug: yes, log-level: no}
network: {shared: sharednet2, private: 192.168.1.0/24}
launch: terraform
spare:
  names: ['project\\d+$']
  owners: [ffund]
  until: {node-keep: 2026-07-01 12:00}
reap:
  exclusive: true
  grace: 10m
  hard: 2h
  second_look: 0m
  skew: 1m30s
  limits: {run: none, project: 0, owner: 5, share: 25%}
outages:
  - {site: KVM@TACC, from: 2026-01-28 00:00, to: 2026-01-29T00:00-05:00, why: upgrades}
class: {roster: lists/roster.csv, per: group}
"""


@pytest.fixture
def lab(tmp_path):
    """Write a lab's file and load it."""

    def write(text):
        path = tmp_path / "reservation.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return write


def test_the_file_of_this_repository_is_hello_chameleon():
    """The first lab: one m1.small for six hours, SSH on a floating IP."""
    spec = load(TOP / "reservation.yaml")
    assert (spec.lab, spec.lifetime.max, spec.lease.duration) == (
        "hello_chameleon",
        timedelta(hours=6),
        timedelta(hours=6),
    )
    assert spec.nodes == (
        NodeSpec(
            "node1", "CC-Ubuntu24.04", flavor="m1.small", floating_ip=True, ports=(22,), stack=("base",)
        ),
    )


def test_the_gpu_node_of_the_page_on_terraform_boots_from_a_volume(lab):
    page = (TOP / "docs/how-to/use-terraform.md").read_text()
    example = page.partition("## Boot from a volume")[2].split("```yaml\n")[1].partition("```")[0]
    [node] = lab(example).nodes
    assert (node.flavor, node.image, node.boot_volume) == ("g1.h100.pci.1", "CC-Ubuntu24.04-CUDA", 200)
    assert "gpu" in node.stack


def test_the_smallest_file_has_sensible_defaults(lab):
    """A lease of the lab's whole lifetime, from now on, in UTC, SSH alone open."""
    spec = lab(SMALLEST)
    assert spec.lease.duration == spec.lifetime.max == timedelta(hours=6)
    assert (spec.lease.start, spec.lease.end_early) == (None, timedelta(minutes=5))
    assert spec.timezone == ZoneInfo("UTC")
    assert spec.nodes[0].ports == (22,)
    assert (spec.network.shared, spec.launch, spec.project, spec.class_) == ("sharednet1", "chi", None, None)
    assert (spec.people, spec.options) == ((), {})


def test_every_key_arrives(lab, tmp_path):
    """Each key of the file reaches the model with its type, times in UTC."""
    spec = lab(EVERYTHING)
    assert (spec.site, spec.project, spec.launch) == ("KVM@TACC", "231095", "terraform")
    assert spec.lifetime.warn == (timedelta(hours=1), timedelta(minutes=15))
    assert spec.lifetime.hours == ActiveHours(time(8), time(0), ZoneInfo("America/New_York"))
    assert spec.lease.start == datetime(2026, 1, 29, 20, 0, tzinfo=UTC)
    assert (spec.lease.duration, spec.lease.end_early) == (timedelta(minutes=150), timedelta(minutes=10))
    node, large, gpu = spec.nodes
    assert (node.boot_volume, large.boot_volume, gpu.boot_volume) == (None, 200, None)
    assert (node.floating_ip, node.ports, node.stack) == (True, (22, 8888), ("base", "users"))
    assert (gpu.flavor, gpu.node_type, gpu.ports) == (None, "gpu_a100_pcie", ())
    assert spec.people == (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFSrGi/AqiBN22g47LdWWytuDPYbEL2kG4TSkezT9v6g anna@laptop",
    )
    assert spec.options == {
        "docker_registry_mirrors": ["http://10.0.0.5:5000"],
        "serving_first_rows": 50000,
        "docker_settings": {"debug": "yes", "log-level": "no"},
    }
    assert (spec.network.shared, spec.network.private) == ("sharednet2", IPv4Network("192.168.1.0/24"))
    assert (spec.spare.names, spec.spare.owners) == (("project\\d+$",), ("ffund",))
    assert spec.spare.until == (("node-keep", datetime(2026, 7, 1, 17, 0, tzinfo=UTC)),)
    midnights = datetime(2026, 1, 28, 6, 0, tzinfo=UTC), datetime(2026, 1, 29, 5, 0, tzinfo=UTC)
    assert spec.outages == (Outage("KVM@TACC", *midnights, "upgrades"),)
    assert spec.class_ == ClassSpec(tmp_path / "lists/roster.csv", "group")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("6h", timedelta(hours=6)),
        ("90m", timedelta(minutes=90)),
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("2h 30m", timedelta(hours=2, minutes=30)),
        ("1d", timedelta(days=1)),
        ("1D2H", timedelta(days=1, hours=2)),
        ("365d", timedelta(days=365)),
    ],
)
def test_durations(lab, written, meant):
    """The ways to write a duration."""
    assert lab(SMALLEST.replace("6h", written)).lifetime.max == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("now", None, id="now"),
        pytest.param("2026-01-29 14:00", "2026-01-29T19:00Z", id="winter"),
        pytest.param("2026-07-29 14:00", "2026-07-29T18:00Z", id="summer"),
        pytest.param("2026-07-29 14:00:00", "2026-07-29T18:00Z", id="seconds of zero keep the local meaning"),
        pytest.param("2026-07-29T9:05", "2026-07-29T13:05Z", id="one-digit hour"),
        pytest.param("2026-01-29T14:00-08:00", "2026-01-29T22:00Z", id="offset"),
        pytest.param("2026-01-29T14:00-0800", "2026-01-29T22:00Z", id="offset without colon"),
        pytest.param("2026-01-29 14:00Z", "2026-01-29T14:00Z", id="Z"),
        pytest.param("2026-11-01 01:30-04:00", "2026-11-01T05:30Z", id="a repeated hour with its offset"),
    ],
)
def test_times_are_read_in_the_zone_of_the_file(lab, written, meant):
    """A time without an offset is local, whatever YAML makes of timestamps."""
    spec = lab(f"{SMALLEST}timezone: America/New_York\nlease: {{start: {written}}}\n")
    assert spec.lease.start == (meant and datetime.fromisoformat(meant))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("08:00-24:00 America/Denver", ActiveHours(time(8), time(0), ZoneInfo("America/Denver"))),
        ("8:00 - 17:30", ActiveHours(time(8), time(17, 30), ZoneInfo("UTC"))),
        ("22:00-06:00", ActiveHours(time(22), time(6), ZoneInfo("UTC"))),
        ("00:00-24:00", ActiveHours(time(0), time(0), ZoneInfo("UTC"))),
    ],
)
def test_active_hours(lab, written, meant):
    """A daily window: with a zone or in the file's, over midnight too."""
    assert lab(SMALLEST.replace("{max: 6h}", f'{{max: 6h, hours: "{written}"}}')).lifetime.hours == meant


def test_yaml_11_surprises_are_text(lab):
    """`no`, `0123` and `1.10` are names here, not a boolean, an octal and a fraction."""
    spec = lab(f"{SMALLEST}spare: {{owners: [no, 0123, 1.10, 12345, 1e3]}}\n")
    assert spec.spare.owners == ("no", "0123", "1.10", "12345", "1e3")


def test_anchors_and_merge_keys(lab):
    """Nodes may share what they have in common; what a node says itself wins."""
    nodes = """\
nodes:
  node1: &node {flavor: m1.small, image: CC-Ubuntu24.04, ports: &ports [22, 80]}
  node2: {<<: *node, image: CC-Ubuntu22.04}
  node3: {<<: [{floating_ip: true}, *node], ports: *ports}
"""
    first, second, third = lab(SMALLEST.split("nodes:", maxsplit=1)[0] + nodes).nodes
    assert (second.flavor, second.image, second.ports) == (first.flavor, "CC-Ubuntu22.04", (22, 80))
    assert (third.flavor, third.floating_ip, third.ports) == ("m1.small", True, (22, 80))


def test_a_node_without_a_floating_ip_may_have_a_stack_where_another_node_has_one(lab):
    """It is set up through that one."""
    nodes = """\
nodes:
  head: {flavor: m1.small, image: CC-Ubuntu24.04, floating_ip: true}
  w1: {flavor: m1.small, image: CC-Ubuntu24.04, stack: [base]}
"""
    spec = lab(SMALLEST.split("nodes:", maxsplit=1)[0] + nodes)
    assert spec.nodes[1].stack == ("base",)
    assert spec.jump == spec.nodes[0]


def test_a_byte_order_mark_does_no_harm(tmp_path):
    """Windows editors write one."""
    path = tmp_path / "reservation.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALLEST.replace("\n", "\r\n").encode())
    assert load(path).lab == "hello"


def test_the_reaper_is_careful_where_the_file_says_nothing(lab):
    """The breaker is on, and what was made by hand is nobody's."""
    reap = lab(SMALLEST).reap
    assert reap == ReapSpec()
    assert (reap.exclusive, reap.limits) == (False, Limits(run=200, project=100, owner=20, share=0.5))


def test_a_limit_of_zero_is_zero_and_none_is_no_limit(lab):
    """Neither stands for the other."""
    reap = lab(EVERYTHING).reap
    assert reap == ReapSpec(
        exclusive=True,
        grace=timedelta(minutes=10),
        hard=timedelta(hours=2),
        second_look=timedelta(0),
        skew=timedelta(seconds=90),
        limits=Limits(run=None, project=0, owner=5, share=0.25),
    )


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ("50%", 0.5),
        ("0.5", 0.5),
        ("'0.25'", 0.25),
        ("0", 0),
        ("0%", 0),
        ("1%", 0.01),
        ("100%", 1),
        ("none", None),
    ],
)
def test_a_share_is_a_part_or_a_percentage(lab, written, share):
    """Both are ways to write the same."""
    assert lab(f"{SMALLEST}reap: {{limits: {{share: {written}}}}}\n").reap.limits.share == share
