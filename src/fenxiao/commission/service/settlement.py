"""Settlement (结算): matured entries and rewards become available, with one statement per distributor and currency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from fenxiao.commission.domain import proofs
from fenxiao.commission.events import CommissionReleased
from fenxiao.commission.queries import maturing
from fenxiao.commission.queries import settlement as reads
from fenxiao.commission.queries.maturing import Amount, Asked, Selection
from fenxiao.commission.queries.settlement import Settlement, statement_digests
from fenxiao.commission.service import ledger
from fenxiao.commission.service.after_sale import AfterSale
from fenxiao.commission.service.ledger import Freed, Freeing
from fenxiao.infra.db import arrays, runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.ids import DistributorId, OrderId, RunId, SettlementId
from fenxiao.kernel.paging import Page
from fenxiao.network.api import NetworkApi, SellerQuestion

KIND = "settlement"
"""The kind of its runs."""

EVERYBODY = Selection()


class SettlementMissing(NotFound):
    """There is no settlement {settlement_id}."""

    code = "settlement-missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a settlement would release now; `waiting` orders have a refund that is yet to be booked, and stay pending."""

    cutoff: datetime
    distributors: int
    waiting: int
    amounts: tuple[Amount, ...]


class Settlements:
    """Settles one distributor at once, or all, or some, by a run."""

    def __init__(
        self, db: Database, clock: Clock, timezone: ZoneInfo, *, network: NetworkApi, after_sale: AfterSale
    ) -> None:
        self._db = db
        self._clock = clock
        self._timezone = timezone
        self._network = network
        self._after_sale = after_sale

    @starts_over
    async def settle_distributor(
        self, distributor_id: DistributorId, *, once: Once | None, cutoff: datetime | None = None
    ) -> Settlement:
        """Release what has matured for one distributor until the cut-off (None: now); see `settle_all`."""
        now = self._clock()
        cutoff = cutoff or now
        without = await self._after_sale.unbooked([distributor_id], cutoff=cutoff)
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Settlement)
            settlement_id = await _open(tx, cutoff=cutoff, now=now, distributor_id=distributor_id)
            await _release(
                tx, [distributor_id], Freeing(settlement_id=settlement_id, cutoff=cutoff, now=now), without
            )
            after = {"settlement_id": settlement_id, "cutoff": cutoff.isoformat()}
            tx.audit("commission.settled", f"distributors/{distributor_id}", after=after)
            return tx.keep(await _settlement(tx, settlement_id))

    async def settle_all(
        self, *, cutoff: datetime | None, once: Once | None, selection: Selection = EVERYBODY
    ) -> Settlement:
        """Queue the release of what has matured for everybody, or a selection, until the cut-off (None: now).

        A cut-off ahead of now is the operator's word that the hold of what matures until then ends now.
        """
        now = self._clock()
        cutoff = cutoff or now
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Settlement)
            settlement_id = await _queue(tx, cutoff=cutoff, now=now, selection=selection)
            after = {"cutoff": cutoff.isoformat()}
            if selection.distributor_ids is not None:
                after["distributor_ids"] = ", ".join(map(str, selection.distributor_ids))
            if selection.grade is not None:
                after["grade"] = selection.grade
            tx.audit("commission.settled", f"settlements/{settlement_id}", after=after)
            return tx.keep(await _settlement(tx, settlement_id))

    async def settle_daily(self) -> SettlementId | None:
        """The day's scheduled settlement, of what had matured when the day began; None if it has been queued before."""
        now = self._clock()
        cutoff = datetime.combine(now.astimezone(self._timezone).date(), time(), self._timezone)
        async with self._db.begin() as tx:
            if await tx.fetchval("select true from settlement where scheduled and cutoff = $1", cutoff):
                return None
            return await _queue(tx, cutoff=cutoff, now=now, scheduled=True)

    async def preview(self, *, cutoff: datetime | None, selection: Selection = EVERYBODY) -> Preview:
        """What would be released; it changes nothing. Whoever has a grade is asked of the network, page by page."""
        cutoff = cutoff or self._clock()
        chosen = selection.distributor_ids
        if selection.grade is not None:
            chosen = tuple(await self._of_grade_in_all(cutoff, selection))
        without = await self._after_sale.unbooked(chosen, cutoff=cutoff)
        found = await maturing.amounts(self._db, cutoff=cutoff, distributor_ids=chosen, without=without)
        return Preview(
            cutoff=cutoff,
            distributors=await maturing.count(self._db, cutoff, chosen),
            waiting=len(without),
            amounts=tuple(found),
        )

    async def find(self, settlement_id: SettlementId) -> Settlement:
        """One settlement and how far it has come; SettlementMissing."""
        return await _settlement(self._db, settlement_id)

    async def page(self, *, limit: int, cursor: str | None) -> Page[Settlement]:
        """Settlements, the newest first, without what they released."""
        return await reads.page(self._db, limit=limit, cursor=cursor)

    async def cancel(self, settlement_id: SettlementId) -> Settlement:
        """Ask a settlement to stop before its next chunk; what it has released stays so, and one that has ended as it is."""
        async with self._db.begin() as tx:
            found = await _settlement(tx, settlement_id)
            run_id = await tx.fetchval(
                "select run_id from settlement where settlement_id = $1", settlement_id
            )
            if run_id is not None and found.status in ("queued", "running"):
                await runs.cancel(tx, run_id)
                tx.audit(
                    "settlement.cancelled", f"settlements/{settlement_id}", before={"status": found.status}
                )
            return found

    async def settle_chunk(self, run: Run) -> None:
        """The next distributors of a run, in one transaction with the run's cursor."""
        now = self._clock()
        one = await maturing.asked(self._db, run.run_id)
        due = await maturing.next_due(self._db, one, after=run.cursor or 0)
        chosen = due if one.grade is None else await self._of_grade(due, one.grade)
        without = await self._after_sale.unbooked(chosen, cutoff=one.cutoff) if chosen else []
        async with self._db.begin() as tx:
            if not due:
                await runs.finish(tx, run, result=None, now=now)
                return
            freeing = Freeing(settlement_id=one.settlement_id, cutoff=one.cutoff, now=now)
            await _release(tx, chosen, freeing, without)
            await runs.advance(tx, run, cursor=due[-1], done=len(chosen), now=now)

    async def _of_grade(self, distributor_ids: Sequence[DistributorId], grade: str) -> list[DistributorId]:
        asked = [SellerQuestion(distributor_id=one) for one in distributor_ids]
        found = await self._network.sellers(asked=asked)
        return [
            seller.member.distributor_id
            for seller in found
            if not isinstance(seller, Exception) and seller.member.grade == grade
        ]

    async def _of_grade_in_all(self, cutoff: datetime, selection: Selection) -> list[int]:
        """All of the grade for whom anything has matured."""
        everybody = Asked(settlement_id=0, cutoff=cutoff, grade=None, selected=False)
        found: list[int] = []
        after = 0
        while due := await maturing.next_due(self._db, everybody, after=after):
            found += await self._of_grade(due, selection.grade or "")
            after = due[-1]
        chosen = selection.distributor_ids
        return [one for one in found if chosen is None or one in chosen]


async def _settlement(reader: Reader, settlement_id: SettlementId) -> Settlement:
    found = await reads.settlement(reader, settlement_id)
    if found is None:
        raise SettlementMissing(settlement_id=settlement_id)
    return found


async def _queue(
    tx: Transaction,
    *,
    cutoff: datetime,
    now: datetime,
    scheduled: bool = False,
    selection: Selection = EVERYBODY,
) -> SettlementId:
    chosen = selection.distributor_ids
    # How many have the grade is known when it is done.
    total = None if selection.grade is not None else await maturing.count(tx, cutoff, chosen)
    run_id = await runs.create(tx, KIND, {}, total=total)
    settlement_id = await _open(
        tx, cutoff=cutoff, now=now, run_id=run_id, scheduled=scheduled, selection=selection
    )
    if chosen is not None:
        await tx.execute(
            "insert into settlement_selection (settlement_id, distributor_id)"
            " select $1, d from unnest($2::text::bigint[]) as s (d)",
            settlement_id,
            arrays.numbers(sorted(set(chosen))),
        )
    return settlement_id


async def _open(
    tx: Transaction,
    *,
    cutoff: datetime,
    now: datetime,
    distributor_id: DistributorId | None = None,
    run_id: RunId | None = None,
    scheduled: bool = False,
    selection: Selection = EVERYBODY,
) -> SettlementId:
    begin = proofs.begun(cutoff)
    settlement_id: int = await tx.fetchval(
        "insert into settlement (cutoff, distributor_id, run_id, scheduled, created_at, input_hash, output_hash, grade,"
        " selected) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning settlement_id",
        cutoff,
        distributor_id,
        run_id,
        scheduled,
        now,
        begin.input_hash,
        begin.output_hash,
        selection.grade,
        selection.distributor_ids is not None,
    )
    return SettlementId(settlement_id)


async def _release(
    tx: Transaction, distributor_ids: Sequence[int], freeing: Freeing, without: Sequence[OrderId]
) -> None:
    """Release what has matured for these distributors: entries, rewards, postings, balances, statements, events."""
    due = await maturing.of_distributors(tx, distributor_ids, cutoff=freeing.cutoff, without=without)
    if not due.keys:
        return
    # Whoever books a correction holds the same lock. So either it is booked first, and is released here with
    # the entry it corrects, or it comes later, finds that one released, and is booked on what is available.
    for table, column, ids in (
        ("order_book", "order_id", due.order_ids),
        ("period_close", "close_id", due.close_ids),
        ("reward_period", "reward_period_id", due.reward_period_ids),
    ):
        if ids:
            await tx.execute(
                f"select from {table} where {column} in (select unnest($1::text::bigint[])) order by {column} for update",
                arrays.numbers(ids),
            )
    await ledger.lock(tx, due.keys)
    freed = await ledger.free(tx, distributor_ids, due, freeing)
    if not freed:
        # Somebody else released it while we waited for the locks.
        return
    await _prove(tx, freeing.settlement_id, freed)
    for one in freed:
        tx.emit(
            CommissionReleased(
                settlement_id=SettlementId(freeing.settlement_id),
                distributor_id=DistributorId(one.distributor_id),
                currency=one.currency,
                amount_minor=one.amount_minor,
            )
        )


async def _prove(tx: Transaction, settlement_id: int, freed: Sequence[Freed]) -> None:
    """Move the settlement's hashes on by what was released here; one that had begun before there were any gets none."""
    (row,) = await tx.fetch(
        "select input_hash, output_hash from settlement where settlement_id = $1", settlement_id
    )
    if row["input_hash"] is None:
        return
    # A distributor has one digest, whatever currencies there are.
    entries = {one.distributor_id: one.digest for one in freed}
    written = await statement_digests(tx, SettlementId(settlement_id), sorted(entries))
    now = proofs.Hashes(row["input_hash"], row["output_hash"]).after(
        [entries[one] for one in sorted(entries)], [one.digest for one in written]
    )
    await tx.execute(
        "update settlement set input_hash = $2, output_hash = $3 where settlement_id = $1",
        settlement_id,
        now.input_hash,
        now.output_hash,
    )
