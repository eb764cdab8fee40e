"""OpenSSH reads the settings as they are meant, and lets nothing else count."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.provision.openssh import as_options, greets, quoted, settings, through

PATHS = [
    "/home/sam/known_hosts",
    "/home/a b/known_hosts",
    "/100%/%h",
    '/say "so"',
    "/back\\slash",
    "/it's",
    "/#1",
]
ELSEWHERE = """\
UserKnownHostsFile /elsewhere
GlobalKnownHostsFile /elsewhere
StrictHostKeyChecking no
UpdateHostKeys yes
IdentitiesOnly no
"""


def understood(*words):
    """What ssh itself makes of its arguments, by lower-case name; it connects to nowhere."""
    done = subprocess.run(["ssh", "-G", *words, "host"], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def check(found, path):
    assert found["userknownhostsfile"] == path
    # ssh expands the tokens of this one only when it opens the file.
    assert found["identityfile"].replace("%%", "%") == f"{path}.key"
    assert found["globalknownhostsfile"] == "/dev/null"
    assert found["stricthostkeychecking"] in ("yes", "true")
    assert found["updatehostkeys"] in ("no", "false")
    assert found["identitiesonly"] == "yes"


@pytest.mark.parametrize("path", PATHS)
def test_as_arguments_they_win_over_the_users_own_configuration(tmp_path, path):
    own = tmp_path / "config"
    own.write_text(ELSEWHERE)
    found = settings(Path(path), Path(f"{path}.key"))
    check(understood("-F", str(own), *as_options(found)), path)


@pytest.mark.parametrize("path", PATHS)
def test_as_lines_of_a_file_they_say_the_same(tmp_path, path):
    file = tmp_path / "config"
    lines = [f"    {key} {value}" for key, value in settings(Path(path), Path(f"{path}.key")).items()]
    file.write_text("\n".join(["Host host", *lines]))
    check(understood("-F", str(file)), path)


@pytest.mark.parametrize("path", ["/${HOME}/x", "/two\nlines"])
def test_a_path_that_ssh_cannot_be_told_is_refused(path):
    with pytest.raises(UsageError, match="OpenSSH cannot be told"):
        quoted(Path(path))


@pytest.fixture
def on_the_way(tmp_path, monkeypatch):
    """`on_the_way(script)`: puts a program `ssh` first on PATH, which keeps its arguments: gives their file."""

    def put(script):
        words = tmp_path / "words"
        program = tmp_path / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >"{words}"\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return words

    return put


@pytest.mark.parametrize("path", PATHS)
def test_a_node_is_reached_through_another_whose_key_is_verified_too(path, on_the_way):
    """ssh itself starts the other ssh, by the shell: each of them reads the path as it is."""
    ssh = shutil.which("ssh") or "ssh"
    words = on_the_way("exit 1")
    way = through(settings(Path(path), Path(f"{path}.key")), "cc@192.0.2.1")
    subprocess.run([ssh, "-F", "none", *as_options(way), "cc@10.0.0.2"], capture_output=True, check=False)
    *options, flag, target, destination = words.read_text().split("\0")[:-1]
    assert (flag, target, destination) == ("-W", "[10.0.0.2]:22", "cc@192.0.2.1")
    assert options == as_options(settings(Path(path), Path(f"{path}.key")))


def test_a_server_answers_through_another_node_when_its_greeting_comes(on_the_way):
    found = settings(Path("/k"), Path("/i"))
    words = on_the_way("echo SSH-2.0-OpenSSH_9.2")
    assert greets(found, "cc@192.0.2.1", "10.0.0.2", 22, timeout=10) == ""
    given = words.read_text().split("\0")[:-1]
    assert given[-3:] == ["-W", "[10.0.0.2]:22", "cc@192.0.2.1"]
    assert "BatchMode=yes" in given


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'channel 0: open failed' >&2; exit 1", "channel 0: open failed"),
        ("echo hello", "it is no SSH server that answers"),
        ("exec sleep 60", "nothing within 1 s"),
    ],
)
def test_why_no_server_answers_through_another_node_is_said(on_the_way, script, why):
    on_the_way(script)
    assert greets(settings(Path("/k"), Path("/i")), "cc@192.0.2.1", "10.0.0.2", 22, timeout=1) == why
