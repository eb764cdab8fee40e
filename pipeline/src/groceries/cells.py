"""From what a file holds to the types of an order, cell by cell where it must be.

A cell that cannot be read becomes null; the caller can tell it from one that was empty.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def typed(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    """`column` as `wanted`; cells that cannot be that are null. Never rounds, wraps or guesses.

    A number is not taken for a time (of which unit?), nor for true or false, nor for text.
    """
    column = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), wanted)
    if not _akin(column.type, wanted):
        return pa.nulls(len(column), wanted)
    if pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
        column = pc.utf8_trim_whitespace(column)
    return _halved(column, wanted)


def _halved(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Cast all at once; where that fails, each half: few bad cells cost little, and one parser serves."""
    try:
        return column.cast(wanted, safe=True)
    except pa.ArrowInvalid:
        if len(column) == 1:
            return pa.nulls(1, wanted)
    half = len(column) // 2
    return pa.concat_arrays([_halved(column.slice(0, half), wanted), _halved(column.slice(half), wanted)])


def _akin(found: pa.DataType, wanted: pa.DataType) -> bool:
    if found == wanted or pa.types.is_string(found) or pa.types.is_large_string(found):
        return True
    if pa.types.is_timestamp(wanted):
        return pa.types.is_timestamp(found) and found.tz is not None
    return _number(found) and _number(wanted)


def _number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
