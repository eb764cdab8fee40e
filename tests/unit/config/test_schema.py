"""The published JSON Schema says what the loader says, as far as a schema can."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from chi_helpers.config import schema as module
from chi_helpers.config.marks import read
from chi_helpers.config.schema import FILE, schema, text
from tests.unit.config.test_labfile import EVERYTHING, SMALLEST

TOP = Path(__file__).parents[3]
CHECK = jsonschema.Draft7Validator(schema())


def test_the_published_schema_is_up_to_date():
    """`python -m chi_helpers.config.schema` was run after the last change of a model."""
    assert FILE.read_text(encoding="utf-8") == text()


def test_the_schema_is_a_schema():
    """Valid draft 7."""
    jsonschema.Draft7Validator.check_schema(json.loads(text()))


def test_running_the_module_writes_the_schema_beside_it(tmp_path):
    """A copy of the module is run: the published file stays as it is, right or wrong."""
    copy = tmp_path / "schema.py"
    copy.write_text(Path(module.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    runpy.run_path(str(copy), run_name="__main__")
    assert (tmp_path / FILE.name).read_text(encoding="utf-8") == text()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param((TOP / "reservation.yaml").read_text(encoding="utf-8"), id="this repository's"),
        pytest.param(SMALLEST, id="smallest"),
        pytest.param(EVERYTHING.replace("231095", '"231095"').replace("yes", "true"), id="everything"),
    ],
)
def test_good_files_pass(content):
    """An editor marks nothing in them."""
    assert [error.message for error in CHECK.iter_errors(read(content).data)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("flavor:", "flavour:"),
        ("max: 6h", "max: 6"),
        ("max: 6h", 'max: "6:00"'),
        ("version: 1", "version: 2"),
        ("lab: hello", "lab: Hello World"),
        ("node1:", "Node1:"),
        ("image: CC-Ubuntu24.04", "ports: [99999], image: x"),
        ("image: CC-Ubuntu24.04", "node_type: compute_liqid, image: x"),
        ("flavor: m1.small, ", ""),
        (", image: CC-Ubuntu24.04", ""),
        ("site: CHI@Sandbox", "launch: heat\nsite: x"),
        ("site: CHI@Sandbox", "lease: {start: tomorrow}\nsite: x"),
        ("site: CHI@Sandbox", "reap: {skew: 30}\nsite: x"),
        ("site: CHI@Sandbox", "reap: {limits: {run: -1}}\nsite: x"),
        ("site: CHI@Sandbox", "reap: {limits: {owner: all}}\nsite: x"),
        ("site: CHI@Sandbox", "reap: {limits: {share: 50}}\nsite: x"),
    ],
)
def test_what_a_schema_can_see_is_refused(old, new):
    """An editor marks these while they are being typed."""
    assert old in SMALLEST
    assert list(CHECK.iter_errors(yaml.safe_load(SMALLEST.replace(old, new))))


def test_every_key_is_described():
    """An editor has something to show for each key."""
    bare = []

    def walk(part, path):
        for name, field in part.get("properties", {}).items():
            if not (
                field.get("description")
                or "$ref" in field
                or any("$ref" in o for o in field.get("anyOf", []))
            ):
                bare.append(f"{path}.{name}")
        for name, inner in part.get("$defs", {}).items():
            if not inner.get("description"):
                bare.append(name)
            walk(inner, name)

    walk(schema(), "")
    assert bare == []


def test_the_lab_file_names_its_schema():
    """The first line of reservation.yaml leads the editor to the published file."""
    first = (TOP / "reservation.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={FILE.relative_to(TOP)}"
