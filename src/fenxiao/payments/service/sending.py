"""Sending and asking: claims what is due, calls the channel outside any transaction, hears what it says.

A claim is a lease, and it turns the next step to `ask` before anything is sent. So a worker that dies between the call and
its record leaves a transfer that is asked about: what may have been sent is never sent anew before the channel has said
that it does not have it, and then under the same number.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from fenxiao.infra import telemetry
from fenxiao.infra.crypto import CannotOpen, Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.sql import Record
from fenxiao.payments.channels.channel import Channel
from fenxiao.payments.channels.line import DEADLINE
from fenxiao.payments.domain.transfers import BANK, Outcome
from fenxiao.payments.service import destinations
from fenxiao.payments.service.hearing import Heard, Hearing

LEASE = timedelta(seconds=DEADLINE * 4)
"""Longer than any step takes (PayPal signs in before it is asked), with time to write it down."""

AT_ONCE = 8
"""Calls to one channel at one moment."""

_log = telemetry.logger(__name__)

_CLAIM = """
with due as (
  select transfer_id, next_step as step from transfer where channel = $1 and due_at <= $2
  order by due_at, transfer_id limit $4 for update skip locked
)
update transfer t set due_at = $3, claim = claim + 1, next_step = 'ask',
  first_sent_at = case when due.step = 'submit' then coalesce(t.first_sent_at, $2) else t.first_sent_at end
from due where t.transfer_id = due.transfer_id
returning t.payout_number, t.currency, t.amount_minor, t.destination_sealed, t.reference, t.first_sent_at, t.claim, due.step
"""


class Sending:
    """The sweep over due transfers, a way for each channel: one that does not answer holds up nobody else."""

    def __init__(
        self, db: Database, cipher: Cipher, channels: Mapping[str, Channel], hearing: Hearing
    ) -> None:
        self._db = db
        self._cipher = cipher
        self._channels = {name: channel for name, channel in channels.items() if name != BANK}
        self._hearing = hearing

    async def sweep(self) -> int:
        """Send and ask until nothing is due; how many calls were made."""
        made = await asyncio.gather(
            *(self._sweep(channel) for channel in self._channels.values()), return_exceptions=True
        )
        faults = [one for one in made if isinstance(one, Exception)]
        if faults:
            message = "some channels could not be served"
            raise ExceptionGroup(message, faults)
        return sum(one for one in made if isinstance(one, int))

    async def _sweep(self, channel: Channel) -> int:
        made = 0
        while claimed := await self._claim(channel):
            heard = await asyncio.gather(*(self._call(channel, row) for row in claimed))
            await self._hearing.hear(heard)
            made += len(claimed)
        return made

    async def _claim(self, channel: Channel) -> list[Record]:
        now = self._db.clock()
        async with self._db.begin() as tx:
            return await tx.fetch(_CLAIM, channel.name, now, now + LEASE, AT_ONCE)

    async def _call(self, channel: Channel, row: Record) -> Heard:
        submits = row["step"] == "submit"
        started = time.perf_counter()
        try:
            order = destinations.opened(
                self._cipher, row, reference=row["reference"], first_sent_at=row["first_sent_at"]
            )
        except CannotOpen:
            _log.exception("a destination cannot be opened", payout=row["payout_number"])
            outcome = Outcome(word="later" if submits else "unknown", code="SEALED")
        else:
            try:
                outcome = await (channel.submit(order) if submits else channel.ask(order))
            except Exception:  # noqa: BLE001 - whatever it is, the transfer is asked about
                # Ours, not the channel's; and nobody knows how far it came.
                _log.exception("a channel's call failed", payout=row["payout_number"], channel=channel.name)
                outcome = Outcome(word="unknown", code="FAULT")
        if not submits and outcome.word == "later":
            # That would send it again. Only a channel that does not know the number may bring that about.
            outcome = replace(outcome, word="unknown")
        return Heard(
            payout_number=row["payout_number"],
            kind="submit" if submits else "ask",
            outcome=outcome,
            claim=row["claim"],
            milliseconds=int((time.perf_counter() - started) * 1000),
        )
