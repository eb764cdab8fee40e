"""Names as people gave them, made fit for a terminal, a mail or a log."""

from __future__ import annotations

LONGEST = 120


def printable(text: str) -> str:
    """`text` on one line without control characters, cut at 120: a container may be called by any bytes."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text)
    return clean if len(clean) <= LONGEST else f"{clean[: LONGEST - 3]}..."
