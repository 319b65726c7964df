"""Long work as a row: parameters, cursor, progress, cancel flag, lease.

A run is done in chunks of one transaction each; the cursor moves with the chunk's own rows, so a run
that was killed goes on where its last committed chunk ended, in whichever process takes the lease next.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from fenxiao.infra import context
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.patience import patiently
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import NotFound, Unavailable
from fenxiao.kernel.ids import RunId

State = Literal["queued", "running", "done", "failed", "cancelled"]
LEASE = timedelta(seconds=20)
"""Longer than any chunk takes; after a kill the run goes on when it has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One long piece of work and how far it has come."""

    run_id: RunId
    kind: str
    parameters: dict[str, Any]
    state: State
    cursor: Any
    done: int
    total: int | None
    result: Any
    error: str | None
    actor: str
    created_at: datetime
    updated_at: datetime


Step = Callable[[Run], Awaitable[None]]
"""One chunk: its own transaction, which ends with `advance` or `finish`."""

_COLUMNS = (
    "run_id, kind, parameters, state, cursor, done, total, result, error, actor, created_at, updated_at"
)


async def create(
    tx: Transaction, kind: str, parameters: dict[str, Any], *, total: int | None = None
) -> RunId:
    """Queue a run in the caller's transaction."""
    run_id: int = await tx.fetchval(
        "insert into run (kind, parameters, total, actor) values ($1, $2, $3, $4) returning run_id",
        kind,
        parameters,
        total,
        context.current().actor,
    )
    return RunId(run_id)


async def find(reader: Reader, run_id: RunId, kind: str) -> Run:
    """The run as it stands; NotFound for another kind's number."""
    row = await reader.fetchrow(f"select {_COLUMNS} from run where run_id = $1 and kind = $2", run_id, kind)
    if row is None:
        raise NotFound(thing=kind)
    return _run(row)


async def advance(tx: Transaction, run: Run, *, cursor: Any, done: int, now: datetime) -> None:
    """Move the run on, together with the rows of its chunk; `done` is how many more are finished.

    Raises `Moved` (and so rolls the chunk back) if another process has done this chunk: its lease had run out here.
    """
    tag = await tx.execute(
        "update run set cursor = $2, done = done + $3, updated_at = $4, lease_until = null"
        " where run_id = $1 and state = 'running' and cursor is not distinct from $5",
        run.run_id,
        cursor,
        done,
        now,
        run.cursor,
    )
    if tag != "UPDATE 1":
        raise Moved


async def finish(tx: Transaction, run: Run, *, result: Any, now: datetime) -> None:
    """The last chunk: the run is done and this is its result. Raises `Moved` like `advance`."""
    tag = await tx.execute(
        "update run set state = 'done', result = $2, updated_at = $3, lease_until = null"
        " where run_id = $1 and state = 'running' and cursor is not distinct from $4",
        run.run_id,
        result,
        now,
        run.cursor,
    )
    if tag != "UPDATE 1":
        raise Moved


async def cancel(tx: Transaction, run_id: RunId) -> None:
    """Ask a run to stop; it does so before its next chunk."""
    await tx.execute(
        "update run set cancel = true where run_id = $1 and state in ('queued', 'running')", run_id
    )


async def work(db: Database, steps: Mapping[str, Step]) -> int:
    """Do every open run that nobody else holds, chunk by chunk, until none is left; how many chunks were done."""
    chunks = 0
    while (run := await _lease(db, list(steps))) is not None:
        chunks += 1
        actor = context.RequestContext(actor=run.actor)
        try:
            with context.use(actor), patiently():
                await steps[run.kind](run)
        except Moved:
            continue
        except Unavailable:
            await _release(db, run)
            raise
        except Exception as error:
            await _fail(db, run, f"{type(error).__name__}: {error}")
            raise
    return chunks


async def _lease(db: Database, kinds: list[str]) -> Run | None:
    now = db.clock()
    async with db.begin() as tx:
        await tx.execute(
            "update run set state = 'cancelled', updated_at = $1 where cancel and state in ('queued', 'running')"
            " and (lease_until is null or lease_until < $1)",
            now,
        )
        # A lease lasts one chunk: two processes alternate at worst. One that outlives its lease finds the
        # cursor moved when it commits.
        row = await tx.fetchrow(
            f"update run set state = 'running', lease_until = $2 where run_id = (select run_id from run"
            " where state in ('queued', 'running') and kind = any($3::text[]) and not cancel"
            " and (lease_until is null or lease_until < $1)"
            # The one that has waited longest: a short run is not kept waiting by all of a long one before it.
            f" order by updated_at, run_id limit 1 for update skip locked) returning {_COLUMNS}",
            now,
            now + LEASE,
            kinds,
        )
        return None if row is None else _run(row)


async def _release(db: Database, run: Run) -> None:
    async with db.begin() as tx:
        await tx.execute("update run set lease_until = null where run_id = $1", run.run_id)


async def _fail(db: Database, run: Run, error: str) -> None:
    async with db.begin() as tx:
        await tx.execute(
            "update run set state = 'failed', error = $2, lease_until = null, updated_at = $3 where run_id = $1",
            run.run_id,
            error[:2000],
            db.clock(),
        )


def _run(row: Record) -> Run:
    return Run(**dict(row.items()))
