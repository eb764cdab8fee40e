"""A lab of several nodes that needs one floating IP, on a real site with real machines."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.labs import node

pytestmark = [pytest.mark.site, pytest.mark.nightly(part="lab")]

NODES = {
    "head": node(),
    "w1": node(floating_ip=False, ports=[]),
    "w2": node(floating_ip=False, ports=[], stack=["base"]),
}


def said(done):
    return f"{done.stdout}\n{done.stderr}"


def test_three_nodes_with_one_floating_ip_are_logged_in_to_set_up_and_given_back(student, lab_file):
    """The two others are reached through the first; each host key is verified, also the one on the way."""
    lab = lab_file(nodes=NODES)
    up = student.chi_lab("up", lab=lab)
    assert up.returncode == 0, said(up)
    held = student.holdings()
    assert held.counts == (1, 3, 1, 4), "one group more than nodes"
    again = student.chi_lab("up", "--json", lab=lab)
    assert again.returncode == 0, said(again)
    assert {o["result"] for o in json.loads(again.stdout)["outcomes"]} == {"already so"}
    assert student.holdings() == held

    joins = f"hello_chameleon-{student.owner}-nodes"
    [group] = [g for g in held.security_groups if g.name == joins]
    [rule] = [r for r in group.security_group_rules if r["direction"] == "ingress"]
    assert (rule["remote_group_id"], rule["protocol"], rule["ethertype"]) == (group.id, None, "IPv4")
    for instance in held.instances:
        assert joins in {of["name"] for of in instance.security_groups}

    for name in NODES:
        hostname = student.chi_lab("ssh", name, "-f", str(lab), "--", "hostname")
        assert hostname.stdout.strip() == f"{name}-hello-chameleon-{student.owner}", said(hostname)
    config = student.folder / "lab.ssh"
    config.write_text(student.chi_lab("ssh-config", lab=lab).stdout)
    copied = subprocess.run(
        ["scp", "-F", config, lab, "w2:lab.yaml"], capture_output=True, text=True, check=False
    )
    assert copied.returncode == 0, said(copied)

    [known] = student.lab_files("known_hosts")
    true = known.read_text()
    for address in (held.floating_ips[0].floating_ip_address, _private(held, "w1")):
        known.write_text("".join(_spoilt(line, address) for line in true.splitlines(keepends=True)))
        refused = student.chi_lab("ssh", "w1", "-f", str(lab), "--", "hostname")
        assert refused.returncode == 255
        assert "Host key verification failed" in said(refused)
    known.write_text(true)

    down = student.chi_lab("down", "--json", lab=lab)
    assert down.returncode == 0, said(down)
    assert json.loads(down.stdout)["left"] == []
    assert not student.holdings()


def _private(held, name):
    [instance] = [i for i in held.instances if i.name.startswith(f"{name}-")]
    return next(
        entry["addr"]
        for entries in instance.addresses.values()
        for entry in entries
        if entry["OS-EXT-IPS:type"] == "fixed"
    )


def _spoilt(line, address):
    """The line with another key, where it is about `address`."""
    words = line.split()
    if words[0] != address:
        return line
    other = "A" if words[2][-9] != "A" else "B"
    return " ".join([*words[:2], words[2][:-9] + other + words[2][-8:], *words[3:]]) + "\n"
