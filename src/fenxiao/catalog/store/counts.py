"""Stock counts as they are locked and written. Whoever changes one locks its row first, then the stock of its products."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.catalog.domain.counting import Counted
from fenxiao.infra.db.sql import Record
from fenxiao.infra.db.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A batch that is to be counted, and what the book says of it now; `counted` None: not counted yet."""

    product_id: int
    batch_id: str
    expiry_date: date | None
    snapshot: int
    counted: int | None = None


async def lock(tx: Transaction, count_id: int) -> str | None:
    """Lock a count and answer its state; None if there is none."""
    state: str | None = await tx.fetchval(
        "select state from stock_count where count_id = $1 for update", count_id
    )
    return state


async def add(tx: Transaction, note: str | None, actor: str, now: datetime) -> int:
    """Store a new count without lines."""
    count_id: int = await tx.fetchval(
        "insert into stock_count (state, note, actor, created_at) values ('open', $1, $2, $3) returning count_id",
        note,
        actor,
        now,
    )
    return count_id


async def being_counted(
    tx: Transaction, batches: Collection[tuple[int, str]], but: int = 0
) -> dict[tuple[int, str], int]:
    """Which of these batches (product, number) are in an open count other than `but`, and in which."""
    rows = await tx.fetch(
        "select product_id, batch_id, count_id from stock_count_line where open and count_id <> $3"
        " and (product_id, batch_id) in (select * from unnest($1::bigint[], $2::text[]))",
        [product_id for product_id, _ in batches],
        [batch_id for _, batch_id in batches],
        but,
    )
    return {(row["product_id"], row["batch_id"]): row["count_id"] for row in rows}


async def add_lines(
    tx: Transaction, count_id: int, lines: Sequence[NewLine], actor: str, now: datetime
) -> None:
    """Store new lines of a locked count behind those it has."""
    await tx.execute(
        """
        insert into stock_count_line (count_id, line, product_id, batch_id, expiry_date, snapshot, counted, book,
                                      counted_at, counted_by, open)
        select $1, coalesce((select max(line) from stock_count_line where count_id = $1), 0) + n, product_id, batch_id,
               expiry_date, snapshot, counted, case when counted is not null then snapshot end,
               case when counted is not null then $7::timestamptz end, case when counted is not null then $8::text end, true
        from unnest($2::bigint[], $3::text[], $4::date[], $5::bigint[], $6::bigint[])
          with ordinality as t(product_id, batch_id, expiry_date, snapshot, counted, n)
        """,
        count_id,
        [line.product_id for line in lines],
        [line.batch_id for line in lines],
        [line.expiry_date for line in lines],
        [line.snapshot for line in lines],
        [line.counted for line in lines],
        now,
        actor,
    )


async def enter(
    tx: Transaction,
    count_id: int,
    entries: Sequence[tuple[int, int | None, int, date | None]],
    actor: str,
    now: datetime,
) -> None:
    """These lines (line, counted, book, expiry date) are counted now; counted None takes the figure back."""
    await tx.execute(
        """
        update stock_count_line l
        set counted = t.counted, expiry_date = t.expiry_date, book = case when t.counted is not null then t.book end,
            counted_at = case when t.counted is not null then $6::timestamptz end,
            counted_by = case when t.counted is not null then $7::text end
        from unnest($2::int[], $3::bigint[], $4::bigint[], $5::date[]) as t(line, counted, book, expiry_date)
        where l.count_id = $1 and l.line = t.line
        """,
        count_id,
        [line for line, _, _, _ in entries],
        [counted for _, counted, _, _ in entries],
        [book for _, _, book, _ in entries],
        [expiry_date for _, _, _, expiry_date in entries],
        now,
        actor,
    )


async def end(tx: Transaction, count_id: int, state: str, actor: str, now: datetime) -> None:
    """A locked count is closed or cancelled; its batches may be counted in another."""
    await tx.execute(
        "update stock_count set state = $2, ended_by = $3, ended_at = $4 where count_id = $1",
        count_id,
        state,
        actor,
        now,
    )
    await tx.execute("update stock_count_line set open = false where count_id = $1", count_id)


async def numbers(tx: Transaction, count_id: int) -> dict[tuple[int, str], tuple[int, date | None]]:
    """The lines of a count by product and batch number: line and expiry date."""
    rows = await tx.fetch(
        "select line, product_id, batch_id, expiry_date from stock_count_line where count_id = $1", count_id
    )
    return {(row["product_id"], row["batch_id"]): (row["line"], row["expiry_date"]) for row in rows}


async def counted(tx: Transaction, count_id: int) -> list[Counted]:
    """The lines of a count that were counted, in their order."""
    rows = await tx.fetch(
        "select line, product_id, batch_id, expiry_date, counted, book from stock_count_line"
        " where count_id = $1 and counted is not null order by line",
        count_id,
    )
    return [_counted(row) for row in rows]


def _counted(row: Record) -> Counted:
    return Counted(**dict(row.items()))
