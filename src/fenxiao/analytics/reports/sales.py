"""The sales report (销售报表): orders, units, gross, refunds, net and commission per period, product, category or seller.

Gross, orders and units sold stand on the day of payment, refunds on the day of the refund, commission on the
day of the fact that it follows. Units are those sold; what comes back shows in the refunds. Commission is what
those sales cost, whoever earned it: it stands with the order's seller, and over products and categories it is
spread by line. `orders` counts each order once per row, however many of its lines stand in it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from fenxiao.infra.db.sql import Reader, Varying
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

GroupBy = Literal["day", "week", "month", "product", "category", "distributor"]

_PERIODS = {"day": "YYYY-MM-DD", "week": 'IYYY-"W"IW', "month": "YYYY-MM"}
_FROM_REPORT = """
    select {key} as key, currency, sum(orders)::bigint as orders, sum(units)::bigint as units,
        sum(gross_minor)::bigint as gross_minor, sum(refunds_minor)::bigint as refunds_minor,
        sum(commission_minor)::bigint as commission_minor
    from sales_report {where} group by 1, 2
"""
# The parts of a fact are summed before they meet those of others: a product stands once in a fact, a category as
# often as it has products there, and yet its order counts once.
_FROM_FACTS = """
    select part.key, currency,
        count(*) filter (where kind = 'payment') as orders,
        sum(part.units)::bigint as units,
        coalesce(sum(part.amount_minor) filter (where kind = 'payment'), 0)::bigint as gross_minor,
        coalesce(sum(part.amount_minor) filter (where kind = 'refund'), 0)::bigint as refunds_minor,
        coalesce(sum(part.amount_minor) filter (where kind = 'commission'), 0)::bigint as commission_minor
    from sales_fact, lateral {parts} as part (key, units, amount_minor)
    {where} group by 1, 2
"""
_PARTS = {
    "product": "unnest(product_ids, product_units, product_amounts_minor)",
    "category": "(select category_id, sum(units)::bigint, sum(amount_minor)::bigint"
    " from unnest(category_ids, product_units, product_amounts_minor) as each (category_id, units, amount_minor)"
    " group by 1)",
}
_NO_CATEGORY = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesQuestion:
    """What to report: instants from (inclusive) and to (exclusive) on quarters of an hour, days in `zone`."""

    group_by: GroupBy
    start: datetime | None
    end: datetime | None
    zone: str
    currency: str | None
    distributor_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesRow:
    """One row; `key` is a period such as 2010-11, 2010-W44, 2010-11-05, or an id (None: no category)."""

    key: str | int | None
    currency: str
    orders: int
    units: int
    gross_minor: int
    refunds_minor: int
    commission_minor: int

    @property
    def net_minor(self) -> int:
        """Gross less refunds."""
        return self.gross_minor - self.refunds_minor


async def read(
    reader: Reader, asked: SalesQuestion, *, cursor: str | None, limit: int | None
) -> Page[SalesRow]:
    """A page of the report in the order of its keys; all of it without a limit."""
    arguments: list[Any] = []
    key, currency = None, None
    if cursor is not None:
        key, currency = decode_cursor(cursor, str if asked.group_by in _PERIODS else int, str)
    statement = _statement(asked, arguments, key)
    if cursor is not None:
        places = f"(${len(arguments) + 1}, ${len(arguments) + 2})"
        statement += f" where (key, currency) > {places}"
        arguments += [key, currency]
    statement += " order by key, currency"
    if limit is not None:
        statement += f" limit {limit + 1}"
    rows = await reader.fetch(Varying(statement), *arguments)
    page = rows if limit is None else rows[:limit]
    more = len(page) < len(rows)
    return Page(
        tuple(SalesRow(**{**row, "key": _key(row["key"], asked)}) for row in page),
        encode_cursor(page[-1]["key"], page[-1]["currency"]) if more else None,
    )


def _statement(asked: SalesQuestion, arguments: list[Any], after: int | str | None) -> str:
    """The rows of the report; those before the key `after` may be left out."""
    conditions = []
    for condition, value in (
        ("slot >= {}", asked.start),
        ("slot < {}", asked.end),
        ("currency = {}", asked.currency),
        ("distributor_id = {}", asked.distributor_id),
        # Seller by seller along the index: a page adds up its own sellers, not all there are.
        ("distributor_id >= {}", after if asked.group_by == "distributor" else None),
    ):
        if value is not None:
            arguments.append(value)
            conditions.append(condition.format(f"${len(arguments)}"))
    where = f"where {' and '.join(conditions)}" if conditions else ""
    if asked.group_by in _PERIODS:
        arguments.append(asked.zone)
        key = f"to_char(slot at time zone ${len(arguments)}, '{_PERIODS[asked.group_by]}')"
        # In C order: the cursor compares texts, and a server's language must not decide how.
        inner = _FROM_REPORT.format(key=f'({key} collate "C")', where=where)
    elif asked.group_by == "distributor":
        inner = _FROM_REPORT.format(key="distributor_id", where=where)
    else:
        inner = _FROM_FACTS.format(parts=_PARTS[asked.group_by], where=where)
    return f"select * from ({inner}) as report"


def _key(key: str | int, asked: SalesQuestion) -> str | int | None:
    return None if asked.group_by == "category" and key == _NO_CATEGORY else key
