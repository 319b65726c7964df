"""Settlement (结算): matured entries become available, with one statement per distributor and currency."""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.posting import changes, released
from fenxiao.commission.domain.statement import Matured, Statement, statements
from fenxiao.commission.events import CommissionReleased
from fenxiao.commission.queries.settlement import Settlement, settlement
from fenxiao.commission.service import ledger
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.ids import DistributorId, RunId, SettlementId

KIND = "settlement"
"""The kind of its runs."""

_DISTRIBUTORS = 200
_ENTRIES = 5000
"""A chunk ends before either: it is one transaction, and accruals of its orders wait for it."""


class SettlementMissing(NotFound):
    """There is no settlement {settlement_id}."""

    code = "settlement-missing"


class Settlements:
    """Settles one distributor at once, or all of them by a run."""

    def __init__(self, db: Database, clock: Clock, timezone: ZoneInfo) -> None:
        self._db = db
        self._clock = clock
        self._timezone = timezone

    @starts_over
    async def settle_distributor(
        self, distributor_id: DistributorId, *, once: Once | None, cutoff: datetime | None = None
    ) -> Settlement:
        """Release what has matured for one distributor until the cut-off (None: now); see `settle_all`."""
        now = self._clock()
        cutoff = cutoff or now
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Settlement)
            settlement_id = await _open(tx, cutoff=cutoff, now=now, distributor_id=distributor_id)
            await _release(tx, settlement_id, [distributor_id], cutoff=cutoff, now=now)
            after = {"settlement_id": settlement_id, "cutoff": cutoff.isoformat()}
            tx.audit("commission.settled", f"distributors/{distributor_id}", after=after)
            return tx.keep(await _settlement(tx, settlement_id))

    async def settle_all(self, *, cutoff: datetime | None, once: Once | None) -> Settlement:
        """Queue the release of what has matured for everybody until the cut-off (None: now).

        A cut-off ahead of now is the operator's word that the hold of what matures until then ends now.
        """
        now = self._clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Settlement)
            settlement_id = await _queue(tx, cutoff=cutoff or now, now=now)
            tx.audit(
                "commission.settled",
                f"settlements/{settlement_id}",
                after={"cutoff": (cutoff or now).isoformat()},
            )
            return tx.keep(await _settlement(tx, settlement_id))

    async def settle_daily(self) -> SettlementId | None:
        """The day's scheduled settlement, of what had matured when the day began; None if it has been queued before."""
        now = self._clock()
        cutoff = datetime.combine(now.astimezone(self._timezone).date(), time(), self._timezone)
        async with self._db.begin() as tx:
            if await tx.fetchval("select true from settlement where scheduled and cutoff = $1", cutoff):
                return None
            return await _queue(tx, cutoff=cutoff, now=now, scheduled=True)

    async def find(self, settlement_id: SettlementId) -> Settlement:
        """One settlement and how far it has come; SettlementMissing."""
        return await _settlement(self._db, settlement_id)

    async def settle_chunk(self, run: Run) -> None:
        """The next distributors of a run, in one transaction with the run's cursor."""
        now = self._clock()
        async with self._db.begin() as tx:
            (row,) = await tx.fetch(
                "select settlement_id, cutoff from settlement where run_id = $1", run.run_id
            )
            due = await _due(tx, row["cutoff"], after=run.cursor or 0)
            if not due:
                await runs.finish(tx, run, result=None, now=now)
                return
            await _release(tx, row["settlement_id"], due, cutoff=row["cutoff"], now=now)
            await runs.advance(tx, run, cursor=due[-1], done=len(due), now=now)


async def _settlement(reader: Reader, settlement_id: SettlementId) -> Settlement:
    found = await settlement(reader, settlement_id)
    if found is None:
        raise SettlementMissing(settlement_id=settlement_id)
    return found


async def _queue(
    tx: Transaction, *, cutoff: datetime, now: datetime, scheduled: bool = False
) -> SettlementId:
    total = await tx.fetchval(
        "select count(distinct distributor_id) from commission where status = 'pending' and release_at <= $1",
        cutoff,
    )
    run_id = await runs.create(tx, KIND, {}, total=total)
    return await _open(tx, cutoff=cutoff, now=now, run_id=run_id, scheduled=scheduled)


async def _open(
    tx: Transaction,
    *,
    cutoff: datetime,
    now: datetime,
    distributor_id: DistributorId | None = None,
    run_id: RunId | None = None,
    scheduled: bool = False,
) -> SettlementId:
    settlement_id: int = await tx.fetchval(
        "insert into settlement (cutoff, distributor_id, run_id, scheduled, created_at) values ($1, $2, $3, $4, $5)"
        " returning settlement_id",
        cutoff,
        distributor_id,
        run_id,
        scheduled,
        now,
    )
    return SettlementId(settlement_id)


async def _due(tx: Transaction, cutoff: datetime, *, after: int) -> list[DistributorId]:
    """The next distributors with matured entries, few enough for one transaction."""
    rows = await tx.fetch(
        "select distributor_id, count(*) as entries from commission"
        " where status = 'pending' and release_at <= $1 and distributor_id > $2"
        " group by distributor_id order by distributor_id limit $3",
        cutoff,
        after,
        _DISTRIBUTORS,
    )
    due: list[DistributorId] = []
    entries = 0
    for row in rows:
        entries += row["entries"]
        if due and entries > _ENTRIES:
            break
        due.append(row["distributor_id"])
    return due


async def _release(
    tx: Transaction,
    settlement_id: SettlementId,
    distributor_ids: Sequence[int],
    *,
    cutoff: datetime,
    now: datetime,
) -> None:
    """Release what has matured for these distributors: entries, postings, balances, statements, events."""
    matured = await _matured(tx, settlement_id, distributor_ids, cutoff=cutoff, now=now)
    if not matured:
        return
    postings = [
        released(
            commission_id=one.commission_id,
            distributor_id=one.distributor_id,
            currency=one.currency,
            amount_minor=one.amount_minor,
            settlement_id=settlement_id,
            at=now,
        )
        for one in matured
    ]
    available = await ledger.lock(tx, changes(postings).keys())
    await ledger.post(tx, postings, now=now)
    written = statements(matured, available)
    await _write(tx, settlement_id, written, now)
    for statement in written:
        tx.emit(
            CommissionReleased(
                settlement_id=settlement_id,
                distributor_id=DistributorId(statement.distributor_id),
                currency=statement.currency,
                amount_minor=statement.released_minor,
            )
        )


async def _matured(
    tx: Transaction,
    settlement_id: SettlementId,
    distributor_ids: Sequence[int],
    *,
    cutoff: datetime,
    now: datetime,
) -> list[Matured]:
    """The entries released, by id."""
    rows = await tx.fetch(
        "select distinct order_id from commission"
        " where status = 'pending' and release_at <= $1 and distributor_id = any($2::bigint[]) order by order_id",
        cutoff,
        distributor_ids,
    )
    order_ids = [row["order_id"] for row in rows]
    # Whoever books a correction holds the same lock. So either it is booked first, and is released here with
    # the entry it corrects, or it comes later, finds that one released, and is booked on what is available.
    await tx.execute(
        "select from order_book where order_id = any($1::bigint[]) order by order_id for update", order_ids
    )
    rows = await tx.fetch(
        "update commission set status = 'released', released_at = $1, settlement_id = $2"
        " where status = 'pending' and release_at <= $3 and distributor_id = any($4::bigint[])"
        " and order_id = any($5::bigint[])"
        " returning commission_id, distributor_id, currency, commission_amount_minor as amount_minor",
        now,
        settlement_id,
        cutoff,
        distributor_ids,
        order_ids,
    )
    return sorted((Matured(**dict(row.items())) for row in rows), key=lambda one: one.commission_id)


async def _write(
    tx: Transaction, settlement_id: SettlementId, written: Sequence[Statement], now: datetime
) -> None:
    await tx.execute(
        "insert into statement (settlement_id, distributor_id, currency, opening_minor, released_minor, closing_minor,"
        " entries, created_at)"
        " select $1::bigint, d, c, opening, released, closing, entries, $8::timestamptz"
        " from unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::int[])"
        " as s (d, c, opening, released, closing, entries)",
        settlement_id,
        [one.distributor_id for one in written],
        [one.currency for one in written],
        [one.opening_minor for one in written],
        [one.released_minor for one in written],
        [one.closing_minor for one in written],
        [one.entries for one in written],
        now,
    )
