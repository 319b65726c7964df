"""pool (分红池): a rate of all sales of a period, divided among those who qualify.

It is divided equally, or by personal or team sales of the period; the cents that are missing go to the largest
remainders, ties to the lower distributor id. Heads are never counted, only sales make the pool larger.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from fenxiao.engine.components import figures
from fenxiao.engine.components.kind import (
    Bound,
    Component,
    Earned,
    Outcome,
    Part,
    PeriodCase,
    PeriodRecorder,
    Scope,
    standing,
)
from fenxiao.engine.components.params import PeriodParams
from fenxiao.engine.fields import RateField
from fenxiao.engine.periods import Member
from fenxiao.kernel.money import allocate, from_minor, rounded

scope: Scope = "period"
divided = True
_EQUAL = "{percent} % of the sales of {sales} make a pool of {pool}; {people} share it equally: {exact}"
_BY_SALES = (
    "{percent} % of the sales of {sales} make a pool of {pool}; by your {own} of {total} you get {exact}"
)
_NO_SHARE = "Component {component} divides by sales of the period; you had none that count."
reasons: Mapping[Outcome, str] = {"no-share": _NO_SHARE}
texts = {
    _EQUAL: "销售额 {sales} 的 {percent}% 构成分红池 {pool}；由 {people} 人均分：{exact}",
    _BY_SALES: "销售额 {sales} 的 {percent}% 构成分红池 {pool}；按您的 {own} 占 {total} 分得 {exact}",
    _NO_SHARE: "组件 {component} 按周期内的销售额分配；您没有计入的销售额。",
}


class Params(PeriodParams):
    """`rate`: of the period's sales; `share_by`: what it is divided by; `qualify`: who shares it."""

    type: Literal["pool"]
    rate: RateField
    share_by: Literal["equal", "personal_sales", "team_sales"] = "equal"


def close(component: Component, case: PeriodCase, record: PeriodRecorder | None) -> Earned:
    """The pool's shares, whole already: rate × sales is rounded once, then divided without losing a unit."""
    params: Params = component.params
    earned = Earned()
    pool = rounded(params.rate * case.sales_minor, case.rounding)
    sharers: list[Member] = []
    for member in case.trees.members.values():
        outcome = standing(component, member)
        if outcome == "qualified" and _weight(params, member):
            sharers.append(member)
        elif record:
            record.stood(member.distributor_id, "no-share" if outcome == "qualified" else outcome)
    if not sharers:
        earned.lose(0, Fraction(pool))
        return earned
    weights = [_weight(params, member) for member in sharers]
    for member, share in zip(sharers, allocate(pool, weights), strict=True):
        earned.add((0, member.distributor_id), Fraction(share))
    if record:
        _tell(params, case, (pool, sharers, weights), record)
    return earned


def _weight(params: Params, member: Member) -> int:
    if params.share_by == "equal":
        return 1
    return member.personal_minor if params.share_by == "personal_sales" else member.team_minor


def _tell(
    params: Params,
    case: PeriodCase,
    divided: tuple[int, Sequence[Member], Sequence[int]],
    record: PeriodRecorder,
) -> None:
    pool, sharers, weights = divided
    total = sum(weights)
    for member, weight in zip(sharers, weights, strict=True):
        values: figures.Figures = {
            "percent": params.rate,
            "sales": case.sales_minor,
            "own": weight,
            "total": total,
        }
        if params.share_by == "equal":
            values = {"percent": params.rate, "sales": case.sales_minor, "people": str(total)}
        part = Part((), Fraction(weight, total), pool, params.share_by, values)
        record.stood(member.distributor_id, "qualified")
        record.claimed((0, member.distributor_id), part)


def sentence(part: Part) -> str:
    """Equally or by sales."""
    return _EQUAL if part.note == "equal" else _BY_SALES


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The sales, the pool, and what his share is of."""
    return {**figures.told(part.values, currency), "pool": from_minor(part.measure, currency)}


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """Its rate of all sales."""
    params: Params = component.params
    return Bound(params.rate, 0)


def depth(component: Component, depths: Mapping[str, int | None]) -> int:  # noqa: ARG001 - part of the interface
    """None: it pays nobody for standing above a sale."""
    return 0
