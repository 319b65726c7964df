"""Transfers that are asked for: taken once under their number, or refused before any money moves."""

from collections.abc import Mapping, Sequence

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import arrays
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.kernel.errors import Refusal
from fenxiao.payments.api import (
    ChannelCurrency,
    ChannelNotConfigured,
    ChannelUnknown,
    TransferDiffers,
    TransferInvalid,
    TransferMissing,
    TransferRequest,
    TransferState,
    TransferUnderWay,
)
from fenxiao.payments.channels.channel import Channel
from fenxiao.payments.domain.transfers import BANK, CHANNELS, NUMBER
from fenxiao.payments.queries import transfers as queries
from fenxiao.payments.queries.transfers import Transfer
from fenxiao.payments.service import destinations


class Taking:
    """Takes transfers in, and out again while nobody has sent them."""

    def __init__(self, db: Database, cipher: Cipher, channels: Mapping[str, Channel]) -> None:
        self._db = db
        self._cipher = cipher
        self._channels = channels

    @starts_over
    async def transfer(self, requests: Sequence[TransferRequest]) -> list[TransferState | Refusal]:
        """See `PaymentsApi`."""
        asked: dict[str, TransferRequest] = {}
        for one in requests:
            asked.setdefault(one.payout_number, one)
        # Whatever is wrong with the channel now, a number that was taken is never called refused: its money may be on
        # the way, and whoever hears of a refusal pays in another way.
        refused = {number: why for number, one in asked.items() if (why := self._refusal(one)) is not None}
        fresh = [one for number, one in sorted(asked.items()) if number not in refused]
        numbers = [number for number in asked if NUMBER.fullmatch(number)]
        async with self._db.begin() as tx:
            await tx.execute(
                "insert into transfer (payout_number, channel, currency, amount_minor, destination_sealed,"
                " destination_index, due_at, created_at)"
                " select n, c, u, a, s, i, case when c <> $7 then $8::timestamptz end, $8::timestamptz"
                " from unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::bigint[],"
                " $5::text::bytea[], $6::text::bytea[]) as v (n, c, u, a, s, i) order by n"
                " on conflict (payout_number) do nothing",
                arrays.texts([one.payout_number for one in fresh]),
                arrays.texts([one.channel for one in fresh]),
                arrays.texts([one.currency for one in fresh]),
                arrays.numbers([one.amount_minor for one in fresh]),
                arrays.octets([destinations.sealed(self._cipher, one) for one in fresh]),
                arrays.octets([destinations.index(self._cipher, one) for one in fresh]),
                BANK,
                self._db.clock(),
            )
            known = await queries.some(tx, numbers)
            marks = await tx.fetch(
                "select payout_number, destination_index from transfer where payout_number = any($1::text[])",
                numbers,
            )
        indexes = {row["payout_number"]: row["destination_index"] for row in marks}
        return [self._answer(one, known, indexes, refused) for one in requests]

    @starts_over
    async def cancel(self, numbers: Sequence[str]) -> list[TransferState | Refusal]:
        """See `PaymentsApi`."""
        wanted = sorted(set(numbers))
        async with self._db.begin() as tx:
            await tx.execute(
                "select from transfer where payout_number = any($1::text[]) order by transfer_id for update",
                wanted,
            )
            await tx.execute(
                "update transfer set status = 'cancelled', version = version + 1, due_at = null, ended_at = $2"
                " where payout_number = any($1::text[]) and status = 'queued' and first_sent_at is null",
                wanted,
                self._db.clock(),
            )
            known = await queries.some(tx, wanted)
        answers: list[TransferState | Refusal] = []
        for number in numbers:
            one = known.get(number)
            if one is None:
                answers.append(TransferMissing(payout_number=number))
            elif one.status != "cancelled":
                answers.append(TransferUnderWay(payout_number=number, status=one.status))
            else:
                answers.append(_state(one))
        return answers

    async def transfers(self, numbers: Sequence[str]) -> list[TransferState]:
        """See `PaymentsApi`."""
        known = await queries.some(self._db, numbers)
        return [_state(known[number]) for number in sorted(known)]

    def _refusal(self, asked: TransferRequest) -> Refusal | None:
        if asked.channel not in CHANNELS:
            return ChannelUnknown(channel=asked.channel)
        if not NUMBER.fullmatch(asked.payout_number) or asked.amount_minor <= 0:
            return TransferInvalid()
        channel = self._channels.get(asked.channel)
        if channel is None:
            return ChannelNotConfigured(channel=asked.channel)
        if channel.currencies is not None and asked.currency not in channel.currencies:
            return ChannelCurrency(channel=asked.channel, currency=asked.currency)
        return None

    def _answer(
        self,
        asked: TransferRequest,
        known: Mapping[str, Transfer],
        indexes: Mapping[str, bytes],
        refused: Mapping[str, Refusal],
    ) -> TransferState | Refusal:
        one = known.get(asked.payout_number)
        if one is None:
            return self._refusal(asked) or refused[asked.payout_number]
        same = (one.channel, one.currency, one.amount_minor) == (
            asked.channel,
            asked.currency,
            asked.amount_minor,
        )
        if not same or indexes[one.payout_number] != destinations.index(self._cipher, asked):
            return TransferDiffers(payout_number=asked.payout_number)
        return _state(one)


def _state(one: Transfer) -> TransferState:
    return TransferState(
        payout_number=one.payout_number,
        channel=one.channel,
        status=one.status,
        version=one.version,
        reference=one.reference,
        reason=one.reason,
    )
