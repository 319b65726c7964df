"""Recalls over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path

from fenxiao.catalog.http.texts import MAX_WORD, Name
from fenxiao.catalog.queries.recalls import RecallView, Recipient
from fenxiao.catalog.service.recalls import Recalls
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Body, Id
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.paging import DEFAULT_LIMIT

Reader = Annotated[Principal, require("stock:read")]
Writer = Annotated[Principal, require("stock:write")]
Batch = Annotated[str, Path(min_length=1, max_length=MAX_WORD)]
# A batch number may hold a slash.
_PATH = "/{product_id}/batches/{batch_id:path}/recall"


class RecallBody(Body):
    """Why a batch is taken off sale, or may be sold again."""

    reason: Name


class RecallAnswer(Answer):
    """A batch and its last recall, which stands as long as `recalled` is true."""

    product_id: int
    batch_id: str
    stock: int
    expiry_date: date | None
    recalled: bool
    reason: str | None
    actor: str | None
    recalled_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_reason: str | None


class RecipientAnswer(Answer):
    """An order that got `quantity` units of the batch; `returned` of them lie in it again."""

    order_id: int
    quantity: int
    returned: int
    shipped_at: datetime


class RecallWithOrdersAnswer(RecallAnswer):
    """A batch, its last recall and a page of the orders that got units of it."""

    items: list[RecipientAnswer]
    next_cursor: str | None


def _values(view: RecallView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in RecallAnswer.model_fields}


def _recipient(one: Recipient) -> RecipientAnswer:
    return RecipientAnswer(
        order_id=one.order_id, quantity=one.quantity, returned=one.returned, shipped_at=one.shipped_at
    )


def router(use: Recalls) -> APIRouter:
    """The routes of recalls."""
    routes = new_router(prefix="/api/inventory", tags=["inventory"])

    @routes.post(_PATH)
    async def recall(
        who: Writer,  # noqa: ARG001
        product_id: Id,
        batch_id: Batch,
        body: RecallBody,
        once: Idempotency,
    ) -> RecallAnswer:
        """Take a batch off sale at once; GET of the same path tells which orders got units of it."""
        return RecallAnswer(**_values(await use.recall(product_id, batch_id, body.reason, once=once)))

    @routes.get(_PATH)
    async def get_recall(
        who: Reader,  # noqa: ARG001
        product_id: Id,
        batch_id: Batch,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> RecallWithOrdersAnswer:
        """Whether a batch is recalled, and which orders got units of it, by order."""
        found = await use.find(product_id, batch_id)
        page = await use.recipients(found.inventory_id, cursor=cursor, limit=limit)
        shown = [_recipient(one) for one in page.items]
        return RecallWithOrdersAnswer(**_values(found), items=shown, next_cursor=page.next_cursor)

    @routes.post(_PATH + "/lift")
    async def lift_recall(
        who: Writer,  # noqa: ARG001
        product_id: Id,
        batch_id: Batch,
        body: RecallBody,
        once: Idempotency,
    ) -> RecallAnswer:
        """Let a recalled batch be sold again."""
        return RecallAnswer(**_values(await use.lift(product_id, batch_id, body.reason, once=once)))

    return routes
