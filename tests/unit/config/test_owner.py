"""Whose a lab is, and where its state is kept."""

from __future__ import annotations

import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from chi_helpers.config.owner import owner
from chi_helpers.config.state import state_folder
from chi_helpers.model.errors import UsageError


@pytest.mark.parametrize(
    ("chosen", "environ", "found"),
    [
        pytest.param("alice", {"CHI_LAB_OWNER": "bob", "USER": "carol"}, "alice", id="option first"),
        pytest.param(None, {"CHI_LAB_OWNER": "bob", "USER": "carol"}, "bob", id="then the variable"),
        pytest.param(None, {"CHI_LAB_OWNER": "", "USER": "carol"}, "carol", id="then the user"),
        pytest.param("ff524_nyu_edu", {}, "ff524_nyu_edu", id="hub user name"),
        pytest.param("ff524@nyu.edu", {}, "ff524@nyu.edu", id="e-mail"),
    ],
)
def test_who_the_owner_is(chosen, environ, found):
    """--owner, else $CHI_LAB_OWNER, else $USER."""
    assert owner(chosen, environ) == found


@pytest.mark.parametrize(
    ("chosen", "environ", "source"),
    [
        ("a b", {"USER": "carol"}, "--owner"),
        ("", {"USER": "carol"}, "--owner"),
        (None, {"CHI_LAB_OWNER": "a b", "USER": "carol"}, "$CHI_LAB_OWNER"),
        (None, {"USER": "a b"}, "$USER"),
    ],
)
def test_a_name_that_does_not_survive_is_refused_with_its_source_and_what_to_do(chosen, environ, source):
    """The next source does not stand in for it."""
    with pytest.raises(UsageError) as caught:
        owner(chosen, environ)
    assert str(caught.value) == (
        f'The owner "{"a b" if chosen != "" else ""}" (from {source}) cannot stand in the name of a resource. '
        "Use letters, digits and . _ @ + -, a letter or digit first, at most 63: give --owner or set "
        "CHI_LAB_OWNER."
    )


@pytest.mark.parametrize("name", ["a", "a" * 63, "0", "a.b_c@d+e-f"])
def test_names_that_survive_are_taken(name):
    """The boundaries of the rule."""
    assert owner(name, {}) == name


@pytest.mark.parametrize("name", ["", "al ice", "a=b", "a/b", "-rf", "ä", "a" * 64, "a\n", "$(id)"])
def test_names_that_do_not_survive_are_refused(name):
    """What a name or a description could not give back unchanged is no owner."""
    with pytest.raises(UsageError, match="--owner"):
        owner(name, {"USER": "carol"})


def test_the_account_stands_in_for_user(monkeypatch):
    """Cron and containers set no $USER."""
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="dave"))
    assert owner(None, {}) == "dave"


def test_nobody(monkeypatch):
    """Without any of them, and without an account, the error says what to give."""

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(UsageError) as caught:
        owner(None, {"USER": "", "CHI_LAB_OWNER": ""})
    assert str(caught.value) == (
        "Whose lab is it? Neither --owner, nor $CHI_LAB_OWNER, nor $USER is set. Give --owner with your netID "
        "or user name."
    )


def test_an_account_that_does_not_survive_is_refused_with_its_source(monkeypatch):
    """A computer's account may be called by anything."""
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="a b"))
    with pytest.raises(UsageError, match=r'"a b" \(from the account\)'):
        owner(None, {})


def test_state_is_beside_the_lab_file(tmp_path):
    """$CHI_LAB_STATE, else beside the nearest reservation.yaml above, else the user's own."""
    (tmp_path / "lab/deep").mkdir(parents=True)
    home = {"HOME": str(tmp_path / "home")}
    assert state_folder(home, tmp_path / "lab/deep") == tmp_path / "home/.local/state/chi-lab"
    (tmp_path / "lab/reservation.yaml").touch()
    assert state_folder(home, tmp_path / "lab/deep") == tmp_path / "lab/.chi-lab"
    assert state_folder({"CHI_LAB_STATE": str(tmp_path / "s")}, tmp_path / "lab") == tmp_path / "s"
    assert state_folder({"XDG_STATE_HOME": str(tmp_path / "x")}, tmp_path) == tmp_path / "x/chi-lab"
    (tmp_path / "lab/deep/reservation.yaml").touch()
    assert state_folder(home, tmp_path / "lab/deep") == tmp_path / "lab/deep/.chi-lab"


def test_a_folder_of_that_name_is_no_lab_file(tmp_path):
    """Only a file makes a folder the lab's."""
    (tmp_path / "reservation.yaml").mkdir()
    assert state_folder({"HOME": str(tmp_path / "home")}, tmp_path) == tmp_path / "home/.local/state/chi-lab"


def test_the_state_is_a_whole_path_also_where_the_variable_is_none(tmp_path, monkeypatch):
    """A later change of folder must not move it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/sam")
    assert state_folder({"CHI_LAB_STATE": "state"}, tmp_path) == tmp_path / "state"
    assert state_folder({"CHI_LAB_STATE": "~/state"}, tmp_path) == Path("/home/sam/state")
    assert state_folder({}, tmp_path) == Path("/home/sam/.local/state/chi-lab")
