"""A run that was killed leaves Ansible at work: the next one ends it, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import psutil

from chi_helpers.provision.unfinished import clear

ANSIBLE = """
import signal, subprocess, sys, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "1000"])
print(child.pid, flush=True)
time.sleep(1000)
"""


def started(inventory):
    process = subprocess.Popen(
        [sys.executable, "-c", ANSIBLE, "-i", str(inventory)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_ansible_of_a_run_that_was_killed_is_ended_with_its_children_and_its_folder_is_removed(tmp_path):
    old = tmp_path / "ansible-abc"
    old.mkdir()
    (old / "hosts.yml").write_text("secret")
    other, of_other = started(tmp_path / "elsewhere" / "hosts.yml")
    process, child = started(old / "hosts.yml")
    try:
        clear(tmp_path, "ansible-")
        assert process.poll() is not None
        assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
        assert not old.exists()
        assert other.poll() is None
    finally:
        for each in (process, other):
            each.kill()
            each.wait()
        for pid in (child, of_other):
            if psutil.pid_exists(pid):
                psutil.Process(pid).kill()


def test_where_nothing_is_left_nothing_happens(tmp_path):
    clear(tmp_path, "ansible-")
    assert list(tmp_path.iterdir()) == []
