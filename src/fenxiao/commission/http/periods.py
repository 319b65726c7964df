"""Closing periods, and what is closed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from fenxiao.commission.http import access
from fenxiao.commission.http.settlements import ProgressAnswer
from fenxiao.commission.queries.periods import Closed, Closing
from fenxiao.commission.service.periods.starting import ClosingMissing, Periods
from fenxiao.infra.http.auth import Caller, require
from fenxiao.infra.http.fields import Answer, Body, Id
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT


class NewClosing(Body):
    """`period`: 2026-03-05, 2026-W10, 2026-03 or 2026-Q1, in the server's time zone; it must be over."""

    period: Annotated[str, Field(min_length=1, max_length=20)]


class ClosingAnswer(Answer):
    """A run that closes periods: `status` is queued, running, done, failed or cancelled; `period` is null for whatever was due."""

    closing_id: int
    status: str
    period: str | None
    created_at: datetime
    progress: ProgressAnswer


class CloseAnswer(Answer):
    """关账: a period of one currency, for what it pays (`purpose` pay) or for its caps (caps). `steps` counts its evaluations; `status` is closed, or under-way.

    `sales` are those of the last evaluation, `commission` is what stands booked, corrections included.
    """

    period: str
    kind: str
    purpose: str
    currency: str
    rule_id: int
    since: datetime
    until: datetime
    release_at: datetime
    status: str
    steps: int
    sales: str
    commission: str
    closed_at: datetime


class CloseList(Answer):
    """A page of closed periods, the latest first."""

    items: Sequence[CloseAnswer]
    next_cursor: str | None


def router(periods: Periods) -> APIRouter:
    """Closing by hand, how far it has come, and what is closed."""
    routes = new_router(tags=["commission"])
    settles = [require(access.SETTLE)]

    @routes.post("/api/commission/periods", status_code=202, summary="Close a period", dependencies=settles)
    async def close(body: NewClosing, once: Idempotency, response: Response) -> ClosingAnswer:
        queued = await periods.start(body.period, once=once)
        response.headers["Location"] = f"/api/commission/periods/{queued.closing_id}"
        return _closing(queued)

    @routes.get("/api/commission/periods", summary="Closed periods", dependencies=settles)
    async def closes(limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> CloseList:
        page = await periods.page(limit=limit, cursor=cursor)
        return CloseList(items=[_close(one) for one in page.items], next_cursor=page.next_cursor)

    @routes.get("/api/commission/periods/{closing_id}", summary="How far the close of a period has come")
    async def closing(who: Caller, closing_id: Id) -> ClosingAnswer:
        if not (who.may(access.SETTLE) or access.sees_all(who)):
            raise ClosingMissing(closing_id=closing_id)
        return _closing(await periods.find(closing_id))

    return routes


def _closing(one: Closing) -> ClosingAnswer:
    return ClosingAnswer(
        closing_id=one.closing_id,
        status=one.status,
        period=one.period,
        created_at=one.created_at,
        progress=ProgressAnswer(done=one.done, total=one.total),
    )


def _close(one: Closed) -> CloseAnswer:
    close = one.close
    return CloseAnswer(
        period=close.period,
        kind=close.kind,
        purpose=close.purpose,
        currency=close.currency,
        rule_id=close.rule_id,
        since=close.since,
        until=close.until,
        release_at=close.release_at,
        status="closed" if close.stage == "idle" else "under-way",
        steps=close.steps,
        sales=from_minor(one.sales_minor, close.currency),
        commission=from_minor(close.booked_minor, close.currency),
        closed_at=close.closed_at,
    )
