"""`chi-lab pipeline`: what is run on which node, and what its end means here."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from chi_helpers.cli.group import chi_lab
from chi_helpers.cli.options import Flags
from chi_helpers.lab import Lab
from chi_helpers.login import Login
from chi_helpers.model.errors import SiteError, UsageError


@pytest.fixture
def ran(monkeypatch):
    """`ran(*words, code=0, stack=..., reachable=...)`: (the exit code, the words that ssh got)."""

    def run(*words, code=0, stack=("base", "serving"), reachable=("node1", "node2")):
        got = []

        def start(command, **_):
            got.extend(command)
            return SimpleNamespace(returncode=code)

        nodes = [SimpleNamespace(key="node1", stack=("base",)), SimpleNamespace(key="node2", stack=stack)]
        logins = [Login(name, f"192.0.2.{name[-1]}", Path("/k"), Path("/known")) for name in reachable]
        lab = SimpleNamespace(spec=SimpleNamespace(lab="demo", nodes=nodes), logins=lambda: logins)
        monkeypatch.setattr(Lab, "open", lambda *_, **__: lab)
        monkeypatch.setattr(Login, "require_key", lambda _: None)
        monkeypatch.setattr(subprocess, "run", start)
        ended = chi_lab().main(["pipeline", *words], standalone_mode=False, obj=Flags())
        return ended, got

    return run


@pytest.mark.parametrize(
    ("words", "there"),
    [
        (["run"], "groceries run"),
        (
            ["run", "--set", "a.b=1; x", "--message", "it's"],
            "groceries run --set 'a.b=1; x' --message 'it'\"'\"'s'",
        ),
        (["versions", "--json"], "groceries versions --json"),
        (["rollback", "v1"], "groceries rollback v1"),
    ],
)
def test_it_runs_in_the_working_copy_of_the_node_that_serves(ran, words, there):
    _, command = ran(*words)
    assert command[-2] == "cc@192.0.2.2"
    assert command[-1].startswith("cd groceries && ")
    assert command[-1].endswith(f"/bin/{there}")
    assert "StrictHostKeyChecking=yes" in command


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (137, 3)])
def test_its_exit_code_is_told(ran, code, exit_code):
    assert ran("run", code=code)[0] == exit_code


def test_where_ssh_itself_fails_that_is_told(ran):
    with pytest.raises(SiteError, match="ssh to node2 failed"):
        ran("run", code=255)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"stack": ("base",)}, "has the pipeline"),
        ({"reachable": ("node1",)}, "node2, which has the pipeline"),
    ],
)
def test_a_lab_that_cannot_is_told_what_to_do(ran, facts, said):
    with pytest.raises(UsageError, match=said) as error:
        ran("versions", **facts)
    assert error.value.do
