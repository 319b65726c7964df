"""What was closed, and on what it rested."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.commission.domain.booking import Book, Root
from fenxiao.commission.domain.closing import Close, Evaluation
from fenxiao.commission.domain.comparison import Booked
from fenxiao.engine.evaluate import AwardKey
from fenxiao.engine.periods import Carry, Member
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

_SOME = 2000
"""Rows dealt with before others get the loop."""

_CLOSE = ", ".join(Close.__slots__)
_EVALUATION = ", ".join(Evaluation.__slots__)
_MEMBER = "distributor_id, grade, rank, active, personal_minor, team_minor, sponsor_id, placement_parent_id, position, facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A close as it is listed, with what was sold in its period by its last evaluation."""

    close: Close
    sales_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A run that closes periods, and how far it has come; `done` of `total` periods."""

    closing_id: int
    run_id: int
    period: str | None
    scheduled_on: date | None
    status: str
    created_at: datetime
    done: int
    total: int | None


async def close(reader: Reader, close_id: int) -> Close | None:
    """One close."""
    row = await reader.fetchrow(f"select {_CLOSE} from period_close where close_id = $1", close_id)
    return None if row is None else _close(row)


async def of(reader: Reader, currency: str, kind: str, period: str, purpose: str) -> Close | None:
    """That of a period for a purpose."""
    row = await reader.fetchrow(
        f"select {_CLOSE} from period_close where currency = $1 and kind = $2 and period = $3 and purpose = $4",
        currency,
        kind,
        period,
        purpose,
    )
    return None if row is None else _close(row)


async def after(reader: Reader, cursor: int, limit: int) -> list[Close]:
    """The next closes by id."""
    rows = await reader.fetch(
        f"select {_CLOSE} from period_close where close_id > $1 order by close_id limit $2", cursor, limit
    )
    return [_close(row) for row in rows]


async def last_ends(reader: Reader) -> dict[tuple[str, str, str], datetime]:
    """Until when each (currency, kind, purpose) is closed."""
    rows = await reader.fetch(
        "select currency, kind, purpose, max(until) as until from period_close group by currency, kind, purpose"
    )
    return {(row["currency"], row["kind"], row["purpose"]): row["until"] for row in rows}


async def caps_since(reader: Reader, moment: datetime, currency: str | None = None) -> list[Close]:
    """Closes of caps whose periods ended since a moment, it included; those of one currency or of all."""
    rows = await reader.fetch(
        f"select {_CLOSE} from period_close where purpose = 'caps' and until >= $1 and ($2::text is null or currency = $2)"
        " order by until",
        moment,
        currency,
    )
    return [_close(row) for row in rows]


async def paying_within(reader: Reader, currency: str, start: datetime, end: datetime) -> list[Close]:
    """Closes of what components pay whose periods share a moment with the span."""
    rows = await reader.fetch(
        f"select {_CLOSE} from period_close where purpose = 'pay' and currency = $1 and until > $2 and since < $3"
        " order by until, close_id",
        currency,
        start,
        end,
    )
    return [_close(row) for row in rows]


async def accrued(
    reader: Reader, currency: str, since: datetime, until: datetime, components: Sequence[str]
) -> dict[AwardKey, int]:
    """What was earned in a period by these components, net of corrections, those of caps aside.

    It was earned by the orders that came to earn in it, and by periods that ended in it.
    """
    rows = await reader.fetch(
        "with earned as (select distinct order_id from commission where order_id is not null and step = 0"
        "  and created_at >= $2 and created_at < $3 and currency = $1)"
        " select component, level, distributor_id, sum(commission_amount_minor)::bigint as amount_minor from ("
        "  select component, level, distributor_id, commission_amount_minor from commission join earned using (order_id)"
        "  union all"
        "  select c.component, c.level, c.distributor_id, c.commission_amount_minor"
        "    from commission c join period_close p on p.close_id = c.close_id"
        "   where p.currency = $1 and p.purpose = 'pay' and p.until > $2 and p.until <= $3) e"
        " where component = any($4::text[]) group by 1, 2, 3 having sum(commission_amount_minor) > 0 order by 1, 2, 3",
        currency,
        since,
        until,
        list(components),
    )
    return {(row["component"], row["level"], row["distributor_id"]): row["amount_minor"] for row in rows}


async def accrued_then(reader: Reader, close_id: int, step: int) -> dict[AwardKey, int]:
    """The same as one evaluation of the caps saw it."""
    rows = await reader.fetch(
        "select component, level, distributor_id, amount_minor from period_accrued where close_id = $1 and step = $2",
        close_id,
        step,
    )
    return {(row["component"], row["level"], row["distributor_id"]): row["amount_minor"] for row in rows}


async def page(reader: Reader, *, limit: int, cursor: str | None) -> Page[Closed]:
    """Closes, the latest period first."""
    before = decode_cursor(cursor, datetime, int) if cursor is not None else None
    where = "" if before is None else "where (until, close_id) < ($2, $3)"
    rows = await reader.fetch(
        f"select {_CLOSE}, coalesce((select sales_minor from period_step s where s.close_id = c.close_id"
        " order by step desc limit 1), 0) as sales_minor"
        f" from period_close c {where} order by until desc, close_id desc limit $1",
        limit + 1,
        *(before or ()),
    )
    items = tuple(Closed(close=_close(row), sales_minor=row["sales_minor"]) for row in rows[:limit])
    last = items[-1].close if items else None
    return Page(items, encode_cursor(last.until, last.close_id) if last and len(rows) > limit else None)


async def closing(
    reader: Reader, *, closing_id: int | None = None, run_id: int | None = None
) -> Closing | None:
    """A run that closes, by its number or by its run."""
    row = await reader.fetchrow(
        "select c.closing_id, c.run_id, c.period, c.scheduled_on, r.state as status, c.created_at, r.done, r.total"
        " from closing c join run r using (run_id) where c.closing_id = $1 or c.run_id = $2",
        closing_id,
        run_id,
    )
    return None if row is None else Closing(**dict(row.items()))


async def evaluations(reader: Reader, close_id: int) -> list[Evaluation]:
    """The steps of a close, in order; the last one may be under way."""
    rows = await reader.fetch(
        f"select {_EVALUATION} from period_step where close_id = $1 order by step", close_id
    )
    return [Evaluation(**dict(row.items())) for row in rows]


async def members(reader: Reader, close_id: int, step: int) -> list[Member]:
    """Those that a step rests on."""
    found: list[Member] = []
    last = 0
    # Some at a time: a period has many, and others want the loop between two questions.
    while rows := await reader.fetch(
        f"select {_MEMBER} from period_member where close_id = $1 and step = $2 and distributor_id > $3"
        f" order by distributor_id limit {_SOME}",
        close_id,
        step,
        last,
    ):
        found += [Member(**dict(row.items())) for row in rows]
        last = found[-1].distributor_id
    return found


async def carries(reader: Reader, close_id: int, step: int) -> list[Carry]:
    """What a step kept for the next period."""
    rows = await reader.fetch(
        "select component, distributor_id, leg, age, amount_minor from period_carry where close_id = $1 and step = $2",
        close_id,
        step,
    )
    return [Carry(**dict(row.items())) for row in rows]


async def book(reader: Reader, close_id: int) -> Book:
    """What is booked of a close."""
    found = Book()
    rows = await reader.fetch(
        "select component, level, distributor_id, sum(commission_amount_minor)::bigint as amount_minor,"
        " min(commission_id) filter (where corrects is null) as root, bool_or(corrects is null and status = 'released')"
        " as released, min(release_at) as release_at from commission where close_id = $1 group by 1, 2, 3",
        close_id,
    )
    for start in range(0, len(rows), _SOME):
        for row in rows[start : start + _SOME]:
            key = (row["component"], row["level"], row["distributor_id"])
            found.amounts[key] = row["amount_minor"]
            found.roots[key] = Root(row["root"], row["released"], row["release_at"])
        await asyncio.sleep(0)
    return found


async def stored(reader: Reader, close_id: int) -> list[Booked]:
    """Its entries, for comparison."""
    rows = await reader.fetch(
        "select commission_id, step, component, level, distributor_id, kind, commission_amount_minor, currency, rule_id,"
        " refund_sequence, created_at, release_at, corrects from commission where close_id = $1 order by commission_id",
        close_id,
    )
    return [
        Booked(commission_id, step, (component, level, distributor_id), *rest)
        for commission_id, step, component, level, distributor_id, *rest in rows
    ]


async def unfinished(reader: Reader) -> Sequence[Close]:
    """Closes with an evaluation under way."""
    rows = await reader.fetch(f"select {_CLOSE} from period_close where stage <> 'idle' order by until")
    return [_close(row) for row in rows]


def _close(row: Record) -> Close:
    return Close(**{name: row[name] for name in Close.__slots__})
