"""Tables and JSON."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.cli.render import emit, plain, table
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.model.resources import FloatingIPView


def test_a_table_is_as_wide_as_its_cells():
    """Columns line up, and no line ends in blanks."""
    assert table(["node", "address", ""], [["node1", "127.1.1.1", "up"], ["n2", None, ""]]).splitlines() == [
        "node   address",
        "node1  127.1.1.1  up",
        "n2     None",
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2026, 1, 29, 15, tzinfo=timezone(-timedelta(hours=5))), "2026-01-29T20:00:00+00:00"),
        (date(2026, 1, 29), "2026-01-29"),
        (timedelta(minutes=90), 5400.0),
        (frozenset({443, 22}), [22, 443]),
        (Path("a/b"), "a/b"),
        (ZoneInfo("UTC"), "UTC"),
    ],
)
def test_values_in_json(value, written):
    """Times in UTC, lengths in seconds, sets in order."""
    assert json.loads(json.dumps(value, default=plain)) == written


def test_a_document_has_ok_first(capsys):
    """`ok` and the command's own fields; the model's values as objects."""
    address = FloatingIPView("id", "127.1.1.1", None)
    emit(
        ok=True,
        outcomes=(Outcome("Reserve", Result.DONE),),
        at=datetime(2026, 1, 29, tzinfo=UTC),
        address=address,
    )
    text = capsys.readouterr().out
    assert text.startswith('{\n  "ok": true')
    assert json.loads(text) == {
        "ok": True,
        "outcomes": [
            {"step": "Reserve", "result": "done", "detail": "", "resource_id": None, "request_id": None}
        ],
        "at": "2026-01-29T00:00:00+00:00",
        "address": {
            "id": "id",
            "address": "127.1.1.1",
            "port_id": None,
            "stamp": None,
            "status": "",
            "reserved": False,
        },
    }
