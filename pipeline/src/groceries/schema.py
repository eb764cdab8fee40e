"""One order as it comes in: the columns of a batch, their types and units. Every one is required."""

from __future__ import annotations

import pyarrow as pa

ORDERS = pa.schema(
    [
        ("order_id", pa.int64()),
        ("route_id", pa.int64()),  # a van's tour; its stops are planned together
        ("city", pa.string()),
        ("stopped_at", pa.timestamp("us", tz="UTC")),  # when the van stopped
        ("floor", pa.int16()),  # 0 is the ground floor
        ("lift", pa.bool_()),
        ("stairs", pa.int16()),  # flights to climb: all floors without a lift, at most those with one
        ("crates", pa.int16()),
        ("parking_m", pa.float64()),  # metres from the van to the door
        ("driver_id", pa.int32()),
        ("driver_weeks", pa.int16()),  # experience
        ("service_minutes", pa.float64()),  # how long the stop took: what is to be predicted
    ]
)

FIELDS: tuple[str, ...] = tuple(ORDERS.names)

INGESTED = pa.schema(
    [
        *ORDERS,
        ("source", pa.string()),  # the file that the row is from
        ("row", pa.int64()),  # and its place there, counted from 1 (a CSV's header is not counted)
        ("unreadable", pa.int32()),  # bit n: the nth field was missing or of a wrong type, and is null here
    ]
)

KINDS = {
    pa.int64(): "a whole number",
    pa.int32(): "a whole number",
    pa.int16(): "a whole number from -32768 to 32767",
    pa.float64(): "a number",
    pa.bool_(): "true or false",
    pa.string(): "text",
    pa.timestamp("us", tz="UTC"): "a time with its zone, like 2025-03-01T17:05:00Z",
}
"""What the types are in words."""
