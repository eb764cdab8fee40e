"""`params.yaml` changed by its keys, its comments kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from groceries.errors import PipelineError, WrongFileError


def read(path: Path) -> dict[str, Any]:
    """All parameters, as they stand there."""
    try:
        found = YAML(typ="safe").load(path)
    except (OSError, YAMLError) as error:
        raise WrongFileError(f"{path}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise WrongFileError(f"{path}: is not a list of parameters by name")
    return found


def change(path: Path, changes: list[str], check: Callable[[Path], None]) -> None:
    """Set each `KEY=VALUE` (the key like `models.linear.alpha`, the value as YAML), all or none.

    Raises PipelineError where a key is not there or a value is not YAML. `check` is given the new file before
    it takes the other's place, and raises where a value makes no sense.
    """
    if not changes:
        return
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 4096
    try:
        document = editor.load(path)
    except (OSError, YAMLError) as error:
        raise WrongFileError(f"{path}: cannot be read: {error}") from error
    for each in changes:
        key, equals, text = each.partition("=")
        if not equals:
            raise PipelineError(f"{each}: is not KEY=VALUE", do="For example: generate.rows=20000")
        *sections, name = key.strip().split(".")
        section = document
        for part in sections:
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict) or name not in section:
            raise PipelineError(f"{key}: is no parameter", do=f"{path} has them all.")
        try:
            section[name] = YAML(typ="safe").load(text)
        except YAMLError as error:
            raise PipelineError(f"{each}: the value is not YAML: {error}") from error
    made = path.with_name(path.name + ".made")
    with made.open("w", encoding="utf-8") as file:
        editor.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        check(made)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
