"""All commands in one group that costs nothing to ask."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import click
import pytest

from chi_helpers import __version__
from chi_helpers.cli.group import COMMANDS, EXIT_CODES, chi_lab

HEAVY = (
    "openstack",
    "keystoneauth1",
    "pydantic",
    "chi",
    "rich",
    "yaml",
    "requests",
    "ansible_runner",
    "IPython",
)
MEASURE = f"""
import sys
from chi_helpers.cli.run import run
code = run(sys.argv[1:])
print([name for name in {HEAVY!r} if name in sys.modules], len(sys.modules), code, file=sys.stderr)
"""


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["no-such-command"], []])
def test_nothing_heavy_is_imported_to_say_hello(environ, tmp_path, args):
    """Measured in modules, not in seconds: neither openstack nor pydantic, python-chi or rich."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *args],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
        cwd=tmp_path,
    )
    names, _, rest = done.stderr.splitlines()[-1].partition("]")
    assert names == "["
    assert int(rest.split()[0]) < 400


def test_help_lists_every_command(sample):
    """With its line of help, in the order of use, and the exit codes below."""
    text = sample("--help").stdout
    places = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert "Exit codes: 0 done, 1 partly done" in text


def test_version(sample):
    """The package's own."""
    assert sample("--version").stdout == f"chi-lab, version {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_documented(name):
    """Each name of the table leads to a command with help of its own and the exit codes."""
    group = chi_lab()
    assert isinstance(group, click.Group)
    context = click.Context(group, info_name="chi-lab")
    command = group.get_command(context, name)
    assert command is not None
    assert command.help
    for one in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
        assert one.help
        assert one.epilog == EXIT_CODES or "Exit codes" in str(one.epilog) + one.help
        for parameter in one.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {one.name} {parameter.opts}"
    assert import_module(COMMANDS[name][0]).command is command


def test_schema_is_printed(sample):
    """`chi-lab schema` writes the published schema."""
    done = sample("schema")
    assert json.loads(done.stdout)["title"] == "reservation.yaml"
    assert (done.returncode, done.stderr) == (0, "")
