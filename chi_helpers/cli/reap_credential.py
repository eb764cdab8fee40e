"""How to make the credential that the reaper should have: the commands, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chi_helpers.reap import Target

WHY = """\
# A plain member's application credential, made by a user of the reaper's own (no student, no administrator),
# one in each project. Why a member: Nova refuses a member to delete a locked instance, whatever the reaper
# thinks of it; an administrator's delete goes through. Roles are named, so that no other role of that user
# goes along. It need not be --unrestricted: the reaper lists, shortens and deletes, and makes no trust.
# A member sees no other user's key pairs. Let it expire soon after the term.
"""


def commands(lab: str, targets: Sequence[Target]) -> str:
    """Shell commands and the snippet of clouds.yaml for these projects. No site is asked."""
    parts = [WHY]
    for target in targets:
        cloud = f"--os-cloud {target.cloud} " if target.cloud else ""
        project = f" in project {target.project}" if target.project else ""
        name = f"reaper-{lab}"
        parts.append(
            f"# Logged in{f' at {target.site}' if target.site else ''} as the reaper's user{project}:\n"
            f"openstack {cloud}application credential create --role member --role reader \\\n"
            f"    --expiration YYYY-MM-DDT00:00:00 --description 'Reaper of {lab}' {name}\n"
            f"# Its output goes into clouds.yaml, which only the reaper may read (chmod 600):\n"
            "clouds:\n"
            f"  {_key(target, name)}:\n"
            f"    region_name: {target.site or 'SITE, for example KVM@TACC'}\n"
            "    auth_type: v3applicationcredential\n"
            "    auth:\n"
            "      auth_url: AUTH_URL   # openstack configuration show -f value -c auth.auth_url\n"
            "      application_credential_id: ID\n"
            "      application_credential_secret: SECRET\n"
            f"# Try it, changing nothing:\nchi-lab reap --cloud {_key(target, name)}\n"
        )
    return "\n".join(parts)


def _key(target: Target, name: str) -> str:
    return f"{name}-{target.project}" if target.project else name
