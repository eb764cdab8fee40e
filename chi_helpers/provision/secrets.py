"""Passwords and tokens of a lab's services: made once, kept in the lab's folder for its owner alone."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from chi_helpers.model.errors import UsageError

NAME = "secrets.json"
OF_ROLES: Mapping[str, tuple[str, ...]] = {
    "postgres": ("postgres_password",),
    "mlflow": ("postgres_password",),
    "jupyter": ("jupyter_token",),
    "ray": ("ray_token",),
}
"""The secrets that each role needs: on whatever node it is, the same one."""
_BYTES = 32


def made(folder: Path, roles: Iterable[str]) -> dict[str, str]:
    """Give the secrets that these roles need, by name; make those that are not in `folder` yet.

    Each is 43 characters that mean nothing to a shell, a URL or a configuration file. Raises `UsageError` for
    a file that is there and cannot be read: a service that runs has one of its secrets perhaps.
    """
    wanted = {name for role in roles for name in OF_ROLES.get(role, ())}
    known = kept(folder)
    if lacking := sorted(wanted - known.keys()):
        known |= {name: secrets.token_urlsafe(_BYTES) for name in lacking}
        _write(folder / NAME, known)
    return {name: known[name] for name in sorted(wanted)}


def kept(folder: Path) -> dict[str, str]:
    """Read the secrets that `folder` holds. Raises `UsageError` as `made`."""
    path = folder / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise _unusable(path, "it holds no names with texts")
    return found


def forget(folder: Path) -> None:
    """Remove the secrets: of a lab that is gone."""
    (folder / NAME).unlink(missing_ok=True)


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        f"The secrets of the lab's services, {path}, cannot be read: {why}.",
        do="Put the file back, or remove it and run `chi-lab provision`: the services then get new ones.",
    )


def _write(path: Path, what: Mapping[str, str]) -> None:
    """All of it or nothing, and never readable by others."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(what, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
