"""Tables of the law, what people have had of their months, and the quarter's report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fenxiao.commission.domain.tax import Strategy
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTable:
    """税率表: one table of a strategy, from its first day on."""

    table_id: int
    strategy: Strategy
    effective_from: date
    source: str
    document: Mapping[str, Any]
    actor: str
    recorded_at: datetime


_NO_END = 2**63 - 1
_COLUMNS = "table_id, strategy, effective_from, source, document, actor, recorded_at"


async def table_at(reader: Reader, strategy: Strategy, day: date) -> TaxTable | None:
    """The table of a strategy on a day: the one that began last; of two with one beginning the later row."""
    row = await reader.fetchrow(
        f"select {_COLUMNS} from tax_table where strategy = $1 and effective_from <= $2"
        " order by effective_from desc, table_id desc limit 1",
        strategy,
        day,
    )
    return None if row is None else TaxTable(**dict(row.items()))


async def tables(reader: Reader, *, limit: int, cursor: str | None) -> Page[TaxTable]:
    """All tables, the one that was written last first."""
    before = _NO_END if cursor is None else decode_cursor(cursor, int)[0]
    rows = await reader.fetch(
        f"select {_COLUMNS} from tax_table where table_id < $1 order by table_id desc limit $2",
        before,
        limit + 1,
    )
    items = tuple(TaxTable(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].table_id) if len(rows) > limit else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something of a month: income that was paid or is under way, with its tax; or what became debt, below zero."""

    month: date
    income_minor: int
    tax_minor: int
    earns: bool


async def parts(
    reader: Reader, people: Sequence[tuple[int, str]], *, since: date, since_at: datetime, zone: str
) -> dict[tuple[int, str], list[Part]]:
    """What these balances have had since the first day of a year, which began at `since_at`, in months of the zone."""
    rows = await reader.fetch(
        """
        with k as (select * from unnest($1::bigint[], $2::text[]) as k (distributor_id, currency))
        select distributor_id, currency, month, gross_minor as income_minor, tax_minor, true as earns
          from k join tax_account t using (distributor_id, currency) where t.month >= $3
        union all
        select distributor_id, currency, p.tax_month, w.amount_minor, p.tax_minor, true
          from k join withdrawal w using (distributor_id, currency)
          join payout p on p.withdrawal_id = w.withdrawal_id and p.attempt = w.attempt
          where w.status in ('approved', 'processing', 'awaiting_user', 'unknown') and p.tax_month >= $3
        union all
        select distributor_id, currency, date_trunc('month', recorded_at at time zone $5)::date, -change_minor, 0, false
          from k join debt_change d using (distributor_id, currency) where d.recorded_at >= $4
        """,
        [one[0] for one in people],
        [one[1] for one in people],
        since,
        since_at,
        zone,
    )
    found: dict[tuple[int, str], list[Part]] = {one: [] for one in people}
    for distributor_id, currency, *rest in rows:
        found[distributor_id, currency].append(
            Part(month=rest[0], income_minor=rest[1], tax_minor=rest[2], earns=rest[3])
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRow:
    """One person's quarter: paid before fee and tax, taken back by refunds, what is left of it, withheld."""

    distributor_id: int
    currency: str
    gross_minor: int
    refunds_minor: int
    tax_minor: int

    @property
    def net_minor(self) -> int:
        """Gross less refunds: the income."""
        return self.gross_minor - self.refunds_minor


async def report(
    reader: Reader,
    *,
    quarter: int,
    start: datetime,
    end: datetime,
    distributor_id: int | None,
    limit: int,
    cursor: str | None,
) -> Page[TaxRow]:
    """Everybody who was paid, or whose paid income was taken back, in the quarter (year × 10 + quarter), by id."""
    after: tuple[int, str] = (0, "") if cursor is None else decode_cursor(cursor, int, str)
    if distributor_id is not None and after[0] < distributor_id:
        after = (distributor_id, "")
    rows = await reader.fetch(
        """
        with people as (
          (select distinct distributor_id, currency from tax_account
            where quarter = $1 and (distributor_id, currency) > ($4, $5) and distributor_id <= $6
            order by 1, 2 limit $7)
          union
          (select distinct distributor_id, currency from debt_change
            where recorded_at >= $2 and recorded_at < $3 and (distributor_id, currency) > ($4, $5)
              and distributor_id <= $6
            order by 1, 2 limit $7)
          order by 1, 2 limit $7
        )
        select distributor_id, currency,
          coalesce((select sum(gross_minor) from tax_account t where t.quarter = $1
            and t.distributor_id = p.distributor_id and t.currency = p.currency), 0)::bigint as gross_minor,
          coalesce((select sum(tax_minor) from tax_account t where t.quarter = $1
            and t.distributor_id = p.distributor_id and t.currency = p.currency), 0)::bigint as tax_minor,
          coalesce((select sum(change_minor) from debt_change d where d.recorded_at >= $2 and d.recorded_at < $3
            and d.distributor_id = p.distributor_id and d.currency = p.currency), 0)::bigint as refunds_minor
        from people p order by 1, 2
        """,
        quarter,
        start,
        end,
        *after,
        distributor_id or _NO_END,
        limit + 1,
    )
    items = tuple(TaxRow(**dict(row.items())) for row in rows[:limit])
    last = items[-1] if items else None
    more = len(rows) > limit and last is not None
    return Page(items, encode_cursor(last.distributor_id, last.currency) if more and last else None)
