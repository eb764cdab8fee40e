"""From a checked document to the values that the program works with."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from chi_helpers.config.document import ClassSection, Document, NodeSection, ReapSection
from chi_helpers.config.quantities import localised
from chi_helpers.model.lab import (
    ActiveHours,
    ClassSpec,
    LabSpec,
    LeaseSpec,
    Lifetime,
    Limits,
    NetworkSpec,
    NodeSpec,
    Outage,
    ReapSpec,
    Spare,
)


def build(document: Document, source: Path) -> LabSpec:
    """The lab that `document`, which breaks no rule, declares; `source` is its file."""
    zone = document.timezone
    start = document.lease.start
    return LabSpec(
        lab=document.lab,
        site=document.site,
        lifetime=_lifetime(document),
        lease=LeaseSpec(
            duration=document.lease.duration or document.lifetime.max,
            start=None if start is None else localised(start, zone),
            end_early=document.lease.end_early,
        ),
        nodes=tuple(_node(key, node) for key, node in document.nodes.items()),
        timezone=zone,
        source=source,
        project=document.project,
        people=tuple(document.people),
        options=MappingProxyType(dict(document.options)),
        network=NetworkSpec(shared=document.network.shared, private=document.network.private),
        launch=document.launch,
        spare=Spare(
            names=tuple(document.spare.names),
            owners=tuple(document.spare.owners),
            until=tuple((name, localised(until, zone)) for name, until in document.spare.until.items()),
        ),
        outages=tuple(
            Outage(outage.site, localised(outage.start, zone), localised(outage.end, zone), outage.why)
            for outage in document.outages
        ),
        class_=_class(document.class_, source),
        reap=_reap(document.reap),
    )


def _lifetime(document: Document) -> Lifetime:
    window = document.lifetime.hours
    return Lifetime(
        max=document.lifetime.max,
        warn=tuple(sorted(document.lifetime.warn, reverse=True)),
        hours=None if window is None else ActiveHours(window[0], window[1], window[2] or document.timezone),
    )


def _node(key: str, node: NodeSection) -> NodeSpec:
    return NodeSpec(
        key=key,
        image=node.image,
        flavor=node.flavor,
        node_type=node.node_type,
        floating_ip=node.floating_ip,
        ports=tuple(node.ports),
        stack=tuple(node.stack),
        boot_volume=node.boot_volume,
    )


def _class(section: ClassSection | None, source: Path) -> ClassSpec | None:
    return None if section is None else ClassSpec(roster=source.parent / section.roster, per=section.per)


def _reap(section: ReapSection) -> ReapSpec:
    limits = section.limits
    return ReapSpec(
        exclusive=section.exclusive,
        grace=section.grace,
        hard=section.hard,
        second_look=section.second_look,
        skew=section.skew,
        limits=Limits(run=limits.run, project=limits.project, owner=limits.owner, share=limits.share),
    )
