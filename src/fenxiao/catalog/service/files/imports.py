"""Files of products and of stock that come: checked as a whole, then applied.

A file of few rows is applied by the request that brings it, in one transaction: all or nothing. A larger one becomes a
run, a chunk of rows to a transaction, that goes on after a kill where its last chunk ended. Everything about a row is
checked before the file is taken, and again when its turn comes; what can no longer be done then is left out and told.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from fenxiao.catalog.domain.outcomes import FileRefused, Outcome, Tally, refusal, tally
from fenxiao.catalog.domain.refusals import ImportNotFound
from fenxiao.catalog.domain.sheets import Column, Row, RowFault, Sheet
from fenxiao.catalog.queries import files as queries
from fenxiao.catalog.queries.files import ImportView, Noun
from fenxiao.catalog.service.files.reading import read_file
from fenxiao.catalog.store import files as store
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError

KIND = "catalog import"
"""The kind of its runs."""

CHUNK = 1000
"""Rows to a transaction; a file of no more is applied at once."""


class Rows(Protocol):
    """What a file is about."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that its files may have."""

    @property
    def needed(self) -> Sequence[str]:
        """Columns of which a file must have one."""

    async def foresee(self, reader: Reader, rows: Sequence[Row], now: datetime) -> list[Outcome]:
        """What would become of the rows now."""

    async def apply(self, tx: Transaction, rows: Sequence[Row], now: datetime) -> list[Outcome]:
        """Do what the rows say, as far as it can be done; `Moved` when somebody was quicker."""


class Imports:
    """导入: takes files."""

    def __init__(self, db: Database, nouns: Mapping[Noun, Rows]) -> None:
        self._db = db
        self._nouns = nouns

    async def preview(self, noun: Noun, content: bytes) -> list[Outcome]:
        """What the file would do, row by row, every faulty row among them; `FileRefused` if it is no table."""
        sheet = await self._read(noun, content)
        return await self._foresee(noun, sheet)

    async def take(self, noun: Noun, content: bytes, *, once: Once | None) -> ImportView:
        """Apply the file, or queue its application; `FileRefused` with every fault if there is one, and nothing done."""
        prior = await self._prior(once)
        if prior is not None:
            return prior
        sheet = await self._read(noun, content)
        outcomes = await self._foresee(noun, sheet)
        if fault := await asyncio.to_thread(_refusal, outcomes):
            raise fault
        if len(sheet.rows) <= CHUNK:
            return await self._apply(noun, sheet.rows, once)
        return await self._queue(noun, sheet.rows, once)

    async def find(self, import_id: int, nouns: Collection[Noun]) -> ImportView:
        """How far a file about one of these nouns has come; `ImportNotFound`."""
        return await _required(self._db, import_id, nouns)

    async def cancel(self, import_id: int, nouns: Collection[Noun]) -> ImportView:
        """Stop a file before its next chunk; what was applied stays. `ImportNotFound`."""
        async with self._db.begin() as tx:
            found = await _required(tx, import_id, nouns)
            run_id = await store.run_of(tx, import_id)
            if run_id is not None and found.status in ("queued", "running"):
                await runs.cancel(tx, run_id)
                tx.audit("import.cancelled", f"imports/{import_id}", before={"status": found.status})
        return await _required(self._db, import_id, nouns)

    @starts_over
    async def apply_chunk(self, run: Run) -> None:
        """The next rows of a file, in one transaction with the run's cursor."""
        now = self._db.clock()
        import_id, noun = run.parameters["import_id"], run.parameters["noun"]
        async with self._db.begin() as tx:
            if not await store.lock_run(tx, run.run_id, run.cursor):
                # Another process has done this chunk.
                return
            waiting = await queries.waiting_rows(tx, import_id, after=run.cursor or 0, limit=CHUNK)
            if not waiting:
                await runs.finish(tx, run, result=None, now=now)
                return
            rows = [Row(number, content) for number, content in waiting]
            outcomes = await self._nouns[noun].apply(tx, rows, now)
            await store.settle_rows(tx, import_id, outcomes)
            await store.count(tx, import_id, tally(outcomes))
            await runs.advance(tx, run, cursor=rows[-1].number, done=len(rows), now=now)

    async def _prior(self, once: Once | None) -> ImportView | None:
        if once is None:
            return None
        async with self._db.begin(once=once) as tx:
            return None if tx.prior is None else tx.prior.load(ImportView)

    async def _read(self, noun: Noun, content: bytes) -> Sheet:
        rows = self._nouns[noun]
        sheet = await asyncio.to_thread(read_file, content, rows.columns, rows.needed)
        if any(fault.row == 1 for fault in sheet.faults):
            # Without its heading nothing can be said of a row.
            raise refusal((fault.row, fault.error) for fault in sheet.faults)
        return sheet

    async def _foresee(self, noun: Noun, sheet: Sheet) -> list[Outcome]:
        """The outcomes of all rows by row, those that could not be read among them."""
        outcomes = await self._nouns[noun].foresee(self._db, sheet.rows, self._db.clock())
        return await asyncio.to_thread(_merged, outcomes, sheet.faults)

    @starts_over
    async def _apply(self, noun: Noun, rows: Sequence[Row], once: Once | None) -> ImportView:
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(ImportView)
            outcomes = await self._nouns[noun].apply(tx, rows, now)
            if fault := _refusal(outcomes):
                raise fault
            import_id = await store.add(tx, noun, len(rows), tally(outcomes), now)
            _audit(tx, import_id, noun, len(rows))
            return tx.keep(await _required(tx, import_id, (noun,)))

    async def _queue(self, noun: Noun, rows: Sequence[Row], once: Once | None) -> ImportView:
        now = self._db.clock()
        contents = await asyncio.to_thread(_encoded, rows)
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(ImportView)
            await store.forget_stopped(tx)
            import_id = await store.add(tx, noun, len(rows), Tally(), now)
            parameters: dict[str, Any] = {"import_id": import_id, "noun": noun}
            run_id = await runs.create(tx, KIND, parameters, total=len(rows))
            await store.attach_run(tx, import_id, run_id)
            await store.add_rows(tx, import_id, [row.number for row in rows], contents)
            _audit(tx, import_id, noun, len(rows))
            return tx.keep(await _required(tx, import_id, (noun,)))


def _merged(outcomes: Sequence[Outcome], unread: Sequence[RowFault]) -> list[Outcome]:
    by_row: dict[int, list[FieldError]] = {}
    for fault in unread:
        by_row.setdefault(fault.row, []).append(fault.error)
    refused = [Outcome(row=row, action="refused", faults=tuple(found)) for row, found in by_row.items()]
    return sorted([*outcomes, *refused], key=lambda outcome: outcome.row)


def _refusal(outcomes: Sequence[Outcome]) -> FileRefused | None:
    faults = [(outcome.row, fault) for outcome in outcomes for fault in outcome.faults]
    return refusal(faults) if faults else None


def _encoded(rows: Sequence[Row]) -> list[str]:
    return [msgspec.json.encode(row.content).decode() for row in rows]


def _audit(tx: Transaction, import_id: int, noun: Noun, rows: int) -> None:
    tx.audit("import.taken", f"imports/{import_id}", after={"noun": noun, "rows": rows})


async def _required(reader: Reader, import_id: int, nouns: Collection[Noun]) -> ImportView:
    found = await queries.find(reader, import_id)
    if found is None or found.noun not in nouns:
        raise ImportNotFound(import_id=import_id)
    return found
