"""What a site says about itself and about the caller, before anything is made: the preflight's evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of something a project may have; `limit` None means no limit."""

    used: int
    limit: int | None

    @property
    def free(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Flavor:
    id: str
    name: str
    vcpus: int
    ram: int
    """MiB."""
    disk: int
    """GiB."""


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """`source` says where the credentials came from; `skew` is this machine's clock minus the site's."""

    source: str
    user: str
    project: str
    skew: timedelta
    project_id: str = ""
    restricted: bool = False
    """An application credential that may not make leases."""
    flavors: Mapping[str, Flavor] = field(default_factory=dict)
    images: Mapping[str, int] = field(default_factory=dict)
    """How many images have each of the names that were asked for."""
    networks: frozenset[str] = frozenset()
    node_types: frozenset[str] | None = None
    """None where the site does not tell, or was not asked."""
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    """By Nova's and Neutron's own words: instances, cores, ram, floatingip, security_group."""
