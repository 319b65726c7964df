"""Arrays as PostgreSQL writes them (its documentation, "Array Input and Output Syntax").

A statement that writes many rows takes each column as one array. As a text, `$1::text::bigint[]`, it costs the driver
nothing, which otherwise examines and encodes every element by itself; at thousands of orders a second that was a
quarter of all work. Arrays within arrays must be written so in any case where their lengths differ.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID


def numbers(values: Iterable[int | UUID | str | None]) -> str:
    """Whole numbers, or UUIDs as such or as texts, which need no quotes either; None is NULL."""
    # Nothing else of these is written with these letters.
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def texts(values: Iterable[str | None]) -> str:
    """Texts of any content, other arrays among them; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def truths(values: Iterable[bool]) -> str:
    """Truth values."""
    return "{" + ",".join(["t" if value else "f" for value in values]) + "}"


def times(values: Iterable[datetime | None]) -> str:
    """Moments with their offsets; None is NULL."""
    values = list(values)
    # What is written together mostly happened at one moment.
    written = {value: "NULL" if value is None else f'"{value.isoformat()}"' for value in set(values)}
    return "{" + ",".join([written[value] for value in values]) + "}"


def octets(values: Iterable[bytes | None]) -> str:
    """Byte strings; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
