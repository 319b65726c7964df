"""The ledger account by account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, text, tuple_

from fenxiao.commission.domain.accounts import OWN, SELDOM, AccountName
from fenxiao.commission.queries import books
from fenxiao.commission.tables.entries import commission
from fenxiao.commission.tables.ledger import balance, posting
from fenxiao.commission.tables.withdrawals import payout
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingView:
    """分录: one posting with what it is about."""

    posting_id: int
    event: str
    debit: str
    credit: str
    distributor_id: int
    currency: str
    amount_minor: int
    commission_id: int | None
    order_id: int | None
    period: str | None
    settlement_id: int | None
    withdrawal_id: int | None
    at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What lies in one account of a distributor."""

    account: AccountName
    currency: str
    balance_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingFilter:
    """Which postings of an account; `since` is in it, `until` is not, both are times of recording."""

    account: AccountName
    currency: str
    since: datetime | None = None
    until: datetime | None = None
    order_id: int | None = None
    commission_id: int | None = None
    withdrawal_id: int | None = None


_SEVERAL = 10_000
"""Entries of an order, or payouts of a withdrawal; there are never so many."""
_FIRST, _LAST = 0, 2**63 - 1

_COLUMNS = (
    *(posting.c[name] for name in PostingView.__slots__ if name in posting.c),
    commission.c.order_id,
    commission.c.period,
    payout.c.withdrawal_id,
)
_JOINED = posting.outerjoin(commission, commission.c.commission_id == posting.c.commission_id).outerjoin(
    payout, payout.c.payout_id == posting.c.payout_id
)


async def postings(
    reader: Reader, wanted: PostingFilter, *, limit: int, cursor: str | None
) -> Page[PostingView]:
    """The postings of an account, the one that was written last first."""
    after, through = await _bounds(reader, wanted)
    if cursor is not None:
        through = min(through, decode_cursor(cursor, int)[0] - 1)
    query = _of_account(wanted.account).where(posting.c.currency == wanted.currency)
    query = query.where(posting.c.posting_id > after, posting.c.posting_id <= through)
    if wanted.since is not None:
        query = query.where(posting.c.recorded_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(posting.c.recorded_at < wanted.until)
    query = await _about(reader, wanted, query)
    rows = await reader.fetch(query.order_by(posting.c.posting_id.desc()).limit(limit + 1))
    found = tuple(PostingView(**dict(row.items())) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].posting_id) if len(rows) > limit else None)


async def stretch(
    reader: Reader, key: tuple[int, str], *, after: int, through: int, limit: int
) -> list[PostingView]:
    """The next postings of a distributor in a currency with after < id <= through, in the order of booking."""
    query = (
        select(*_COLUMNS)
        .select_from(_JOINED)
        .where(posting.c.distributor_id == key[0], posting.c.currency == key[1])
        .where(posting.c.posting_id > after, posting.c.posting_id <= through)
        .order_by(posting.c.posting_id)
        .limit(limit)
    )
    return [PostingView(**dict(row.items())) for row in await reader.fetch(query)]


async def accounts(
    reader: Reader, *, distributor_id: int | None, limit: int, cursor: str | None
) -> Page[Held]:
    """The accounts of distributors, by distributor, currency and account; pages are of whole balances."""
    table = balance.c
    query = select(
        table.distributor_id,
        table.currency,
        table.pending_minor,
        table.available_minor,
        table.withdrawing_minor,
    )
    if distributor_id is not None:
        query = query.where(table.distributor_id == distributor_id)
    if cursor is not None:
        query = query.where(tuple_(table.distributor_id, table.currency) > decode_cursor(cursor, int, str))
    balances = max(1, limit // len(OWN))
    rows = await reader.fetch(query.order_by(table.distributor_id, table.currency).limit(balances + 1))
    found = tuple(
        Held(account=AccountName(kind, row[0]), currency=row[1], balance_minor=amount)
        for row in rows[:balances]
        for kind, amount in zip(OWN, row[2:], strict=True)
    )
    last = rows[balances - 1] if len(rows) > balances else None
    return Page(found, None if last is None else encode_cursor(last[0], last[1]))


def _of_account(account: AccountName) -> Select[Any]:
    touches = or_(posting.c.debit == account.kind, posting.c.credit == account.kind)
    query = select(*_COLUMNS).select_from(_JOINED).where(touches)
    if account.distributor_id is not None:
        return query.where(posting.c.distributor_id == account.distributor_id)
    if account.kind in SELDOM:
        # As the index on them says it.
        return query.where(
            text("(event not in ('accrual', 'clawback', 'release') or credit = 'reward_expense')")
        )
    return query


async def _about(reader: Reader, wanted: PostingFilter, query: Select[Any]) -> Select[Any]:
    """Narrowed to an order, an entry or a withdrawal; what belongs to it is looked up first, for it is little."""
    for column, value in (("order_id", wanted.order_id), ("commission_id", wanted.commission_id)):
        if value is not None:
            rows = await reader.fetch(
                f"select commission_id, distributor_id, settlement_id from commission where {column} = $1 limit {_SEVERAL}",
                value,
            )
            query = query.where(_of_entries(wanted.account, rows))
    if wanted.withdrawal_id is not None:
        rows = await reader.fetch(
            f"select payout_id from payout where withdrawal_id = $1 limit {_SEVERAL}", wanted.withdrawal_id
        )
        query = query.where(and_(posting.c.payout_id.is_not(None), posting.c.payout_id.in_(_ids(rows))))
    return query


def _of_entries(account: AccountName, rows: Sequence[Any]) -> ColumnElement[bool]:
    """What was posted of these entries alone, and on a distributor's own account what they were released with."""
    alone = posting.c.commission_id.in_(_ids(rows))
    settlements = {row["settlement_id"] for row in rows if row["distributor_id"] == account.distributor_id}
    settlements.discard(None)
    if not settlements:
        return alone
    several = and_(posting.c.commission_id.is_(None), posting.c.reward_id.is_(None))
    return or_(alone, and_(several, posting.c.settlement_id.in_(sorted(settlements))))


def _ids(rows: Sequence[Any]) -> list[int]:
    # An empty list would be a statement of its own; no id is 0.
    return [row[0] for row in rows] or [0]


async def _bounds(reader: Reader, wanted: PostingFilter) -> tuple[int, int]:
    """Between which postings the stretch of time lies, as far as closed days say: the rest of them is not read."""
    after, through = _FIRST, _LAST
    if wanted.since is not None and (day := await books.last_day_until(reader, wanted.since)) is not None:
        after = day.through_posting_id
    if wanted.until is not None and (day := await books.first_day_from(reader, wanted.until)) is not None:
        through = day.through_posting_id
    return after, through
