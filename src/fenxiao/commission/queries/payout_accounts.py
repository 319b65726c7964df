"""Payout accounts as they are stored: sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from fenxiao.commission.domain.payout_accounts import Channel
from fenxiao.commission.tables.accounts import payout_account
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAccount:
    """收款账户: one account; the sealed values are None once it is erased."""

    account_id: int
    distributor_id: int
    channel: Channel
    status: str
    created_at: datetime
    holder_sealed: bytes | None
    number_sealed: bytes | None
    details_sealed: bytes | None


_COLUMNS = tuple(payout_account.c[name] for name in SealedAccount.__slots__)


async def page(
    reader: Reader, *, distributor_id: int | None, limit: int, cursor: str | None
) -> Page[SealedAccount]:
    """Accounts, the newest first; None: of everybody."""
    query = select(*_COLUMNS)
    if distributor_id is not None:
        query = query.where(payout_account.c.distributor_id == distributor_id)
    if cursor is not None:
        (before,) = decode_cursor(cursor, int)
        query = query.where(payout_account.c.account_id < before)
    rows = await reader.fetch(query.order_by(payout_account.c.account_id.desc()).limit(limit + 1))
    items = tuple(SealedAccount(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].account_id) if len(rows) > limit else None)


async def some(reader: Reader, account_ids: Sequence[int]) -> dict[int, SealedAccount]:
    """Those of these accounts that exist, by id."""
    rows = await reader.fetch(select(*_COLUMNS).where(payout_account.c.account_id.in_(list(account_ids))))
    return {row["account_id"]: SealedAccount(**dict(row.items())) for row in rows}
