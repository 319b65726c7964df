"""Granting (发放): what a reward comes to beside what was granted, and which grade follows from what was reached.

`stand` is pure and rests on sales alone, so the same run again has nothing to add.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fenxiao.engine.rewards import REWARDS
from fenxiao.engine.rewards.kind import Figures, Result
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.kernel.money import Rounding


@dataclass(frozen=True, slots=True)
class Standing:
    """达标情况: the tier that counts for somebody in a period (from 0, None for none) and what he has of it in all."""

    tier: int | None = None
    amount_minor: int = 0


NOTHING = Standing()


def result(params: RewardParams, figures: Figures, rounding: Rounding) -> Result:
    """What the reward comes to on these figures."""
    return REWARDS[params.type].evaluate(params, figures, rounding)


def stand(params: RewardParams, made: Result, before: Standing) -> Standing:
    """Where somebody stands now who stood so before: with `on_refund: keep` never lower than he did."""
    if params.on_refund == "take_back":
        return Standing(made.tier, made.amount_minor)
    tiers = [tier for tier in (made.tier, before.tier) if tier is not None]
    return Standing(max(tiers, default=None), max(made.amount_minor, before.amount_minor))


def graded(params: RewardParams, reached: Sequence[int | None]) -> str | None:
    """The grade that somebody has by this reward, None for none.

    `reached` are the tiers of the periods, the latest first. Whoever reached a tier reached those below it. A grade
    lasts for `keep_periods` periods after the one that earned it, and without that for ever.
    """
    for place, tier in reversed(list(enumerate(params.tier_list()))):
        if tier.grade is None:
            continue
        counted = reached if tier.keep_periods is None else reached[: tier.keep_periods]
        if any(one is not None and one >= place for one in counted):
            return tier.grade
    return None
