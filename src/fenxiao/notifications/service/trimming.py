"""Forgetting what is over: messages with their deliveries and attempts, deleted webhooks, old notices and mails."""

from datetime import timedelta
from typing import Any

from fenxiao.infra.db.database import Database

CHUNK = 2000
"""Rows deleted in one transaction, so that nobody waits for long."""


class Trimming:
    """The daily forgetting."""

    def __init__(self, db: Database, *, deliveries_days: int, notices_days: int) -> None:
        self._db = db
        # What came longer ago is forgotten with its log, and cannot be replayed any more.
        self._deliveries = timedelta(days=deliveries_days)
        self._notices = timedelta(days=notices_days)

    async def trim(self) -> int:
        """Forget what is over, chunk by chunk; how many rows went, without those that went along with them."""
        now = self._db.clock()
        old = now - self._deliveries
        # What an enabled webhook still waits for is never forgotten: somebody may have sent it again just now.
        gone = await self._all(
            "delete from message where message_id in (select m.message_id from message m where m.created_at < $1"
            " and not exists (select from delivery d join webhook w using (webhook_id)"
            "  where d.message_id = m.message_id and d.state = 'pending' and w.state = 'enabled')"
            " order by m.message_id limit $2)",
            old,
        )
        gone += await self._all(
            "delete from delivery where delivery_id in (select d.delivery_id from delivery d"
            " join webhook w using (webhook_id) where w.state = 'deleted' order by d.delivery_id limit $1)"
        )
        gone += await self._all(
            "delete from webhook where webhook_id in (select w.webhook_id from webhook w where w.state = 'deleted'"
            " and not exists (select from delivery d where d.webhook_id = w.webhook_id) limit $1)"
        )
        gone += await self._all(
            "delete from notice where notice_id in (select notice_id from notice where created_at < $1"
            " order by notice_id limit $2)",
            now - self._notices,
        )
        return gone + await self._all(
            "delete from mail where mail_id in (select mail_id from mail where state <> 'pending' and created_at < $1"
            " order by mail_id limit $2)",
            old,
        )

    async def _all(self, statement: str, *args: Any) -> int:
        total = 0
        while True:
            async with self._db.begin() as tx:
                tag = await tx.execute(statement, *args, CHUNK)
            count = int(tag.rsplit(" ", 1)[1])
            total += count
            if count < CHUNK:
                return total
