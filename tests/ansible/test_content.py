"""What can be said of the playbook and its roles without a node."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from chi_helpers.model.errors import UsageError
from chi_helpers.provision.content import check_stack

ANSIBLE = Path(__file__).parents[2] / "ansible"
ROLES = sorted(path.parent.parent for path in ANSIBLE.glob("roles/*/tasks/main.yml"))
PLAYBOOKS = sorted(set(ANSIBLE.glob("*.yml")) - {ANSIBLE / "versions.yml"})
BIN = Path(sys.executable).parent

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def load(path):
    return yaml.safe_load(path.read_text())


def ansible(program, *words, folder, **extra):
    """Run one of Ansible's programs in the content's folder, its own files in `folder`."""
    env = {**os.environ, "ANSIBLE_HOME": str(folder), "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), **extra}
    env |= {"LC_ALL": "C.UTF-8", "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [str(BIN / program), *words],
        cwd=ANSIBLE,
        env=env,
        stdin=subprocess.DEVNULL,  # of its own: Ansible refuses one that some other program made non-blocking
        capture_output=True,
        text=True,
        check=False,
    )


def inventory(folder, stack, **variables):
    """An inventory whose one host is unreachable: a run that gets as far as SSH shows it."""
    host = {"ansible_host": "127.0.0.1", "ansible_port": 1, "lab_stack": stack, **variables}
    path = folder / "hosts.yml"
    path.write_text(yaml.safe_dump({"lab": {"hosts": {"node1": host}}}))
    return str(path)


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.name)
def test_every_playbook_parses(tmp_path, playbook):
    done = ansible(
        "ansible-playbook",
        "-i",
        inventory(tmp_path, ["base"]),
        "--syntax-check",
        playbook.name,
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_every_role_is_for_nodes_or_has_a_playbook_of_its_own_and_none_is_both():
    """What a stack may name, site.yml and `check_stack` agree upon."""
    for_nodes = load(ANSIBLE / "site.yml")[0]["vars"]["site_roles"]
    own = [role for path in PLAYBOOKS if path.name != "site.yml" for role in load(path)[0]["roles"]]
    assert sorted([*for_nodes, *own]) == [role.name for role in ROLES]
    assert own == [path.stem for path in PLAYBOOKS if path.name != "site.yml"]
    check_stack(ANSIBLE, {"node1": tuple(for_nodes)})
    for role in own:
        with pytest.raises(UsageError):
            check_stack(ANSIBLE, {"node1": (role,)})


def test_every_role_for_nodes_has_its_play_and_the_plays_stand_in_the_order_of_the_list():
    check, _, _, _, *plays = load(ANSIBLE / "site.yml")
    names = check["vars"]["site_roles"]
    order = [
        "base", "users", "docker", "gpu", "python", "postgres", "mlflow", "jupyter", "ray", "serving", "monitoring",
    ]  # fmt: skip
    assert names == [name for name in order if name in names]
    assert [(play["hosts"], play["roles"]) for play in plays] == [(f"stack_{name}", [name]) for name in names]
    assert {(play["become"], play["gather_facts"], *play["vars_files"]) for play in plays} == {
        (True, False, "versions.yml")
    }


@pytest.mark.parametrize("stack", [["base", "nope"], ["base", "reaper"], "base", None, ["../base"]])
def test_a_wrong_stack_is_refused_before_any_node_is_touched(tmp_path, stack):
    done = ansible("ansible-playbook", "-i", inventory(tmp_path, stack), "site.yml", folder=tmp_path)
    assert done.returncode == 2
    assert "list of roles that exist: base" in done.stdout
    assert "Nothing was changed" in done.stdout
    assert "unreachable=0" in done.stdout


@each_role
def test_the_specification_of_a_role_has_the_keys_and_the_values_of_its_defaults(role):
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert {name: option["default"] for name, option in options.items()} == load(role / "defaults/main.yml")


@each_role
def test_every_option_is_described_and_carries_the_roles_name(role):
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert [name for name in options if not name.startswith(f"{role.name}_")] == []
    assert [name for name, option in options.items() if not option["description"].endswith((".", ")"))] == []
    private = load(role / "vars/main.yml") or {}
    assert [name for name in private if not name.startswith(f"_{role.name}_")] == []


@each_role
def test_the_readme_of_a_role_names_every_option(role):
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    text = (role / "README.md").read_text()
    assert [name for name in options if f"`{name}`" not in text] == []


def test_only_modules_that_come_with_ansible_are_used():
    files = [
        *PLAYBOOKS,
        *ANSIBLE.glob("roles/*/tasks/*.yml"),
        *ANSIBLE.glob("roles/*/handlers/*.yml"),
    ]
    words = {
        "name",
        "when",
        "block",
        "rescue",
        "loop",
        "loop_control",
        "register",
        "notify",
        "vars",
        "tasks",
        "become",
        "become_user",
        "until",
        "retries",
        "delay",
        "environment",
        "hosts",
    }
    words |= {
        "changed_when",
        "failed_when",
        "check_mode",
        "gather_facts",
        "gather_subset",
        "vars_files",
        "any_errors_fatal",
        "no_log",
        "delegate_to",
        "roles",
        "until",
        "retries",
        "delay",
    }

    def keys(tasks):
        for task in tasks:
            yield from task
            yield from keys(task.get("block", ()))
            yield from keys(task.get("rescue", ()))
            yield from keys(task.get("tasks", ()))

    used = {key for path in files for key in keys(load(path))} - words
    assert [key for key in used if not key.startswith("ansible.builtin.")] == []


def test_a_node_that_is_away_keeps_its_place_in_the_lab(tmp_path):
    """Else the others would be set up without its database, or with another head of Ray."""
    inventory(tmp_path, [])
    hosts = yaml.safe_load((tmp_path / "hosts.yml").read_text())
    hosts["lab"]["hosts"]["here"] = {"ansible_connection": "local", "lab_stack": []}
    hosts["lab"]["hosts"]["node1"]["lab_stack"] = ["postgres", "ray"]
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    tell = {
        "name": "Tell",
        "ansible.builtin.debug": {"msg": "{{ groups['stack_ray'] + groups['stack_postgres'] }}"},
    }
    plays = [
        {"import_playbook": str(ANSIBLE / "site.yml")},
        {"name": "After", "hosts": "here", "gather_facts": False, "tasks": [tell]},
    ]
    (tmp_path / "book.yml").write_text(yaml.safe_dump(plays))
    done = ansible(
        "ansible-playbook", "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "book.yml"), folder=tmp_path
    )
    assert "unreachable=1" in done.stdout, done.stdout + done.stderr
    assert '"msg": [\n        "node1",\n        "node1"\n    ]' in done.stdout, done.stdout + done.stderr
