"""Recomputation of rewards: what each step rested on is asked again, evaluated again, and compared with what is stored.

Rewards are read only to be compared. Of a step under way nothing is said; it is not booked to the end.
"""

from collections.abc import AsyncIterator

from fenxiao.commission.domain.comparison import Odd
from fenxiao.commission.domain.rewards import (
    Opened,
    RewardStep,
    StandingKey,
    Stood,
    compare_grants,
    compare_standings,
    of_kind,
    stood,
)
from fenxiao.commission.queries import rewards
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.service.rewards.gathering import Gathering
from fenxiao.engine.plan import Plan
from fenxiao.engine.rewards.grant import NOTHING, Standing
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import RuleId

_PERIODS = 100


class RewardRecomputation:
    """Recomputes every period."""

    def __init__(self, db: Database, plans: Plans, gathering: Gathering) -> None:
        self._db, self._plans, self._gathering = db, plans, gathering

    async def oddities(self) -> AsyncIterator[Odd]:
        """Everything that is not granted as orders and network say, period by period."""
        cursor = 0
        while some := await rewards.after(self._db, cursor, _PERIODS):
            cursor = some[-1].reward_period_id
            plans = await self._plans.of(RuleId(one.rule_id) for one in some)
            for one in some:
                async for odd in self._of(one, plans[RuleId(one.rule_id)]):
                    yield odd

    async def _of(self, opened: Opened, plan: Plan) -> AsyncIterator[Odd]:
        subject = f"reward_period {opened.reward_period_id} ({opened.period} {opened.currency})"
        params = {one.name: one for one in of_kind(plan, opened.kind)}
        standing: dict[StandingKey, Standing] = {}
        made: list[tuple[RewardStep, RewardParams, Stood, int]] = []
        for step in (await rewards.steps(self._db, opened.reward_period_id))[: opened.steps]:
            found = await self._again(opened, plan, step, standing)
            there = await rewards.written(self._db, opened.reward_period_id, step.step)
            for odd in compare_standings(f"{subject}, step {step.step}", found, there):
                yield odd
            for one in found:
                amount = one.standing.amount_minor - standing.get(one.key, NOTHING).amount_minor
                standing[one.key] = one.standing
                if amount:
                    made.append((step, params[one.reward], one, amount))
        stored = [
            one for one in await rewards.granted(self._db, opened.reward_period_id) if one.step < opened.steps
        ]
        for odd in compare_grants(subject, opened, made, stored):
            yield odd

    async def _again(
        self, opened: Opened, plan: Plan, step: RewardStep, before: dict[StandingKey, Standing]
    ) -> list[Stood]:
        """Who stood otherwise after this step, by what orders and network tell of it now."""
        cursor: int | None = 0
        found: list[Stood] = []
        while cursor is not None:
            page = await self._gathering.page(plan, opened, step.known_until, cursor)
            found += stood(plan, opened.kind, page.told, before)
            cursor = page.last
        return found
