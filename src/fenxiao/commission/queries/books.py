"""The closed days of the ledger, and what postings come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.commission.domain.books import Content, Span, Sum
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

_BLOCK = 4096
"""Posting ids of one digest; part of what a hash means, so never changed."""
_WINDOW = 16 * _BLOCK
"""Posting ids per statement."""
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDay:
    """日结: one closed day; its postings are those behind the day before, up to `through_posting_id`."""

    day: date
    ends_at: datetime
    through_posting_id: int
    postings: int
    previous: bytes
    hash: bytes
    closed_at: datetime

    @property
    def span(self) -> Span:
        """Its name and its end."""
        return Span(self.day, self.ends_at)


_COLUMNS = "day, ends_at, through_posting_id, postings, previous, hash, closed_at"

# A posting as text, whatever columns are added later and wherever the session says that it is.
_DIGESTS = f"""
select posting_id / {_BLOCK} as block, count(*) as postings, sha256(convert_to(string_agg(
  (jsonb_strip_nulls(to_jsonb(p)) || jsonb_build_object('at', (extract(epoch from p.at) * 1000000)::bigint,
    'recorded_at', (extract(epoch from p.recorded_at) * 1000000)::bigint))::text,
  E'\\n' order by posting_id), 'UTF8')) as digest
from posting p where posting_id > $1 and posting_id <= $2 group by 1 order by 1
"""
_SUMS = """
select currency, account, sum(debit)::bigint as debit_minor, sum(credit)::bigint as credit_minor from (
  select currency, p.debit as account, amount_minor as debit, 0 as credit from posting p
    where posting_id > $1 and posting_id <= $2 and recorded_at <= $3
  union all select currency, p.credit, 0, amount_minor from posting p
    where posting_id > $1 and posting_id <= $2 and recorded_at <= $3
) s group by 1, 2 order by currency collate "C", account collate "C"
"""


async def last_day(reader: Reader) -> BookDay | None:
    """The day that was closed last."""
    row = await reader.fetchrow(f"select {_COLUMNS} from book_day order by ends_at desc limit 1")
    return None if row is None else _day(row)


async def last_day_until(reader: Reader, at: datetime) -> BookDay | None:
    """The last closed day that had ended by then."""
    row = await reader.fetchrow(
        f"select {_COLUMNS} from book_day where ends_at <= $1 order by ends_at desc limit 1", at
    )
    return None if row is None else _day(row)


async def first_day_from(reader: Reader, at: datetime) -> BookDay | None:
    """The first closed day that did not end before."""
    row = await reader.fetchrow(
        f"select {_COLUMNS} from book_day where ends_at >= $1 order by ends_at limit 1", at
    )
    return None if row is None else _day(row)


async def days_after(reader: Reader, after: date | None, limit: int) -> list[BookDay]:
    """The next closed days, the first first."""
    rows = await reader.fetch(
        f"select {_COLUMNS} from book_day where $1::date is null or day > $1 order by day limit $2",
        after,
        limit,
    )
    return [_day(row) for row in rows]


async def page(reader: Reader, *, limit: int, cursor: str | None) -> Page[BookDay]:
    """Closed days, the last first."""
    before = date.max.toordinal() if cursor is None else decode_cursor(cursor, int)[0]
    # A forged number need not be a day.
    before = min(max(before, 1), date.max.toordinal())
    rows = await reader.fetch(
        f"select {_COLUMNS} from book_day where day < $1 order by day desc limit $2",
        date.fromordinal(before),
        limit + 1,
    )
    found = tuple(_day(row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].day.toordinal()) if len(rows) > limit else None)


async def first_recorded(reader: Reader) -> datetime | None:
    """When the first posting was written; None while there is none."""
    found: datetime | None = await reader.fetchval(
        "select recorded_at from posting order by posting_id limit 1"
    )
    return found


async def drawn(reader: Reader) -> tuple[int, int]:
    """The last posting that is seen, and a transaction number above those of all who drew a posting's id before.

    Whoever writes postings has a transaction number by then, because he has locked balances.
    """
    row = await reader.fetchrow(
        "select (select coalesce(max(posting_id), 0) from posting) as last, pg_current_xact_id()::text::bigint as xid"
    )
    assert row is not None  # noqa: S101 - a select without a table has one row
    return row["last"], row["xid"]


async def settled(reader: Reader, xid: int) -> bool:
    """Whether every transaction with a number up to this one has ended."""
    found: bool = await reader.fetchval(
        "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint > $1", xid
    )
    return found


async def cut(reader: Reader, *, after: int, until: int, ends_at: datetime) -> int:
    """The last posting before the first that was recorded from `ends_at` on; `until` if there is none."""
    first: int | None = await reader.fetchval(
        "select posting_id from posting where posting_id > $1 and posting_id <= $2 and recorded_at >= $3"
        " order by posting_id limit 1",
        after,
        until,
        ends_at,
    )
    return max(after, until) if first is None else first - 1


async def content(reader: Reader, *, after: int, through: int) -> Content:
    """The postings with after < id <= through."""
    postings, blocks = 0, []
    start = after
    while start < through:
        # Windows end where blocks end, or one block would be cut in two.
        end = min(through, ((start + 1) // _WINDOW + 1) * _WINDOW - 1)
        for row in await reader.fetch(_DIGESTS, start, end):
            postings += row["postings"]
            blocks.append(row["digest"])
        start = end
    return Content(postings, await sums(reader, after=after, through=through), tuple(blocks))


async def sums(
    reader: Reader, *, after: int, through: int = _LAST, until: datetime | None = None
) -> tuple[Sum, ...]:
    """What the postings with after < id <= through, recorded until then, put on each account."""
    question = _SUMS if until is not None else _SUMS.replace(" and recorded_at <= $3", "")
    rows = await reader.fetch(question, after, through, *([] if until is None else [until]))
    return tuple(Sum(**dict(row.items())) for row in rows)


async def closed_sums(reader: Reader, day: date) -> tuple[Sum, ...]:
    """What is written down of a closed day's accounts."""
    rows = await reader.fetch(
        "select currency, account, debit_minor, credit_minor from book_day_account where day = $1"
        ' order by currency collate "C", account collate "C"',
        day,
    )
    return tuple(Sum(**dict(row.items())) for row in rows)


async def closed_sums_until(reader: Reader, ends_at: datetime) -> tuple[Sum, ...]:
    """What all days that ended by then put on each account."""
    rows = await reader.fetch(
        "select currency, account, sum(debit_minor)::bigint as debit_minor, sum(credit_minor)::bigint as credit_minor"
        " from book_day_account join book_day using (day) where ends_at <= $1 group by 1, 2",
        ends_at,
    )
    return tuple(Sum(**dict(row.items())) for row in rows)


def added(parts: Sequence[Sequence[Sum]]) -> tuple[Sum, ...]:
    """Sums of sums, by currency and account."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for one in (one for part in parts for one in part):
        debit, credit = found.get((one.currency, one.account), (0, 0))
        found[one.currency, one.account] = (debit + one.debit_minor, credit + one.credit_minor)
    return tuple(Sum(*key, *found[key]) for key in sorted(found))


def _day(row: Record) -> BookDay:
    return BookDay(**dict(row.items()))
