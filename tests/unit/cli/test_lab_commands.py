"""The lab's commands: exit codes, what ssh is told, and lengths of time as options."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import click
import pytest

from chi_helpers.apply.report import Report
from chi_helpers.cli.lifetime import LIFETIME
from chi_helpers.cli.report import conclude
from chi_helpers.cli.ssh import choose, settings, ssh_options
from chi_helpers.lab import Login
from chi_helpers.model.errors import UsageError
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.plan.steps import Plan
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


def test_ssh_accepts_the_vouched_key_alone_and_offers_one_key_alone():
    found = settings(login())
    assert found["StrictHostKeyChecking"] == "yes"
    assert found["GlobalKnownHostsFile"] == os.devnull
    assert found["IdentitiesOnly"] == "yes"
    assert found["UserKnownHostsFile"] == "/100%%/known_hosts"
    assert '-oIdentityFile="/k ey"' in ssh_options(login())


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
