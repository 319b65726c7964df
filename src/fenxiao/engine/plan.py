"""Plans (分销方案): a document is checked, compiled once, and kept by the id of its version.

`parse_plan` refuses a faulty document naming every faulty field; `Plan.document()` is the canonical
form that is stored, and parses to an equal plan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

from fenxiao.engine.components import KINDS
from fenxiao.engine.components import kind as kinds
from fenxiao.engine.components.kind import Key
from fenxiao.engine.components.params import ComponentParams, OrderParams, PeriodParams
from fenxiao.engine.conditions.subjects import Need
from fenxiao.engine.conditions.tree import Condition, needs
from fenxiao.engine.cuts import Cut
from fenxiao.engine.document import CAP_PERIOD, AccrueOn, Base, Unclaimed, read
from fenxiao.engine.facts import LineFacts
from fenxiao.engine.periods import PERIOD_KINDS, PeriodKind
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.kernel.money import Rounding, from_rate

Bucket = tuple[Key, ...]
"""The overrides that apply to a line, for each component of the plan."""

_KEPT_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Component:
    """One compiled component (佣金组件); `_products` and so on lead from what a line is to its overrides.

    `cap_minor` bounds an order, `entry_cap_minor` one entry, `period_cap_minor` one earner in a period. `period` is the
    kind of period that it pays for, None where it pays per order.
    """

    name: str
    type: str
    params: ComponentParams
    cap_minor: int | None
    entry_cap_minor: int | None
    period_cap_minor: int | None
    when: Condition | None
    period: PeriodKind | None
    _products: Mapping[int, int] = field(compare=False, repr=False)
    _categories: Mapping[int, int] = field(compare=False, repr=False)
    _tags: Mapping[str, int] = field(compare=False, repr=False)
    _terms: dict[Key, Any] = field(compare=False, repr=False, default_factory=dict)

    @property
    def kind(self) -> kinds.Kind:
        """Its type's module, looked up rather than kept: a plan can be pickled to another process."""
        return KINDS[self.type]

    @property
    def order_kind(self) -> kinds.OrderKind:
        """Its type's module, where it pays per order."""
        return cast("kinds.OrderKind", KINDS[self.type])

    @property
    def period_kind(self) -> kinds.PeriodKind:
        """Its type's module, where it pays per period."""
        return cast("kinds.PeriodKind", KINDS[self.type])

    @property
    def condition_field(self) -> str:
        """The field of the document in which its condition stands: `when` or `qualify`."""
        return self.params.condition_field

    def key(self, line: LineFacts) -> Key:
        """The overrides that apply to the line: its product's, else the nearest category's, else those of its tags."""
        index = self._products.get(line.product_id)
        if index is not None:
            return (index,)
        for category_id in line.category_path:
            index = self._categories.get(category_id)
            if index is not None:
                return (index,)
        return (
            tuple(sorted({self._tags[tag] for tag in line.tags if tag in self._tags})) if self._tags else ()
        )

    def terms(self, key: Key) -> Any:
        """The parameters that apply where the overrides `key` do, as the type compiled them."""
        terms = self._terms.get(key)
        if terms is None:
            overrides = self.params.override_list()
            terms = self._terms[key] = self.order_kind.terms(self.params, [overrides[index] for index in key])
        return terms


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled plan (分销方案): immutable, equal to another with the same document, cheap to keep."""

    name: str
    currency: str
    accrue_on: AccrueOn
    hold_days: int
    rounding: Rounding
    base: Base
    max_payout_rate: Fraction
    max_payout_rate_per_period: Fraction | None
    cap_period: PeriodKind
    cut: Cut
    unclaimed: Unclaimed
    components: tuple[Component, ...]
    rewards: tuple[RewardParams, ...]
    uniform: bool = field(compare=False)
    _buckets: dict[tuple[int, tuple[int, ...], tuple[str, ...]], Bucket] = field(
        compare=False, repr=False, default_factory=dict
    )

    def bucket(self, line: LineFacts) -> Bucket:
        """The overrides that apply to the line, remembered per product, category path and tags."""
        what = (line.product_id, line.category_path, line.tags)
        bucket = self._buckets.get(what)
        if bucket is None:
            if len(self._buckets) >= _KEPT_LINES:
                self._buckets.clear()
            bucket = self._buckets[what] = tuple(component.key(line) for component in self.components)
        return bucket

    def document(self) -> dict[str, Any]:
        """The canonical document, JSON-able: rates and amounts as strings, defaults written out.

        What bounds a period stands there only where it is set: documents that are older keep their form.
        """
        per_period: dict[str, Any] = {}
        if self.max_payout_rate_per_period is not None:
            per_period["max_payout_rate_per_period"] = from_rate(self.max_payout_rate_per_period)
        if self.cap_period != CAP_PERIOD:
            per_period["cap_period"] = self.cap_period
        return {
            "name": self.name,
            "currency": self.currency,
            "accrue_on": self.accrue_on,
            "hold_days": self.hold_days,
            "rounding": self.rounding,
            "base": self.base,
            "max_payout_rate": from_rate(self.max_payout_rate),
            **per_period,
            "cut": self.cut,
            "unclaimed": self.unclaimed,
            "components": [self._component_document(component) for component in self.components],
            "rewards": [reward.document(self.currency) for reward in self.rewards],
        }

    def _component_document(self, component: Component) -> dict[str, Any]:
        fields = component.params.model_dump(
            mode="json", exclude_none=True, by_alias=True, context={"currency": self.currency}
        )
        return {"type": component.type, "name": component.name, **fields}


def parse_plan(document: Mapping[str, Any]) -> Plan:
    """The plan that a document describes; `InvalidPlan` names every faulty field and what to do about it.

    Rates and amounts are strings, integers or `Decimal`; a float is refused. See docs/plans.md for the fields.
    """
    settings, params, rewards = read(document)
    return Plan(
        name=settings.name,
        currency=settings.currency,
        accrue_on=settings.accrue_on,
        hold_days=settings.hold_days,
        rounding=settings.rounding,
        base=settings.base,
        max_payout_rate=settings.max_payout_rate,
        max_payout_rate_per_period=settings.max_payout_rate_per_period,
        cap_period=settings.cap_period,
        cut=settings.cut,
        unclaimed=settings.unclaimed,
        components=tuple(_compiled(one) for one in params),
        rewards=rewards,
        uniform=not any(one.override_list() for one in params),
    )


def needed_facts(plan: Plan) -> list[Need]:
    """The facts that the plan's conditions ask about everyone in the chain, in a fixed order; often none.

    What they are worth is gathered as of the payment of an order and handed over in `Party.facts` under
    `Need.name`; the evaluation raises `FactMissing` for one that is not there.
    """
    return _needed(component for component in plan.components if component.period is None)


def needed_period_facts(plan: Plan, kind: PeriodKind) -> list[Need]:
    """The same for the members of a period of a kind, as of its end: windows reach back from there."""
    return _needed(component for component in plan.components if component.period == kind)


def needed_periods(plan: Plan) -> tuple[PeriodKind, ...]:
    """The kinds of periods whose close pays something, the shortest first; `cap_needed` says whether caps need one."""
    kinds_found = {component.period for component in plan.components}
    return tuple(kind for kind in PERIOD_KINDS if kind in kinds_found)


def cap_needed(plan: Plan) -> bool:
    """Whether the close of `plan.cap_period` can take something back (see `ceilings`)."""
    return plan.max_payout_rate_per_period is not None or any(
        component.period is None and component.period_cap_minor is not None for component in plan.components
    )


def _needed(components: Iterable[Component]) -> list[Need]:
    found = [needs(component.when) for component in components if component.when is not None]
    return sorted(set().union(*found), key=lambda need: (need.field, need.within_days or 0))


def _compiled(params: ComponentParams) -> Component:
    matches = [override.match for override in params.override_list()]
    return Component(
        name=params.name,
        type=params.type,
        params=params,
        cap_minor=params.cap_per_order if isinstance(params, OrderParams) else None,
        entry_cap_minor=params.cap_per_entry,
        period_cap_minor=params.cap_per_period,
        when=params.condition,
        period=params.period if isinstance(params, PeriodParams) else None,
        _products={
            match.product_id: index for index, match in enumerate(matches) if match.product_id is not None
        },
        _categories={
            match.category_id: index for index, match in enumerate(matches) if match.category_id is not None
        },
        _tags={match.tag: index for index, match in enumerate(matches) if match.tag is not None},
    )
