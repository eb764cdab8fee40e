"""Where the playbook is found, and which stacks are refused."""

from __future__ import annotations

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.provision.content import ansible_folder, check_stack


def content(folder, *roles):
    (folder / "ansible").mkdir(parents=True)
    (folder / "ansible/site.yml").touch()
    (folder / "ansible/roles").mkdir()
    for role in roles:
        (folder / "ansible/roles" / role / "tasks").mkdir(parents=True)
        (folder / "ansible/roles" / role / "tasks/main.yml").touch()
    return folder / "ansible"


def test_the_nearest_folder_above_the_labs_file_wins(tmp_path):
    content(tmp_path)
    near = content(tmp_path / "course")
    (tmp_path / "course/labs").mkdir()
    assert ansible_folder(tmp_path / "course/labs/reservation.yaml") == near


def test_else_it_is_the_checkouts(tmp_path):
    own = content(tmp_path / "kit")
    (tmp_path / "elsewhere").mkdir()
    assert ansible_folder(tmp_path / "elsewhere/reservation.yaml", tmp_path / "kit") == own


def test_this_package_finds_its_own(tmp_path):
    assert (ansible_folder(tmp_path / "reservation.yaml") / "roles/base").is_dir()


def test_where_there_is_none_the_error_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="Run chi-lab from a checkout"):
        ansible_folder(tmp_path / "reservation.yaml", tmp_path / "nowhere")


def test_all_unknown_roles_are_named_at_once_with_the_known_ones(tmp_path):
    folder = content(tmp_path, "base", "gpu")
    with pytest.raises(UsageError) as caught:
        check_stack(folder, {"node1": ("base", "gpuu"), "node2": ("../base",), "node3": ("gpu",)})
    assert "node1: gpuu, node2: ../base." in caught.value.what
    assert "there are: base, gpu" in caught.value.do


def test_a_stack_of_known_roles_passes(tmp_path):
    check_stack(content(tmp_path, "base", "gpu"), {"node1": ("base", "gpu"), "node2": ()})


def test_a_role_with_a_playbook_of_its_own_is_in_no_stack(tmp_path):
    folder = content(tmp_path, "base", "reaper")
    (folder / "reaper.yml").touch()
    with pytest.raises(UsageError) as caught:
        check_stack(folder, {"node1": ("base", "reaper")})
    assert "node1: reaper." in caught.value.what
    assert "there are: base." in caught.value.do
