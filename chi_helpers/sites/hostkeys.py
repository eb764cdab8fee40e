"""SSH host keys, from where the site vouches for them: the instance's console, as Nova shows it.

cloud-init writes a new instance's public host keys there between two marker lines, once
(cloudinit/config/cc_keys_to_console.py).
"""

from __future__ import annotations

BEGIN = "-----BEGIN SSH HOST KEY KEYS-----"
END = "-----END SSH HOST KEY KEYS-----"
_KINDS = ("ssh-ed25519", "ecdsa-sha2-", "ssh-rsa")
_FIELDS = 2


def parse(console: str) -> tuple[str, ...]:
    """Read the host keys in a console's output, each as `type base64`; empty where there are none yet.

    Of several blocks the last complete one counts: an instance that was rebuilt has new keys.
    """
    keys: tuple[str, ...] = ()
    block: list[str] | None = None
    for line in console.splitlines():
        if BEGIN in line:
            block = []
        elif END in line and block is not None:
            keys, block = tuple(block), None
        elif block is not None:
            # A console may put the kernel's time or the unit's name in front of a line.
            words = line.split()
            at = next((n for n, word in enumerate(words) if word.startswith(_KINDS)), None)
            if at is not None and len(words) >= at + _FIELDS:
                block.append(" ".join(words[at : at + _FIELDS]))
    return keys
