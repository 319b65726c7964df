"""Settlement (结算): matured entries and rewards become available, with one statement per distributor and currency."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

from fenxiao.commission.domain import proofs
from fenxiao.commission.queries import maturing
from fenxiao.commission.queries import settlement as reads
from fenxiao.commission.queries.maturing import Amount, Asked, Due, Selection
from fenxiao.commission.queries.settlement import Settlement
from fenxiao.commission.service.after_sale import AfterSale
from fenxiao.commission.service.ledger import Freeing
from fenxiao.commission.service.releasing import Part, release
from fenxiao.infra.db import arrays, runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.ids import DistributorId, RunId, SettlementId
from fenxiao.kernel.paging import Page
from fenxiao.network.api import NetworkApi, SellerQuestion

KIND = "settlement"
"""The kind of its runs."""

EVERYBODY = Selection()
_ROUNDS = 4
"""How often the next parts are looked for in a chunk; before the next one a cancelled run stops, and others get their turn."""


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
            due = await maturing.of_distributors(tx, [distributor_id], cutoff=cutoff)
            await release(
                tx, due, Freeing(settlement_id=settlement_id, cutoff=cutoff, now=now), without=without
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
        """The next distributors of a run, in parts side by side, each in one transaction with the run's cursor."""
        now = self._clock()
        one = await maturing.asked(self._db, run.run_id)
        parts = await maturing.next_due(self._db, one, after=run.cursor or 0)
        if not parts:
            async with self._db.begin() as tx:
                await runs.finish(tx, run, result=None, now=now)
            return
        freeing = Freeing(settlement_id=one.settlement_id, cutoff=one.cutoff, now=now)
        before: Part | None = None
        work: list[asyncio.Task[None]] = []
        looked: list[asyncio.Task[list[Due]]] = []
        for _ in range(_ROUNDS):
            # Looked for while these are carried out.
            following = asyncio.create_task(
                maturing.next_due(self._db, one, after=parts[-1].distributor_ids[-1])
            )
            looked.append(following)
            for due in parts:
                mine = run if before is None else replace(run, cursor=before.due.distributor_ids[-1])
                before = Part(mine, due, before)
                work.append(asyncio.create_task(self._settle_part(before, one, freeing)))
                if len(work) >= maturing.PARTS:
                    await asyncio.wait(work[-maturing.PARTS :][:1])
            # All have ended, one way or the other, before the next chunk begins.
            await asyncio.wait([following])
            if following.exception() or any(done.done() and done.exception() for done in work):
                break
            parts = following.result()
            if not parts:
                break
        for failed in await asyncio.gather(*work, return_exceptions=True):
            if failed is not None:
                raise failed
        await asyncio.gather(*looked)

    async def _settle_part(self, part: Part, one: Asked, freeing: Freeing) -> None:
        """Release one part; its commit waits for that of the part before, so cursor and hashes move on in order."""
        try:
            due = part.due if one.grade is None else await self._of_grade(part.due, one.grade)
            chosen = due.distributor_ids
            without = await self._after_sale.unbooked(chosen, cutoff=one.cutoff) if chosen else []
            # Before there is a transaction: it would keep a connection from those that are waited for.
            await part.may_lock()
            async with self._db.begin() as tx:
                await release(tx, due, freeing, without=without, part=part)
                await part.turn()
                cursor = part.due.distributor_ids[-1]
                await runs.advance(tx, part.run, cursor=cursor, done=len(chosen), now=freeing.now)
            part.committed.set_result(True)
        finally:
            part.end()

    async def _of_grade(self, due: Due, grade: str) -> Due:
        chosen = await self._with_grade(due.distributor_ids, grade)
        keys = {key for key in due.keys if key[0] in set(chosen)}
        return replace(due, distributor_ids=chosen, keys=keys)

    async def _with_grade(self, distributor_ids: Sequence[DistributorId], grade: str) -> list[DistributorId]:
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
        while parts := await maturing.next_due(self._db, everybody, after=after):
            due = [one for part in parts for one in part.distributor_ids]
            found += await self._with_grade(due, selection.grade or "")
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
