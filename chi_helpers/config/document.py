"""reservation.yaml as pydantic models: names, types and the limits of single values.

What several values must be together is in `rules`; what the program works with is `chi_helpers.model.lab`.
Every field's description is what an editor shows, through the published JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from ipaddress import IPv4Network, ip_network
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from chi_helpers.config import quantities
from chi_helpers.model.span import span

PRIVATE = tuple(ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""The private address ranges of RFC 1918."""
NEVER_A_PORT = "must be a TCP port, 1 to 65535"


def _matching(pattern: str, rule: str) -> tuple[AfterValidator, Any]:
    """A text that matches `pattern`, else the message `rule`."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f'"{text}" {rule}')
        return text

    return AfterValidator(check), Field(json_schema_extra={"pattern": f"^{pattern}$"})


def _written(
    parse: Callable[[Any], Any], pattern: str, *examples: str
) -> tuple[BeforeValidator, WithJsonSchema]:
    """A value that is written as text and read by `parse`; editors check `pattern`."""
    schema: dict[str, Any] = {"type": "string", "examples": list(examples)}
    return BeforeValidator(parse), WithJsonSchema(schema | ({"pattern": pattern} if pattern else {}))


def _private_network(value: Any) -> IPv4Network | None:
    if value is None:
        return None
    try:
        network = IPv4Network(str(value))
    except ValueError as error:
        raise ValueError(
            f'"{value}" is not an IPv4 network ({error}): write for example 192.168.1.0/24'
        ) from error
    if not any(network.subnet_of(private) for private in PRIVATE if isinstance(private, IPv4Network)):
        raise ValueError(
            f"{value} is not a private network: take one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
        )
    return network


def _start(value: Any) -> datetime | None:
    return None if value in (None, "now") else quantities.moment(value)


def _port(port: int) -> int:
    if not 1 <= port <= 65535:  # noqa: PLR2004
        raise ValueError(f"{port} {NEVER_A_PORT}")
    return port


def _unique(values: list[Any]) -> list[Any]:
    twice = [value for index, value in enumerate(values) if value in values[:index]]
    if twice:
        shown = span(twice[0]) if isinstance(twice[0], timedelta) else twice[0]
        raise ValueError(f"{shown} stands here twice: keep one")
    return values


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Port = Annotated[
    int, Field(strict=True, json_schema_extra={"minimum": 1, "maximum": 65535}), AfterValidator(_port)
]
Duration = Annotated[
    timedelta, *_written(quantities.duration, quantities.DURATION, "6h", "90m", "2h30m", "1d")
]
Span = Annotated[Duration, AfterValidator(quantities.positive)]
Moment = Annotated[
    datetime, *_written(quantities.moment, quantities.MOMENT, "2026-01-29 14:00", "2026-01-29T14:00-05:00")
]
Start = Annotated[
    datetime | None,
    *_written(_start, f"^now$|{quantities.MOMENT}", "now", "2026-01-29 14:00", "2026-01-29T14:00-05:00"),
]
Zone = Annotated[ZoneInfo, *_written(quantities.zone, "", "America/Chicago", "America/New_York", "UTC")]
Hours = Annotated[
    tuple[time, time, ZoneInfo | None],
    *_written(quantities.hours, quantities.HOURS, "08:00-24:00 America/New_York"),
]
Regex = Annotated[Text, AfterValidator(_regex)]
NODE_KEY = r"[a-z][a-z0-9_-]{0,30}"
NodeKey = Annotated[
    str,
    *_matching(
        NODE_KEY,
        "cannot name a node: lower-case letters, digits, - and _, a letter first, at most 31",
    ),
]
LabName = Annotated[
    Text,
    *_matching(
        r"[a-z0-9][a-z0-9_-]{0,62}",
        "cannot name a lab: lower-case letters, digits, - and _, a letter or digit first, at most 63",
    ),
]
Role = Annotated[
    Text,
    *_matching(
        r"[a-z][a-z0-9_]*", "cannot name an Ansible role: lower-case letters, digits and _, a letter first"
    ),
]


class Section(BaseModel):
    """A mapping of the file: unknown keys are refused; a number where text is wanted is text."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=False)


class LifetimeSection(Section):
    """How long anything of this lab may exist."""

    max: Span = Field(description="Nothing of this lab outlives it, whatever else the file says.")
    warn: Annotated[list[Span], AfterValidator(_unique)] = Field(
        default=[], description="How long before the deadline to warn, for example [1h, 15m]."
    )
    hours: Hours | None = Field(
        default=None,
        description="Daily window in which the lab may be active, with its time zone (else the file's). "
        "A lease is cut at the end of it.",
    )


class LeaseSection(Section):
    """What to reserve, and when."""

    start: Start = Field(
        default=None,
        description="`now`, or a time such as 2026-01-29 14:00, read in `timezone`.",
        json_schema_extra={"default": "now"},
    )
    duration: Span | None = Field(
        default=None,
        description="Counted from the start; never above lifetime.max, which is also the default.",
    )
    end_early: Duration = Field(
        default=timedelta(minutes=5),
        description="A lease of an hour or more that would end on a full hour ends this much before it, so "
        "that the next one can start on the hour. 0m switches it off.",
        json_schema_extra={"default": "5m"},
    )


class NodeSection(Section):
    """One instance: give either `flavor` (a virtual machine) or `node_type` (bare metal)."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["flavor"]}, {"required": ["node_type"]}]}
    )

    flavor: Text | None = Field(
        default=None, description="Virtual machine: the flavor to reserve, for example m1.small."
    )
    node_type: Text | None = Field(
        default=None, description="Bare metal: the node type to reserve, for example compute_liqid."
    )
    image: Text = Field(description="Name of the image to boot, for example CC-Ubuntu24.04.")
    floating_ip: bool = Field(
        default=False, description="Give it an address that can be reached from outside."
    )
    ports: Annotated[list[Port], AfterValidator(_unique)] = Field(
        default=[22],
        description="TCP ports that are open to the world. Services are better reached by an SSH tunnel.",
    )
    stack: Annotated[list[Role], AfterValidator(_unique)] = Field(
        default=[], description="Ansible roles to apply after launch, in order."
    )


class NetworkSection(Section):
    """The networks of the lab."""

    shared: Text = Field(default="sharednet1", description="The site's network that every node is on.")
    private: Annotated[
        IPv4Network | None, *_written(_private_network, r"^\d+\.\d+\.\d+\.\d+/\d+$", "192.168.1.0/24")
    ] = Field(default=None, description="A network of the lab's own, for example 192.168.1.0/24.")


class SpareSection(Section):
    """What the reaper leaves alone."""

    names: list[Regex] = Field(
        default=[], description="Regular expressions, searched for in a resource's name."
    )
    owners: list[Text] = Field(default=[], description="People whose resources stay.")
    until: dict[Text, Moment] = Field(default={}, description="Name of a resource: left alone until then.")


class OutageSection(Section):
    """A planned outage: a lease that would run across it is refused."""

    site: Text = Field(description="The site, as in `site` above.")
    start: Moment = Field(alias="from", description="When it begins, read in `timezone`.")
    end: Moment = Field(alias="to", description="When it is over, read in `timezone`.")
    why: Text = Field(description="Shown to whoever is refused.")


class ClassSection(Section):
    """A whole class from one file."""

    roster: Text = Field(description="CSV file with one row per student, relative to this file.")
    per: Literal["student", "group"] = Field(
        default="student", description="One lab for each student, or each group."
    )


class Document(Section):
    """What a lab needs, how long it may live, and who is spared."""

    version: Literal[1] = Field(description="Version of this file's format: 1.")
    lab: LabName = Field(
        description="Name of the lab; leases and instances are named after it and their owner."
    )
    site: Text = Field(
        description="Chameleon site, for example KVM@TACC, CHI@UC, or CHI@Sandbox on this machine."
    )
    project: Text | None = Field(default=None, description="Chameleon project; otherwise the session's own.")
    lifetime: LifetimeSection
    lease: LeaseSection = LeaseSection()
    timezone: Zone = Field(
        default=ZoneInfo("UTC"),
        description="Time zone of the times in this file, and of the times that are shown.",
        json_schema_extra={"default": "UTC"},
    )
    nodes: dict[NodeKey, NodeSection] = Field(
        min_length=1,
        description="The instances, each by a name of its own, for example node1.",
        json_schema_extra={"propertyNames": {"pattern": f"^{NODE_KEY}$"}},
    )
    network: NetworkSection = NetworkSection()
    launch: Literal["chi", "terraform"] = Field(default="chi", description="What creates the instances.")
    spare: SpareSection = SpareSection()
    outages: list[OutageSection] = Field(default=[], description="Planned outages.")
    class_: ClassSection | None = Field(default=None, alias="class")
