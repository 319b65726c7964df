"""Notices for administrators: raised once per event, read by each account for itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import AccountId
from fenxiao.kernel.paging import Page
from fenxiao.notifications.queries import notices as queries
from fenxiao.notifications.queries.notices import Notice


class Notices:
    """What administrators should know."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def raise_from(self, delivery: Delivery, kind: str, params: Mapping[UUID, dict[str, Any]]) -> None:
        """One notice for each event of the batch that has none yet; `params` by event."""
        now = self._db.clock()
        async with self._db.begin(once=delivery) as tx:
            await _insert(tx, kind, [(one.id, params[one.id]) for one in tx.fresh], now)

    async def page(
        self, account_id: AccountId, *, unread: bool, limit: int, cursor: str | None
    ) -> Page[Notice]:
        """Notices, the newest first, as this account has read them."""
        return await queries.page(self._db, account_id, unread=unread, limit=limit, cursor=cursor)

    async def read(self, account_id: AccountId, notice_id: int) -> Notice:
        """Note that this account has read it; again, that changes nothing."""
        async with self._db.begin() as tx:
            await queries.find(tx, account_id, notice_id)
            await tx.execute(
                "insert into notice_read (account_id, notice_id, read_at) values ($1, $2, $3) on conflict do nothing",
                account_id,
                notice_id,
                self._db.clock(),
            )
            return await queries.find(tx, account_id, notice_id)

    async def read_all(self, account_id: AccountId) -> int:
        """Note that this account has read all there are at this moment; how many were new to it."""
        async with self._db.begin() as tx:
            # Whoever is raising a notice has drawn its number already: one that shows up later with a number below
            # the last would count as read without having been there.
            await tx.execute("lock table notice in share mode")
            unread, last = await queries.unread_now(tx, account_id)
            if unread:
                await tx.execute(
                    "insert into notices_read (account_id, through, read_at) values ($1, $2, $3) on conflict do nothing",
                    account_id,
                    last,
                    self._db.clock(),
                )
        return unread


async def raise_one(tx: Transaction, kind: str, params: Mapping[str, Any], now: datetime) -> None:
    """A notice that follows from what this transaction does, and from no event."""
    await _insert(tx, kind, [(None, dict(params))], now)


async def _insert(
    tx: Transaction, kind: str, rows: Sequence[tuple[UUID | None, dict[str, Any]]], now: datetime
) -> None:
    await tx.execute(
        "insert into notice (kind, params, event_id, created_at)"
        " select $1, p, e, $4 from unnest($2::jsonb[], $3::uuid[]) with ordinality as t(p, e, n) order by n"
        " on conflict (event_id, kind) do nothing",
        kind,
        [params for _, params in rows],
        [event_id for event_id, _ in rows],
        now,
    )
