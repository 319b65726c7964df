"""Transfers and what channels said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import select

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.payments.domain.refusals import PayoutUnknown
from fenxiao.payments.domain.transfers import ChannelName, Kind, Status, Word
from fenxiao.payments.tables import transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """转账: one transfer as it is shown. `due_at`: when the channel is called next."""

    transfer_id: int
    payout_number: str
    channel: ChannelName
    currency: str
    amount_minor: int
    status: Status
    version: int
    reference: str | None
    reason: str | None
    contradicted: bool
    batch_id: int | None
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to the channel, or one of its words."""

    at: datetime
    kind: Kind
    word: Word
    code: str | None
    reason: str | None
    reference: str | None
    milliseconds: int | None
    contradiction: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFilter:
    """Which transfers are wanted; None leaves a field open."""

    channel: ChannelName | None = None
    status: Status | None = None
    contradicted: bool = False


MAX_ATTEMPTS_SHOWN = 200
_COLUMNS = tuple(getattr(transfer.c, name) for name in Transfer.__slots__)


async def page(reader: Reader, wanted: TransferFilter, *, limit: int, cursor: str | None) -> Page[Transfer]:
    """Transfers, the newest first."""
    query = select(*_COLUMNS)
    if wanted.channel is not None:
        query = query.where(transfer.c.channel == wanted.channel)
    if wanted.status is not None:
        query = query.where(transfer.c.status == wanted.status)
    if wanted.contradicted:
        query = query.where(transfer.c.contradicted)
    if cursor is not None:
        query = query.where(transfer.c.transfer_id < cast("int", decode_cursor(cursor, int)[0]))
    rows = await reader.fetch(query.order_by(transfer.c.transfer_id.desc()).limit(limit + 1))
    found = tuple(Transfer(**row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].transfer_id) if len(rows) > limit else None)


async def find(reader: Reader, payout_number: str) -> Transfer:
    """One transfer; PayoutUnknown."""
    row = await reader.fetchrow(select(*_COLUMNS).where(transfer.c.payout_number == payout_number))
    if row is None:
        raise PayoutUnknown(payout_number=payout_number)
    return Transfer(**row)


async def some(reader: Reader, numbers: Sequence[str]) -> dict[str, Transfer]:
    """Those of these numbers that are known."""
    names = ", ".join(Transfer.__slots__)
    rows = await reader.fetch(
        f"select {names} from transfer where payout_number = any($1::text[])", list(numbers)
    )
    return {row["payout_number"]: Transfer(**row) for row in rows}


async def attempts(reader: Reader, transfer_id: int) -> tuple[Attempt, ...]:
    """What was tried and said, the oldest first; the last two hundred of them."""
    rows = await reader.fetch(
        "select * from (select attempt_id, at, kind, word, code, reason, reference, milliseconds, contradiction"
        " from attempt where transfer_id = $1 order by attempt_id desc limit $2) a order by attempt_id",
        transfer_id,
        MAX_ATTEMPTS_SHOWN,
    )
    return tuple(Attempt(**{name: row[name] for name in Attempt.__slots__}) for row in rows)


async def confirmation(reader: Reader, transfer_id: int) -> bytes | None:
    """What the payee's app needs, sealed."""
    found: bytes | None = await reader.fetchval(
        "select confirmation_sealed from transfer where transfer_id = $1", transfer_id
    )
    return found
