"""A wrong params.yaml is refused with every key that is wrong."""

from __future__ import annotations

import pytest
import yaml

from groceries import params
from groceries.errors import WrongFileError
from tests.support import PROJECT


def refused(tmp_path, **changes):
    found = yaml.safe_load((PROJECT / "params.yaml").read_text())
    for path, value in changes.items():
        *sections, key = path.split("__")
        section = found
        for name in sections:
            section = section[name]
        section[key] = value
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(found))
    with pytest.raises(WrongFileError) as wrong:
        params.load(tmp_path / "params.yaml")
    return str(wrong.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"gate__tolerence": 1}, "params.yaml: gate.tolerence: Extra inputs", id="misspelt"),
        pytest.param(
            {"generate__rows": 0}, "params.yaml: generate.rows: Input should be greater", id="too small"
        ),
        pytest.param({"window__end": "2025-01-01"}, "must be before end", id="an empty window"),
        pytest.param({"validate__ranges__crates": [9, 1]}, "9 is above 1", id="a range upside down"),
        pytest.param({"validate__ranges__city": [1, 2]}, "validate.ranges.city", id="a range of names"),
        pytest.param({"gate__candidate": "oracle"}, "gate.candidate: Input should be", id="unknown model"),
        pytest.param({"drift__date": "soon"}, "drift.date", id="no date"),
    ],
)
def test_the_key_is_named(tmp_path, changes, says):
    assert says in refused(tmp_path, **changes)


def test_all_wrong_keys_are_told_at_once(tmp_path):
    assert len(refused(tmp_path, generate__rows=0, gate__min_rows=0, costs__late_route=-1).splitlines()) == 3


@pytest.mark.parametrize("content", ["[", "just text", ""])
def test_what_is_no_mapping_is_refused(tmp_path, content):
    (tmp_path / "params.yaml").write_text(content)
    with pytest.raises(WrongFileError, match=r"params\.yaml"):
        params.load(tmp_path / "params.yaml")
