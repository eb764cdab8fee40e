"""The JSON Schema of reservation.yaml, for editors.

`python -m chi_helpers.config.schema` writes it anew; a test says when that was forgotten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from chi_helpers.config.document import Document

FILE = Path(__file__).with_name("reservation.schema.json")


class _Plain(GenerateJsonSchema):
    """Without the titles that pydantic makes up from field names: editors show them over our descriptions."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def schema() -> dict[str, Any]:
    """The schema, in draft 7: the newest that the common YAML editors read."""
    made = Document.model_json_schema(by_alias=True, schema_generator=_Plain)
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "reservation.yaml", **_tidy(made)}


def _tidy(part: Any) -> Any:
    """`part` without class names and without defaults that say nothing."""
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _tidy(value)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value in (None, [], {}))
    }


def text() -> str:
    """The schema as the published file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
