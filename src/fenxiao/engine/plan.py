"""Plans (分销方案): a document is checked, compiled once, and kept by the id of its version.

`parse_plan` refuses a faulty document naming every faulty field; `Plan.document()` is the canonical
form that is stored, and parses to an equal plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from fenxiao.engine.components import KINDS
from fenxiao.engine.components.kind import ComponentParams, Key, Kind
from fenxiao.engine.conditions.subjects import Need
from fenxiao.engine.conditions.tree import Condition, needs
from fenxiao.engine.cuts import Cut
from fenxiao.engine.document import AccrueOn, Base, Unclaimed, read
from fenxiao.engine.facts import LineFacts
from fenxiao.kernel.money import Rounding, from_rate

Bucket = tuple[Key, ...]
"""The overrides that apply to a line, for each component of the plan."""

_KEPT_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Component:
    """One compiled component (佣金组件); `_products` and so on lead from what a line is to its overrides."""

    name: str
    type: str
    params: ComponentParams
    cap_minor: int | None
    entry_cap_minor: int | None
    when: Condition | None
    _products: Mapping[int, int] = field(compare=False, repr=False)
    _categories: Mapping[int, int] = field(compare=False, repr=False)
    _tags: Mapping[str, int] = field(compare=False, repr=False)
    _terms: dict[Key, Any] = field(compare=False, repr=False, default_factory=dict)

    @property
    def kind(self) -> Kind:
        """Its type's module, looked up rather than kept: a plan can be pickled to another process."""
        return KINDS[self.type]

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
            terms = self._terms[key] = self.kind.terms(self.params, [overrides[index] for index in key])
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
    cut: Cut
    unclaimed: Unclaimed
    components: tuple[Component, ...]
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
        """The canonical document, JSON-able: rates and amounts as strings, defaults written out."""
        return {
            "name": self.name,
            "currency": self.currency,
            "accrue_on": self.accrue_on,
            "hold_days": self.hold_days,
            "rounding": self.rounding,
            "base": self.base,
            "max_payout_rate": from_rate(self.max_payout_rate),
            "cut": self.cut,
            "unclaimed": self.unclaimed,
            "components": [self._component_document(component) for component in self.components],
            "rewards": [],
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
    settings, params = read(document)
    return Plan(
        name=settings.name,
        currency=settings.currency,
        accrue_on=settings.accrue_on,
        hold_days=settings.hold_days,
        rounding=settings.rounding,
        base=settings.base,
        max_payout_rate=settings.max_payout_rate,
        cut=settings.cut,
        unclaimed=settings.unclaimed,
        components=tuple(_compiled(one) for one in params),
        uniform=not any(one.override_list() for one in params),
    )


def needed_facts(plan: Plan) -> list[Need]:
    """The facts that the plan's conditions ask about everyone in the chain, in a fixed order; often none.

    What they are worth is gathered as of the payment of an order and handed over in `Party.facts` under
    `Need.name`; the evaluation raises `FactMissing` for one that is not there.
    """
    found = [needs(component.when) for component in plan.components if component.when is not None]
    return sorted(set().union(*found), key=lambda need: (need.field, need.within_days or 0))


def _compiled(params: ComponentParams) -> Component:
    matches = [override.match for override in params.override_list()]
    return Component(
        name=params.name,
        type=params.type,
        params=params,
        cap_minor=params.cap_per_order,
        entry_cap_minor=params.cap_per_entry,
        when=params.when,
        _products={
            match.product_id: index for index, match in enumerate(matches) if match.product_id is not None
        },
        _categories={
            match.category_id: index for index, match in enumerate(matches) if match.category_id is not None
        },
        _tags={match.tag: index for index, match in enumerate(matches) if match.tag is not None},
    )
