"""The passwords and tokens of a lab's services."""

from __future__ import annotations

import json
import stat

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.provision import secrets


def test_each_role_gets_what_it_needs_and_nothing_else(tmp_path):
    assert secrets.made(tmp_path, ["base", "users"]) == {}
    assert not (tmp_path / secrets.NAME).exists()
    assert secrets.made(tmp_path, ["jupyter"]).keys() == {"jupyter_token"}
    assert secrets.made(tmp_path, ["mlflow", "postgres"]).keys() == {"postgres_password"}


def test_they_are_long_safe_for_a_shell_and_not_the_same(tmp_path):
    found = secrets.made(tmp_path, secrets.OF_ROLES)
    assert len(set(found.values())) == len(found) == 3
    for secret in found.values():
        assert len(secret) >= 43
        assert secret.replace("-", "").replace("_", "").isalnum()


def test_they_stay_the_same_and_new_ones_are_added(tmp_path):
    first = secrets.made(tmp_path, ["jupyter"])
    both = secrets.made(tmp_path, ["jupyter", "ray"])
    assert both["jupyter_token"] == first["jupyter_token"]
    assert secrets.kept(tmp_path) == both


def test_only_the_owner_can_read_the_file_whatever_the_umask(tmp_path):
    secrets.made(tmp_path, ["ray"])
    assert stat.S_IMODE((tmp_path / secrets.NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [secrets.NAME]


def test_what_a_killed_run_left_half_written_is_no_obstacle(tmp_path):
    (tmp_path / f"{secrets.NAME}.part").write_text("{")
    assert secrets.made(tmp_path, ["ray"])["ray_token"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"ray_token": 7}'])
def test_a_file_that_cannot_be_read_is_said_and_not_written_over(tmp_path, text):
    (tmp_path / secrets.NAME).write_text(text)
    with pytest.raises(UsageError, match=r"secrets\.json"):
        secrets.made(tmp_path, ["ray"])
    assert (tmp_path / secrets.NAME).read_text() == text


def test_they_are_forgotten_with_the_lab(tmp_path):
    before = secrets.made(tmp_path, ["ray"])
    secrets.forget(tmp_path)
    secrets.forget(tmp_path)
    assert json.dumps(before) != json.dumps(secrets.made(tmp_path, ["ray"]))
