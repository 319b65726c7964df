"""Reconciliations and their differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader, Varying
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.payments.domain.differences import Difference, Known
from fenxiao.payments.domain.refusals import ReconciliationMissing
from fenxiao.payments.domain.transfers import ChannelName

_COLUMNS = "reconciliation_id, channel, starts_at, ends_at, lines, differences, created_by, created_at"
_KNOWN = "payout_number, amount_minor, currency, status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """对账: one statement that was compared, and how many differences it had."""

    reconciliation_id: int
    channel: ChannelName
    starts_at: datetime
    ends_at: datetime
    lines: int
    differences: int
    created_by: str
    created_at: datetime


async def page(
    reader: Reader, *, channel: str | None, limit: int, cursor: str | None
) -> Page[Reconciliation]:
    """Reconciliations, the newest first."""
    before = 2**62 if cursor is None else decode_cursor(cursor, int)[0]
    narrowed = "" if channel is None else " and channel = $3"
    rows = await reader.fetch(
        # A channel that is rarely reconciled wants another plan than one of every day.
        Varying(
            f"select {_COLUMNS} from reconciliation where reconciliation_id < $1{narrowed}"
            " order by reconciliation_id desc limit $2"
        ),
        before,
        limit + 1,
        *([] if channel is None else [channel]),
    )
    found = tuple(Reconciliation(**row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].reconciliation_id) if len(rows) > limit else None)


async def find(reader: Reader, reconciliation_id: int) -> Reconciliation:
    """One reconciliation; ReconciliationMissing."""
    row = await reader.fetchrow(
        f"select {_COLUMNS} from reconciliation where reconciliation_id = $1", reconciliation_id
    )
    if row is None:
        raise ReconciliationMissing(reconciliation_id=reconciliation_id)
    return Reconciliation(**row)


async def differences(
    reader: Reader, reconciliation_id: int, *, limit: int, cursor: str | None
) -> Page[Difference]:
    """Its differences, in the order in which they were found."""
    after = -1 if cursor is None else decode_cursor(cursor, int)[0]
    rows = await reader.fetch(
        "select * from difference where reconciliation_id = $1 and position > $2 order by position limit $3",
        reconciliation_id,
        after,
        limit + 1,
    )
    found = tuple(Difference(**{name: row[name] for name in Difference.__slots__}) for row in rows[:limit])
    return Page(found, encode_cursor(rows[limit - 1]["position"]) if len(rows) > limit else None)


async def known(reader: Reader, channel: str, numbers: Sequence[str]) -> dict[str, Known]:
    """Those of these numbers that this channel was ever given."""
    rows = await reader.fetch(
        f"select {_KNOWN} from transfer where payout_number = any($1::text[]) and channel = $2",
        list(numbers),
        channel,
    )
    return {row["payout_number"]: Known(**row) for row in rows}


async def paid(reader: Reader, channel: str, start: datetime, end: datetime) -> list[Known]:
    """What the channel paid in the span."""
    rows = await reader.fetch(
        f"select {_KNOWN} from transfer where channel = $1 and status = 'paid' and ended_at >= $2 and ended_at < $3"
        " order by ended_at, transfer_id",
        channel,
        start,
        end,
    )
    return [Known(**row) for row in rows]
