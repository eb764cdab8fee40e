"""What happens around a run, with hosts that cannot be reached: no site is needed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.model.outcome import Result
from chi_helpers.provision import Host, provision
from chi_helpers.provision.inventory import away
from tests.unit.provision.test_inventory import SPEC

CHECKOUT = Path(__file__).parents[3]
DEADLINE = datetime.now(UTC) + timedelta(hours=1)
LAB = replace(SPEC, source=CHECKOUT / "reservation.yaml")


def host(folder, **changes):
    """A host at a loopback port where nothing listens."""
    there = {
        "private_key": folder / "key",
        "known_hosts": folder / "known_hosts",
        "port": 1,
        "stack": ("base",),
    }
    return Host(**{"name": "node1", "address": "127.0.0.1", **there, **changes})


def test_hosts_without_a_stack_start_nothing(tmp_path):
    report = provision(LAB, "o", DEADLINE, [host(tmp_path, stack=())], tmp_path / "state")
    assert report.hosts == ()
    assert not (tmp_path / "state").exists()


def test_an_unknown_role_is_refused_before_ansible_starts(tmp_path):
    with pytest.raises(UsageError, match="node1: nope"):
        provision(LAB, "o", DEADLINE, [host(tmp_path, stack=("base", "nope"))], tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_a_host_out_of_reach_fails_with_sshs_words_and_leaves_only_a_private_log(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_PASSWORD", "xyzzy-secret")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # ansible-playbook is found without an activated environment
    state = tmp_path / "state"
    (state / "ansible-killed").mkdir(parents=True)
    report = provision(LAB, "o", DEADLINE, [host(tmp_path)], state)
    (outcome,) = report.outcomes
    assert outcome.result is Result.FAILED
    assert "Connection refused" in outcome.detail
    assert [path.name for path in state.iterdir()] == ["provision.log"]
    log = state / "provision.log"
    assert log.stat().st_mode & 0o777 == 0o600
    assert "xyzzy-secret" not in log.read_text()


def test_a_host_that_is_away_is_failed_and_the_others_are_gone_on_with(tmp_path):
    report = provision(LAB, "o", DEADLINE, [away("node0", ("base",)), host(tmp_path)], tmp_path / "state")
    assert [o.result for o in report.outcomes] == [Result.FAILED] * 2
    assert "instance is not active. Look with `chi-lab status`" in report.outcomes[0].detail
    assert "Connection refused" in report.outcomes[1].detail, "it was tried"


def told(folder, expression, **changes):
    """What Ansible takes `expression` for, in a run for a lab with `changes`."""
    content = folder / "ansible"
    (content / "roles/base/tasks").mkdir(parents=True)
    (content / "roles/base/tasks/main.yml").write_text("[]")
    (content / "ansible.cfg").touch()
    (content / "site.yml").write_text(
        f'- {{hosts: lab, gather_facts: false, tasks: [{{ansible.builtin.fail: {{msg: "[{{{{ {expression} }}}}]"}}}}]}}'
    )
    lab = replace(LAB, source=folder / "reservation.yaml", **changes)
    report = provision(lab, "o", DEADLINE, [host(folder)], folder / "state")
    return report.failures[0].message


def test_openstacks_secrets_do_not_reach_ansible(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_PASSWORD", "xyzzy-secret")
    assert told(tmp_path, "lookup('env', 'OS_PASSWORD')").endswith("[]")


def test_options_of_the_file_reach_the_roles_with_their_types_and_as_data(tmp_path):
    options = {"base_more": [1, "{{ lab_name }}"]}
    specification = {"argument_specs": {"main": {"options": {"base_more": {"type": "list"}}}}}
    meta = tmp_path / "ansible/roles/base/meta"
    meta.mkdir(parents=True)
    (meta / "argument_specs.yml").write_text(json.dumps(specification))
    assert told(tmp_path, "(base_more[0] + 1) ~ base_more[1]", options=options).endswith("[2{{ lab_name }}]")


def test_the_keys_of_people_reach_the_role_users_as_they_are_written(tmp_path):
    people = ("ssh-ed25519 AAAA anna", "ssh-rsa AAAA {{ lab_name }}")
    assert told(tmp_path, "users_keys | join(';')", people=people).endswith(f"[{';'.join(people)}]")
