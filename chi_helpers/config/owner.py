"""Who the resources belong to."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping

from chi_helpers.model.errors import UsageError

OWNER = r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}"
"""What an owner may be called: netIDs, hub user names and e-mail addresses fit, and nothing that a resource's
name or description could not give back unchanged (spaces, `=`, slashes)."""


def owner(chosen: str | None, environ: Mapping[str, str]) -> str:
    """The owner: `chosen` (from --owner), else $CHI_LAB_OWNER, else $USER, as Chameleon's labs name things.

    Where $USER is not set (cron, containers), the account's name stands in for it.

    Raises `UsageError` where there is none, or where it cannot stand in a resource's name.
    """
    for name, source in (
        (chosen, "--owner"),
        (environ.get("CHI_LAB_OWNER"), "$CHI_LAB_OWNER"),
        (environ.get("USER"), "$USER"),
        (_account(), "the account"),
    ):
        if name is None or (not name and source != "--owner"):
            continue
        if not re.fullmatch(OWNER, name):
            raise UsageError(
                f'The owner "{name}" (from {source}) cannot stand in the name of a resource.',
                do="Use letters, digits and . _ @ + -, a letter or digit first, at most 63: "
                "give --owner or set CHI_LAB_OWNER.",
            )
        return name
    raise UsageError(
        "Whose lab is it? Neither --owner, nor $CHI_LAB_OWNER, nor $USER is set.",
        do="Give --owner with your netID or user name.",
    )


def _account() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user ID without an account, as containers have them
        return None
