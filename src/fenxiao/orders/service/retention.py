"""Forgetting who bought, when the law asks for it no more; the order itself stays: commission rests on it."""

from datetime import timedelta

from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import OrderId

CHUNK = 2000
"""Orders of one transaction, so that nobody waits for long."""

_DUE = """
select o.order_id, exists (select from order_history h where h.order_id = o.order_id and h.at >= $1) as recent
from orders o where o.order_id > $2 and o.created_at < $1 and (o.buyer is not null or o.payment_reference is not null)
order by o.order_id limit $3
"""


class BuyerRetention:
    """The daily forgetting; a run that was killed leaves less to the next one."""

    def __init__(self, db: Database, keep_years: int | None) -> None:
        self._db = db
        # A leap year more or less makes it a day too late, never too early.
        self._keep = None if keep_years is None else timedelta(days=366 * keep_years)

    async def forget(self) -> int:
        """Take buyer and payment reference from orders of which nothing has happened for so long; how many orders."""
        if self._keep is None:
            return 0
        before, last, gone = self._db.clock() - self._keep, OrderId(0), 0
        while True:
            async with self._db.begin() as tx:
                rows = await tx.fetch(_DUE, before, last, CHUNK)
                ids = [row["order_id"] for row in rows if not row["recent"]]
                if ids:
                    await tx.execute(
                        "update orders set buyer = null, buyer_index = null, payment_reference = null"
                        " where order_id = any($1::bigint[])",
                        ids,
                    )
                    span = {"orders": len(ids), "from": ids[0], "to": ids[-1]}
                    tx.audit("buyers.forgotten", "orders", after=span)
            gone += len(ids)
            if len(rows) < CHUNK:
                return gone
            last = rows[-1]["order_id"]
