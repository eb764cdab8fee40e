"""Keystone."""

from __future__ import annotations

from chi_helpers.sandbox.conf.ini import Sections, common, merged
from chi_helpers.sandbox.description import Description


def files(site: Description) -> dict[str, Sections]:
    keys = site.folder / "keystone"
    own: Sections = {
        "fernet_tokens": {"key_repository": str(keys / "fernet")},
        "fernet_receipts": {"key_repository": str(keys / "fernet")},
        "credential": {"key_repository": str(keys / "credential")},
        "token": {"provider": "fernet", "expiration": 86400},
        # Half a second per login otherwise, on a site that only this machine can reach.
        "identity": {"password_hash_rounds": 4},
        "cache": {"enabled": True, "backend": "dogpile.cache.memory"},
        # Keystone 30 lets no application credential make the trust that Blazar needs for a lease.
        # Chameleon lets unrestricted ones; `serve.keystone` refuses the restricted ones.
        "security_compliance": {"allow_insecure_application_credential_trust_escalation": True},
    }
    return {"keystone/keystone.conf": merged(common(site, "keystone"), own)}
