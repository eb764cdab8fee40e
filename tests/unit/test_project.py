"""What the project says about itself is true: packages, documentation, pins."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chi_helpers.cli.group import COMMANDS
from chi_helpers.sandbox import database
from chi_helpers.sandbox.machines import probe

TOP = Path(__file__).parents[2]


def packages() -> set[str]:
    lines = (TOP / "scripts/packages.txt").read_text().splitlines()
    return {line.split("#")[0].strip() for line in lines} - {""}


def test_set_up_installs_every_package_that_the_code_asks_for():
    assert {*probe.PACKAGES, *database.PACKAGES.split()} <= packages()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-sandbox.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned(name):
    lines = [line for line in (TOP / name).read_text().splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.match(r"[A-Za-z0-9_.-]+(\[[a-z0-9,]+\])?==\S+", line)] == []


def test_the_three_lists_of_requirements_agree():
    def pins(name):
        return {line for line in (TOP / name).read_text().splitlines() if "==" in line}

    assert pins("requirements.txt") <= pins("requirements-sandbox.txt") <= pins("requirements-dev.txt")


def documents() -> list[Path]:
    return [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")]


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(TOP)))
def test_every_relative_link_leads_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    missing = [
        target
        for target in targets
        if target and "://" not in target and not (document.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(TOP)))
def test_every_command_in_the_documentation_exists(document):
    named = set(re.findall(r"chi-lab ([a-z][a-z-]*)(?![\w-])", document.read_text()))
    assert named - set(COMMANDS) == set()


def test_every_make_target_in_the_documentation_exists():
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), flags=re.MULTILINE))
    for document in documents():
        if document.parent.name == "decisions":
            continue  # they tell what was so on their day
        named = set(
            re.findall(r"(?:^|`)make ([a-z-]+)(?=[`\s]|$)", _code(document.read_text()), re.MULTILINE)
        )
        assert named <= targets, document


def _code(text: str) -> str:
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))


def test_the_command_line_reference_is_what_help_says():
    """`make reference` writes docs/reference/cli.md."""
    done = subprocess.run(
        [sys.executable, "scripts/cli_reference.py"], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert (TOP / "docs/reference/cli.md").read_text() == done.stdout


def test_every_key_of_the_lab_file_is_in_its_reference():
    import json

    schema = json.loads((TOP / "chi_helpers/config/reservation.schema.json").read_text())
    reference = (TOP / "docs/reference/reservation-yaml.md").read_text()
    assert [key for key in keys(schema) if f"`{key}`" not in reference] == []


def keys(schema: object) -> set[str]:
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            properties = node.get("properties")
            if isinstance(properties, dict):
                found.update(properties)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(schema)
    return found
