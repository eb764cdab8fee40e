"""OpenSSH reads the settings as they are meant, and lets nothing else count."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.provision.openssh import as_options, quoted, settings

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
