"""Releasing (解冻): what is due of some distributors becomes available."""

import asyncio
from collections.abc import Sequence

from fenxiao.commission.domain import proofs
from fenxiao.commission.events import CommissionReleased
from fenxiao.commission.queries.maturing import Due
from fenxiao.commission.queries.settlement import Digest, statement_digests
from fenxiao.commission.service import ledger
from fenxiao.commission.service.ledger import Freeing
from fenxiao.infra.db import arrays
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import DistributorId, OrderId, SettlementId


class Part:
    """Distributors of a chunk, and how far their transaction has come.

    No part takes a lock before the one ahead of it has all of its own. For it waits for that one's commit, which the
    database knows nothing of: were that one still to wait for somebody who waits for this part's locks, nobody would
    ever see the circle.
    """

    def __init__(self, run: Run, due: Due, before: "Part | None") -> None:
        self.run = run
        self.due = due
        self._before = before
        self.locked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.committed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def may_lock(self) -> None:
        """Wait until the part ahead has its locks; `Moved` if it came to nothing."""
        if self._before and not await self._before.locked:
            raise Moved

    async def turn(self) -> None:
        """Wait until the part ahead is committed; `Moved` if it came to nothing."""
        if self._before and not await self._before.committed:
            raise Moved

    def end(self) -> None:
        """Whoever still waits for something of this part waits in vain."""
        for one in (self.locked, self.committed):
            if not one.done():
                one.set_result(False)


async def release(
    tx: Transaction,
    due: Due,
    freeing: Freeing,
    *,
    without: Sequence[OrderId],
    part: Part | None = None,
) -> None:
    """Release what is due, but for what comes from the orders left out: entries, rewards, postings, balances, statements, events."""
    # Whoever books a correction holds the same lock. So either it is booked first, and is released here with
    # the entry it corrects, or it comes later, finds that one released, and is booked on what is available.
    # Of an order's entry the lock is that of the balance; two parts may share what is of a close or a period.
    for table, column, ids in (
        ("period_close", "close_id", due.close_ids),
        ("reward_period", "reward_period_id", due.reward_period_ids),
    ):
        if ids:
            await tx.execute(
                f"select from {table} where {column} in (select unnest($1::text::bigint[])) order by {column} for share",
                arrays.numbers(ids),
            )
    await ledger.lock(tx, due.keys)
    if part:
        part.locked.set_result(True)
    freed = await ledger.free(tx, due, freeing, without=without)
    if not freed:
        # Nothing had matured but what is left out, or somebody else released it while we waited for the locks.
        return
    for one in freed:
        tx.emit(
            CommissionReleased(
                settlement_id=SettlementId(freeing.settlement_id),
                distributor_id=DistributorId(one.distributor_id),
                currency=one.currency,
                amount_minor=one.amount_minor,
            )
        )
    # A distributor has one digest, whatever currencies there are.
    entries = {one.distributor_id: one.digest for one in freed}
    written = await statement_digests(tx, SettlementId(freeing.settlement_id), sorted(entries))
    if part:
        await part.turn()
    await _prove(tx, freeing.settlement_id, [entries[one] for one in sorted(entries)], written)


async def _prove(
    tx: Transaction, settlement_id: int, entries: Sequence[bytes], statements: Sequence[Digest]
) -> None:
    """Move the settlement's hashes on by what was released here; one that had begun before there were any gets none."""
    (row,) = await tx.fetch(
        "select input_hash, output_hash from settlement where settlement_id = $1", settlement_id
    )
    if row["input_hash"] is None:
        return
    now = proofs.Hashes(row["input_hash"], row["output_hash"]).after(
        entries, [one.digest for one in statements]
    )
    await tx.execute(
        "update settlement set input_hash = $2, output_hash = $3 where settlement_id = $1",
        settlement_id,
        now.input_hash,
        now.output_hash,
    )
