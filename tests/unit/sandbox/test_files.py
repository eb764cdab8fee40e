"""The files that a sandbox writes: who may read them, what they say, and where no password stands."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from chi_helpers.sandbox import clients, conf, database, reference, schema, supervise
from chi_helpers.sandbox.conf.ini import render
from chi_helpers.sandbox.description import (
    Description,
    in_order,
    load,
    new_secrets,
    new_site_id,
    save,
    write_private,
)
from chi_helpers.sandbox.hosts import hosts_of
from chi_helpers.sandbox.place import Addresses


@pytest.fixture
def site(tmp_path) -> Description:
    folder = tmp_path / "west"
    folder.mkdir(mode=0o700)
    found = Description(
        name="west",
        region="CHI@West",
        folder=folder,
        run=folder,
        label="west-12345678",
        addresses=Addresses(60),
        machines="podman",
        kvm_hosts=2,
        secrets=new_secrets(),
        site_id=new_site_id(),
        image="localhost/node:1",
        podman_args=("--runtime=runc",),
    )
    clients.write_credentials(found, {"appcred": "id-1", "appcred-restricted": "id-2"})
    return found


def passwords(site: Description) -> list[str]:
    hidden = site.secrets
    return [
        hidden.database,
        hidden.admin,
        hidden.service,
        hidden.appcred,
        hidden.appcred_restricted,
        *hidden.users.values(),
    ]


def all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_description_is_read_as_it_was_written(site):
    save(site)
    assert load(site.folder) == site


def test_no_sandbox_is_none(tmp_path):
    assert load(tmp_path) is None


def test_the_description_shows_no_password_when_it_is_printed(site):
    assert not any(password in repr(site) for password in passwords(site))


def test_every_password_is_different():
    assert len({*passwords_of_two()}) == 2 * 11


def passwords_of_two() -> list[str]:
    return [
        password
        for hidden in (new_secrets(), new_secrets())
        for password in (
            hidden.database,
            hidden.admin,
            hidden.service,
            hidden.appcred,
            hidden.appcred_restricted,
            *hidden.users.values(),
        )
    ]


def test_every_file_that_holds_a_password_is_readable_by_its_owner_only(site):
    save(site)
    conf.write_all(site)
    clients.write_all(site)
    holding = [
        path
        for path in all_files(site.folder)
        if any(password in path.read_text(errors="replace") for password in passwords(site))
    ]
    assert {path.name for path in holding} >= {
        "secrets.json",
        "clouds.yaml",
        "env",
        "nova.conf",
        "keystone.conf",
    }
    assert [path for path in holding if path.stat().st_mode & 0o077] == []


def test_no_password_stands_in_what_others_can_see_of_a_process(site):
    text = supervise.configuration(site, site.run / "supervisor.sock") + " ".join(
        database.server_command(site.folder, site.db_socket)
    )
    commands = "\n".join(command for job in schema._jobs(site) for command in job)
    assert not any(password in text + commands for password in passwords(site))


def test_a_private_file_is_replaced_whole_and_stays_private(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert all_files(tmp_path) == [path]


def test_every_service_listens_on_the_sandboxs_own_loopback_address_only(site):
    conf.write_all(site)
    text = "\n".join(path.read_text() for path in all_files(site.folder / "etc"))
    assert "0.0.0.0" not in text
    assert f"osapi_compute_listen = {site.addresses.api}" in text
    assert f"bind_host = {site.addresses.api}" in text
    assert "--skip-networking" in database.server_command(site.folder, site.db_socket)


def test_the_shells_env_file_starts_from_a_clean_slate_and_keeps_every_value(site):
    variables = {**clients.environment(site, "west"), "ODD": "it's $HOME; `id`"}
    script = f"{clients.shell(variables)}\nenv -0"
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env={"PATH": os.environ["PATH"], "OS_TOKEN": "stale", "OS_CLOUD": "other"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)
    assert "OS_TOKEN" not in found
    assert {name: found[name] for name in variables} == variables


def test_clouds_yaml_has_a_login_for_every_role_and_kind(site):
    clients.write_all(site)
    clouds = yaml.safe_load((site.folder / "clouds.yaml").read_text())["clouds"]
    assert set(clouds) == {
        "west",
        *(f"west-student{number}" for number in range(1, 5)),
        "west-instructor",
        "west-other",
        "west-admin",
        "west-appcred",
        "west-appcred-restricted",
    }
    assert {cloud["region_name"] for cloud in clouds.values()} == {"CHI@West"}
    assert clouds["west-appcred"]["auth_type"] == "v3applicationcredential"
    assert clouds["west-appcred"]["auth"]["application_credential_id"] == "id-1"


def test_the_key_pair_is_made_once_and_is_private(site):
    clients.make_keys(site)
    first = site.private_key.read_text()
    clients.make_keys(site)
    assert site.private_key.read_text() == first
    assert site.private_key.stat().st_mode & 0o077 == 0


def test_an_option_given_several_times_is_written_so():
    text = render({"a": {"one": "1", "many": ("x", "y"), "flag": True}})
    assert text.splitlines() == ["[a]", "one = 1", "many = x", "many = y", "flag = true"]


def test_supervisor_restarts_every_process_and_stops_whole_groups(site):
    parser = configparser.RawConfigParser()
    parser.read_string(supervise.configuration(site, site.run / "supervisor.sock"))
    programs = {name: parser[f"program:{name}"] for name in supervise.programs(site)}
    assert set(programs) == {"mariadb", *site.services}
    for name, program in programs.items():
        assert program["autorestart"] == "true"
        assert program["killasgroup"] == "true"
        assert program["stdout_logfile_maxbytes"] == "5MB"
        assert Path(program["stdout_logfile"]).name == f"{name}.log"


def test_what_is_optional_is_configured_and_run_only_where_it_was_asked_for(site):
    conf.write_all(site)
    assert not {"cinder", "swift"} & {path.name for path in (site.folder / "etc").iterdir()}
    assert not {"cinder", "swift"} & set(supervise.programs(site))
    full = replace(site, extras=in_order(["objects", "volumes"]))
    conf.write_all(full)
    assert {"cinder", "swift"} < {path.name for path in (site.folder / "etc").iterdir()}
    assert supervise.programs(full) == (*supervise.programs(site), "cinder", "swift")
    assert full.extras == ("volumes", "objects")
    save(full)
    assert load(full.folder) == full


@pytest.mark.parametrize("word", ["plain", "/a/b-c", "with space", "100%", "a$b"])
def test_supervisor_reads_a_command_as_it_was_meant(word):
    # supervisord expands % and then splits as a shell does (supervisor/options.py, expand; shlex.split).
    quoted = supervise._quoted(word)
    assert shlex.split(quoted % {}) == [word]


def test_the_reference_api_has_what_python_chi_reads(site):
    documents = reference.documents(site, hosts_of(2))
    (about,) = documents["sites.json"]["items"]
    assert {"name", "web", "location", "user_support_contact", "site_class"} <= set(about)
    assert about["web"] == f"http://{site.addresses.api}"
    nodes = documents["sites/west/clusters/chameleon/nodes.json"]["items"]
    assert {node["node_type"] for node in nodes} == {
        "compute_kvm",
        "kvm_h100",
        "compute_gigaio",
        "compute_skylake",
    }
    json.dumps(documents)


def test_the_end_of_a_log_is_its_last_lines(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("".join(f"{number}\n" for number in range(100)))
    assert supervise.tail(log, 3) == "97\n98\n99"
    assert supervise.tail(tmp_path / "none", 3) == ""
