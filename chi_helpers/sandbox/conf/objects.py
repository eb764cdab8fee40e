"""Swift. The proxy and the three servers behind it are one process, and talk over sockets of its own."""

from __future__ import annotations

from pathlib import Path

from chi_helpers.sandbox.conf.ini import Sections, Value, token_checks
from chi_helpers.sandbox.description import Description

# Upstream's default (etc/proxy-server.conf-sample), in its order, but for: cache, which needs memcached;
# proxy-logging and ratelimit, which need it or are for others; container_sync, between clusters;
# s3api and what belongs to it is in neither.
_PIPELINE = (
    "catch_errors gatekeeper healthcheck listing_formats bulk tempurl authtoken keystoneauth copy "
    "container-quotas account-quotas slo dlo versioned_writes symlink proxy-server"
)
SERVERS = {"account": 6202, "container": 6201, "object": 6200}
"""The ports that their rings name; `serve.swift` has a Unix socket for each instead."""
DEVICE = "d1"
_PATIENCE = 60
"""Seconds for one server to answer another; upstream's 3 are too few on a busy machine."""
_BETWEEN: dict[str, Value] = {"node_timeout": _PATIENCE, "conn_timeout": _PATIENCE}


def files(site: Description) -> dict[str, Sections]:
    proxy: Sections = {
        "DEFAULT": _shared(site),
        "pipeline:main": {"pipeline": _PIPELINE},
        **{f"filter:{name}": {"use": f"egg:swift#{name.replace('-', '_')}"} for name in _filters()},
        "filter:authtoken": {
            "paste.filter_factory": "keystonemiddleware.auth_token:filter_factory",
            **token_checks(site)["keystone_authtoken"],
            # Anonymous requests go on: temporary URLs and public containers need no token.
            "delay_auth_decision": True,
        },
        "filter:keystoneauth": {
            "use": "egg:swift#keystoneauth",
            "operator_roles": "admin,manager,member",
            "reseller_admin_role": "admin",
        },
        "filter:versioned_writes": {"use": "egg:swift#versioned_writes", "allow_versioned_writes": True},
        "app:proxy-server": {
            "use": "egg:swift#proxy",
            **_BETWEEN,
            "account_autocreate": True,
            "post_quorum_timeout": _PATIENCE,
            # There is one copy: to give up on its server for a minute would be to give up.
            "error_suppression_limit": 1000000000,
        },
    }
    # How the expirer deletes: the proxy without its guards.
    internal: Sections = {
        "DEFAULT": _shared(site),
        "pipeline:main": {"pipeline": "catch_errors proxy-server"},
        "filter:catch_errors": {"use": "egg:swift#catch_errors"},
        "app:proxy-server": {"use": "egg:swift#proxy", **_BETWEEN, "account_autocreate": True},
    }
    return {
        # The hash's suffix must never change, and guards nothing: no other process reaches the servers.
        "swift/swift.conf": {"swift-hash": {"swift_hash_path_suffix": site.site_id}},
        "swift/proxy-server.conf": proxy,
        "swift/internal-client.conf": internal,
        **{f"swift/{kind}-server.conf": _server(site, kind) for kind in SERVERS},
    }


def daemons(site: Description) -> dict[str, str]:
    """The options of what is no server, as Swift's classes take them."""
    return {
        **{name: str(value) for name, value in {**_shared(site), **_on_disk(site), **_BETWEEN}.items()},
        "internal_client_conf_path": str(site.folder / "etc" / "swift" / "internal-client.conf"),
        "recon_cache_path": str(site.folder / "swift"),
        "dequeue_from_legacy": "true",  # the only queue there is
    }


def _shared(site: Description) -> dict[str, Value]:
    return {
        "swift_dir": str(site.folder / "etc" / "swift"),
        "log_level": "WARNING",
        # Swift writes to syslog only.
        "log_custom_handlers": "chi_helpers.sandbox.storage.swift.log_to_stderr",
    }


def _on_disk(site: Description) -> dict[str, Value]:
    return {
        "devices": str(devices(site)),
        "mount_check": "false",
        # It is not the sandbox's to say that a disk is too full.
        "fallocate_reserve": 0,
    }


def devices(site: Description) -> Path:
    """The folder of what Swift takes for disks."""
    return site.folder / "swift" / "devices"


def _filters() -> list[str]:
    return [name for name in _PIPELINE.split()[:-1] if name != "authtoken"]


def _server(site: Description, kind: str) -> Sections:
    return {
        "DEFAULT": {**_shared(site), **_on_disk(site)},
        "pipeline:main": {"pipeline": f"{kind}-server"},
        f"app:{kind}-server": {
            "use": f"egg:swift#{kind}",
            **_BETWEEN,
            "container_update_timeout": _PATIENCE,
            "log_requests": False,
        },
    }
