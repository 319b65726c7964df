"""Stock counts over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from fenxiao.catalog.http.texts import Name, Word
from fenxiao.catalog.queries.counts import CountLineView, CountView, State
from fenxiao.catalog.service.counts import MAX_LINES, Counts, Figure, ToCount
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import MAX_COUNT, Answer, Body, Day, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.paging import DEFAULT_LIMIT

Reader = Annotated[Principal, require("stock:read")]
Writer = Annotated[Principal, require("stock:write")]


class CountItem(Body):
    """What is to be counted: a batch, or without `batch_id` all batches of the product in which something lies."""

    product_id: Id
    batch_id: Word | None = None


class NewCountBody(Body):
    """A stock count to open."""

    items: Annotated[list[CountItem], Field(min_length=1, max_length=MAX_LINES)]
    note: Name | None = None


class FigureItem(Body):
    """What was counted of a batch, null to take a figure back. Without `batch_id`: goods without a batch number.

    `expiry_date` is for a batch that nobody knew of.
    """

    product_id: Id
    counted: Annotated[int, Field(ge=0, le=MAX_COUNT)] | None
    batch_id: Word | None = None
    expiry_date: Day | None = None


class FiguresBody(Body):
    """Figures that are entered all or none; a later one for the same batch replaces an earlier one."""

    items: Annotated[list[FigureItem], Field(min_length=1, max_length=MAX_LINES)]


class CountAnswer(Answer):
    """A stock count; `surplus` and `missing` are the units by which its lines differ from the book."""

    count_id: int
    state: State
    note: str | None
    actor: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    lines: int
    counted: int
    differing: int
    surplus: int
    missing: int


class CountLineAnswer(Answer):
    """One batch of a count: `difference` is `counted` less `book`, what the book said when it was counted."""

    line: int
    product_id: int
    batch_id: str
    expiry_date: date | None
    snapshot: int
    counted: int | None
    book: int | None
    difference: int | None
    counted_at: datetime | None
    counted_by: str | None


class CountWithLinesAnswer(CountAnswer):
    """A stock count and a page of its lines."""

    items: list[CountLineAnswer]
    next_cursor: str | None


def _values(view: CountView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in CountAnswer.model_fields}


def _line(view: CountLineView) -> CountLineAnswer:
    return CountLineAnswer(**{name: getattr(view, name) for name in CountLineAnswer.model_fields})


def router(use: Counts) -> APIRouter:
    """The routes of stock counts."""
    routes = new_router(prefix="/api/inventory/counts", tags=["inventory"])

    @routes.get("")
    async def list_counts(
        who: Reader,  # noqa: ARG001
        state: State | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[CountAnswer]:
        """Stock counts, the latest first."""
        page = await use.search(state, cursor=cursor, limit=limit)
        return items(page, [CountAnswer(**_values(view)) for view in page.items])

    @routes.post("", status_code=201)
    async def open_count(who: Writer, body: NewCountBody, once: Idempotency) -> CountAnswer:  # noqa: ARG001
        """Open a stock count of products or batches; what the book says now is noted beside each batch."""
        wanted = [ToCount(product_id=item.product_id, batch_id=item.batch_id) for item in body.items]
        return CountAnswer(**_values(await use.open(wanted, body.note, once=once)))

    @routes.get("/{count_id}")
    async def get_count(
        *,
        who: Reader,  # noqa: ARG001
        count_id: Id,
        differing: Annotated[bool | None, Query(description="Only lines that differ, or do not.")] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> CountWithLinesAnswer:
        """One stock count with its lines and their differences."""
        found = await use.find(count_id)
        page = await use.lines(count_id, differing=differing, cursor=cursor, limit=limit)
        shown = [_line(view) for view in page.items]
        return CountWithLinesAnswer(**_values(found), items=shown, next_cursor=page.next_cursor)

    @routes.put("/{count_id}/lines")
    async def enter_lines(who: Writer, count_id: Id, body: FiguresBody) -> CountAnswer:  # noqa: ARG001
        """Enter what was counted; each figure is compared with what the book says at this moment."""
        figures = [Figure(**item.model_dump()) for item in body.items]
        return CountAnswer(**_values(await use.enter(count_id, figures)))

    @routes.post("/{count_id}/close")
    async def close_count(who: Writer, count_id: Id) -> CountAnswer:  # noqa: ARG001
        """Book the differences; lines that were not counted stay as the book has them."""
        return CountAnswer(**_values(await use.close(count_id)))

    @routes.post("/{count_id}/cancel")
    async def cancel_count(who: Writer, count_id: Id) -> CountAnswer:  # noqa: ARG001
        """Give a stock count up; nothing is booked."""
        return CountAnswer(**_values(await use.cancel(count_id)))

    return routes
