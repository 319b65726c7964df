"""Stock over HTTP."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field

from fenxiao.catalog.domain.adjustment import Adjustment
from fenxiao.catalog.domain.transfers import Transfer
from fenxiao.catalog.http.texts import MAX_NAME, MAX_WORD, Name, Word
from fenxiao.catalog.queries.inventory import Inventory, InventoryFilter
from fenxiao.catalog.queries.movements import MovementFilter, MovementView
from fenxiao.catalog.service.inventory import BatchContent, Warehouse
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import (
    MAX_COUNT,
    MAX_ID,
    Answer,
    Body,
    Count,
    Day,
    Id,
    Items,
    Moment,
    items,
)
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.infra.http.validation import faulty
from fenxiao.kernel.paging import DEFAULT_LIMIT

MAX_ADJUSTMENTS = 5000
NUMBERS = r"^[0-9]{1,15}(,[0-9]{1,15})*$"
Reader = Annotated[Principal, require("stock:read")]
Writer = Annotated[Principal, require("stock:write")]


class BatchBody(Body):
    """What lies in a batch now. Without `batch_id`: goods without a batch number. `expiry_date` left out stays."""

    stock: Annotated[int, Field(ge=0, le=MAX_COUNT)]
    batch_id: Word | None = None
    expiry_date: Day | None = None


def _not_zero(delta: int) -> int:
    if delta == 0:
        raise faulty("Send a number other than 0.")
    return delta


class AdjustmentItem(Body):
    """Units that come (`delta` above 0) or go, and why.

    Without `batch_id`, coming ones lie in the batch of goods without number, going ones are taken from the batches
    that expire first. `expiry_date` is for a batch that is new or empty.
    """

    product_id: Id
    delta: Annotated[int, Field(ge=-MAX_COUNT, le=MAX_COUNT), AfterValidator(_not_zero)]
    reason: Name
    batch_id: Word | None = None
    expiry_date: Day | None = None


class AdjustmentsBody(Body):
    """Adjustments that are made all or none; later ones see the earlier ones."""

    items: Annotated[list[AdjustmentItem], Field(min_length=1, max_length=MAX_ADJUSTMENTS)]


class TransferItem(Body):
    """Units that go from one batch of a product into another, and why.

    `expiry_date` is for a batch that is new or empty; a new one without it expires when the other does.
    """

    product_id: Id
    from_batch: Word
    to_batch: Word
    quantity: Count
    reason: Name
    expiry_date: Day | None = None


class TransfersBody(Body):
    """Transfers that are made all or none; later ones see the earlier ones."""

    items: Annotated[list[TransferItem], Field(min_length=1, max_length=MAX_ADJUSTMENTS)]


class BatchAnswer(Answer):
    """What lies in one batch, reserved units too; a recalled one is not sold."""

    batch_id: str
    stock: int
    expiry_date: date | None
    recalled: bool
    updated_at: datetime


class InventoryAnswer(Answer):
    """`stock` can be sold now: what has not expired and is not recalled, less `reserved` (ordered and not shipped).

    `low`: it has fallen below `alert_threshold`.
    """

    product_id: int
    stock: int
    reserved: int
    alert_threshold: int | None
    low: bool
    batches: list[BatchAnswer]


class AdjustmentsAnswer(Answer):
    """What lies of the adjusted products afterwards."""

    items: list[InventoryAnswer]


class MovementAnswer(Answer):
    """Units of a batch that came or went."""

    movement_id: int
    product_id: int
    batch_id: str
    delta: int
    reason: str
    actor: str
    at: datetime
    order_id: int | None
    reference: str | None


def _inventory(found: Inventory) -> InventoryAnswer:
    return InventoryAnswer(
        product_id=found.product_id,
        stock=found.stock,
        reserved=found.reserved,
        alert_threshold=found.alert_threshold,
        low=found.low,
        batches=[
            BatchAnswer(
                batch_id=batch.batch_id,
                stock=batch.stock,
                expiry_date=batch.expiry_date,
                recalled=batch.recalled,
                updated_at=batch.updated_at,
            )
            for batch in found.batches
        ],
    )


def _movement(view: MovementView) -> MovementAnswer:
    return MovementAnswer(
        movement_id=view.movement_id,
        product_id=view.product_id,
        batch_id=view.batch_id,
        delta=view.delta,
        reason=view.reason,
        actor=view.actor,
        at=view.at,
        order_id=view.order_id,
        reference=view.reference,
    )


def router(use: Warehouse) -> APIRouter:
    """The routes of stock."""
    routes = new_router(prefix="/api/inventory", tags=["inventory"])

    @routes.get("")
    async def list_inventory(
        *,
        who: Reader,  # noqa: ARG001
        low: Annotated[bool | None, Query(description="Fallen below the threshold, or not.")] = None,
        expiring_before: Annotated[
            Day | None, Query(description="Something lies in a batch that expires before this day.")
        ] = None,
        ids: Annotated[str | None, Query(max_length=3800, pattern=NUMBERS, description="1,2,3")] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[InventoryAnswer]:
        """What lies of each product, by product, without empty batches."""
        wanted = InventoryFilter(
            product_ids=None if ids is None else [int(number) for number in ids.split(",")],
            low=low,
            expiring_before=expiring_before,
        )
        page = await use.search(wanted, cursor=cursor, limit=limit)
        return items(page, [_inventory(one) for one in page.items])

    @routes.post("/transfers")
    async def transfer(who: Writer, body: TransfersBody, once: Idempotency) -> AdjustmentsAnswer:  # noqa: ARG001
        """Move units between batches, all or nothing; a refusal names every item that cannot be made."""
        transfers = [Transfer(**item.model_dump()) for item in body.items]
        return AdjustmentsAnswer(items=[_inventory(one) for one in await use.transfer(transfers, once=once)])

    @routes.post("/adjustments")
    async def adjust(who: Writer, body: AdjustmentsBody, once: Idempotency) -> AdjustmentsAnswer:  # noqa: ARG001
        """Adjust stock in bulk, all or nothing; a refusal names every item that cannot be made."""
        adjustments = [
            Adjustment(item.product_id, item.delta, item.reason, item.batch_id, item.expiry_date)
            for item in body.items
        ]
        return AdjustmentsAnswer(items=[_inventory(one) for one in await use.adjust(adjustments, once=once)])

    @routes.get("/{product_id}")
    async def get_inventory(who: Reader, product_id: Id) -> InventoryAnswer:  # noqa: ARG001
        """What lies of a product, in which batches."""
        return _inventory(await use.find(product_id))

    @routes.put("/{product_id}")
    async def set_batch(who: Writer, product_id: Id, body: BatchBody) -> InventoryAnswer:  # noqa: ARG001
        """Say what lies in a batch."""
        content = BatchContent(
            stock=body.stock,
            batch_id=body.batch_id,
            expiry_date=body.expiry_date,
            expires="expiry_date" in body.model_fields_set,
        )
        return _inventory(await use.set_batch(product_id, content))

    @routes.get("/{product_id}/movements")
    async def list_movements(
        *,
        who: Reader,  # noqa: ARG001
        product_id: Id,
        reason: Annotated[str | None, Query(max_length=MAX_NAME, description="Exactly this reason.")] = None,
        batch: Annotated[str | None, Query(max_length=MAX_WORD, description="Of this batch.")] = None,
        order: Annotated[int | None, Query(ge=1, le=MAX_ID, description="For this order.")] = None,
        since: Annotated[Moment | None, Query(alias="from", description="At or after this time.")] = None,
        until: Annotated[Moment | None, Query(alias="to", description="Before this time.")] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[MovementAnswer]:
        """Everything that came and went of a product, the latest first."""
        wanted = MovementFilter(reason=reason, batch_id=batch, order_id=order, since=since, until=until)
        page = await use.movements(product_id, wanted, cursor=cursor, limit=limit)
        return items(page, [_movement(view) for view in page.items])

    return routes
