"""Ansible of a run that was killed is ended before the next one, and nobody else's is."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from chi_helpers.provision import orphans

PROGRAM = """#!{python}
import signal, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def ansible(tmp_path):
    """`ansible(*words)` starts a program of that name in a session of its own, as pexpect does."""
    program = tmp_path / "bin" / "ansible-playbook"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    started = []

    def start(*words, name=None):
        path = program
        if name:
            path = program.with_name(name)
            path.write_text(program.read_text())
            path.chmod(0o755)
        process = subprocess.Popen([path, *words], stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_lab_s_own_is_ended_and_others_are_not(ansible, tmp_path):
    mine = ansible("-i", f"{tmp_path}/lab/ansible-abc/hosts.yml", "site.yml")
    others = [
        ansible("-i", f"{tmp_path}/lab2/ansible-abc/hosts.yml", "site.yml"),
        ansible("-i", f"{tmp_path}/lab/ansible-abc/hosts.yml", name="less"),
    ]
    assert orphans.end(f"{tmp_path}/lab/ansible-") == 1
    assert mine.wait(5) != 0
    assert [other.poll() for other in others] == [None, None]


def test_one_that_does_not_listen_is_ended_all_the_same(ansible, tmp_path, monkeypatch):
    monkeypatch.setattr(orphans, "_SECONDS", 0.5)
    mine = ansible("-i", f"{tmp_path}/lab/ansible-abc/hosts.yml", "deaf")
    began = time.monotonic()
    assert orphans.end(f"{tmp_path}/lab/ansible-") == 1
    assert mine.wait(5) == -9
    assert time.monotonic() - began >= 0.5


def test_where_there_is_none_nothing_happens(tmp_path):
    assert orphans.end(f"{tmp_path}/lab/ansible-") == 0
