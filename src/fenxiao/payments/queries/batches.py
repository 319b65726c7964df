"""Batches for the bank."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.payments.domain.refusals import BatchMissing

_COLUMNS = "batch_id, currency, transfers, amount_minor, created_by, created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """批次: the transfers of one file for the bank."""

    batch_id: int
    currency: str
    transfers: int
    amount_minor: int
    created_by: str
    created_at: datetime


async def page(reader: Reader, *, limit: int, cursor: str | None) -> Page[Batch]:
    """Batches, the newest first."""
    before = 2**62 if cursor is None else decode_cursor(cursor, int)[0]
    rows = await reader.fetch(
        f"select {_COLUMNS} from batch where batch_id < $1 order by batch_id desc limit $2", before, limit + 1
    )
    found = tuple(Batch(**row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].batch_id) if len(rows) > limit else None)


async def find(reader: Reader, batch_id: int) -> Batch:
    """One batch; BatchMissing."""
    row = await reader.fetchrow(f"select {_COLUMNS} from batch where batch_id = $1", batch_id)
    if row is None:
        raise BatchMissing(batch_id=batch_id)
    return Batch(**row)


async def statuses(reader: Reader, batch_id: int) -> dict[str, int]:
    """How many of its transfers have which status."""
    rows = await reader.fetch(
        "select status, count(*) as n from transfer where batch_id = $1 group by status order by status",
        batch_id,
    )
    return {row["status"]: row["n"] for row in rows}


async def transfers(reader: Reader, batch_id: int) -> list[Record]:
    """Its transfers with their sealed destinations, in their order."""
    return await reader.fetch(
        "select payout_number, currency, amount_minor, destination_sealed from transfer where batch_id = $1"
        " order by transfer_id",
        batch_id,
    )
