"""Ceilings of a period (周期上限): what `cap_per_period` and `max_payout_rate_per_period` take back when it closes.

A component that pays per order has its cap counted over the plan's `cap_period`, one that pays per period over its
own (there `close` cuts already). The company's ratio is counted over `cap_period` and over everything: entries of the orders
of the period, net of their corrections, and what the periods paid that ended in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from fenxiao.engine.close import by_earner
from fenxiao.engine.cuts import cut
from fenxiao.engine.evaluate import AwardKey
from fenxiao.engine.plan import Plan
from fenxiao.kernel.money import round_down

Why = Literal["cap_per_period", "max_payout_rate_per_period"]
RATIO: Why = "max_payout_rate_per_period"


@dataclass(frozen=True, slots=True)
class Correction:
    """What is taken back from one earner of one component at one level (封顶更正): `amount_minor` is below 0.

    One key may be corrected by both caps, first by `cap_per_period`.
    """

    component: str
    level: int
    distributor_id: int
    amount_minor: int
    why: Why

    @property
    def key(self) -> AwardKey:
        """What the corrected entries are booked under."""
        return (self.component, self.level, self.distributor_id)


def corrections(plan: Plan, accrued: Mapping[AwardKey, int], sales_minor: int) -> tuple[Correction, ...]:
    """The corrections that the close of `plan.cap_period` needs, in canonical order; empty where no cap binds.

    `accrued` is what the period accrued by key, net and 0 or more, before any correction of this function: asked
    again with the same it answers the same, so what is booked is the difference to what was booked. `sales_minor` is
    the base of the period's orders. ValueError for an amount below 0 or a component that the plan does not have.
    """
    places = {component.name: index for index, component in enumerate(plan.components)}
    unknown = {name for name, _, _ in accrued} - places.keys()
    if unknown or sales_minor < 0 or any(amount < 0 for amount in accrued.values()):
        message = f"accrued below 0, or by a component the plan does not have: {sorted(unknown)}"
        raise ValueError(message)
    keys = sorted(accrued, key=lambda key: (places[key[0]], key[1], key[2]))
    before = {key: accrued[key] for key in keys}
    capped = {**before}
    for component in plan.components:
        if component.period is None and component.period_cap_minor is not None:
            own = {key[1:]: amount for key, amount in before.items() if key[0] == component.name}
            for earner in by_earner(own):
                shares = cut([own[place] for place in earner], component.period_cap_minor, plan.cut)
                capped.update(zip([(component.name, *place) for place in earner], shares, strict=True))
    limited = _limited(plan, capped, sales_minor)
    return (*_differences(before, capped, "cap_per_period"), *_differences(capped, limited, RATIO))


def _limited(plan: Plan, amounts: Mapping[AwardKey, int], sales_minor: int) -> Mapping[AwardKey, int]:
    if plan.max_payout_rate_per_period is None:
        return amounts
    limit = round_down(plan.max_payout_rate_per_period * sales_minor)
    return dict(zip(amounts, cut(list(amounts.values()), limit, plan.cut), strict=True))


def _differences(
    before: Mapping[AwardKey, int], after: Mapping[AwardKey, int], why: Why
) -> Iterator[Correction]:
    for key, amount in before.items():
        if after[key] != amount:
            yield Correction(*key, after[key] - amount, why)
