"""Batches: files for the bank, and what the bank made of them."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fenxiao.infra import context
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.kernel.errors import FieldError
from fenxiao.kernel.paging import Page
from fenxiao.payments.channels import bank
from fenxiao.payments.channels.bank import Bank
from fenxiao.payments.domain.refusals import BatchForgotten, NothingToPay, PayoutFileRefused
from fenxiao.payments.domain.transfers import Outcome
from fenxiao.payments.queries import batches as queries
from fenxiao.payments.queries.batches import Batch
from fenxiao.payments.service import destinations
from fenxiao.payments.service.hearing import Heard, Hearing

MOST = 5000
"""Transfers of one file; the next batch takes what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a result file did: how many transfers ended or went on, and how many lines contradict what is known."""

    lines: int
    paid: int
    failed: int
    processing: int
    unchanged: int
    contradicted: int


class Batches:
    """Makes files and reads them."""

    def __init__(self, db: Database, cipher: Cipher, hearing: Hearing) -> None:
        self._db = db
        self._cipher = cipher
        self._hearing = hearing

    @starts_over
    async def create(self, currency: str, *, once: Once | None) -> Batch:
        """Put what waits for the bank into a batch; from now on it is under way. NothingToPay."""
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Batch)
            rows = await tx.fetch(
                "select transfer_id, payout_number, amount_minor from transfer where channel = 'bank'"
                " and status = 'queued' and currency = $1 order by transfer_id limit $2 for update",
                currency,
                MOST,
            )
            if not rows:
                raise NothingToPay(currency=currency)
            batch = await tx.fetchrow(
                "insert into batch (currency, transfers, amount_minor, created_by, created_at)"
                " values ($1, $2, $3, $4, $5) returning *",
                currency,
                len(rows),
                sum(row["amount_minor"] for row in rows),
                context.current().actor,
                now,
            )
            assert batch is not None  # noqa: S101 - an insert that answers
            await tx.execute(
                "update transfer set batch_id = $2, first_sent_at = $3 where transfer_id = any($1::bigint[])",
                [row["transfer_id"] for row in rows],
                batch["batch_id"],
                now,
            )
            outcome = Outcome(word="processing")
            words = [
                Heard(payout_number=row["payout_number"], kind="submit", outcome=outcome) for row in rows
            ]
            await self._hearing.apply(tx, words)
            after = {"currency": currency, "transfers": len(rows), "amount_minor": batch["amount_minor"]}
            tx.audit("payout-batch.created", f"payout-batches/{batch['batch_id']}", after=after)
            return tx.keep(Batch(**batch))

    async def page(self, *, limit: int, cursor: str | None) -> Page[Batch]:
        """Batches, the newest first."""
        return await queries.page(self._db, limit=limit, cursor=cursor)

    async def find(self, batch_id: int) -> tuple[Batch, Mapping[str, int]]:
        """A batch, and how many of its transfers have which status; BatchMissing."""
        batch = await queries.find(self._db, batch_id)
        return batch, await queries.statuses(self._db, batch_id)

    async def file(self, batch_id: int) -> bytes:
        """The file for the bank, the same each time; whoever takes it is named in the audit log.

        BatchMissing, BatchForgotten.
        """
        async with self._db.begin() as tx:
            await queries.find(tx, batch_id)
            rows = await queries.transfers(tx, batch_id)
            if any(row["destination_sealed"] is None for row in rows):
                raise BatchForgotten(batch_id=batch_id)
            tx.audit("payout-batch.downloaded", f"payout-batches/{batch_id}")
        return await asyncio.to_thread(
            lambda: bank.written([destinations.opened(self._cipher, row) for row in rows])
        )

    async def take_result(self, batch_id: int, content: bytes) -> Result:
        """Hear what the bank made of the batch; the same file again changes nothing.

        BatchMissing; PayoutFileRefused, also for a line that is not of this batch.
        """
        told = await asyncio.to_thread(Bank().read_result, content)
        await queries.find(self._db, batch_id)
        known = {row["payout_number"] for row in await queries.transfers(self._db, batch_id)}
        for one in told:
            if one.payout_number not in known:
                message = "Payout {payout_number} is not in this batch."
                params = {"payout_number": one.payout_number}
                raise PayoutFileRefused(errors=(FieldError("file", message, params),))
        words = [Heard(payout_number=one.payout_number, kind="file", outcome=one.outcome) for one in told]
        verdicts = [verdict for verdict in await self._hearing.hear(words) if verdict is not None]
        counts = Counter(verdict.status for verdict in verdicts if verdict.news)
        against = sum(verdict.contradiction is not None for verdict in verdicts)
        return Result(
            lines=len(told),
            paid=counts["paid"],
            failed=counts["failed"],
            processing=counts["processing"],
            unchanged=len(verdicts) - sum(counts.values()) - against,
            contradicted=against,
        )
