"""The kinds of single values in reservation.yaml: how each is written, read, and shown to editors."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from ipaddress import IPv4Network, ip_network
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, StringConstraints, WithJsonSchema

from chi_helpers.config import quantities
from chi_helpers.config.publickey import EXAMPLE, PATTERN, no_text_for_a_list, public_key
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


def _gib(size: int) -> int:
    if size < 1:
        raise ValueError(f"{size} is no size: write whole GiB, 1 or more, for example 200")
    return size


def unique(values: list[Any]) -> list[Any]:
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
Gib = Annotated[int, Field(strict=True, json_schema_extra={"minimum": 1}), AfterValidator(_gib)]
Duration = Annotated[
    timedelta, *_written(quantities.duration, quantities.DURATION, "6h", "90m", "2h30m", "1d")
]
Span = Annotated[Duration, AfterValidator(quantities.positive)]
Short = Annotated[timedelta, *_written(quantities.short, quantities.SHORT, "30s", "1m")]
Count = Annotated[
    int | None,
    BeforeValidator(quantities.count),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "none"}], "examples": [20, "none"]}
    ),
]
Share = Annotated[
    float | None,
    BeforeValidator(quantities.share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": quantities.SHARE},
                {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            ],
            "examples": ["50%", 0.5, "none"],
        }
    ),
]
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
OPTION = r"[a-z][a-z0-9]*_[a-z0-9_]*[a-z0-9]"
OptionName = Annotated[
    str,
    *_matching(
        OPTION,
        "cannot name an option of a role: the role's name, _ and more, in lower-case letters, digits and _",
    ),
]
OptionValue = Annotated[JsonValue, WithJsonSchema({})]
"""Whatever the role's own specification asks for."""
PublicKeys = Annotated[
    list[
        Annotated[
            Text,
            AfterValidator(public_key),
            Field(json_schema_extra={"pattern": PATTERN, "examples": [EXAMPLE]}),
        ]
    ],
    BeforeValidator(no_text_for_a_list),
    AfterValidator(unique),
]
PrivateNetwork = Annotated[
    IPv4Network | None, *_written(_private_network, r"^\d+\.\d+\.\d+\.\d+/\d+$", "192.168.1.0/24")
]
