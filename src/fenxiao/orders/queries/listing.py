"""Pages of orders by every filter; each has an index that serves it.

Selective filters are found by their index and sorted, broad ones are met on a walk through `created_at`; the planner
knows which is which. Of the channels all but our own API's have an index. Several states are a list each, merged,
because one index holds the orders of a state in the order of the page.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, select, tuple_, union_all

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.sql import Query, Reader
from fenxiao.kernel.ids import DistributorId, OrderId, ProductId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.orders.events import Status
from fenxiao.orders.queries.known import buyer_index
from fenxiao.orders.queries.views import OrderView, views
from fenxiao.orders.tables import order_line, orders

_SHORT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders to list. Times are from, inclusive, until before; totals are inclusive, in minor units."""

    distributor_id: DistributorId | None = None
    statuses: frozenset[Status] = frozenset()
    start: datetime | None = None
    end: datetime | None = None
    channel: str | None = None
    external_id: str | None = None
    product_id: ProductId | None = None
    buyer: str | None = None
    currency: str | None = None
    total_from_minor: int | None = None
    total_to_minor: int | None = None
    paid_from: datetime | None = None
    paid_to: datetime | None = None
    ids: tuple[OrderId, ...] | None = None


async def page(
    reader: Reader, cipher: Cipher, wanted: Filter, *, limit: int, cursor: str | None
) -> Page[OrderView]:
    """Orders, the newest first."""
    rows = await reader.fetch(statement(wanted, cipher, limit=limit + 1, cursor=cursor))
    shown = rows[:limit]
    following = None
    if len(rows) > limit:
        following = encode_cursor(shown[-1]["created_at"], shown[-1]["order_id"])
    return Page(tuple(await views(reader, cipher, [row["order_id"] for row in shown])), following)


def statement(wanted: Filter, cipher: Cipher, *, limit: int, cursor: str | None) -> Query:
    """The question for the ids of one page and the times they are sorted by."""
    common = _conditions(wanted, cipher)
    if _short(wanted):
        return _of_short_time(wanted, common, limit=limit, cursor=cursor)
    if cursor is not None:
        common.append(tuple_(orders.c.created_at, orders.c.order_id) < _place(cursor))
    states = sorted(wanted.statuses)
    if len(states) < 2:  # noqa: PLR2004 - one list is a page as it is
        return _sorted(common + [orders.c.status == status for status in states], limit)
    lists = [_sorted([*common, orders.c.status == status], limit).subquery() for status in states]
    merged = union_all(*(select(each.c.order_id, each.c.created_at) for each in lists)).subquery()
    return (
        select(merged.c.order_id, merged.c.created_at)
        .order_by(merged.c.created_at.desc(), merged.c.order_id.desc())
        .limit(limit)
    )


def _of_short_time(
    wanted: Filter, conditions: list[ColumnElement[bool]], *, limit: int, cursor: str | None
) -> Query:
    """What was paid in a short time is few: it is found first, by that alone, and then put in order."""
    if wanted.statuses:
        conditions = [*conditions, orders.c.status.in_(sorted(wanted.statuses))]
    found = select(orders.c.order_id, orders.c.created_at).where(*conditions)
    few = found.cte("paid").prefix_with("MATERIALIZED")
    page = select(few.c.order_id, few.c.created_at)
    if cursor is not None:
        page = page.where(tuple_(few.c.created_at, few.c.order_id) < _place(cursor))
    return page.order_by(few.c.created_at.desc(), few.c.order_id.desc()).limit(limit)


def _sorted(conditions: list[ColumnElement[bool]], limit: int) -> Select[tuple[int, datetime]]:
    return (
        select(orders.c.order_id, orders.c.created_at)
        .where(*conditions)
        .order_by(orders.c.created_at.desc(), orders.c.order_id.desc())
        .limit(limit)
    )


def _conditions(wanted: Filter, cipher: Cipher) -> list[ColumnElement[bool]]:
    equal = {
        orders.c.distributor_id: wanted.distributor_id,
        orders.c.channel: wanted.channel,
        orders.c.external_id: wanted.external_id,
        orders.c.buyer_index: buyer_index(cipher, wanted.buyer),
        orders.c.currency: wanted.currency,
    }
    found: list[ColumnElement[bool]] = [
        column == value for column, value in equal.items() if value is not None
    ]
    for low, column, high in (
        (wanted.start, orders.c.created_at, wanted.end),
        (wanted.paid_from, orders.c.paid_at, wanted.paid_to),
        (None, orders.c.created_at, _walked_from(wanted)),
    ):
        if low is not None:
            found.append(column >= low)
        if high is not None:
            found.append(column < high)
    if wanted.total_from_minor is not None:
        found.append(orders.c.total_minor >= wanted.total_from_minor)
    if wanted.total_to_minor is not None:
        found.append(orders.c.total_minor <= wanted.total_to_minor)
    if wanted.ids is not None:
        found.append(orders.c.order_id.in_(wanted.ids))
    if wanted.product_id is not None:
        found.append(
            exists().where(
                order_line.c.order_id == orders.c.order_id, order_line.c.product_id == wanted.product_id
            )
        )
    return found


def _walked_from(wanted: Filter) -> datetime | None:
    """What was paid before a moment was placed before it: that bounds the walk through the newest."""
    return None if _short(wanted) else wanted.paid_to


def _short(wanted: Filter) -> bool:
    asked = wanted.paid_from, wanted.paid_to
    return asked[0] is not None and asked[1] is not None and asked[1] - asked[0] <= _SHORT


def _place(cursor: str) -> tuple[datetime, OrderId]:
    since, order_id = decode_cursor(cursor, datetime, int)
    return since, OrderId(order_id)
