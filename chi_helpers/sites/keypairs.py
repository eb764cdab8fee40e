"""The SSH key pair: its private half must be here, its public half at the site, and both the same key.

python-chi's `update_keypair` deletes a key pair of the same name that holds another key, and makes it anew
(chi/server.py:1084): instances that wait for the old key are then out of reach. Here a key pair at the site
is never replaced; where it differs, the reader is told.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from chi import context

from chi_helpers.model.errors import UsageError
from chi_helpers.model.wants import KeyPair
from chi_helpers.sites.errors import ConflictError, GoneError, NoAnswerError, told
from chi_helpers.sites.waiting import read

if TYPE_CHECKING:
    from chi_helpers.sites.session import Session

USUAL = ("~/.ssh/id_rsa_chameleon", "~/.ssh/id_ed25519", "~/.ssh/id_rsa", "/work/.ssh/id_rsa")
"""Where the course's labs and Chameleon's JupyterHub put the private key."""


def local() -> KeyPair:
    """Find the key pair of this machine.

    OS_KEYPAIR_NAME, OS_KEYPAIR_PRIVATE_KEY and OS_KEYPAIR_PUBLIC_KEY name it, as in a Chameleon JupyterHub;
    else it is `<user>-jupyter` (python-chi's default) and the first of the usual files.
    Raises `UsageError` where there is no private key, or the public one belongs to another.
    """
    name = os.environ.get("OS_KEYPAIR_NAME") or context.get("keypair_name")
    if not name:
        raise UsageError("The key pair has no name: OS_KEYPAIR_NAME and USER are not set.", do="Set one.")
    private = _private()
    public = _public(private)
    context.set("keypair_name", name)
    context.set("keypair_private_key", str(private))
    return KeyPair(str(name), private, public)


def at_site(session: Session, name: str) -> str | None:
    """Read the public key that the site holds under this name for this user; None where there is none."""
    try:
        return str(read("look at the key pair", lambda: session.conn.compute.get_keypair(name)).public_key)
    except GoneError:
        return None


def ensure(session: Session, pair: KeyPair) -> bool:
    """Upload the public key where the site does not have it yet; tell whether it was uploaded.

    Raises `UsageError` where the name holds another key there.
    """
    held = at_site(session, pair.name)
    if held is None:
        try:
            with told("upload the public key"):
                session.conn.compute.create_keypair(name=pair.name, public_key=pair.public_key, type="ssh")
        except (ConflictError, NoAnswerError):
            held = at_site(session, pair.name)  # another run was quicker, or the answer was lost
            if held is None:
                raise
    if held is not None and not same(held, pair.public_key):
        raise UsageError(
            f"The key pair '{pair.name}' at the site holds another key than {pair.private_key}.",
            do="It is left alone, since instances may wait for it. Set OS_KEYPAIR_NAME to a new name, or "
            "OS_KEYPAIR_PRIVATE_KEY to the key that belongs to it.",
        )
    return held is None


def same(one: str, other: str) -> bool:
    """Whether two OpenSSH public keys are the same key, comments aside."""
    return one.split()[:2] == other.split()[:2]


def _private() -> Path:
    named = os.environ.get("OS_KEYPAIR_PRIVATE_KEY")
    places = [Path(p).expanduser() for p in ((named,) if named else USUAL)]
    for place in places:
        if place.is_file():
            return place
    raise UsageError(
        f"No private SSH key: looked for {', '.join(map(str, places))}.",
        do="Make one with `ssh-keygen -t ed25519 -f ~/.ssh/id_rsa_chameleon`, or set OS_KEYPAIR_PRIVATE_KEY.",
    )


def _public(private: Path) -> str:
    file = Path(os.environ.get("OS_KEYPAIR_PUBLIC_KEY") or f"{private}.pub")
    written = file.read_text(encoding="utf-8").strip() if file.is_file() else None
    # -P "": never ask; a key with a passphrase cannot be read so, and its .pub file is then believed.
    derived = subprocess.run(
        ["ssh-keygen", "-y", "-P", "", "-f", str(private)], capture_output=True, text=True, check=False
    )
    if derived.returncode == 0:
        public = derived.stdout.strip()
        if written is not None and not same(written, public):
            raise UsageError(
                f"{file} is not the public half of {private}.",
                do="Point OS_KEYPAIR_PRIVATE_KEY and OS_KEYPAIR_PUBLIC_KEY to one pair.",
            )
        return public
    if "passphrase" in derived.stderr and written is not None:
        return written
    reason = (derived.stderr.strip().splitlines() or ["not readable"])[-1]
    raise UsageError(
        f"The private key {private} cannot be used: {reason}",
        do="Check that it is an OpenSSH key with mode 0600.",
    )
