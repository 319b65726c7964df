"""Transfers: units of a product are put from one of its batches into another.

No transfer makes sold again what cannot be sold: units of a recalled batch go only into another recalled one, and
expired ones not into a batch that is sold. Where a transfer takes units off sale, what is reserved stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from fenxiao.catalog.domain.adjustment import TOO_FEW, Fault, all_or_none, receiving
from fenxiao.catalog.domain.batches import Batch, Shelf
from fenxiao.catalog.domain.movements import Cause, Changes, Movement
from fenxiao.catalog.domain.refusals import BelowReserved

SAME_BATCH = "Name another batch than the one that the units come from."
RECALLED = "Batch {batch_id} is recalled; its units stay there until the recall is lifted."
EXPIRED = "Batch {batch_id} has expired; its units cannot be put into a batch that is sold."


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """调拨: so many units go from one batch into another, new or not.

    `expiry_date` is that of a batch which is new or empty; a new one without it expires when the other does.
    """

    product_id: int
    from_batch: str
    to_batch: str
    quantity: int
    reason: str
    expiry_date: date | None = None


def transfer(
    transfers: Sequence[Transfer], shelves: Mapping[int, Shelf], at: datetime, reference: str | None
) -> Changes:
    """All of the transfers, each seeing those before it; if one cannot be made, all are refused with every reason."""
    day = at.astimezone(UTC).date()

    def one(wanted: Transfer, shelf: Shelf) -> list[Movement] | Fault:
        source = shelf.batch(wanted.from_batch)
        if wanted.from_batch == wanted.to_batch:
            return "to_batch", SAME_BATCH, {}
        if source is None or source.stock < wanted.quantity:
            lies = source.stock if source else 0
            return "quantity", TOO_FEW, {"stock": lies, "batch_id": wanted.from_batch}
        expiry_date = wanted.expiry_date
        if expiry_date is None and shelf.batch(wanted.to_batch) is None:
            expiry_date = source.expiry_date
        target = receiving(shelf, wanted.to_batch, expiry_date)
        if not isinstance(target, Batch):
            return target
        if fault := _forbidden(wanted, shelf, source, target, day):
            return fault
        cause = Cause(wanted.reason, at, None, reference)
        source.stock -= wanted.quantity
        target.stock += wanted.quantity
        return [Movement(source, -wanted.quantity, cause), Movement(target, wanted.quantity, cause)]

    return all_or_none(transfers, shelves, one)


def _forbidden(wanted: Transfer, shelf: Shelf, source: Batch, target: Batch, day: date) -> Fault | None:
    """Why units may not go from the one batch into the other."""
    if source.recalled and not target.recalled:
        return "from_batch", RECALLED, {"batch_id": source.batch_id}
    if not target.sellable_on(day):
        left = shelf.servable(day) - wanted.quantity
        if source.sellable_on(day) and left < shelf.reserved:
            refusal = BelowReserved(product_id=shelf.product_id, reserved=shelf.reserved, left=left)
            return "quantity", refusal.template(), refusal.params
    elif not source.sellable_on(day):
        return "from_batch", EXPIRED, {"batch_id": source.batch_id}
    return None
