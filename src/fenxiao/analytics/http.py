"""HTTP of the reports."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import TypeAdapter, ValidationError

from fenxiao.analytics.domain.facts import slot
from fenxiao.analytics.reports.sales import GroupBy, SalesQuestion, SalesRow
from fenxiao.analytics.service import Analytics
from fenxiao.analytics.service.sales import UNKNOWN_ZONE
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import MAX_ID, Answer, Day, Items, Moment, items
from fenxiao.infra.http.headers import Cursor
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Forbidden, Invalid, NotFound, Refusal
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT

COLUMNS = ("key", "currency", "orders", "units", "gross", "refunds", "net", "commission")
NO_INSTANT = "Send a day such as 2026-11-22, or a time with its offset such as 2026-11-22T10:00:00Z."
NO_QUARTER = "Reports are kept by the quarter of an hour; send a time such as 10:00, 10:15, 10:30 or 10:45."
NO_SPAN = "`to` must lie after `from`; it is the first moment that is not reported any more."

_DAY: TypeAdapter[Day] = TypeAdapter(Day)
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
_DAY_LENGTH = len("2026-11-22")
_Edge = Annotated[str | None, Query(max_length=40, examples=["2026-11-22", "2026-11-22T10:00:00Z"])]


class NotAcceptable(Refusal):
    """The report is written as {offered}; ask for one of these with the header Accept."""

    code = "not-acceptable"
    status = 406


class SalesRowAnswer(Answer):
    """One row of the sales report; net is gross less refunds, commission is what these sales cost."""

    key: str | int | None
    currency: str
    orders: int
    units: int
    gross: str
    refunds: str
    net: str
    commission: str


def router(service: Analytics) -> APIRouter:
    """All routes of reports."""
    routes = new_router(tags=["reports"])

    @routes.get(
        "/api/reports/sales", responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
    )
    async def sales_report(
        response: Response,
        asked: Annotated[SalesQuestion, Depends(_asked)],
        limit: Annotated[
            int | None, Query(ge=1, le=MAX_LIMIT, description="Rows per page; a CSV has all without it.")
        ] = None,
        cursor: Cursor = None,
        accept: Annotated[str, Header()] = "*/*",
    ) -> Items[SalesRowAnswer]:
        """Sales per period, product, category or seller, as JSON or CSV."""
        if _preferred(accept) == "text/csv":
            page = await service.sales(asked, cursor=cursor, limit=limit)
            return _csv(page.items, page.next_cursor)  # type: ignore[return-value]  # a response passes as it is
        page = await service.sales(asked, cursor=cursor, limit=limit or DEFAULT_LIMIT)
        response.headers["vary"] = "Accept"
        return items(page, [_row(row) for row in page.items])

    return routes


async def _asked(
    *,
    who: Annotated[Principal, require("reports:read")],
    group_by: Annotated[GroupBy, Query()],
    from_: Annotated[
        _Edge, Query(alias="from", description="First day, or moment, that is reported.")
    ] = None,
    to: Annotated[_Edge, Query(description="First day, or moment, that is not reported any more.")] = None,
    tz: Annotated[str, Query(max_length=64, description="IANA zone of the days.")] = "UTC",
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
    distributor_id: Annotated[
        int | None, Query(ge=1, le=MAX_ID, description="Sales of one seller only.")
    ] = None,
) -> SalesQuestion:
    zone = _zone(tz)
    start, end = _instant("from", from_, zone), _instant("to", to, zone)
    if start is not None and end is not None and end <= start:
        raise Invalid(errors=(FieldError("to", NO_SPAN),))
    return SalesQuestion(
        group_by=group_by,
        zone=zone.key,
        start=start,
        end=end,
        currency=currency,
        distributor_id=_seller(who, distributor_id),
    )


def _seller(who: Principal, wanted: int | None) -> int | None:
    """Whose sales are reported: anybody's for whoever sees all, otherwise the caller's own."""
    if who.sees_all():
        return wanted
    if who.distributor_id is None:
        raise Forbidden(permission="reports:read")
    if wanted is not None and not who.owns(wanted):
        raise NotFound(thing="distributor")
    return who.distributor_id


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Invalid(errors=(FieldError("tz", UNKNOWN_ZONE, {"zone": name}),)) from None


def _instant(field: str, text: str | None, zone: ZoneInfo) -> datetime | None:
    """The moment at which a day begins in the zone, or the moment itself."""
    if text is None:
        return None
    try:
        if len(text) == _DAY_LENGTH:
            day = _DAY.validate_python(text)
            moment = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        else:
            moment = _MOMENT.validate_python(text)
    except (ValidationError, OverflowError):
        raise Invalid(errors=(FieldError(field, NO_INSTANT),)) from None
    if moment != slot(moment):
        raise Invalid(errors=(FieldError(field, NO_QUARTER),))
    return moment


def _preferred(accept: str) -> str:
    """The kind of answer that the Accept header likes best; JSON where it does not say."""
    offered = {
        "application/json": "application/json",
        "application/*": "application/json",
        "*/*": "application/json",
        "text/csv": "text/csv",
        "text/*": "text/csv",
    }
    wanted = []
    for part in accept.split(","):
        kind, _, parameters = part.strip().lower().partition(";")
        weight = parameters.partition("q=")[2].strip() or "1"
        if kind.strip() in offered and weight.strip("0.") != "":
            wanted.append((weight, offered[kind.strip()]))
    if not wanted:
        raise NotAcceptable(offered="application/json, text/csv")
    # Texts such as 1, 0.9 and 0.85 have the order of their numbers.
    return max(wanted, key=lambda one: one[0])[1]


def _row(row: SalesRow) -> SalesRowAnswer:
    return SalesRowAnswer(
        key=row.key,
        currency=row.currency,
        orders=row.orders,
        units=row.units,
        gross=from_minor(row.gross_minor, row.currency),
        refunds=from_minor(row.refunds_minor, row.currency),
        net=from_minor(row.net_minor, row.currency),
        commission=from_minor(row.commission_minor, row.currency),
    )


def _csv(rows: Sequence[SalesRow], next_cursor: str | None) -> Response:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in rows:
        answer = _row(row)
        writer.writerow(["" if (value := getattr(answer, name)) is None else value for name in COLUMNS])
    headers = {"content-disposition": 'attachment; filename="sales.csv"', "vary": "Accept"}
    if next_cursor is not None:
        headers["x-next-cursor"] = next_cursor
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
