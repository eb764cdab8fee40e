"""How a node is logged in to: by which address, with which keys, through which node."""

from __future__ import annotations

from pathlib import Path

import pytest

from chi_helpers.login import Login, logins
from chi_helpers.model.errors import UsageError
from chi_helpers.model.resources import InstanceView
from chi_helpers.provision.openssh import settings, through
from tests.unit.plan.labs import node

KEY, KNOWN = Path("/keys/id"), Path("/lab/known_hosts")
HEAD = Login("head", "192.0.2.1", KEY, KNOWN, private_address="10.0.0.2")
W1 = Login("w1", "10.0.0.3", KEY, KNOWN, private_address="10.0.0.3", jump=HEAD)


def instance(*fixed, floating=()):
    return InstanceView("I", "n", "ACTIVE", "u", None, addresses=fixed, floating_ips=tuple(floating))


def found(instances, jump=None):
    return logins(instances, private_key=KEY, known_hosts=KNOWN, jump=jump)


def test_a_node_with_a_floating_ip_is_reached_directly_by_its_first():
    both = {"head": instance("10.0.0.2", "10.1.0.2", floating=("192.0.2.1", "192.0.2.2"))}
    assert found(both) == (HEAD,)
    assert HEAD.destination == "cc@192.0.2.1"


def test_where_no_node_has_one_nobody_logs_in():
    assert found({"w1": instance("10.0.0.3")}) == ()
    assert found({}) == ()


def test_a_node_without_one_is_reached_through_the_file_s_jump_else_through_the_first():
    instances = {
        "w1": instance("10.0.0.3", "10.1.0.3"),
        "none": instance(),
        "head": instance("10.0.0.2", floating=("192.0.2.1",)),
        "second": instance(floating=("192.0.2.9",)),
    }
    second = Login("second", "192.0.2.9", KEY, KNOWN)
    through_second = Login("w1", "10.0.0.3", KEY, KNOWN, private_address="10.0.0.3", jump=second)
    assert found(instances) == (W1, HEAD, second), (
        "in the order of the file; one without an address is left out"
    )
    assert found(instances, node("second")) == (through_second, HEAD, second)
    assert found(instances, node("w1")) == (W1, HEAD, second), "one that is not reached itself is no way"


def test_the_settings_are_openssh_s_for_exactly_these_keys():
    own = settings(KNOWN, KEY)
    assert HEAD.settings() == own
    assert HEAD.settings(batch=True) == {**own, "BatchMode": "yes"}
    assert HEAD.proxy(batch=True) == {}


@pytest.mark.parametrize("batch", [False, True])
def test_where_nobody_can_answer_the_node_on_the_way_asks_nothing_either(batch):
    way = through(HEAD.settings(batch=batch), "cc@192.0.2.1")
    assert ("BatchMode=yes" in way["ProxyCommand"]) is batch
    assert W1.proxy(batch=batch) == way
    assert W1.settings(batch=batch) == {
        **settings(KNOWN, KEY), **({"BatchMode": "yes"} if batch else {}), **way,
    }  # fmt: skip


def test_a_login_without_a_known_host_key_is_refused_with_what_to_do(tmp_path):
    known = tmp_path / "known_hosts"
    head = Login("head", "192.0.2.1", KEY, known)
    w1 = Login("w1", "10.0.0.3", KEY, known, jump=head)
    said = rf"The SSH host key of head \(192\.0\.2\.1\) is not in {known}"
    for one in (head, w1):
        with pytest.raises(UsageError, match=said) as error:
            one.require_key()
        assert "chi-lab up" in error.value.do
    known.write_text("192.0.2.1 ssh-rsa AAAA I\n")
    head.require_key()
    with pytest.raises(UsageError, match="The SSH host key of w1 "):
        w1.require_key()
    known.write_text("192.0.2.1 ssh-rsa AAAA I\n10.0.0.3 ssh-rsa BBBB J\n")
    w1.require_key()


def test_another_user_is_one_everywhere():
    other = Login("head", "192.0.2.1", KEY, KNOWN, user="ubuntu")
    assert other.destination == "ubuntu@192.0.2.1"
    assert other.host(()).user == "ubuntu"


def test_ansible_gets_the_same_and_is_never_asked():
    head, w1 = HEAD.host(["base"]), W1.host(("base", "ray"))
    assert (head.name, head.address, head.private_key, head.known_hosts, head.user) == (
        "head", "192.0.2.1", KEY, KNOWN, "cc",
    )  # fmt: skip
    assert (head.stack, head.private_address, head.proxy) == (("base",), "10.0.0.2", {})
    assert (w1.name, w1.stack, w1.private_address) == ("w1", ("base", "ray"), "10.0.0.3")
    assert w1.proxy == W1.proxy(batch=True)
