"""What uv is told of pip's settings, and that the roles' lock files are what versions.yml asks for."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

ANSIBLE = Path(__file__).parents[2] / "ansible"
VERSIONS = yaml.safe_load((ANSIBLE / "versions.yml").read_text())["versions"]
WANTED = sorted(ANSIBLE.glob("roles/*/files/requirements.in"))
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


uv = load(ANSIBLE / "roles/python/files/chi_lab_uv.py")
locking = load(ANSIBLE.parent / "scripts/lock_roles.py")
ALWAYS = {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"}


def test_nothing_set_is_the_usual_index_with_the_systems_certificates():
    assert uv.variables(uv.pip_settings("")) == ALWAYS


def test_what_a_site_sets_in_pip_conf_is_what_uv_is_told():
    listed = """global.cert='/etc/ssl/own.pem'
global.extra-index-url='\\nhttps://one.example/simple\\nhttps://two.example/simple'
global.index-url='https://me:p%40ss=x@mirror.example/simple'
global.timeout='12.5'
global.trusted-host='mirror.example other.example'
"""
    assert uv.variables(uv.pip_settings(listed)) == {
        **ALWAYS,
        "SSL_CERT_FILE": "/etc/ssl/own.pem",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://me:p%40ss=x@mirror.example/simple",
        "UV_HTTP_TIMEOUT": "12",
        "UV_INSECURE_HOST": "mirror.example other.example",
    }


def test_a_variable_of_pip_wins_over_its_files_as_in_pip():
    listed = ":env:.index-url='https://b'\nglobal.index-url='https://a'\ninstall.index-url='https://c'\n"
    assert uv.pip_settings(listed) == {"index-url": "https://b"}


@pytest.mark.parametrize("wanted", WANTED, ids=lambda path: path.parents[1].name)
def test_a_lock_file_has_the_versions_that_were_asked_for_and_a_hash_for_every_package(wanted):
    text = wanted.with_suffix(".txt").read_text()
    pinned = {f"{name}=={version}" for name, version in PINNED.findall(text)}
    assert {re.sub(r"\[.*\]", "", each) for each in locking.direct(wanted, VERSIONS)} <= pinned
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_ray_has_the_pipeline_s_packages_at_the_versions_that_the_pipeline_was_tested_with():
    tested = dict(PINNED.findall((ANSIBLE.parent / "pipeline/requirements.txt").read_text()))
    locked = dict(PINNED.findall((ANSIBLE / "roles/ray/files/requirements.txt").read_text()))
    assert len(tested) > 50
    assert {name: locked.get(name) for name in tested} == tested


def test_a_package_with_extras_has_the_version_of_the_package_and_files_are_added_whole(tmp_path):
    (tmp_path / "more.txt").write_text("click==8.1\n")
    wanted = tmp_path / "requirements.in"
    wanted.write_text("uv[all]\n-r more.txt\n")
    assert locking.direct(wanted, {"uv": "1.2"}) == ["uv[all]==1.2"]
    assert locking.added(wanted) == [f"-r {tmp_path / 'more.txt'}"]


def test_a_package_without_a_version_is_refused(tmp_path):
    (tmp_path / "requirements.in").write_text("# why\nuv\nunheard-of\n")
    with pytest.raises(ValueError, match="unheard-of: no version"):
        locking.direct(tmp_path / "requirements.in", VERSIONS)
