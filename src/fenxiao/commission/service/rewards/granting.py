"""Granting (发放奖励): what a period earned is granted once it is over, and what the orders tell later as corrections.

A period moves on its own row: a step begins, and everybody is looked at page by page. Each page is one transaction
that looks at the row under its lock, so two runs at the same period, or one that was killed, never grant twice.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.posting import changes
from fenxiao.commission.domain.rewards import Grant, Opened, RewardStep, grants, of_kind, rewarded, stood
from fenxiao.commission.events import RewardGranted
from fenxiao.commission.queries import rewards
from fenxiao.commission.service import ledger
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.service.rewards.gathering import Gathering
from fenxiao.commission.service.rewards.grading import Grading
from fenxiao.commission.service.rewards.starting import KINDS, read
from fenxiao.commission.store import rewards as store
from fenxiao.commission.store.periods import Overtaken
from fenxiao.engine.periods import Period, period_after, period_before, period_of
from fenxiao.engine.plan import Plan
from fenxiao.engine.rewards.grant import NOTHING
from fenxiao.engine.rewards.params import RewardPeriod
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.starts_over import ATTEMPTS, Moved
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.ids import DistributorId, RuleId
from fenxiao.orders.api import OrdersApi
from fenxiao.rules.api import RuleQuestion, RulesApi

CATCH_UP = 100
"""Periods that a scheduled run makes up for at most."""

_PAGE = 500
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A period to be looked at, of one currency."""

    currency: str
    period: Period

    def document(self) -> list[str]:
        return [self.currency, self.period.key]


class Granter:
    """Does the runs."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        zone: ZoneInfo,
        *,
        orders: OrdersApi,
        rules: RulesApi,
        plans: Plans,
        gathering: Gathering,
        grading: Grading,
    ) -> None:
        self._db, self._clock, self._zone = db, clock, zone
        self._orders, self._rules, self._plans = orders, rules, plans
        self._gathering, self._grading = gathering, grading

    async def grant_chunk(self, run: Run) -> None:
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
            wanted = await self._wanted(run)
            async with self._db.begin() as tx:
                await tx.execute("update run set total = $2 where run_id = $1", run.run_id, len(wanted))
                cursor = {"left": [one.document() for one in wanted], "turn": 0, "graded": 0}
                await runs.advance(tx, run, cursor=cursor, done=0, now=self._clock())
        elif run.cursor["left"]:
            currency, key = run.cursor["left"][0]
            period = read(key, self._zone)
            assert period is not None  # noqa: S101 - it was read from there
            await self._turn(run, _Wanted(currency, period))
        else:
            # Last, once all periods are where they should be: a grade rests on several of them.
            last = await self._grading.grade(run.cursor["graded"])
            async with self._db.begin() as tx:
                if last is None:
                    await runs.finish(tx, run, result=None, now=self._clock())
                else:
                    cursor = {**run.cursor, "graded": last}
                    await runs.advance(tx, run, cursor=cursor, done=0, now=self._clock())

    # What is to be looked at

    async def _wanted(self, run: Run) -> list[_Wanted]:
        asked = await rewards.run(self._db, run_id=run.run_id)
        assert asked is not None  # noqa: S101 - both were written together
        currencies = await self._orders.currencies()
        if asked.period is not None:
            period = read(asked.period, self._zone)
            return [_Wanted(currency, period) for currency in currencies if period is not None]
        found = {one.reward_period_id: one for one in await rewards.unfinished(self._db)}
        found |= {one.reward_period_id: one for one in await self._changed()}
        again = [
            _Wanted(one.currency, Period(one.kind, one.period, one.since, one.until))
            for one in found.values()
        ]
        new = await self._ended(currencies)
        order = {kind: place for place, kind in enumerate(KINDS)}
        return sorted(
            [*again, *new], key=lambda one: (one.period.end, order[_kind(one.period)], one.currency)
        )

    async def _ended(self, currencies: Sequence[str]) -> list[_Wanted]:
        """Periods that have ended since the last that was looked at, the last alone where none was."""
        now = self._clock()
        ends = {(one.currency, one.kind): one.until for one in await rewards.latest(self._db)}
        found: list[_Wanted] = []
        for currency in currencies:
            for kind in KINDS:
                last = period_before(period_of(now, kind, self._zone), self._zone)
                known = ends.get((currency, kind))
                first = last if known is None else period_of(known, kind, self._zone)
                while first.end <= last.end and len(found) < CATCH_UP:
                    found.append(_Wanted(currency, first))
                    first = period_after(first, self._zone)
        return found

    async def _changed(self) -> list[Opened]:
        """Periods of whose sales the orders have recorded something since; of the others that is noted."""
        now, cursor = await self._orders.recorded_until(), 0
        found: list[Opened] = []
        while some := await rewards.after(self._db, cursor, _PAGE):
            cursor = some[-1].reward_period_id
            plans = await self._plans.of(RuleId(one.rule_id) for one in some)
            for one in some:
                if one.stage != "idle":
                    continue
                if await self._is_new(plans[RuleId(one.rule_id)], one, now):
                    found.append(one)
                    continue
                async with self._db.begin() as tx:
                    if await rewards.locked(tx, one.reward_period_id) == one:
                        await store.known(tx, one.reward_period_id, now)
        return found

    async def _is_new(self, plan: Plan, opened: Opened, recorded: datetime) -> bool:
        """Whether the orders tell something of its sales that was not known."""
        asked = [(one, opened.known_until) for one in self._gathering.questions(plan, opened, recorded)]
        return any(await self._orders.sold_anew(asked=asked))

    # One period

    async def _turn(self, run: Run, wanted: _Wanted) -> None:
        period = wanted.period
        opened = await rewards.of(self._db, wanted.currency, period.kind, period.key)
        rule_id = RuleId(opened.rule_id) if opened else await self._rule(wanted)
        plan = None if rule_id is None else (await self._plans.of([rule_id]))[rule_id]
        if rule_id is None or plan is None or not of_kind(plan, _kind(period)):
            async with self._db.begin() as tx:
                await self._done(tx, run)
        elif opened is None:
            await self._begin(run, wanted, rule_id)
        elif opened.stage == "idle":
            await self._again(run, plan, opened)
        else:
            await self._grant(run, plan, opened)

    async def _rule(self, wanted: _Wanted) -> RuleId | None:
        """The version in effect at the last moment of the period."""
        asked = RuleQuestion(currency=wanted.currency, at=wanted.period.end - _INSTANT)
        (rule_id,) = await self._rules.active(asked=[asked])
        return rule_id

    async def _begin(self, run: Run, wanted: _Wanted, rule_id: RuleId) -> None:
        """The first step."""
        now, recorded = self._clock(), await self._orders.recorded_until()
        async with self._db.begin() as tx:
            number = await store.open_period(
                tx,
                rule_id=rule_id,
                currency=wanted.currency,
                period=wanted.period,
                known_until=recorded,
                now=now,
            )
            first = RewardStep(reward_period_id=number, step=0, at=wanted.period.end, known_until=recorded)
            await store.step(tx, first)
            await self._go_on(tx, run)

    async def _again(self, run: Run, plan: Plan, opened: Opened) -> None:
        """A further step, unless nothing is new."""
        now, recorded = self._clock(), await self._orders.recorded_until()
        new = await self._is_new(plan, opened, recorded)
        number = opened.reward_period_id
        async with self._db.begin() as tx:
            await _demand(tx, opened)
            await store.known(tx, number, recorded)
            if not new:
                await self._done(tx, run)
                return
            await store.move(tx, number, stage="granting", position=0, steps=opened.steps)
            later = RewardStep(reward_period_id=number, step=opened.steps, at=now, known_until=recorded)
            await store.step(tx, later)
            await self._go_on(tx, run)

    async def _grant(self, run: Run, plan: Plan, opened: Opened) -> None:
        """The next page of distributors; with the last the step is done."""
        number = opened.reward_period_id
        step = (await rewards.steps(self._db, number))[-1]
        page = await self._gathering.page(plan, opened, step.known_until, opened.position)
        ids = sorted({distributor_id for _, distributor_id in page.told})
        before = await rewards.standings(self._db, number, step.step, ids)
        found = stood(plan, opened.kind, page.told, before)
        params = {one.name: one for one in of_kind(plan, opened.kind)}
        now = self._clock()
        async with self._db.begin() as tx:
            await _demand(tx, opened)
            if page.last is None:
                await store.move(tx, number, stage="idle", position=0, steps=opened.steps + 1)
                await self._done(tx, run)
                return
            if found:
                # Under the period's lock, as a settlement releases: what corrects a reward stands where that stands.
                roots = await rewards.roots(tx, number, [one.distributor_id for one in found])
                numbers = iter(await store.reward_ids(tx, len(found)))
                beside = [(params[one.reward], one, before.get(one.key, NOTHING)) for one in found]
                made = list(grants(beside, roots, numbers, until=opened.until, now=now))
                await store.standings(tx, number, step.step, found)
                await _book(tx, opened, step, made, now)
            await store.move(tx, number, stage="granting", position=page.last, steps=opened.steps)
            await self._go_on(tx, run)

    async def _go_on(self, tx: Transaction, run: Run) -> None:
        cursor = {**run.cursor, "turn": run.cursor["turn"] + 1}
        await runs.advance(tx, run, cursor=cursor, done=0, now=self._clock())

    async def _done(self, tx: Transaction, run: Run) -> None:
        """The first period of those left is done."""
        cursor = {**run.cursor, "left": run.cursor["left"][1:], "turn": run.cursor["turn"] + 1}
        await runs.advance(tx, run, cursor=cursor, done=1, now=self._clock())


async def _demand(tx: Transaction, opened: Opened) -> None:
    """Lock the period; Overtaken unless it stands as it was read."""
    if await rewards.locked(tx, opened.reward_period_id) != opened:
        raise Overtaken


async def _book(
    tx: Transaction, opened: Opened, step: RewardStep, made: Sequence[Grant], now: datetime
) -> None:
    """Write what is granted and taken back, with postings, balances and events."""
    if not made:
        return
    await store.grants(tx, opened, step, made, now)
    postings = [rewarded(one, currency=opened.currency, at=step.at) for one in made]
    await ledger.lock(tx, changes(postings).keys())
    await ledger.post(tx, postings, now=now)
    for one in made:
        tx.emit(
            RewardGranted(
                reward_id=one.reward_id,
                distributor_id=DistributorId(one.distributor_id),
                reward=one.params.name,
                reward_type=one.params.type,
                rule_id=RuleId(opened.rule_id),
                period=opened.period,
                step=step.step,
                currency=opened.currency,
                amount_minor=one.amount_minor,
            ),
            at=step.at,
        )


def _kind(period: Period) -> RewardPeriod:
    return "month" if period.kind == "month" else "quarter"
