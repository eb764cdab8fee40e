"""Which options of roles a lab's file may give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.provision.inventory import FROM_THE_FILE, base_variables, users_variables
from chi_helpers.provision.options import check_options
from tests.unit.provision.test_inventory import SPEC

ANSIBLE = Path(__file__).parents[3] / "ansible"


def said(roles, **options):
    with pytest.raises(UsageError) as caught:
        check_options(ANSIBLE, roles, options)
    return str(caught.value)


def test_options_of_the_stacks_roles_pass():
    check_options(ANSIBLE, ["base", "docker", "serving"], {"docker_registry_mirrors": [], "serving_port": 80})
    check_options(ANSIBLE, [], {})


def test_all_that_is_wrong_is_said_at_once_with_the_nearest_name():
    text = said(["base", "docker"], docker_registry_mirror=[], serving_port=80, jupyter_token="x")
    assert "options.docker_registry_mirror is an option of no role in this lab's stacks: did you mean" in text
    assert "docker_registry_mirrors?" in text
    assert "options.serving_port is an option of no role" in text
    assert "Nothing was changed." in text


def test_a_secret_is_refused_and_not_repeated():
    text = said(["jupyter"], jupyter_token="hunter2hunter2")
    assert "options.jupyter_token is a secret, which chi-lab makes and keeps" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("name", FROM_THE_FILE)
def test_what_the_file_says_elsewhere_is_refused(name):
    assert f"options.{name} is {FROM_THE_FILE[name]}, elsewhere in it" in said(["base", "users"], **{name: 1})


def test_all_that_the_kit_sets_of_the_roles_options_is_known_to_be_so():
    made = base_variables(SPEC, "o", datetime.now(UTC) + timedelta(hours=1))
    assert set(FROM_THE_FILE) == {*made, "users_keys"}
    assert set(users_variables(SPEC)) <= set(FROM_THE_FILE)


@pytest.mark.parametrize(
    "text", ["", "[]", "argument_specs: {}", "argument_specs: {main: {options: [a]}}", "a: ["]
)
def test_a_specification_that_is_none_is_named(tmp_path, text):
    file = tmp_path / "roles/own/meta/argument_specs.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(UsageError, match=r"argument_specs\.yml is no specification"):
        check_options(tmp_path, ["own"], {"own_colour": "blue"})


def test_a_role_without_a_specification_has_no_options(tmp_path):
    (tmp_path / "roles/own/tasks").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"options\.own_colour is an option of no role"):
        check_options(tmp_path, ["own"], {"own_colour": "blue"})
