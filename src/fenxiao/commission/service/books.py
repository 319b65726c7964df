"""The books: the ledger day by day, closed, chained and added up. What is closed is never written again.

A day ends at midnight in `FENXIAO_TIMEZONE`. It is closed once nobody can still write into it: everybody who had drawn
the id of a posting by then has ended. What is recorded later, however old the fact, belongs to the open day.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from fenxiao.commission.domain import books
from fenxiao.commission.domain.books import Content, Span, Sum
from fenxiao.commission.queries import books as reads
from fenxiao.commission.queries.books import BookDay
from fenxiao.commission.queries.proof import Fault
from fenxiao.infra.db import arrays
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.paging import Page

_LOOKS = 50
_PAUSE = 0.1
"""Seconds between two looks whether others have ended; after so many looks the next run of the job goes on."""
_DAYS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """试算平衡: what stands on each account at a moment, over all distributors; `closed` is the last closed day in it."""

    at: datetime
    closed: date | None
    sums: tuple[Sum, ...]

    @property
    def is_balanced(self) -> bool:
        """Whether debits equal credits in every currency."""
        return books.balanced(self.sums)


class Books:
    """Closes days, adds them up and looks whether they are as they were."""

    def __init__(self, db: Database, clock: Clock, timezone: ZoneInfo) -> None:
        self._db = db
        self._clock = clock
        self._timezone = timezone

    async def close_days(self) -> list[date]:
        """Close every day that has ended, in order; those that were closed here."""
        now = self._clock()
        closed: list[date] = []
        last = await reads.last_day(self._db)
        first_at = await reads.first_recorded(self._db)
        if first_at is None:
            return closed
        span = books.next_day(None if last is None else last.span, first_at, self._timezone)
        if span.ends_at > now:
            return closed
        until, xid = await reads.drawn(self._db)
        if not await self._settled(xid):
            return closed
        while span.ends_at <= now:
            last = await self._close(span, last, until=until)
            if last is None:
                # Another process is closing them.
                return closed
            closed.append(span.day)
            span = books.next_day(last.span, first_at, self._timezone)
        return closed

    async def page(self, *, limit: int, cursor: str | None) -> Page[BookDay]:
        """Closed days, the last first."""
        return await reads.page(self._db, limit=limit, cursor=cursor)

    async def trial_balance(self, *, at: datetime | None, currency: str | None) -> TrialBalance:
        """What stands on each account at a moment (None: now): closed days as they are, and what came behind them."""
        at = at or self._clock()
        closed = await reads.last_day_until(self._db, at)
        parts = []
        if closed is not None:
            parts.append(await reads.closed_sums_until(self._db, closed.ends_at))
        following = await reads.first_day_from(self._db, at)
        bounds = {} if following is None else {"through": following.through_posting_id}
        after = 0 if closed is None else closed.through_posting_id
        parts.append(await reads.sums(self._db, after=after, until=at, **bounds))
        sums = tuple(one for one in reads.added(parts) if currency in (None, one.currency))
        return TrialBalance(at=at, closed=None if closed is None else closed.day, sums=sums)

    async def faults(self) -> AsyncIterator[Fault]:
        """Days that are not what their postings, or the days before them, say: somebody changed one afterwards."""
        before: BookDay | None = None
        while days := await reads.days_after(self._db, None if before is None else before.day, _DAYS):
            for here, one in pairwise([before, *days]):
                assert one is not None  # noqa: S101 - only the first may have none before it
                for fault in await self._compared(here, one):
                    yield fault
            before = days[-1]

    async def _compared(self, before: BookDay | None, one: BookDay) -> list[Fault]:
        after = 0 if before is None else before.through_posting_id
        previous = books.BEGINNING if before is None else before.hash
        found = await reads.content(self._db, after=after, through=one.through_posting_id)
        written = await reads.closed_sums(self._db, one.day)
        again = books.chained(previous, one.span, one.through_posting_id, found)
        subject = f"book_day {one.day}"
        faults = [
            Fault(subject=f"{subject}.{name}", expected=str(expected), found=str(there))
            for name, expected, there in (
                ("previous", previous.hex(), one.previous.hex()),
                ("postings", found.postings, one.postings),
                ("accounts", _told(found.sums), _told(written)),
                ("hash", again.hex(), one.hash.hex()),
            )
            if expected != there
        ]
        if before is not None and one.ends_at <= before.ends_at:
            faults.append(Fault(f"{subject}.ends_at", f"after {before.ends_at}", str(one.ends_at)))
        return faults

    async def _settled(self, xid: int) -> bool:
        for _ in range(_LOOKS):
            if await reads.settled(self._db, xid):
                return True
            await asyncio.sleep(_PAUSE)
        return False

    async def _close(self, span: Span, last: BookDay | None, *, until: int) -> BookDay | None:
        """The day as it was written, None if it was closed by somebody else meanwhile."""
        after = 0 if last is None else last.through_posting_id
        through = await reads.cut(self._db, after=after, until=until, ends_at=span.ends_at)
        content = await reads.content(self._db, after=after, through=through)
        previous = books.BEGINNING if last is None else last.hash
        now = self._clock()
        async with self._db.begin() as tx:
            row = await tx.fetchrow(
                "insert into book_day (day, ends_at, through_posting_id, postings, previous, hash, closed_at)"
                " values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing"
                " returning day, ends_at, through_posting_id, postings, previous, hash, closed_at",
                span.day,
                span.ends_at,
                through,
                content.postings,
                previous,
                books.chained(previous, span, through, content),
                now,
            )
            if row is None:
                return None
            await _keep(tx, span.day, content)
        return BookDay(**dict(row.items()))


async def _keep(tx: Transaction, day: date, content: Content) -> None:
    await tx.execute(
        "insert into book_day_account (day, currency, account, debit_minor, credit_minor)"
        " select $1, * from unnest($2::text::text[], $3::text::text[], $4::text::bigint[], $5::text::bigint[])",
        day,
        arrays.texts([one.currency for one in content.sums]),
        arrays.texts([one.account for one in content.sums]),
        arrays.numbers([one.debit_minor for one in content.sums]),
        arrays.numbers([one.credit_minor for one in content.sums]),
    )


def _told(sums: tuple[Sum, ...]) -> str:
    return "; ".join(f"{one.account} {one.currency} {one.debit_minor} - {one.credit_minor}" for one in sums)
