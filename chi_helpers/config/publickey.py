"""Public SSH keys, one line each as in a file `*.pub`: what is one, and what to do about what is none."""

from __future__ import annotations

import base64
import binascii
from typing import Any

FIELDS = {
    "ssh-ed25519": 2,
    "ssh-rsa": 3,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "sk-ssh-ed25519@openssh.com": 3,
    "sk-ecdsa-sha2-nistp256@openssh.com": 4,
}
"""The types that OpenSSH takes, and how many fields the data of a key has, its type among them."""
# Nothing but the dot is escaped: JavaScript, in which editors match, refuses escapes that are not needed.
PATTERN = f"^({'|'.join(FIELDS).replace('.', '[.]')}) +[A-Za-z0-9+/]+={{0,2}}( .*)?$"
EXAMPLE = "ssh-ed25519 AAAAC3Nz... anna@laptop"
_WRITE = "write the one line of a file such as ~/.ssh/id_ed25519.pub"
_PRIVATE = (
    "is a private key, which nobody but its owner may have: take it out, make a new pair if anybody else saw "
    f"this file, and {_WRITE}"
)
_SHOWN = 24
"""How much of a value a message shows: it may be a secret that stands here by mistake."""


def public_key(text: str) -> str:
    """The key with single spaces between its parts. Raises ValueError for what cannot let anybody in."""
    if _private(text):
        raise ValueError(_PRIVATE)
    if not text.isprintable():
        raise ValueError(f"is more than one line of plain text: {_WRITE}, each as an item of its own")
    kind, *rest = text.split()
    if kind not in FIELDS:
        raise ValueError(_no_type(text, kind))
    if not rest:
        raise ValueError(f"is only the type of a key: {_WRITE}, all of it")
    if not _whole(kind, rest[0]):
        raise ValueError(
            f'"{_start(text)}" is not a whole {kind} key: part of it is missing or changed; {_WRITE}'
        )
    return " ".join((kind, *rest))


def no_text_for_a_list(value: Any) -> Any:
    """Refuse a text where a list of keys is wanted, without showing it: it may be a private key."""
    if isinstance(value, str):
        # pydantic turns no other error into one with a place.
        raise ValueError(_PRIVATE if _private(value) else f'must be a list: write ["{EXAMPLE}"]')  # noqa: TRY004
    return value


def _private(text: str) -> bool:
    return "PRIVATE KEY" in text or "PuTTY-User-Key-File" in text


def _no_type(text: str, kind: str) -> str:
    if kind == "ssh-dss":
        return (
            f"is a DSA key, which OpenSSH takes no longer: make one with ssh-keygen -t ed25519, and {_WRITE}"
        )
    if any(word in FIELDS for word in text.split()):
        return f'"{_start(text)}" has something before the type of the key: options are not taken, {_WRITE}'
    return f'"{_start(text)}" is not a public SSH key: {_WRITE}'


def _start(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _whole(kind: str, data: str) -> bool:
    """Whether the data are a key of this type, to the last byte: fields, each after its length (RFC 4253)."""
    try:
        left = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    fields = []
    while left:
        size = int.from_bytes(left[:4], "big")
        field, left, there = left[4 : 4 + size], left[4 + size :], len(left) - 4
        if not 0 < size <= there:
            return False
        fields.append(field)
    return len(fields) == FIELDS[kind] and fields[0] == kind.encode()
