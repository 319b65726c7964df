"""How a reward came about: the evaluation run again, with a trace, on the sales that are stored with it."""

from dataclasses import dataclass

from fenxiao.commission.domain.rewards import of_kind
from fenxiao.commission.queries import rewards
from fenxiao.commission.queries.rewards import Reward
from fenxiao.commission.service.plans import Plans
from fenxiao.engine.reward_trace import RewardTrace, explain_reward
from fenxiao.engine.rewards.grant import NOTHING
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import NotFound


class RewardMissing(NotFound):
    """There is no reward {reward_id}."""

    code = "reward-missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardExplained:
    """A reward, and the evaluation of its step."""

    reward: Reward
    trace: RewardTrace


class RewardExplanations:
    """Explains rewards."""

    def __init__(self, db: Database, plans: Plans) -> None:
        self._db, self._plans = db, plans

    async def find(self, reward_id: int) -> Reward:
        """One reward; RewardMissing."""
        found = await rewards.reward(self._db, reward_id)
        if found is None:
            raise RewardMissing(reward_id=reward_id)
        return found

    async def explain(self, reward: Reward) -> RewardExplained:
        """How it came about."""
        opened = await rewards.opened(self._db, reward.reward_period_id)
        plan = (await self._plans.of([reward.rule_id]))[reward.rule_id]
        assert opened is not None  # noqa: S101 - the reward refers to it
        (params,) = (one for one in of_kind(plan, opened.kind) if one.name == reward.reward)
        key = (reward.reward, int(reward.distributor_id))
        before = await rewards.standings(
            self._db, opened.reward_period_id, reward.step, [reward.distributor_id]
        )
        one = await rewards.stood(self._db, opened.reward_period_id, reward.step, *key)
        assert one is not None  # noqa: S101 - the reward refers to it
        trace = explain_reward(plan, params, opened.period, one.figures, before.get(key, NOTHING))
        return RewardExplained(reward=reward, trace=trace)
