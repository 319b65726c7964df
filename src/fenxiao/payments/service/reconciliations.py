"""Reconciliation: a channel's statement beside the book, every difference written down, nothing changed."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra import context
from fenxiao.infra.db import arrays
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.paging import Page
from fenxiao.payments.api import ChannelNotConfigured
from fenxiao.payments.channels.channel import Channel
from fenxiao.payments.domain.differences import Difference, compare
from fenxiao.payments.domain.transfers import ChannelName
from fenxiao.payments.queries import reconciliations as queries
from fenxiao.payments.queries.reconciliations import Reconciliation


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A channel's file and the span that it is of: `start` is in it, `end` is not."""

    channel: ChannelName
    start: datetime
    end: datetime
    content: bytes


class Reconciliations:
    """Compares."""

    def __init__(self, db: Database, channels: Mapping[str, Channel]) -> None:
        self._db = db
        self._channels = channels

    async def take(self, given: Statement, *, once: Once | None) -> Reconciliation:
        """Compare a statement with the book as it is now. ChannelNotConfigured, PayoutFileRefused."""
        channel = self._channels.get(given.channel)
        if channel is None:
            raise ChannelNotConfigured(channel=given.channel)
        if given.start >= given.end:
            raise Invalid(errors=(FieldError("to", "The end must lie after the beginning."),))
        lines = await asyncio.to_thread(channel.read_statement, given.content)
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Reconciliation)
            known = await queries.known(tx, given.channel, [one.payout_number for one in lines])
            expected = await queries.paid(tx, given.channel, given.start, given.end)
            found = compare(lines, known, expected)
            made: int = await tx.fetchval(
                "insert into reconciliation (channel, starts_at, ends_at, digest, lines, differences, created_by,"
                " created_at) values ($1, $2, $3, $4, $5, $6, $7, $8) returning reconciliation_id",
                given.channel,
                given.start,
                given.end,
                hashlib.sha256(given.content).digest(),
                len(lines),
                len(found),
                context.current().actor,
                self._db.clock(),
            )
            await _write(tx, made, found)
            after = {"channel": given.channel, "lines": len(lines), "differences": len(found)}
            tx.audit("payout-reconciliation.made", f"payout-reconciliations/{made}", after=after)
            return tx.keep(await queries.find(tx, made))

    async def page(self, *, channel: str | None, limit: int, cursor: str | None) -> Page[Reconciliation]:
        """Reconciliations, the newest first."""
        return await queries.page(self._db, channel=channel, limit=limit, cursor=cursor)

    async def find(self, reconciliation_id: int) -> Reconciliation:
        """One reconciliation; ReconciliationMissing."""
        return await queries.find(self._db, reconciliation_id)

    async def differences(
        self, reconciliation_id: int, *, limit: int, cursor: str | None
    ) -> Page[Difference]:
        """What differs; ReconciliationMissing."""
        await queries.find(self._db, reconciliation_id)
        return await queries.differences(self._db, reconciliation_id, limit=limit, cursor=cursor)


async def _write(tx: Transaction, reconciliation_id: int, found: Sequence[Difference]) -> None:
    if not found:
        return
    await tx.execute(
        "insert into difference (reconciliation_id, position, kind, payout_number, line, reference, here_amount_minor,"
        " here_currency, here_status, there_amount_minor, there_currency, there_status)"
        " select $1, n - 1, k, p, l, r, ha, hc, hs, ta, tc, ts from unnest($2::text::text[], $3::text::text[],"
        " $4::text::int[], $5::text::text[], $6::text::bigint[], $7::text::text[], $8::text::text[],"
        " $9::text::bigint[], $10::text::text[], $11::text::text[]) with ordinality"
        " as v (k, p, l, r, ha, hc, hs, ta, tc, ts, n)",
        reconciliation_id,
        arrays.texts([one.kind for one in found]),
        arrays.texts([one.payout_number for one in found]),
        arrays.numbers([one.line for one in found]),
        arrays.texts([one.reference for one in found]),
        arrays.numbers([one.here_amount_minor for one in found]),
        arrays.texts([one.here_currency for one in found]),
        arrays.texts([one.here_status for one in found]),
        arrays.numbers([one.there_amount_minor for one in found]),
        arrays.texts([one.there_currency for one in found]),
        arrays.texts([one.there_status for one in found]),
    )
