"""Host keys: what a run learns, from where, through which node; and what it says where it learns none."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from chi_helpers.apply import trust
from chi_helpers.apply.known_hosts import NAME, forget, keys_of, knows, remember
from chi_helpers.apply.work import Missing, Work
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.outcome import Result
from chi_helpers.model.resources import InstanceView
from chi_helpers.model.wants import KeyPair
from chi_helpers.plan import steps as s
from chi_helpers.plan.steps import Plan
from chi_helpers.provision.openssh import settings
from tests.support.fake_site import HOST_KEY, NOW, PUBLIC_KEY

ADDRESS = "192.0.2.1"
INSTANCE = InstanceView("I", "hello-sam", "ACTIVE", "user-1", NOW, addresses=("10.0.0.2", "10.0.0.3"))
answers = trust._answers
"""As it is: conftest.py puts another in its place."""


@pytest.fixture
def noted():
    return []


@pytest.fixture
def work(site_, tmp_path, noted):
    site_.instances["I"] = INSTANCE
    plan = Plan("hello", "sam", "CHI@Fake", NOW, (), NOW + timedelta(hours=1))
    begun = Work(site_, tmp_path, plan, lambda title, detail: noted.append((title, detail)))
    begun.active["node1"] = INSTANCE
    begun.addresses["node1"] = ADDRESS
    return begun


@pytest.fixture
def asked(monkeypatch):
    """What `_answers` was asked: (address, jump)."""
    seen = []

    def answer(address, note, jump):
        seen.append((address, jump))
        note("a note")

    monkeypatch.setattr(trust, "_answers", answer)
    return seen


class TestStep:
    def test_the_keys_are_new_once(self, work, tmp_path, asked, noted):
        done = [work.do(s.TrustHost("keys", "node1")) for _ in range(2)]
        assert [(o.result, o.detail) for o in done] == [(Result.DONE, ADDRESS), (Result.ALREADY, ADDRESS)]
        assert (tmp_path / NAME).read_text() == f"{ADDRESS} {HOST_KEY} I\n"
        assert asked == [(ADDRESS, None)] * 2
        assert noted == [("keys", "a note")] * 2

    def test_bare_metal_is_refused_with_what_to_do(self, work, site_):
        with pytest.raises(RefusedError, match="no console") as error:
            work.do(s.TrustHost("keys", "node1", bare_metal=True))
        assert "by hand" in error.value.do
        assert not site_.calls

    def test_a_node_without_an_address_is_left_out(self, work, site_):
        work.addresses.clear()
        with pytest.raises(Missing, match="The node has no floating IP"):
            work.do(s.TrustHost("keys", "node1"))
        assert not site_.calls

    def test_a_node_is_reached_through_one_whose_key_is_known(self, work, site_, tmp_path, asked):
        remember(tmp_path, "192.0.2.7", "H", (HOST_KEY,))
        work.addresses["head"] = "192.0.2.7"
        site_.pair = KeyPair("me", Path("/keys/id"), PUBLIC_KEY)
        done = work.do(s.TrustHost("keys", "node1", jump="head"))
        assert done.detail == "10.0.0.2", "its own address, not a floating one"
        assert keys_of(tmp_path, "10.0.0.2", "I") == (HOST_KEY,)
        way = trust.Jump("cc@192.0.2.7", settings(tmp_path / NAME, Path("/keys/id")))
        assert asked == [("10.0.0.2", way)]

    @pytest.mark.parametrize("known", [{}, {"head": "192.0.2.7"}], ids=["no address", "no key"])
    def test_a_node_is_not_reached_through_one_that_is_not(self, work, known, asked):
        work.addresses |= known
        with pytest.raises(Missing, match="It is reached through head, which is not reachable itself"):
            work.do(s.TrustHost("keys", "node1", jump="head"))
        assert not asked

    @pytest.mark.usefixtures("asked")
    def test_an_address_that_nova_does_not_show_yet_is_waited_for(self, work, site_, tmp_path):
        remember(tmp_path, "192.0.2.7", "H", (HOST_KEY,))
        work.addresses["head"] = "192.0.2.7"
        without = InstanceView("I", "hello-sam", "ACTIVE", "user-1", NOW)
        work.active["node1"] = without
        assert work.do(s.TrustHost("keys", "node1", jump="head")).detail == "10.0.0.2"
        site_.instances.clear()
        with pytest.raises(SiteError, match="Nova shows no address of the instance") as error:
            work.do(s.TrustHost("keys", "node1", jump="head"))
        assert "chi-lab up" in error.value.do

    def test_a_released_address_takes_its_keys_with_it(self, work, tmp_path):
        for address in (ADDRESS, "192.0.2.2"):
            remember(tmp_path, address, "I", (HOST_KEY,))
        work.do(s.ReleaseAddress("release", "F", ADDRESS))
        assert (tmp_path / NAME).read_text() == f"192.0.2.2 {HOST_KEY} I\n"


class TestLearning:
    def learn(self, site, folder, note=lambda _: None):
        return trust.learn(site, folder, "I", ADDRESS, note)

    def test_keys_are_waited_for_five_minutes(self, site_, tmp_path, asked):
        site_.console_text = "still booting"
        said: list[str] = []
        with pytest.raises(SiteError, match="no SSH host keys after 300 s") as error:
            self.learn(site_, tmp_path, said.append)
        assert "openstack console log show" in error.value.do
        assert set(said) == {"the console shows no host keys yet"}
        assert not asked
        assert not (tmp_path / NAME).exists()

    def test_keys_that_come_late_are_learnt(self, site_, tmp_path, monkeypatch):
        texts = iter(["", "boot", site_.console_text])
        monkeypatch.setattr(site_, "console", lambda _: next(texts))
        said: list[str] = []
        assert self.learn(site_, tmp_path, said.append)
        assert len(said) == 2
        assert keys_of(tmp_path, ADDRESS, "I") == (HOST_KEY,)

    def test_the_same_keys_in_another_order_are_not_new(self, site_, tmp_path):
        other = HOST_KEY.replace("ed25519", "rsa")
        remember(tmp_path, ADDRESS, "I", (other, HOST_KEY))
        site_.console_text = site_.console_text.replace(f"{HOST_KEY} root@n", f"{HOST_KEY} r\n{other} r")
        assert not self.learn(site_, tmp_path)

    def test_a_refused_console_is_no_matter_only_where_keys_are_known(self, site_, tmp_path, asked):
        site_.fail["console"] = [RefusedError("Not here.")] * 2
        with pytest.raises(RefusedError):
            self.learn(site_, tmp_path)
        remember(tmp_path, ADDRESS, "I", (HOST_KEY,))
        assert not self.learn(site_, tmp_path)
        assert asked == [(ADDRESS, None)], "that it answers is looked at all the same"
        site_.fail["console"] = [SiteError("The site does not answer.")]
        with pytest.raises(SiteError, match="does not answer"):
            self.learn(site_, tmp_path)

    def test_keys_of_another_instance_at_the_address_are_replaced(self, site_, tmp_path):
        remember(tmp_path, ADDRESS, "old", (HOST_KEY.replace("H", "O"),))
        assert self.learn(site_, tmp_path)
        assert (tmp_path / NAME).read_text() == f"{ADDRESS} {HOST_KEY} I\n"


@contextmanager
def server(*greetings):
    """A server on 127.0.0.1 that greets one caller after the other, each in its own way; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            for greeting in greetings:
                caller, _ = listening.accept()
                caller.sendall(greeting)
                caller.close()

        Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


class TestAnswering:
    def test_ssh_s_own_greeting_ends_the_waiting(self, monkeypatch):
        said: list[str] = []
        with server(b"", b"HTTP/1.1", b"SSH-2.0-OpenSSH") as port:
            monkeypatch.setattr(trust, "PORT", port)
            answers("127.0.0.1", said.append, None)
        assert said == ["waits for SSH on 127.0.0.1"] * 2

    def test_a_port_that_nobody_listens_on_is_told_after_two_minutes(self, monkeypatch):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            monkeypatch.setattr(trust, "PORT", closed.getsockname()[1])
        said: list[str] = []
        with pytest.raises(SiteError, match=r"SSH on 127\.0\.0\.1 does not answer after 120 s") as error:
            answers("127.0.0.1", said.append, None)
        assert "port 22" in error.value.do
        assert said

    def test_through_a_node_its_own_ssh_says_why_not(self, monkeypatch):
        jump = trust.Jump("cc@192.0.2.7", {"A": "b"})
        asked = []
        words = iter(["no route", "no route", ""])

        def greets(*given, timeout):
            asked.append((*given, timeout))
            return next(words)

        monkeypatch.setattr(trust, "greets", greets)
        said: list[str] = []
        answers("10.0.0.2", said.append, jump)
        assert said == ["waits for SSH on 10.0.0.2"] * 2
        assert set(map(str, asked)) == {str((jump.settings, "cc@192.0.2.7", "10.0.0.2", 22, 20.0))}
        monkeypatch.setattr(trust, "greets", lambda *_, **__: "no route")
        with pytest.raises(SiteError, match=r"through cc@192\.0\.2\.7 after 120 s: no route") as error:
            answers("10.0.0.2", said.append, jump)
        assert "chi-lab status" in error.value.do


class TestKnownHosts:
    def test_keys_are_of_one_address_and_one_instance(self, tmp_path):
        assert keys_of(tmp_path, ADDRESS, "I") == ()
        file = remember(tmp_path, ADDRESS, "I", (HOST_KEY, "ssh-rsa AAAA"))
        assert file == tmp_path / NAME
        assert file.stat().st_mode & 0o777 == 0o600
        assert keys_of(tmp_path, ADDRESS, "I") == (HOST_KEY, "ssh-rsa AAAA")
        assert keys_of(tmp_path, ADDRESS, "J") == keys_of(tmp_path, "192.0.2.2", "I") == ()
        with file.open("a") as more:
            more.write(f"{ADDRESS} ssh-rsa BBBB\n\n{ADDRESS} ssh-rsa CCCC I and more\n")
        assert keys_of(tmp_path, ADDRESS, "I") == (HOST_KEY, "ssh-rsa AAAA")

    def test_an_address_is_known_whatever_machine_was_behind_it(self, tmp_path):
        file = remember(tmp_path, ADDRESS, "I", (HOST_KEY,))
        assert knows(file, ADDRESS)
        assert not knows(file, "192.0.2.11")
        assert not knows(tmp_path / "elsewhere" / NAME, ADDRESS)

    def test_only_keys_of_the_address_are_replaced_or_forgotten(self, tmp_path):
        remember(tmp_path, ADDRESS, "I", (HOST_KEY,))
        remember(tmp_path, "192.0.2.11", "J", ("ssh-rsa JJJJ",))
        remember(tmp_path, ADDRESS, "K", ("ssh-rsa KKKK",))
        file = tmp_path / NAME
        assert file.read_text() == f"192.0.2.11 ssh-rsa JJJJ J\n{ADDRESS} ssh-rsa KKKK K\n"
        forget(tmp_path, ADDRESS)
        assert file.read_text() == "192.0.2.11 ssh-rsa JJJJ J\n"
        assert [path.name for path in tmp_path.iterdir()] == [NAME], "nothing half-written stays"

    def test_to_forget_what_is_not_known_writes_nothing(self, tmp_path):
        forget(tmp_path, ADDRESS)
        assert list(tmp_path.iterdir()) == []
