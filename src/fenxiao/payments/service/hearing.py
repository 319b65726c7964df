"""What channels say becomes rows and events, however often and in whatever order they say it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fenxiao.infra import telemetry
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import arrays
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.sql import Record
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.payments.channels.channel import Channel
from fenxiao.payments.domain import transfers
from fenxiao.payments.domain.transfers import ENDED, Kind, Outcome, Standing, Verdict
from fenxiao.payments.events import PayoutStatusChanged

_words = telemetry.counter(
    "fenxiao_payout_words_total", "What channels said of payouts.", ("channel", "word")
)
_against = telemetry.counter(
    "fenxiao_payout_contradictions_total",
    "Words of channels against what they had said.",
    ("channel", "kind"),
)
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A word on a number, and how it came. `claim` is the one under which the channel was called."""

    payout_number: str
    kind: Kind
    outcome: Outcome
    claim: int | None = None
    milliseconds: int | None = None


@dataclass(slots=True)
class _Held:
    """A transfer under its lock, as the words change it."""

    row: Record
    standing: Standing
    version: int
    due_at: datetime | None
    reference: str | None
    reason: str | None
    confirmation_sealed: bytes | None
    ended_at: datetime | None
    contradicted: bool


class Hearing:
    """Takes the channels' words."""

    def __init__(self, db: Database, cipher: Cipher, channels: Mapping[str, Channel]) -> None:
        self._db = db
        self._cipher = cipher
        self._channels = channels

    @starts_over
    async def hear(self, words: Sequence[Heard]) -> list[Verdict | None]:
        """What each word did; None for a number that is not known here."""
        async with self._db.begin() as tx:
            return await self.apply(tx, words)

    async def apply(self, tx: Transaction, words: Sequence[Heard]) -> list[Verdict | None]:
        """The same in a transaction that does more."""
        now = self._db.clock()
        held = await _locked(tx, [word.payout_number for word in words])
        verdicts: list[Verdict | None] = []
        notes: list[tuple[int, Heard, str | None]] = []
        for word in words:
            one = held.get(word.payout_number)
            if one is None:
                verdicts.append(None)
                continue
            verdict = self._judge(one, word, now)
            verdicts.append(verdict)
            notes.append((one.row["transfer_id"], word, verdict.contradiction))
            self._move(tx, one, word.outcome, verdict, now)
            _words.labels(one.standing.channel, word.outcome.word).inc()
        await _write(tx, list(held.values()))
        await _note(tx, notes, now)
        return verdicts

    def _judge(self, one: _Held, word: Heard, now: datetime) -> Verdict:
        stale = word.claim is not None and word.claim != one.row["claim"]
        if stale and word.outcome.word not in {"paid", "failed"}:
            # After its lease somebody else took the transfer: that one's word counts.
            standing = one.standing
            return Verdict(
                status=standing.status, next_step=standing.next_step, asked=standing.asked, due_at=one.due_at
            )
        channel = self._channels.get(one.standing.channel)
        resend = timedelta(0) if channel is None else channel.resend_within
        return transfers.hear(one.standing, word.outcome, now=now, resend_within=resend)

    def _move(self, tx: Transaction, one: _Held, told: Outcome, verdict: Verdict, now: datetime) -> None:
        number, before = one.row["payout_number"], one.standing
        one.due_at = verdict.due_at
        known = before.contradictions | ({verdict.contradiction} if verdict.contradiction else set())
        one.standing = replace(
            before,
            status=verdict.status,
            next_step=verdict.next_step,
            asked=verdict.asked,
            contradictions=frozenset(known),
        )
        if before.status not in ENDED and verdict.contradiction is None:
            one.reference = told.reference or one.reference
            one.reason = told.reason if verdict.news or told.reason else one.reason
            one.confirmation_sealed = self._confirmation(one, told, verdict)
        if verdict.news and verdict.status in ENDED:
            one.ended_at = told.at or now
        if not verdict.news and verdict.contradiction is None:
            return
        one.version += 1
        if verdict.contradiction is not None:
            one.contradicted = True
            _against.labels(before.channel, verdict.contradiction).inc()
            _log.error("a channel contradicts itself", payout=number, kind=verdict.contradiction)
        # What is against an end is told as it was said: it is for whoever rests on the end to see.
        against = verdict.contradiction not in {None, "amount-differs"}
        tx.emit(
            PayoutStatusChanged(
                payout_number=number,
                channel=before.channel,
                status=told.word if against else verdict.status,
                version=one.version,
                currency=before.currency,
                amount_minor=before.amount_minor,
                reason=told.reason,
                contradicts=verdict.contradiction,
            )
        )

    def _confirmation(self, one: _Held, told: Outcome, verdict: Verdict) -> bytes | None:
        if verdict.status != "awaiting_user":
            return None
        if told.confirmation is None:
            return one.confirmation_sealed
        return self._cipher.seal(
            told.confirmation, table="transfer", column="confirmation_sealed", row=one.row["payout_number"]
        )


async def _locked(tx: Transaction, numbers: Sequence[str]) -> dict[str, _Held]:
    rows = await tx.fetch(
        "select transfer_id, payout_number, channel, currency, amount_minor, status, next_step, asked, version, claim,"
        " due_at, first_sent_at, reference, reason, confirmation_sealed, ended_at, contradicted"
        " from transfer where payout_number = any($1::text[]) order by transfer_id for update",
        sorted(set(numbers)),
    )
    ids = [row["transfer_id"] for row in rows if row["contradicted"]]
    against: dict[int, set[str]] = defaultdict(set)
    if ids:
        for row in await tx.fetch(
            "select transfer_id, contradiction from attempt where transfer_id = any($1::bigint[])"
            " and contradiction is not null",
            ids,
        ):
            against[row["transfer_id"]].add(row["contradiction"])
    return {row["payout_number"]: _held(row, against.get(row["transfer_id"], set())) for row in rows}


def _held(row: Record, against: set[str]) -> _Held:
    named: dict[str, Any] = {
        name: row[name]
        for name in ("channel", "status", "next_step", "asked", "currency", "amount_minor", "first_sent_at")
    }
    return _Held(
        row=row,
        standing=Standing(**named, contradictions=frozenset(against)),
        version=row["version"],
        due_at=row["due_at"],
        reference=row["reference"],
        reason=row["reason"],
        confirmation_sealed=row["confirmation_sealed"],
        ended_at=row["ended_at"],
        contradicted=row["contradicted"],
    )


async def _write(tx: Transaction, held: Sequence[_Held]) -> None:
    if not held:
        return
    await tx.execute(
        "update transfer t set status = v.status, next_step = v.next_step, asked = v.asked, version = v.version,"
        " due_at = v.due_at, reference = v.reference, reason = v.reason, confirmation_sealed = v.confirmation,"
        " ended_at = v.ended_at, contradicted = v.contradicted"
        " from unnest($1::text::bigint[], $2::text::text[], $3::text::text[], $4::text::int[], $5::text::int[],"
        " $6::text::timestamptz[], $7::text::text[], $8::text::text[], $9::text::bytea[], $10::text::timestamptz[],"
        " $11::text::boolean[]) as v (id, status, next_step, asked, version, due_at, reference, reason, confirmation,"
        " ended_at, contradicted) where t.transfer_id = v.id",
        arrays.numbers([one.row["transfer_id"] for one in held]),
        arrays.texts([one.standing.status for one in held]),
        arrays.texts([one.standing.next_step for one in held]),
        arrays.numbers([one.standing.asked for one in held]),
        arrays.numbers([one.version for one in held]),
        arrays.times([one.due_at for one in held]),
        arrays.texts([one.reference for one in held]),
        arrays.texts([one.reason for one in held]),
        arrays.octets([one.confirmation_sealed for one in held]),
        arrays.times([one.ended_at for one in held]),
        arrays.truths([one.contradicted for one in held]),
    )


async def _note(tx: Transaction, notes: Sequence[tuple[int, Heard, str | None]], now: datetime) -> None:
    if not notes:
        return
    await tx.execute(
        "insert into attempt (transfer_id, at, kind, word, code, reason, reference, milliseconds, contradiction)"
        " select id, $9, kind, word, code, reason, reference, ms, contradiction from unnest($1::text::bigint[],"
        " $2::text::text[], $3::text::text[], $4::text::text[], $5::text::text[], $6::text::text[], $7::text::int[],"
        " $8::text::text[]) with ordinality as v (id, kind, word, code, reason, reference, ms, contradiction, n)"
        " order by n",
        arrays.numbers([transfer_id for transfer_id, _, _ in notes]),
        arrays.texts([heard.kind for _, heard, _ in notes]),
        arrays.texts([heard.outcome.word for _, heard, _ in notes]),
        arrays.texts([heard.outcome.code for _, heard, _ in notes]),
        arrays.texts([heard.outcome.reason for _, heard, _ in notes]),
        arrays.texts([heard.outcome.reference for _, heard, _ in notes]),
        arrays.numbers([heard.milliseconds for _, heard, _ in notes]),
        arrays.texts([contradiction for _, _, contradiction in notes]),
        now,
    )
