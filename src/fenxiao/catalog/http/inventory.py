"""Stock over HTTP."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field

from fenxiao.catalog.domain.adjustment import Adjustment
from fenxiao.catalog.http.texts import Name, Word
from fenxiao.catalog.queries.inventory import Inventory, MovementView
from fenxiao.catalog.service.inventory import BatchContent, Warehouse
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import MAX_COUNT, Answer, Body, Day, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.infra.http.validation import faulty
from fenxiao.kernel.paging import DEFAULT_LIMIT

MAX_ADJUSTMENTS = 5000
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


class BatchAnswer(Answer):
    """What lies in one batch, reserved units too."""

    batch_id: str
    stock: int
    expiry_date: date | None
    updated_at: datetime


class InventoryAnswer(Answer):
    """`stock` can be sold now: what has not expired, less `reserved` (ordered and not shipped)."""

    product_id: int
    stock: int
    reserved: int
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
        batches=[
            BatchAnswer(
                batch_id=batch.batch_id,
                stock=batch.stock,
                expiry_date=batch.expiry_date,
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
        who: Reader,  # noqa: ARG001
        product_id: Id,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[MovementAnswer]:
        """Everything that came and went of a product, the latest first."""
        page = await use.movements(product_id, cursor=cursor, limit=limit)
        return items(page, [_movement(view) for view in page.items])

    return routes
