"""Stock counts as they are shown."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import case, func, select

from fenxiao.catalog.tables import stock_count, stock_count_line
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import ProductId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

State = Literal["open", "closed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountView:
    """盘点: a stock count; `lines` of it `counted` have a figure, and `differing` ones another than the book."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLineView:
    """One batch of a count; `book` is what the book said when it was counted, the difference is to that."""

    line: int
    product_id: ProductId
    batch_id: str
    expiry_date: date | None
    snapshot: int
    counted: int | None
    book: int | None
    counted_at: datetime | None
    counted_by: str | None

    @property
    def difference(self) -> int | None:
        """Units found (above 0) or missing; None while it is not counted."""
        return None if self.counted is None or self.book is None else self.counted - self.book


_DIFFERENCE = stock_count_line.c.counted - stock_count_line.c.book
_SUMS = (
    select(
        stock_count_line.c.count_id,
        func.count().label("lines"),
        func.count(stock_count_line.c.counted).label("counted"),
        func.count(case((_DIFFERENCE != 0, 1))).label("differing"),
        func.coalesce(func.sum(func.greatest(_DIFFERENCE, 0)), 0).label("surplus"),
        func.coalesce(func.sum(func.greatest(-_DIFFERENCE, 0)), 0).label("missing"),
    )
    .where(stock_count_line.c.count_id == stock_count.c.count_id)
    .group_by(stock_count_line.c.count_id)
    .lateral("sums")
)
_COUNT = select(
    *stock_count.c,
    *(
        func.coalesce(_SUMS.c[name], 0).label(name)
        for name in ("lines", "counted", "differing", "surplus", "missing")
    ),
).select_from(stock_count.outerjoin(_SUMS, _SUMS.c.count_id == stock_count.c.count_id))
_LINE = tuple(stock_count_line.c[name] for name in CountLineView.__slots__)


async def find(reader: Reader, count_id: int) -> CountView | None:
    """The count, if there is one."""
    row = await reader.fetchrow(_COUNT.where(stock_count.c.count_id == count_id))
    return None if row is None else CountView(**_whole(dict(row.items())))


async def search(reader: Reader, state: State | None, *, cursor: str | None, limit: int) -> Page[CountView]:
    """Counts, the latest first."""
    query = _COUNT.order_by(stock_count.c.count_id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(stock_count.c.state == state)
    if cursor:
        query = query.where(stock_count.c.count_id < decode_cursor(cursor, int)[0])
    rows = await reader.fetch(query)
    items = tuple(CountView(**_whole(dict(row.items()))) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].count_id) if len(rows) > limit else None)


async def lines(
    reader: Reader, count_id: int, *, differing: bool | None, cursor: str | None, limit: int
) -> Page[CountLineView]:
    """The lines of a count in their order; `differing`: only those that differ from the book, or do not."""
    query = select(*_LINE).where(stock_count_line.c.count_id == count_id)
    if differing is not None:
        query = query.where((func.coalesce(_DIFFERENCE, 0) != 0) == differing)
    if cursor:
        query = query.where(stock_count_line.c.line > decode_cursor(cursor, int)[0])
    rows = await reader.fetch(query.order_by(stock_count_line.c.line).limit(limit + 1))
    items = tuple(CountLineView(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].line) if len(rows) > limit else None)


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    # Sums of BIGINT arrive as NUMERIC.
    return row | {name: int(row[name]) for name in ("surplus", "missing")}
