"""What becomes of the rows of a file, whatever the file is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fenxiao.kernel.errors import FieldError, Invalid

Action = Literal["created", "changed", "unchanged", "refused"]


class FileRefused(Invalid):
    """Some rows of the file cannot be taken, so none was; errors says which."""

    code = "file-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of a row: of which product, which columns change from what to what, or why nothing can."""

    row: int
    action: Action
    product_id: int | None = None
    sku: str | None = None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    faults: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows met which end."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """Count them."""
    counts = dict.fromkeys(("created", "changed", "unchanged", "refused"), 0)
    for outcome in outcomes:
        counts[outcome.action] += 1
    return Tally(**counts)


def refusal(faults: Iterable[tuple[int, FieldError]]) -> FileRefused:
    """The refusal of a whole file: (row, fault), the field of which becomes `rows.12.price`."""
    return FileRefused(
        errors=tuple(replace(fault, field=f"rows.{row}.{fault.field}".rstrip(".")) for row, fault in faults)
    )
