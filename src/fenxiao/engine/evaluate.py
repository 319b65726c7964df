"""The evaluation (计佣): from a plan and the facts of an order to who gets how much, exactly.

An order is evaluated so: the parameters of each line after its override; exact amounts per component,
level and earner, added over the lines and rounded once; the caps of each component, of an entry and of the
order; the payout limit of the whole order. Nothing else has any influence, so equal facts give equal awards, whenever and in
whatever batch they are processed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from fenxiao.engine.components.kind import Case, Place, Portion
from fenxiao.engine.components.kind import Recorder as ComponentRecorder
from fenxiao.engine.cuts import cut
from fenxiao.engine.facts import OrderFacts
from fenxiao.engine.plan import Plan
from fenxiao.engine.tally import Tally
from fenxiao.kernel.money import part_down, rounded
from fenxiao.kernel.values import value

AwardKey = tuple[str, int, int]
"""(component, level, distributor id)"""


@value()
class Award:
    """What one person gets from an order by one component at one level (佣金): above 0, in minor units."""

    component: str
    level: int
    distributor_id: int
    amount_minor: int

    @property
    def key(self) -> AwardKey:
        """What its entries are booked under."""
        return (self.component, self.level, self.distributor_id)


@value()
class Evaluation:
    """The awards of an order in canonical order: component as in the plan, level, distributor id.

    `base_minor` is the order's base net of refunds, `max_payout_minor` what all awards may come to.
    """

    awards: tuple[Award, ...]
    base_minor: int
    max_payout_minor: int


@value()
class Step:
    """One step of an order's history (历史步骤) and the awards that stand after it; step 0 is the accrual."""

    step: int
    at: datetime
    refunds_applied: int
    target: Mapping[AwardKey, int]


class Recorder(ComponentRecorder, Protocol):
    """Hears everything that an explanation tells; it cannot change what is paid."""

    def portioned(self, component: str, portion: Portion) -> None:
        """The lines under these overrides come to this."""

    def settled(
        self,
        component: str,
        amounts: Mapping[Place, int],
        single: Mapping[Place, int],
        capped: Mapping[Place, int],
    ) -> None:
        """Its amounts after rounding, zeros included, after the cap of an entry, and after that of the order."""


def evaluate(plan: Plan, order: OrderFacts, refunds: int) -> Evaluation:
    """The awards on what is left after the first `refunds` refunds, whether or not the order has accrued.

    ValueError if the facts contradict themselves (another currency, more refunded than paid, refunds out
    of order), there are fewer refunds, or a fact that a condition asks for is missing (`FactMissing`).
    """
    return settle(plan, order, tally_after(plan, order, refunds), None)


def steps(plan: Plan, order: OrderFacts) -> tuple[Step, ...]:
    """The awards after each step of the order's history; empty while nothing has accrued.

    Step 0 is the accrual, at `completed_at` or `paid_at` as the plan's `accrue_on` says; each later refund
    is one more step. A refund made before completion belongs to step 0; one made at the same instant or
    later follows it, as do all refunds behind that one. A refund presupposes payment, so where accrual is
    at payment every refund follows it.
    """
    at = accrued_at(plan, order)
    if at is None:
        return ()
    before = _refunds_before(plan, order, at)
    tally = tally_after(plan, order, before)
    found = [Step(0, at, before, _target(settle(plan, order, tally, None)))]
    for refund in order.refunds[before:]:
        tally.refund(refund)
        found.append(
            Step(len(found), refund.at, before + len(found), _target(settle(plan, order, tally, None)))
        )
    return tuple(found)


def accrued_at(plan: Plan, order: OrderFacts) -> datetime | None:
    """When the order reached the plan's `accrue_on` state, None before."""
    return order.completed_at if plan.accrue_on == "completed" else order.paid_at


def release_at(plan: Plan, order: OrderFacts) -> datetime | None:
    """When its entries mature: completion + `hold_days` × 24 h whatever `accrue_on` is; None until completed."""
    return None if order.completed_at is None else order.completed_at + timedelta(hours=24 * plan.hold_days)


def tally_after(plan: Plan, order: OrderFacts, refunds: int) -> Tally:
    """What is left after the first `refunds` refunds; ValueError as `evaluate` says."""
    if order.currency != plan.currency:
        message = f"order {order.order_id} is in {order.currency}, the plan in {plan.currency}"
        raise ValueError(message)
    if not 0 <= refunds <= len(order.refunds):
        message = f"order {order.order_id} has {len(order.refunds)} refunds, not {refunds}"
        raise ValueError(message)
    if order.refunds and any(
        later.seq <= earlier.seq for earlier, later in zip(order.refunds, order.refunds[1:], strict=False)
    ):
        message = f"the refunds of order {order.order_id} are not in the order of their history"
        raise ValueError(message)
    tally = Tally(plan, order)
    for refund in order.refunds[:refunds]:
        tally.refund(refund)
    return tally


def settle(plan: Plan, order: OrderFacts, tally: Tally, record: Recorder | None) -> Evaluation:
    """The one evaluation; a recorder hears each stage and changes nothing."""
    rounded_first: dict[str, Mapping[Place, int]] = {}
    amounts: list[tuple[str, int, int, int]] = []
    for index, component in enumerate(plan.components):
        if component.period is not None:
            continue
        portions = _portions(plan, index, tally, record)
        case = Case(order.seller, order.upline, portions, rounded_first, plan.unclaimed == "roll_up")
        exact = component.order_kind.evaluate(component, case, record)
        whole = {place: rounded(exact[place], plan.rounding) for place in sorted(exact)}
        rounded_first[component.name] = whole
        single = whole
        if component.entry_cap_minor is not None:
            single = {place: min(amount, component.entry_cap_minor) for place, amount in whole.items()}
        kept = single
        if component.cap_minor is not None:
            kept = dict(zip(single, cut(list(single.values()), component.cap_minor, plan.cut), strict=True))
        if record:
            record.settled(component.name, whole, single, kept)
        amounts.extend((component.name, level, earner, amount) for (level, earner), amount in kept.items())
    return _limited(plan, tally.base_minor, amounts)


def _portions(plan: Plan, index: int, tally: Tally, record: Recorder | None) -> tuple[Portion, ...]:
    """What is left, grouped by the overrides of one component."""
    component = plan.components[index]
    merged: dict[tuple[int, ...], tuple[int, int]] = {}
    for bucket, (base, units) in tally.sums.items():
        key = bucket[index]
        base_before, units_before = merged.get(key, (0, 0))
        merged[key] = (base_before + base, units_before + units)
    portions = tuple([Portion(key, component.terms(key), *left) for key, left in merged.items()])
    if record:
        for portion in portions:
            record.portioned(component.name, portion)
    return portions


def _limited(plan: Plan, base_minor: int, amounts: Sequence[tuple[str, int, int, int]]) -> Evaluation:
    limit = part_down(plan.max_payout_rate, base_minor)
    given = [amount for _, _, _, amount in amounts]
    shares = cut(given, limit, plan.cut)
    # Cut or not, the places are the same; uncut, which is nearly always, they are what they were.
    kept = (
        amounts
        if shares is given
        else [(*place[:3], share) for place, share in zip(amounts, shares, strict=True)]
    )
    return Evaluation(tuple([Award(*one) for one in kept if one[3]]), base_minor, limit)


def _refunds_before(plan: Plan, order: OrderFacts, at: datetime) -> int:
    if plan.accrue_on == "paid":
        return 0
    later = (index for index, refund in enumerate(order.refunds) if refund.at >= at)
    return next(later, len(order.refunds))


def _target(evaluation: Evaluation) -> Mapping[AwardKey, int]:
    return {
        (award.component, award.level, award.distributor_id): award.amount_minor
        for award in evaluation.awards
    }
