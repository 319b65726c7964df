"""Changes of stock by people: setting what lies in a batch, and bulk adjustments.

No change takes units that are reserved for orders. A batch that is expired or recalled may be emptied as long as
as much stays as is reserved; a batch may turn out to have expired, whatever is reserved of it: the goods are as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol, TypeVar

from fenxiao.catalog.api import ProductMissing
from fenxiao.catalog.domain.batches import NO_BATCH, Batch, Portion, Shelf, in_order_of_sale, take_any
from fenxiao.catalog.domain.movements import COUNTED, Cause, Changes, Movement
from fenxiao.catalog.domain.refusals import AdjustmentsRefused, BelowReserved
from fenxiao.kernel.errors import FieldError, Invalid

# Field, message, values.
Fault = tuple[str, str, Mapping[str, object]]

OTHER_EXPIRY = "Batch {batch_id} expires on {expiry_date}; PUT /api/inventory/{product_id} changes that."
NO_EXPIRY = "Batch {batch_id} never expires; PUT /api/inventory/{product_id} changes that."
TOO_FEW = "Only {stock} units lie in batch {batch_id}."


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Units of a product that come (`delta` above 0) or go.

    Without `batch_id`, coming units are put into the batch of goods without number, and going ones are taken
    from all batches, the first to expire first. `expiry_date` is that of a batch which is new or empty.
    """

    product_id: int
    delta: int
    reason: str
    batch_id: str | None = None
    expiry_date: date | None = None


def set_batch(shelf: Shelf, batch: Batch, stock: int, at: datetime, changes: Changes) -> BelowReserved | None:
    """Let `stock` units lie in a batch of the shelf."""
    delta = stock - batch.stock
    if delta < 0 and (refusal := below_reserved(shelf, batch, -delta, at)):
        return refusal
    if delta:
        batch.stock = stock
        changes.movements.append(Movement(batch, delta, Cause(COUNTED, at)))
    return None


def below_reserved(shelf: Shelf, batch: Batch, going: int, at: datetime) -> BelowReserved | None:
    """Why so many units cannot leave this batch, if so: orders wait for them."""
    day = at.astimezone(UTC).date()
    left = shelf.on_hand() - going
    if batch.sellable_on(day):
        # Goods elsewhere that cannot be sold are no substitute for what is reserved.
        left = min(left, shelf.servable(day) - going)
    if left >= shelf.reserved:
        return None
    return BelowReserved(product_id=shelf.product_id, reserved=shelf.reserved, left=left)


def adjust(
    adjustments: Sequence[Adjustment], shelves: Mapping[int, Shelf], at: datetime, reference: str | None
) -> Changes:
    """All of the adjustments, each seeing those before it; if one cannot be made, all are refused with every reason.

    New batches are among the movements with `inventory_id` 0.
    """

    def one(adjustment: Adjustment, shelf: Shelf) -> list[Movement] | Fault:
        outcome = _come(shelf, adjustment) if adjustment.delta > 0 else _go(shelf, adjustment, at)
        if not isinstance(outcome, list):
            return outcome
        sign = 1 if adjustment.delta > 0 else -1
        cause = Cause(adjustment.reason, at, None, reference)
        return [Movement(batch, sign * units, cause) for batch, units in outcome]

    return all_or_none(adjustments, shelves, one)


class _OfProduct(Protocol):
    @property
    def product_id(self) -> int: ...


Item = TypeVar("Item", bound=_OfProduct)


def all_or_none(
    items: Sequence[Item],
    shelves: Mapping[int, Shelf],
    one: Callable[[Item, Shelf], list[Movement] | Fault],
) -> Changes:
    """What the items move, each seeing those before it; `AdjustmentsRefused` or `Invalid` with the fault of every one."""
    changes = Changes()
    missing: list[FieldError] = []
    conflicts: list[FieldError] = []
    for place, item in enumerate(items):
        shelf = shelves.get(item.product_id)
        if shelf is None:
            field, params = f"items.{place}.product_id", {"product_id": item.product_id}
            missing.append(FieldError(field, ProductMissing.template(), params))
            continue
        outcome = one(item, shelf)
        if isinstance(outcome, list):
            changes.movements += outcome
        else:
            conflicts.append(FieldError(f"items.{place}.{outcome[0]}", outcome[1], outcome[2]))
    if missing:
        raise Invalid(errors=tuple(missing + conflicts))
    if conflicts:
        raise AdjustmentsRefused(errors=tuple(conflicts))
    return changes


def _come(shelf: Shelf, adjustment: Adjustment) -> list[Portion] | Fault:
    batch = receiving(shelf, adjustment.batch_id or NO_BATCH, adjustment.expiry_date)
    if not isinstance(batch, Batch):
        return batch
    batch.stock += adjustment.delta
    return [(batch, adjustment.delta)]


def receiving(shelf: Shelf, batch_id: str, expiry_date: date | None) -> Batch | Fault:
    """The batch that units are put into: a new one, or one that expires on that day (None: whenever it does)."""
    batch = shelf.batch(batch_id)
    if batch is None:
        batch = Batch(
            inventory_id=0,
            product_id=shelf.product_id,
            batch_id=batch_id,
            stock=0,
            expiry_date=expiry_date,
        )
        shelf.batches = in_order_of_sale([*shelf.batches, batch])
    elif expiry_date not in (None, batch.expiry_date):
        if batch.stock:
            params = {"batch_id": batch_id, "expiry_date": batch.expiry_date, "product_id": shelf.product_id}
            return "expiry_date", NO_EXPIRY if batch.expiry_date is None else OTHER_EXPIRY, params
        batch.expiry_date = expiry_date
        shelf.batches = in_order_of_sale(shelf.batches)
    return batch


def _go(shelf: Shelf, adjustment: Adjustment, at: datetime) -> list[Portion] | Fault:
    going = -adjustment.delta
    if adjustment.batch_id is None:
        left = shelf.on_hand() - going
        portions = None
        if left >= shelf.reserved:
            portions = take_any(shelf, going, at.astimezone(UTC).date(), keep=shelf.reserved)
        if portions is None:
            short = BelowReserved(product_id=shelf.product_id, reserved=shelf.reserved, left=left)
            return "delta", short.template(), short.params
        return portions
    batch = shelf.batch(adjustment.batch_id)
    if batch is None or batch.stock < going:
        return "delta", TOO_FEW, {"stock": batch.stock if batch else 0, "batch_id": adjustment.batch_id}
    if refusal := below_reserved(shelf, batch, going, at):
        return "delta", refusal.template(), refusal.params
    batch.stock -= going
    return [(batch, going)]


def new_batches(changes: Changes) -> list[Batch]:
    """Batches among the movements that are not stored yet, each once."""
    return list({id(m.batch): m.batch for m in changes.movements if not m.batch.inventory_id}.values())
