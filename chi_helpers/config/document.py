"""reservation.yaml as pydantic models: its sections, the names and limits of their values.

How single values are written is in `fields`, what several of them must be together in `rules`; what the
program works with is `chi_helpers.model.lab`. Every field's description is what an editor shows, through the
published JSON Schema.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chi_helpers.config.fields import (
    NODE_KEY,
    OPTION,
    Count,
    Duration,
    Gib,
    Hours,
    LabName,
    Moment,
    NodeKey,
    OptionName,
    OptionValue,
    Port,
    PrivateNetwork,
    PublicKeys,
    Regex,
    Role,
    Share,
    Short,
    Span,
    Start,
    Text,
    Zone,
    unique,
)


class Section(BaseModel):
    """A mapping of the file: unknown keys are refused; a number where text is wanted is text."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=False)


class LifetimeSection(Section):
    """How long anything of this lab may exist."""

    max: Span = Field(description="Nothing of this lab outlives it, whatever else the file says.")
    warn: Annotated[list[Span], AfterValidator(unique)] = Field(
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
    ports: Annotated[list[Port], AfterValidator(unique)] = Field(
        default=[22],
        description="TCP ports that are open to the world. Services are better reached by an SSH tunnel.",
    )
    boot_volume: Gib | None = Field(
        default=None,
        description="Boot from a volume of so many GiB, where the flavor's own disk is too small. For a "
        "virtual machine, and with `launch: terraform`.",
        json_schema_extra={"examples": [200]},
    )
    stack: Annotated[list[Role], AfterValidator(unique)] = Field(
        default=[], description="Ansible roles to apply after launch, in order."
    )


class NetworkSection(Section):
    """The networks of the lab."""

    shared: Text = Field(default="sharednet1", description="The site's network that every node is on.")
    private: PrivateNetwork = Field(
        default=None, description="A network of the lab's own, for example 192.168.1.0/24."
    )


class SpareSection(Section):
    """What the reaper leaves alone."""

    names: list[Regex] = Field(
        default=[], description="Regular expressions, searched for in a resource's name."
    )
    owners: list[Text] = Field(default=[], description="People whose resources stay.")
    until: dict[Text, Moment] = Field(default={}, description="Name of a resource: left alone until then.")


class LimitsSection(Section):
    """How many deletions one run of the reaper may plan before it does none and says so: the breaker."""

    run: Count = Field(
        default=200, description="In one run, all projects together. 0 means none at all; `none`: no limit."
    )
    project: Count = Field(default=100, description="In one project. 0 means none at all; `none`: no limit.")
    owner: Count = Field(
        default=20, description="Of one owner's things. 0 means none at all; `none`: no limit."
    )
    share: Share = Field(
        default=0.5,
        description="Part of a project's resources, as 50% or 0.5, counted from the eleventh deletion on. "
        "`none`: no limit.",
        json_schema_extra={"default": "50%"},
    )


class ReapSection(Section):
    """How the reaper (`chi-lab reap`) may act on what the lab leaves behind."""

    exclusive: bool = Field(
        default=False,
        description="The project is used for nothing but this lab: what people of the roster made in it by "
        "hand goes, too.",
    )
    grace: Duration = Field(
        default=timedelta(minutes=5),
        description="How long after its deadline a thing is left alone.",
        json_schema_extra={"default": "5m"},
    )
    hard: Duration = Field(
        default=timedelta(hours=1),
        description="How long after its deadline a thing goes although no warning was delivered.",
        json_schema_extra={"default": "1h"},
    )
    second_look: Duration = Field(
        default=timedelta(minutes=10),
        description="How long a thing that carries no stamp must have been known before it goes.",
        json_schema_extra={"default": "10m"},
    )
    skew: Short = Field(
        default=timedelta(seconds=30),
        description="How far this machine's clock may be off the site's.",
        json_schema_extra={"default": "30s"},
    )
    limits: LimitsSection = LimitsSection()


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
    people: PublicKeys = Field(
        default=[],
        description="Public SSH keys of those who may log in besides the owner, on every node whose `stack` "
        "has `users`. One key each, the line of a file such as id_ed25519.pub.",
    )
    options: dict[OptionName, OptionValue] = Field(
        default={},
        description="Options of the roles in `stack`, on all nodes, such as docker_registry_mirrors. Each "
        "role's README has its own. No secrets: they are made by the kit.",
        json_schema_extra={"propertyNames": {"pattern": f"^{OPTION}$"}},
    )
    network: NetworkSection = NetworkSection()
    launch: Literal["chi", "terraform"] = Field(default="chi", description="What creates the instances.")
    spare: SpareSection = SpareSection()
    reap: ReapSection = ReapSection()
    outages: list[OutageSection] = Field(default=[], description="Planned outages.")
    class_: ClassSection | None = Field(default=None, alias="class")
