"""Files that were taken, their rows that wait, and what was refused of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from fenxiao.catalog.domain.outcomes import Outcome, Tally
from fenxiao.infra import context
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import RunId


async def add(tx: Transaction, noun: str, rows: int, done: Tally, now: datetime) -> int:
    """Store a file; its number."""
    import_id: int = await tx.fetchval(
        "insert into import_file (noun, rows, created, changed, unchanged, refused, actor, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8) returning import_id",
        noun,
        rows,
        done.created,
        done.changed,
        done.unchanged,
        done.refused,
        context.current().actor,
        now,
    )
    return import_id


async def attach_run(tx: Transaction, import_id: int, run_id: RunId) -> None:
    """The file is applied by this run."""
    await tx.execute("update import_file set run_id = $2 where import_id = $1", import_id, run_id)


async def run_of(tx: Transaction, import_id: int) -> RunId | None:
    """The run that applies the file, None if it was applied at once."""
    run_id: RunId | None = await tx.fetchval("select run_id from import_file where import_id = $1", import_id)
    return run_id


async def lock_run(tx: Transaction, run_id: RunId, cursor: Any) -> bool:
    """Lock the run; whether it still stands where it was leased."""
    row = await tx.fetchrow("select cursor, state from run where run_id = $1 for update", run_id)
    return row is not None and row["state"] == "running" and row["cursor"] == cursor


async def add_rows(tx: Transaction, import_id: int, numbers: Sequence[int], contents: Sequence[str]) -> None:
    """Store rows that wait: numbers, and contents as JSON."""
    await tx.execute(
        'insert into import_row (import_id, "row", content)'
        " select $1, number, content::jsonb from unnest($2::int[], $3::text[]) as t(number, content)",
        import_id,
        numbers,
        contents,
    )


async def settle_rows(tx: Transaction, import_id: int, outcomes: Sequence[Outcome]) -> None:
    """Take away the rows that were applied; the refused ones stay with their faults."""
    refused = [outcome for outcome in outcomes if outcome.faults]
    await tx.execute(
        'delete from import_row where import_id = $1 and "row" = any($2::int[])',
        import_id,
        [outcome.row for outcome in outcomes if not outcome.faults],
    )
    await tx.execute(
        'update import_row r set faults = t.faults::jsonb from unnest($2::int[], $3::text[]) as t("row", faults)'
        ' where r.import_id = $1 and r."row" = t."row"',
        import_id,
        [outcome.row for outcome in refused],
        [msgspec.json.encode(outcome.faults, enc_hook=str).decode() for outcome in refused],
    )


async def count(tx: Transaction, import_id: int, more: Tally) -> None:
    """So many more rows have met their end."""
    await tx.execute(
        "update import_file set created = created + $2, changed = changed + $3, unchanged = unchanged + $4,"
        " refused = refused + $5 where import_id = $1",
        import_id,
        more.created,
        more.changed,
        more.unchanged,
        more.refused,
    )


async def forget_stopped(tx: Transaction) -> None:
    """Rows of files that were stopped wait for nothing."""
    await tx.execute(
        "delete from import_row r using import_file i join run using (run_id)"
        " where r.import_id = i.import_id and run.state in ('cancelled', 'failed') and r.faults is null"
    )
