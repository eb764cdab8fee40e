"""What may stand under `people`: public SSH keys, with OpenSSH itself as the judge of the good ones."""

from __future__ import annotations

import base64
import json
import re
import subprocess

import pytest

from chi_helpers.config.publickey import FIELDS, PATTERN, public_key
from chi_helpers.config.schema import FILE

MADE = {
    "ssh-ed25519": ("ed25519",),
    "ssh-rsa": ("rsa", "-b", "2048"),
    "ecdsa-sha2-nistp256": ("ecdsa", "-b", "256"),
    "ecdsa-sha2-nistp384": ("ecdsa", "-b", "384"),
    "ecdsa-sha2-nistp521": ("ecdsa", "-b", "521"),
}
"""By type, how ssh-keygen makes one. The others need a security key at hand."""
POINT = b"\x04" + 64 * b"\x11"
HELD = {
    "sk-ssh-ed25519@openssh.com": (32 * b"\x11", b"ssh:"),
    "sk-ecdsa-sha2-nistp256@openssh.com": (b"nistp256", POINT, b"ssh:"),
}


def line(kind, *fields):
    """A public key of these fields."""
    data = b"".join(len(field).to_bytes(4, "big") + field for field in (kind.encode(), *fields))
    return f"{kind} {base64.b64encode(data).decode()}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A key pair of a type; the path of its private half."""
    folder = tmp_path_factory.mktemp("keys")

    def make(kind):
        path = folder / kind
        if not path.exists():
            words = ["ssh-keygen", "-q", "-N", "", "-C", "anna@laptop", "-f", str(path), "-t", *MADE[kind]]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        return path

    return make


def test_every_type_is_tried():
    assert {*MADE, *HELD} == set(FIELDS)


@pytest.mark.parametrize("kind", MADE)
def test_what_ssh_keygen_makes_is_taken_and_a_part_of_it_is_not(made, kind):
    text = made(kind).with_suffix(".pub").read_text().strip()
    assert public_key(text) == text
    assert re.search(PATTERN, text)
    first, data, comment = text.split()
    assert public_key(f"{first}   {data}  {comment} two words") == f"{first} {data} {comment} two words"
    assert public_key(f"{first} {data}") == f"{first} {data}"
    for wrong in (data[:-4], data[:-8], data[1:], f"{data}AAAA", "AAAA"):
        with pytest.raises(ValueError, match=f"is not a whole {re.escape(kind)} key"):
            public_key(f"{first} {wrong} {comment}")


@pytest.mark.parametrize("kind", HELD)
def test_a_key_of_a_security_key_is_taken(kind):
    text = line(kind, *HELD[kind])
    judged = subprocess.run(
        ["ssh-keygen", "-l", "-f", "-"], input=text, text=True, check=False, capture_output=True
    )
    assert (public_key(text), bool(re.search(PATTERN, text))) == (text, True)
    if kind == "sk-ssh-ed25519@openssh.com":  # the other one's point would have to be on the curve
        assert judged.returncode == 0, judged.stderr


@pytest.mark.parametrize(
    "data",
    [
        line("ssh-ed25519", 32 * b"\x11", b"more"),
        line("ssh-ed25519"),
        line("ssh-ed25519", b""),
        "ssh-ed25519 "
        + base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x21" + 32 * b"\x11").decode(),
        "ssh-ed25519 " + base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519\x00\x00").decode(),
        "ssh-ed25519 not*base64",
    ],
    ids=["a field more", "a field less", "an empty field", "a byte less", "half a length", "no base64"],
)
def test_a_key_that_is_not_whole_is_refused_and_only_its_start_is_shown(data):
    with pytest.raises(ValueError, match="is not a whole ssh-ed25519 key") as caught:
        public_key(data)
    shown = data if len(data) <= 24 else f"{data[:24]}..."
    assert str(caught.value) == (
        f'"{shown}" is not a whole ssh-ed25519 key: part of it is missing or changed; write the one line of a '
        "file such as ~/.ssh/id_ed25519.pub"
    )


def test_a_key_under_another_type_is_not_whole(made):
    _, data, _ = made("ssh-ed25519").with_suffix(".pub").read_text().split()
    with pytest.raises(ValueError, match="is not a whole ssh-rsa key"):
        public_key(f"ssh-rsa {data}")


@pytest.mark.parametrize("kind", MADE)
def test_a_private_key_is_refused_and_never_repeated(made, kind):
    secret = made(kind).read_text()
    for text in (secret, " ".join(secret.split())):
        with pytest.raises(ValueError, match="is a private key") as caught:
            public_key(text)
        body = secret.split("\n")[1:-2]
        assert [part for part in body if part[:8] in str(caught.value)] == []


def test_editors_are_given_a_pattern_that_javascript_takes():
    """With the flag `u` it refuses an escape that means nothing, such as of a hyphen."""
    pattern = json.loads(FILE.read_text(encoding="utf-8"))["properties"]["people"]["items"]["pattern"]
    assert pattern == PATTERN
    assert "\\" not in pattern
