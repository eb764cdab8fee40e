"""The lab's commands: exit codes, what ssh is told, and lengths of time as options."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from chi_helpers.apply.report import Report
from chi_helpers.cli.group import chi_lab
from chi_helpers.cli.lifetime import LIFETIME
from chi_helpers.cli.options import Flags
from chi_helpers.cli.report import conclude
from chi_helpers.cli.ssh import choose
from chi_helpers.lab import Lab
from chi_helpers.login import Login
from chi_helpers.model.errors import UsageError
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.plan.steps import Plan
from chi_helpers.provision.openssh import as_options, settings, through
from tests.support.fake_site import NOW

PLAN = Plan("hello", "sam", "CHI@Fake", NOW, ())
DONE = Outcome("lease", Result.DONE, resource_id="L")
KEY = Outcome("key", Result.DONE, "uploaded")
REFUSED = Outcome("instance", Result.REFUSED, "No room.", request_id="req-1")
FAILED = Outcome("address", Result.FAILED, "No answer.")
LATER = Outcome("instance", Result.SKIPPED, "The lease starts later.")


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (Report(PLAN, (DONE,)), 0),
        (Report(PLAN, ()), 0),
        (Report(PLAN, (DONE, REFUSED)), 1),
        (Report(PLAN, (KEY, REFUSED)), 3),
        (Report(PLAN, (FAILED,)), 1),
        (Report(PLAN, (DONE, LATER), waits=True), 1),
        (Report(PLAN, (DONE,), left=("lease hello-sam",), proved=True), 1),
    ],
    ids=["done", "nothing to do", "partly", "refused", "failed", "for later", "left over"],
)
def test_the_exit_code_says_done_partly_or_refused(report, code, capsys):
    assert conclude(report) == code
    assert capsys.readouterr().out == "", "words go to stderr"


def test_what_was_refused_is_said_with_its_request_id(capsys):
    conclude(Report(PLAN, (REFUSED,)))
    said = capsys.readouterr().err
    assert "refused: instance: No room." in said
    assert "(request req-1)" in said


def login(node="node1"):
    return Login(node, "192.0.2.1", Path("/k ey"), Path("/100%/known_hosts"))


@pytest.fixture
def ssh(monkeypatch):
    """`ssh(*words)`: what `chi-lab ssh WORDS` starts, on a lab with the nodes node1 and gpu1."""

    class Started(Exception):  # noqa: N818 - nothing is wrong
        pass

    def start(_, arguments):
        raise Started(arguments)

    monkeypatch.setattr(os, "execvp", start)
    monkeypatch.setattr(Login, "require_key", lambda _: None)
    lab = SimpleNamespace(logins=lambda: logins("node1", "gpu1"))
    monkeypatch.setattr(Lab, "open", lambda *_, **__: lab)

    def run(*words):
        with pytest.raises(Started) as caught:
            chi_lab().main(["ssh", *words], standalone_mode=False, obj=Flags())
        return caught.value.args[0]

    return run


def test_the_first_word_is_the_node_and_what_follows_the_dashes_goes_to_ssh_as_it_is(ssh):
    safe = as_options(settings(login().known_hosts, login().private_key))
    assert ssh("node1") == ["ssh", *safe, "cc@192.0.2.1"]
    for command in (["hostname"], ["node1"], ["-L", "1:localhost:1", "--", "ls", "--json"], ["--", "x"]):
        assert ssh("gpu1", "--", *command) == ["ssh", *safe, "cc@192.0.2.1", *command]


def test_a_node_behind_another_is_reached_through_it(monkeypatch, capsys):
    """ssh is told the way as a command; a file for other programs names the node that is in it, too."""
    head = login("head")
    behind = replace(login("w1"), address="10.0.0.2", jump=head)
    monkeypatch.setattr(Lab, "open", lambda *_, **__: SimpleNamespace(logins=lambda: (head, behind)))
    monkeypatch.setattr(Login, "require_key", lambda _: None)
    started = []
    monkeypatch.setattr(os, "execvp", lambda _, words: started.append(words))
    chi_lab().main(["ssh", "w1"], standalone_mode=False, obj=Flags())
    way = through(settings(head.known_hosts, head.private_key), "cc@192.0.2.1")
    safe = settings(head.known_hosts, head.private_key)
    assert started == [["ssh", *as_options({**safe, **way}), "cc@10.0.0.2"]]
    chi_lab().main(["ssh-config"], standalone_mode=False, obj=Flags())
    first, second = capsys.readouterr().out.split("Host w1\n")
    assert "ProxyJump" not in first
    assert "    HostName 10.0.0.2\n" in second
    assert second.endswith("    ProxyJump head\n")


def test_of_several_nodes_a_command_alone_names_none(ssh):
    with pytest.raises(UsageError, match=r"Which node\? node1, gpu1"):
        ssh("--", "node1")


def test_a_word_that_is_no_node_is_answered_with_those_that_are(ssh):
    with pytest.raises(UsageError, match="No reachable node is called hostname") as caught:
        ssh("hostname")
    assert "node1, gpu1" in caught.value.do
    assert "`--`" in caught.value.do
    with pytest.raises(click.UsageError, match="unexpected extra argument"):
        ssh("node1", "hostname")


def logins(*nodes):
    return [login(node) for node in nodes]


def test_the_only_node_needs_no_name_and_of_several_one_must_be_named():
    assert choose(logins("a"), None).node == "a"
    assert choose(logins("a", "b"), "b").node == "b"
    with pytest.raises(UsageError, match="Which node"):
        choose(logins("a", "b"), None)
    with pytest.raises(UsageError, match="No reachable node is called c"):
        choose(logins("a", "b"), "c")


def test_a_lifetime_is_written_as_in_the_file():
    assert LIFETIME.convert("2h30m", None, None) == timedelta(hours=2, minutes=30)
    with pytest.raises(click.BadParameter, match="write for example 6h, 90m"):
        LIFETIME.convert("90", None, None)


def test_a_node_whose_host_key_is_not_known_is_not_logged_in_to(monkeypatch, tmp_path):
    """OpenSSH would only say that verification failed."""
    there = Login("node1", "192.0.2.1", Path("/key"), tmp_path / "known_hosts")
    monkeypatch.setattr(os, "execvp", lambda *_: pytest.fail("ssh was started"))
    monkeypatch.setattr(Lab, "open", lambda *_, **__: SimpleNamespace(logins=lambda: (there,)))
    with pytest.raises(UsageError, match=r"host key of node1 \(192\.0\.2\.1\) is not in") as caught:
        chi_lab().main(["ssh"], standalone_mode=False, obj=Flags())
    assert "chi-lab up" in caught.value.do
