"""The inventory that Ansible is given."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from chi_helpers.model.errors import UsageError
from chi_helpers.model.lab import LabSpec, LeaseSpec, Lifetime
from chi_helpers.provision.inventory import Host, base_variables, inventory, to_yaml, users_variables
from chi_helpers.provision.openssh import settings, through

KEY, KNOWN = Path("/home/a b/key"), Path("/home/a b/known_hosts")
SPEC = LabSpec(
    lab="hello",
    site="CHI@Sandbox",
    lifetime=Lifetime(timedelta(hours=6), (timedelta(hours=1), timedelta(minutes=15))),
    lease=LeaseSpec(timedelta(hours=6)),
    nodes=(),
    timezone=ZoneInfo("America/New_York"),
    source=Path("reservation.yaml"),
)


def host(**changes):
    return Host(
        **{"name": "node1", "address": "10.0.0.1", "private_key": KEY, "known_hosts": KNOWN, **changes}
    )


def options(made):
    words = shlex.split(made["lab"]["hosts"]["node1"]["ansible_ssh_common_args"])
    assert set(words[::2]) == {"-o"}
    return dict(word.split("=", 1) for word in words[1::2])


def test_a_host_is_reached_as_it_says():
    found = inventory([host(port=2222, user="ubuntu", stack=("base", "docker"))], {})["lab"]["hosts"]["node1"]
    assert (found["ansible_host"], found["ansible_port"], found["ansible_user"]) == (
        "10.0.0.1",
        2222,
        "ubuntu",
    )
    assert found["lab_stack"] == ["base", "docker"]


def test_only_the_labs_own_host_keys_are_believed_and_nobody_is_asked():
    found = options(inventory([host()], {}))
    assert found == {**settings(KNOWN, KEY), "BatchMode": "yes"}
    # Else Ansible puts StrictHostKeyChecking=no in front, and the first setting wins.
    assert inventory([host()], {})["lab"]["hosts"]["node1"]["ansible_host_key_checking"] is True


def test_an_alias_is_passed_on():
    assert options(inventory([host(host_key_alias="hello-node1")], {}))["HostKeyAlias"] == "hello-node1"


def test_a_host_behind_another_is_reached_through_it():
    way = through(settings(KNOWN, KEY), "cc@192.0.2.1")
    assert options(inventory([host(proxy=way)], {}))["ProxyCommand"] == way["ProxyCommand"]


def test_variables_of_a_host_stand_beside_those_of_the_lab():
    found = inventory([host(variables={"gpu_count": 2})], {"base_lab": "hello"})["lab"]
    assert found["hosts"]["node1"]["gpu_count"] == 2
    assert found["vars"] == {"base_lab": "hello"}


def test_two_hosts_of_one_name_are_refused():
    with pytest.raises(UsageError, match="Two nodes are called node1"):
        inventory([host(), host(address="10.0.0.2")], {})


@pytest.mark.parametrize("name", ["all:!node1", "", "-i", "a b", "node[1:3]", "{{ x }}"])
def test_a_name_that_ansible_would_take_for_something_else_is_refused(name):
    with pytest.raises(UsageError, match="cannot be a host"):
        inventory([host(name=name)], {})


def test_the_deadline_is_in_utc_and_the_marks_in_seconds():
    local = datetime(2026, 1, 29, 14, 55, tzinfo=timezone(timedelta(hours=-5)))
    assert base_variables(SPEC, "student1", local) == {
        "base_lab": "hello",
        "base_owner": "student1",
        "base_deadline": "2026-01-29T19:55:00+00:00",
        "base_warn": [3600, 900],
        "base_timezone": "America/New_York",
    }


def test_a_deadline_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="without a time zone"):
        base_variables(SPEC, "student1", datetime(2026, 1, 29))  # noqa: DTZ001


def test_the_keys_of_people_are_those_of_the_role_users_and_nobody_leaves_the_roles_own_default():
    assert users_variables(replace(SPEC, people=("ssh-ed25519 AAAA anna",))) == {
        "users_keys": ["ssh-ed25519 AAAA anna"]
    }
    assert users_variables(SPEC) == {}


def test_text_that_looks_like_a_template_is_data():
    text = to_yaml({"a": "{{ lookup('pipe', 'id') }}", "b": "{% raw %}", "c": "plain"})

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!unsafe", lambda _, node: ("unsafe", node.value))
    assert yaml.load(text, Loader) == {  # noqa: S506 - a safe loader
        "a": ("unsafe", "{{ lookup('pipe', 'id') }}"),
        "b": ("unsafe", "{% raw %}"),
        "c": "plain",
    }


def test_the_document_is_what_ansible_reads():
    document = inventory([host(stack=("base",))], base_variables(SPEC, "o", datetime(2026, 1, 1, tzinfo=UTC)))
    assert yaml.safe_load(to_yaml(document)) == document
