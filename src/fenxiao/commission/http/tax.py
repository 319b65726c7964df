"""Tax tables, and the quarter's report of tax, over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from fenxiao.commission.http import access
from fenxiao.commission.http.files import FILES, Accept, streamed, varies, wanted_file
from fenxiao.commission.http.payout_accounts import Owner
from fenxiao.commission.queries.tax import TaxRow, TaxTable
from fenxiao.commission.service.tax import TaxTables
from fenxiao.infra.http.auth import Caller, Principal, require
from fenxiao.infra.http.fields import Answer, Body, Day, Items, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT

Quarter = Annotated[str, Query(pattern="^(19[7-9][0-9]|2[0-9]{3})-Q[1-4]$", examples=["2026-Q1"])]


class TableBody(Body):
    """A table of the law: `document` has the members of the strategy's tables, amounts in yuan as texts."""

    strategy: Literal["cn_per_payment", "cn_platform_cumulative"]
    effective_from: Day
    source: Annotated[str, Field(min_length=1, max_length=500)]
    document: dict[str, Any]


class TableAnswer(Answer):
    """税率表: what counts for payouts approved from its first day on, until a later one."""

    table_id: int
    strategy: str
    effective_from: date
    source: str
    document: dict[str, Any]
    recorded_at: datetime


class TaxRowAnswer(Answer):
    """One person's quarter: paid before fee and tax, taken back by refunds, what is left of it, withheld."""

    quarter: str
    distributor_id: int
    currency: str
    gross: str
    refunds: str
    net: str
    tax: str


def router(tables: TaxTables) -> APIRouter:
    """Tables and report."""
    routes = new_router(tags=["withdrawals"])

    @routes.get("/api/tax-tables")
    async def list_tax_tables(
        who: Annotated[Principal, require(access.MANAGE)],  # noqa: ARG001 - asked for its permission
        *,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[TableAnswer]:
        """The tables with their sources, the one that was written last first."""
        page = await tables.page(limit=limit, cursor=cursor)
        return items(page, [_table(one) for one in page.items])

    @routes.post("/api/tax-tables", status_code=201)
    async def add_tax_table(
        who: Annotated[Principal, require(access.MANAGE)],  # noqa: ARG001 - asked for its permission
        body: TableBody,
        once: Idempotency,
    ) -> TableAnswer:
        """Write down a law that has changed; payouts that were approved keep theirs."""
        return _table(
            await tables.add(
                strategy=body.strategy,
                effective_from=body.effective_from,
                source=body.source,
                document=body.document,
                once=once,
            )
        )

    @routes.get("/api/reports/tax", responses=FILES)
    async def tax_report(
        who: Caller,
        quarter: Quarter,
        response: Response,
        *,
        distributor_id: Owner = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        accept: Accept = "",
    ) -> Items[TaxRowAnswer]:
        """Per person what a quarter's income was and what was withheld; as JSON by pages, as CSV or Excel whole."""
        owner = access.whose(who, distributor_id)
        year, number = (int(part) for part in quarter.split("-Q"))
        wanted = wanted_file(accept)
        if wanted is not None:
            parts = await tables.written(wanted, year=year, quarter=number, distributor_id=owner)
            return streamed(parts, wanted, f"tax-{quarter}")  # type: ignore[no-any-return]
        varies(response)
        page = await tables.report(
            year=year, quarter=number, distributor_id=owner, limit=limit, cursor=cursor
        )
        return items(page, [_row(quarter, one) for one in page.items])

    return routes


def _table(one: TaxTable) -> TableAnswer:
    return TableAnswer(
        table_id=one.table_id,
        strategy=one.strategy,
        effective_from=one.effective_from,
        source=one.source,
        document=dict(one.document),
        recorded_at=one.recorded_at,
    )


def _row(quarter: str, one: TaxRow) -> TaxRowAnswer:
    return TaxRowAnswer(
        quarter=quarter,
        distributor_id=one.distributor_id,
        currency=one.currency,
        gross=from_minor(one.gross_minor, one.currency),
        refunds=from_minor(one.refunds_minor, one.currency),
        net=from_minor(one.net_minor, one.currency),
        tax=from_minor(one.tax_minor, one.currency),
    )
