"""Reconciliation over HTTP."""

import hashlib
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field

from fenxiao.infra.http.fields import Answer, Id, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Limit, promised
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.payments.domain.differences import Difference, DifferenceKind
from fenxiao.payments.domain.transfers import ChannelName
from fenxiao.payments.http import files
from fenxiao.payments.http.payouts import Operator, Reader
from fenxiao.payments.queries.reconciliations import Reconciliation
from fenxiao.payments.service.reconciliations import Reconciliations, Statement

From = Annotated[Moment, Query(alias="from")]
To = Annotated[Moment, Query(alias="to")]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Makes a retry safe: one key, one piece of work."),
]


class ReconciliationAnswer(Answer):
    """对账: a statement that was compared with the book as it was then."""

    reconciliation_id: int
    channel: ChannelName
    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    lines: int
    differences: int
    created_by: str
    created_at: datetime


class DifferenceAnswer(Answer):
    """差异: what is known here and what the statement says; null where one of them has nothing. `line` is the file's."""

    kind: DifferenceKind
    payout_number: str
    line: int | None
    reference: str | None
    here_amount: str | None
    here_currency: str | None
    here_status: str | None
    there_amount: str | None
    there_currency: str | None
    there_status: str | None


def router(reconciliations: Reconciliations) -> APIRouter:
    """Comparing, and reading what differed."""
    routes = new_router(prefix="/api/payouts/reconciliations", tags=["payouts"])

    @routes.post("", status_code=201, openapi_extra=files.BODY)
    async def reconcile_payouts(  # noqa: PLR0917 - FastAPI reads them by name
        who: Operator, request: Request, channel: ChannelName, start: From, end: To, key: Key = None
    ) -> ReconciliationAnswer:
        """Compare a channel's statement of a span with what was paid here in it; nothing is changed."""
        content = await files.content(request)
        given = Statement(channel=channel, start=start, end=end, content=content)
        once = None
        if key is not None:
            said = f"{channel} {start.isoformat()} {end.isoformat()}\n".encode()
            once = promised(str(who.account_id), key, lambda: hashlib.sha256(said + content).digest())
        return ReconciliationAnswer(**_fields(await reconciliations.take(given, once=once)))

    @routes.get("")
    async def list_payout_reconciliations(
        _: Reader, channel: ChannelName | None = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Items[ReconciliationAnswer]:
        """Reconciliations, the newest first."""
        page = await reconciliations.page(channel=channel, limit=limit, cursor=cursor)
        return items(page, [ReconciliationAnswer(**_fields(one)) for one in page.items])

    @routes.get("/{reconciliation_id}")
    async def get_payout_reconciliation(_: Reader, reconciliation_id: Id) -> ReconciliationAnswer:
        """One reconciliation."""
        return ReconciliationAnswer(**_fields(await reconciliations.find(reconciliation_id)))

    @routes.get("/{reconciliation_id}/differences")
    async def list_payout_differences(
        _: Reader, reconciliation_id: Id, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Items[DifferenceAnswer]:
        """Every difference that it found."""
        page = await reconciliations.differences(reconciliation_id, limit=limit, cursor=cursor)
        return items(page, [_difference(one) for one in page.items])

    return routes


def _fields(one: Reconciliation) -> dict[str, Any]:
    same = ("reconciliation_id", "channel", "lines", "differences", "created_by", "created_at")
    return {**{name: getattr(one, name) for name in same}, "start": one.starts_at, "end": one.ends_at}


def _difference(one: Difference) -> DifferenceAnswer:
    def amount(minor: int | None, currency: str | None) -> str | None:
        return None if minor is None or currency is None else from_minor(minor, currency)

    return DifferenceAnswer(
        kind=one.kind,
        payout_number=one.payout_number,
        line=one.line,
        reference=one.reference,
        here_amount=amount(one.here_amount_minor, one.here_currency),
        here_currency=one.here_currency,
        here_status=one.here_status,
        there_amount=amount(one.there_amount_minor, one.there_currency),
        there_currency=one.there_currency,
        there_status=one.there_status,
    )
