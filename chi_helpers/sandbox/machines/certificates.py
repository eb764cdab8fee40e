"""The certificates that this host trusts beyond the usual ones; its guests shall trust them too.

A network that inspects TLS gives its machines a certificate authority of its own; without it neither
apt nor pip works in a guest.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import certifi

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GUEST_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
)
"""For tools that ignore the system's store unless told."""

_LOCAL = ("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors")
_BUNDLES = (GUEST_BUNDLE, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


def certificates(text: str) -> list[str]:
    """All PEM certificates in a text."""
    return [found.strip() + "\n" for found in _PEM.findall(text)]


def extra(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """PEM certificates that this host trusts and Mozilla does not, in a stable order.

    What an administrator added, where the distribution has a folder for that; else what the bundle
    has more than certifi. (A bundle may also hold roots that Mozilla dropped since, so that the
    folder is the better source.)
    """
    local = _read(file for folder in _LOCAL for file in Path(folder).rglob("*") if file.is_file())
    if local:
        return local
    bundle = next(
        (name for name in (environment.get("SSL_CERT_FILE"), *_BUNDLES) if name and Path(name).exists()), None
    )
    if bundle is None:
        return ()
    known = {_squeeze(each) for each in certificates(Path(certifi.where()).read_text())}
    return tuple(each for each in _read([Path(bundle)]) if _squeeze(each) not in known)


def _read(files: Iterable[Path]) -> tuple[str, ...]:
    found = (each for file in files for each in certificates(file.read_text(errors="replace")))
    return tuple(sorted(set(found)))


def _squeeze(pem: str) -> str:
    return "".join(pem.split())
