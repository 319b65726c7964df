"""Stock counts: what was found against what the book said at that moment.

A line's difference is what was counted less what the book said when it was counted, so that everything that moved
between the opening of the count and its close is taken into account by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from fenxiao.catalog.domain.batches import Batch, Shelf
from fenxiao.catalog.domain.movements import COUNTED, Cause, Changes, Movement
from fenxiao.catalog.domain.refusals import BelowReserved, CountRefused
from fenxiao.kernel.errors import FieldError

GONE_SINCE = (
    "{gone} units have left batch {batch_id} since it was counted, more than were counted; count it again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """盘点明细: one batch as it was counted; `book` is what the book said then."""

    line: int
    product_id: int
    batch_id: str
    expiry_date: date | None
    counted: int
    book: int


def reference(count_id: int) -> str:
    """What the movements of a count refer to."""
    return f"counts/{count_id}"


def close(count_id: int, lines: Sequence[Counted], shelves: Mapping[int, Shelf], at: datetime) -> Changes:
    """The movements that bring the book to what was found; `CountRefused` with an error for each line in the way.

    Batches that the book does not know yet are among the movements with `inventory_id` 0.
    """
    day = at.astimezone(UTC).date()
    before = {product_id: shelf.servable(day) for product_id, shelf in shelves.items()}
    cause = Cause(COUNTED, at, None, reference(count_id))
    changes = Changes()
    errors: list[FieldError] = []
    there = {(b.product_id, b.batch_id): b for shelf in shelves.values() for b in shelf.batches}
    for line in lines:
        batch = there.get((line.product_id, line.batch_id)) or _new(shelves[line.product_id], line)
        delta = line.counted - line.book
        if batch.stock + delta < 0:
            params = {"gone": line.book - batch.stock, "batch_id": line.batch_id}
            errors.append(FieldError(f"lines.{line.line}.counted", GONE_SINCE, params))
        elif delta:
            batch.stock += delta
            changes.movements.append(Movement(batch, delta, cause))
    errors += _below_reserved(lines, shelves, before, day)
    if errors:
        raise CountRefused(count_id=count_id, errors=tuple(errors))
    return changes


def _new(shelf: Shelf, line: Counted) -> Batch:
    batch = Batch(
        inventory_id=0,
        product_id=line.product_id,
        batch_id=line.batch_id,
        stock=0,
        expiry_date=line.expiry_date,
    )
    shelf.batches.append(batch)
    return batch


def _below_reserved(
    lines: Sequence[Counted], shelves: Mapping[int, Shelf], before: Mapping[int, int], day: date
) -> list[FieldError]:
    """What orders wait for must not be counted away, of each product as a whole."""
    errors: list[FieldError] = []
    first = {line.product_id: line.line for line in reversed(lines) if line.counted < line.book}
    for product_id, line in sorted(first.items()):
        shelf = shelves[product_id]
        left = shelf.on_hand()
        if shelf.servable(day) < before[product_id]:
            left = min(left, shelf.servable(day))
        if left < shelf.reserved:
            refusal = BelowReserved(product_id=product_id, reserved=shelf.reserved, left=left)
            errors.append(FieldError(f"lines.{line}.counted", refusal.template(), refusal.params))
    return errors
