"""The trace (计算过程): everything that an evaluation did, and its layout as data. Nothing here computes an amount."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fenxiao.engine import ENGINE_VERSION
from fenxiao.engine.components.kind import Key, Part, Portion, Stop
from fenxiao.engine.conditions.tree import as_document as condition_document
from fenxiao.engine.evaluate import AwardKey, Evaluation, accrued_at
from fenxiao.engine.facts import OrderFacts
from fenxiao.engine.fields import SCALE
from fenxiao.engine.plan import Component, Plan
from fenxiao.kernel.money import exponent, from_minor, from_rate


@dataclass(frozen=True, slots=True)
class TracedLine:
    """What was left of a line, and which overrides applied to it, per component."""

    line_id: int
    paid_minor: int
    units: int
    base_minor: int
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class TracedAward:
    """How one amount came about: its parts, their exact sum, rounded, after the caps of an entry and of the order, after the limit."""

    component: str
    level: int
    distributor_id: int
    parts: tuple[Part, ...]
    exact: Fraction
    rounded_minor: int
    single_minor: int
    capped_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Breakage:
    """Commission that no one qualified for (沉淀), before any cap; it stays with the platform."""

    level: int
    parts: tuple[Part, ...]
    exact: Fraction
    amount_minor: int


@dataclass(frozen=True, slots=True)
class TracedComponent:
    """What one component did; `awards` has those that came to 0 too, `walks` the chain for each set of overrides."""

    component: Component
    portions: tuple[Portion, ...]
    walks: Mapping[Key, tuple[Stop, ...]]
    awards: tuple[TracedAward, ...]
    breakage: tuple[Breakage, ...]

    @property
    def rounded_minor(self) -> int:
        """All its amounts before any cap."""
        return sum(award.rounded_minor for award in self.awards)

    @property
    def single_minor(self) -> int:
        """All its amounts after the cap of an entry, before that of the order."""
        return sum(award.single_minor for award in self.awards)


@dataclass(frozen=True, slots=True)
class Trace:
    """An evaluation with all it did (计算过程); `accrued` is False where the order has not come that far."""

    plan: Plan
    order: OrderFacts
    refunds: int
    lines: tuple[TracedLine, ...]
    components: tuple[TracedComponent, ...]
    evaluation: Evaluation

    @property
    def accrued(self) -> bool:
        """Whether the order has reached the plan's `accrue_on` state."""
        return accrued_at(self.plan, self.order) is not None

    @property
    def capped_minor(self) -> int:
        """All amounts before the payout limit."""
        return sum(award.capped_minor for award in self.awards())

    def awards(self) -> tuple[TracedAward, ...]:
        """Every amount in canonical order, those that came to 0 included."""
        return tuple(award for component in self.components for award in component.awards)

    def award(self, key: AwardKey) -> TracedAward | None:
        """The amount under this key."""
        return next(
            (one for one in self.awards() if (one.component, one.level, one.distributor_id) == key), None
        )

    def place(self, distributor_id: int) -> int | None:
        """Where someone stands in the chain: 0 the seller, n the nth of the upline, None for nobody in it."""
        chain = (self.order.seller, *self.order.upline)
        return next(
            (place for place, party in enumerate(chain) if party.distributor_id == distributor_id), None
        )

    def document(self, distributor_id: int | None = None) -> dict[str, Any]:
        """The trace as JSON-able data; amounts and rates are strings, people are ids.

        For a distributor's own eyes name him: amounts of others, breakage and whoever stands above him are left out.
        So are totals, from which those amounts follow, unless a cap or the limit cut his own.
        """
        plan, currency = self.plan, self.plan.currency
        document = {
            "engine_version": ENGINE_VERSION,
            "plan": plan.name,
            "currency": currency,
            "order_id": self.order.order_id,
            "refunds": self.refunds,
            "accrued": self.accrued,
            "base_kind": plan.base,
            "base": from_minor(self.evaluation.base_minor, currency),
            "rounding": plan.rounding,
            "cut": plan.cut,
            "unclaimed": plan.unclaimed,
            "max_payout_rate": from_rate(plan.max_payout_rate),
            "max_payout": from_minor(self.evaluation.max_payout_minor, currency),
            "lines": [self._line(line) for line in self.lines],
            "components": [
                self._component(component, distributor_id)
                for component in self.components
                if component.component.period is None
            ],
        }
        if distributor_id is None or self.capped_minor > self.evaluation.max_payout_minor:
            document["total_before_limit"] = from_minor(self.capped_minor, currency)
        return document

    def _line(self, line: TracedLine) -> dict[str, Any]:
        applied = {
            one.component.name: overrides(one.component, key)
            for one, key in zip(self.components, line.keys, strict=True)
        }
        return {
            "line_id": line.line_id,
            "paid_left": from_minor(line.paid_minor, self.plan.currency),
            "units_left": line.units,
            "base": from_minor(line.base_minor, self.plan.currency),
            "overrides": {name: found for name, found in applied.items() if found},
        }

    def _component(self, traced: TracedComponent, reader: int | None) -> dict[str, Any]:
        component, currency = traced.component, self.plan.currency
        cap, entry_cap = component.cap_minor, component.entry_cap_minor
        document = {
            "component": component.name,
            "type": component.type,
            "when": None if component.when is None else condition_document(component.when, currency),
            "cap_per_entry": None if entry_cap is None else from_minor(entry_cap, currency),
            "cap_per_order": None if cap is None else from_minor(cap, currency),
            "chain": [self._walk(traced, key, reader) for key in traced.walks],
            "awards": [
                self._award(traced, award)
                for award in traced.awards
                if reader in {None, award.distributor_id}
            ],
        }
        if reader is None or (cap is not None and traced.single_minor > cap):
            document["total_before_cap"] = from_minor(traced.single_minor, currency)
        if reader is None:
            document["breakage"] = [self._breakage(traced, one) for one in traced.breakage]
        return document

    def _walk(self, traced: TracedComponent, key: Key, reader: int | None) -> dict[str, Any]:
        top = len(self.order.upline) if reader is None else self.place(reader) or 0
        walked = [
            {
                "distributor_id": stop.distributor_id,
                "place": stop.place,
                "level": stop.level,
                "outcome": stop.outcome,
                **({} if stop.values is None else {"values": dict(stop.values)}),
            }
            for stop in traced.walks[key]
            if stop.place <= top
        ]
        return {**subject(traced.component, key), "walked": walked}

    def _award(self, traced: TracedComponent, award: TracedAward) -> dict[str, Any]:
        currency = self.plan.currency
        return {
            "level": award.level,
            "distributor_id": award.distributor_id,
            "parts": self._parts(traced, award.parts),
            "exact": exact_text(award.exact, currency),
            "rounded": from_minor(award.rounded_minor, currency),
            "after_entry_cap": from_minor(award.single_minor, currency),
            "after_cap": from_minor(award.capped_minor, currency),
            "amount": from_minor(award.amount_minor, currency),
        }

    def _breakage(self, traced: TracedComponent, one: Breakage) -> dict[str, Any]:
        return {
            "level": one.level,
            "parts": self._parts(traced, one.parts),
            "amount": from_minor(one.amount_minor, self.plan.currency),
        }

    def _parts(self, traced: TracedComponent, parts: Sequence[Part]) -> list[dict[str, Any]]:
        component, currency = traced.component, self.plan.currency
        return [
            {
                **subject(component, part.key),
                **component.kind.describe(part, currency),
                "exact": exact_text(part.exact, currency),
            }
            for part in parts
        ]


def subject(component: Component, key: Key) -> dict[str, Any]:
    """What a part or a walk is about: the lines under some overrides, or the one whose earnings were matched."""
    if key and component.params.rests_on() is not None:
        return {"matched_id": key[0]}
    return {"overrides": overrides(component, key)}


def overrides(component: Component, key: Key) -> list[dict[str, Any]]:
    """What the overrides of a key match, such as [{"product_id": 7}]."""
    listed = component.params.override_list()
    return [listed[index].match.model_dump(exclude_none=True) for index in key]


def exact_text(amount: Fraction, currency: str) -> str:
    """An exact amount in units of the currency, with at least its decimals: 1249/20 fen is "0.6245", 20000/3 fen "200/3"."""
    scaled = amount * SCALE
    if scaled.denominator != 1:
        whole = amount / 10 ** exponent(currency)
        return f"{whole.numerator}/{whole.denominator}"
    digits = exponent(currency)
    text = str(scaled.numerator).rjust(len(str(SCALE)) + digits, "0")
    point = len(text) - (len(str(SCALE)) - 1 + digits)
    decimals = text[point:].rstrip("0").ljust(digits, "0")
    return f"{text[:point]}.{decimals}" if decimals else text[:point]
