"""Whose a lab is, and where its state is kept."""

from __future__ import annotations

import pwd
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
    with pytest.raises(UsageError, match="Give --owner with your netID"):
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
