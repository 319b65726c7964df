"""Closing periods (关账): what a period pays is booked once it is over, and what the orders tell later as corrections.

A close moves through its stages on its own row: a step begins, what it rests on is gathered page by page and kept, and
what it pays is booked some hundreds of entries at a time. Each chunk is one transaction that looks at the row under
its lock, so two runs at the same period, or one that was killed, never do anything twice.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fenxiao.commission.domain import posting
from fenxiao.commission.domain.booking import entries
from fenxiao.commission.domain.closing import Close, Evaluation, lacking, next_claim, taken_back
from fenxiao.commission.events import PeriodClosed
from fenxiao.commission.queries import periods
from fenxiao.commission.service import ledger
from fenxiao.commission.service.periods import facts, news
from fenxiao.commission.service.periods.due import Due, Wanted, of_close
from fenxiao.commission.service.periods.facts import Evaluated
from fenxiao.commission.service.periods.gathering import Gathering, question
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.store import periods as store
from fenxiao.commission.store.periods import Overtaken
from fenxiao.engine.periods import period_before
from fenxiao.engine.plan import Plan, cap_needed, needed_periods
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.starts_over import ATTEMPTS, Moved
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.ids import RuleId
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import OrdersApi
from fenxiao.rules.api import RuleQuestion, RulesApi

ENTRIES = 2000
"""Entries booked in one transaction."""

_INSTANT = timedelta(microseconds=1)


class Closer:
    """Does the chunks of the runs that close periods."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        zone: ZoneInfo,
        *,
        orders: OrdersApi,
        rules: RulesApi,
        network: NetworkApi,
        plans: Plans,
    ) -> None:
        self._db, self._clock, self._zone = db, clock, zone
        self._orders, self._rules, self._plans = orders, rules, plans
        self._due = Due(db, clock, zone, orders, plans)
        self._gathering = Gathering(orders, network)
        self._last: tuple[tuple[int, int], Evaluated] | None = None

    async def close_chunk(self, run: Run) -> None:
        """The next piece of a run's work, in one transaction with the run's cursor."""
        for attempt in range(ATTEMPTS):
            try:
                await self._chunk(run)
            except Overtaken:
                # Another run is at the same period: whoever gets its row does the next piece.
                await asyncio.sleep(0.005 * 2**attempt)
            else:
                return
        raise Moved

    async def _chunk(self, run: Run) -> None:
        if run.cursor is None:
            closing = await periods.closing(self._db, run_id=run.run_id)
            wanted = await self._due.of(closing.period if closing else None)
            async with self._db.begin() as tx:
                await tx.execute("update run set total = $2 where run_id = $1", run.run_id, len(wanted))
                left = [one.document() for one in wanted]
                await runs.advance(tx, run, cursor={"left": left, "turn": 0}, done=0, now=self._clock())
        elif not run.cursor["left"]:
            async with self._db.begin() as tx:
                await runs.finish(tx, run, result=None, now=self._clock())
        else:
            currency, key, purpose = run.cursor["left"][0]
            period = facts.read(key, self._zone)
            assert period is not None  # noqa: S101 - it was read from there
            await self._turn(run, Wanted(currency, period, purpose))

    async def _turn(self, run: Run, wanted: Wanted) -> None:
        period = wanted.period
        close = await periods.of(self._db, wanted.currency, period.kind, period.key, wanted.purpose)
        rule_id = RuleId(close.rule_id) if close else await self._rule(wanted)
        plan = None if rule_id is None else (await self._plans.of([rule_id]))[rule_id]
        if rule_id is None or plan is None or not _needed(plan, wanted):
            async with self._db.begin() as tx:
                await self._done(tx, run)
        elif close is None or close.stage == "idle":
            await self._begin(run, wanted if close is None else of_close(close), (rule_id, plan), close)
        elif close.stage == "gathering":
            await (self._gather if close.purpose == "pay" else self._accrue)(run, plan, close)
        else:
            await self._book(run, plan, close)

    async def _rule(self, wanted: Wanted) -> RuleId | None:
        """The version in effect at the last moment of the period."""
        asked = RuleQuestion(currency=wanted.currency, at=wanted.period.end - _INSTANT)
        (rule_id,) = await self._rules.active(asked=[asked])
        return rule_id

    async def _begin(self, run: Run, wanted: Wanted, under: tuple[RuleId, Plan], close: Close | None) -> None:
        """A new step, unless nothing is new."""
        (rule_id, plan), period, now = under, wanted.period, self._clock()
        recorded = await self._orders.recorded_until()
        before = await self._before(wanted)
        if close is not None and not await news.told(
            self._db, plan, close, orders=self._orders, before=before, recorded=recorded
        ):
            async with self._db.begin() as tx:
                await store.demand(tx, close)
                await store.known(tx, close.close_id, recorded)
                await self._done(tx, run)
            return
        asked = question(plan, period.start, period.end, recorded)
        sales = (await self._orders.sold(asked=asked, distributor_ids=[])).total_minor
        async with self._db.begin() as tx:
            if close is None:
                step, at = 0, period.end
                close_id = await store.open_close(
                    tx,
                    rule_id=rule_id,
                    currency=wanted.currency,
                    period=period,
                    purpose=wanted.purpose,
                    release_at=period.end + timedelta(hours=24 * plan.hold_days),
                    known_until=recorded,
                    now=now,
                )
            else:
                close_id, step, at = close.close_id, close.steps, now
                await store.demand(tx, close)
                await store.move(tx, close_id, stage="gathering", position=0, steps=step)
                await store.known(tx, close_id, recorded)
            await store.evaluation(
                tx,
                Evaluation(
                    close_id=close_id,
                    step=step,
                    at=at,
                    known_until=recorded,
                    sales_minor=sales,
                    carried_from=before.close_id if before else None,
                    carried_step=before.steps - 1 if before else None,
                ),
            )
            await self._go_on(tx, run)

    async def _before(self, wanted: Wanted) -> Close | None:
        """The close of the period before, whose carries count, once it has been evaluated."""
        if wanted.purpose == "caps":
            return None
        earlier = period_before(wanted.period, self._zone)
        found = await periods.of(self._db, wanted.currency, earlier.kind, earlier.key, wanted.purpose)
        return found if found is not None and found.steps else None

    async def _gather(self, run: Run, plan: Plan, close: Close) -> None:
        """The next page of members, or none: then they are all there."""
        page = await self._gathering.members(plan, of_close(close).period, close.known_until, close.position)
        async with self._db.begin() as tx:
            await store.demand(tx, close)
            if page.last is None:
                await store.move(tx, close.close_id, stage="booking", position=0, steps=close.steps)
            else:
                await store.members(tx, close.close_id, close.steps, page.members)
                await store.move(tx, close.close_id, stage="gathering", position=page.last, steps=close.steps)
            await self._go_on(tx, run)

    async def _accrue(self, run: Run, plan: Plan, close: Close) -> None:
        """What was earned in the period, for its caps."""
        async with self._db.begin() as tx:
            await store.demand(tx, close)
            found = await periods.accrued(tx, close.currency, close.since, close.until, news.names(plan))
            await store.accrued(tx, close.close_id, close.steps, found)
            await store.move(tx, close.close_id, stage="booking", position=0, steps=close.steps)
            await self._go_on(tx, run)

    async def _book(self, run: Run, plan: Plan, close: Close) -> None:
        """The next entries of the step; with the last the close is done."""
        evaluated, now = await self._evaluated(plan, close), self._clock()
        claim = next_claim(close, evaluated.evaluation, evaluated.target)
        after = await news.following(self._db, close, evaluated, self._zone)
        async with self._db.begin() as tx:
            await store.demand(tx, close)
            book = await periods.book(tx, close.close_id)
            found = (await asyncio.to_thread(lacking, claim, book))[:ENTRIES]
            ids = iter(await store.entry_ids(tx, len(found)) if found else [])
            write = entries if close.purpose == "pay" else taken_back
            made = list(write(found, book.roots, ids, now))
            await store.entries(tx, claim, made, now)
            await store.booked(tx, close.close_id, sum(one.amount_minor for one in found))
            postings = [posting.booked(entry) for entry in made]
            if postings:
                await ledger.lock(tx, posting.changes(postings).keys())
                await ledger.post(tx, postings, now=now)
                pending = [one.difference.key[2] for one in made if one.status == "pending"]
                await ledger.mature(tx, [((of, claim.currency), claim.release_at) for of in pending])
            if len(found) == ENTRIES:
                await self._go_on(tx, run)
                return
            await store.carries(tx, close.close_id, close.steps, evaluated.carries)
            await store.move(tx, close.close_id, stage="idle", position=0, steps=close.steps + 1)
            await _announce(tx, close, evaluated.evaluation)
            await self._done(tx, run, after)

    async def _evaluated(self, plan: Plan, close: Close) -> Evaluated:
        """The step under way; kept from chunk to chunk, for it takes a while."""
        key = (close.close_id, close.steps)
        if self._last is None or self._last[0] != key:
            evaluation = (await periods.evaluations(self._db, close.close_id))[-1]
            self._last = key, await facts.evaluated(self._db, plan, close, evaluation)
        return self._last[1]

    async def _go_on(self, tx: Transaction, run: Run, left: Any = None, *, done: int = 0) -> None:
        cursor = {"left": run.cursor["left"] if left is None else left, "turn": run.cursor["turn"] + 1}
        await runs.advance(tx, run, cursor=cursor, done=done, now=self._clock())

    async def _done(self, tx: Transaction, run: Run, added: Sequence[Wanted] = ()) -> None:
        """The first period of those left is done; others may have to follow it."""
        left = run.cursor["left"][1:]
        new = [one.document() for one in added if one.document() not in left]
        if new:
            await tx.execute("update run set total = total + $2 where run_id = $1", run.run_id, len(new))
        await self._go_on(tx, run, new + left, done=1)


def _needed(plan: Plan, wanted: Wanted) -> bool:
    if wanted.purpose == "pay":
        return wanted.period.kind in needed_periods(plan)
    return wanted.period.kind == plan.cap_period and cap_needed(plan)


async def _announce(tx: Transaction, close: Close, evaluation: Evaluation) -> None:
    amount = await tx.fetchval(
        "select coalesce(sum(commission_amount_minor), 0)::bigint from commission where close_id = $1 and step = $2",
        close.close_id,
        evaluation.step,
    )
    tx.emit(
        PeriodClosed(
            period=close.period,
            purpose=close.purpose,
            currency=close.currency,
            rule_id=RuleId(close.rule_id),
            step=evaluation.step,
            amount_minor=amount,
        ),
        at=evaluation.at,
    )
