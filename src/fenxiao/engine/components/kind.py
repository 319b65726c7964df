"""What a component type is: the interface between the evaluation and one file per type.

A type is a module with the names of `Kind`. It never rounds, cuts or looks at lines: it is handed what
is left of the order, grouped by the parameters that apply, and answers exact amounts per place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol

from pydantic import Field, model_validator

from fenxiao.engine.conditions.tree import Condition, ConditionField
from fenxiao.engine.facts import Party
from fenxiao.engine.faults import fault
from fenxiao.engine.fields import AmountField, Document, IdField, NameField
from fenxiao.kernel.i18n import Catalogue

Scope = Literal["order", "period"]
"""When a type is evaluated: with every order, or when a period closes."""

Place = tuple[int, int]
"""(level, distributor id): where one component pays one person."""

Standing = Literal["qualified", "suspended", "unmet"]
"""Whether someone may earn at all: active when the order was created, and meeting the component's `when`."""

Outcome = Literal[
    "qualified",
    "suspended",
    "unmet",
    # where grades decide: what someone earns by, …
    "difference",
    "same-grade",
    "generation",
    "infinity",
    # … and why one who may earn does not
    "no-difference",
    "same-grade-used-up",
    "below-boundary",
    "empty-generation",
    "unpaid-generation",
    "below-rank",
    "within-depth",
    "blocked",
]
"""How it went with someone in the chain."""

Counts = Literal["levels", "places"]
"""What a level of a type is: levels it counts itself, or places in the tree."""

Key = tuple[int, ...]
"""Which overrides of a component apply to a line, by their place in its list; () where none does."""

MAX_OVERRIDES = 10_000
MAX_LEVELS = 100


class Match(Document):
    """Which lines an override (特例) is for: one product, one category with all below it, or one tag."""

    product_id: IdField | None = None
    category_id: IdField | None = None
    tag: NameField | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Match":
        if sum(value is not None for value in (self.product_id, self.category_id, self.tag)) != 1:
            raise fault("match")
        return self


class OverrideParams(Document):
    """Parameters for the lines that match; those it names replace the component's as a whole."""

    match: Match


class ComponentParams(Document):
    """What every component has: a name, unique in the plan, that its entries carry."""

    type: str
    name: NameField
    cap_per_order: AmountField | None = None
    cap_per_entry: AmountField | None = None
    when: ConditionField | None = None

    def rests_on(self) -> str | None:
        """The name of the earlier component whose amounts it rests on, for types that have an `of`."""
        return None

    def override_list(self) -> Sequence[OverrideParams]:
        """The overrides in the order of the document; a type without them answers none."""
        return ()


Overrides = Field(default=(), max_length=MAX_OVERRIDES)


@dataclass(frozen=True, slots=True)
class Portion:
    """Those lines of an order to which the same parameters of a component apply, summed.

    `terms` is what the type's own `terms` made of the parameters; `units` counts units not returned.
    """

    key: Key
    terms: Any
    base_minor: int
    units: int


@dataclass(frozen=True, slots=True)
class Case:
    """What a component sees of an order; `earlier` has the rounded amounts of the components before it, before any cap.

    `roll_up` says that what an unqualified one would have earned goes to the next qualified above him.
    """

    seller: Party
    upline: tuple[Party, ...]
    portions: tuple[Portion, ...]
    earlier: Mapping[str, Mapping[Place, int]]
    roll_up: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One portion's share of an exact amount: `factor` (a rate, or minor units) × `measure` (a base, or units).

    `note` is the type's own word for how it was earned, `values` what it wants to tell of that.
    """

    key: Key
    factor: Fraction
    measure: int
    note: str = ""
    values: Mapping[str, Any] | None = None

    @property
    def exact(self) -> Fraction:
        """The share in minor units, not rounded."""
        return self.factor * self.measure


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of the walk through the chain: the place in the tree (seller 0) and the level reached there.

    `level` is None for one passed over; `outcome` says how it went, `values` why.
    """

    distributor_id: int
    place: int
    level: int | None
    outcome: Outcome
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A worst case: at most `rate` × base + `per_unit_minor` × units."""

    rate: Fraction
    per_unit_minor: int


class Recorder(Protocol):
    """Hears what a component does, for the explanation; the evaluation is the same with or without one."""

    def walked(self, component: str, key: Key, stops: Sequence[Stop]) -> None:
        """The chain was walked for the portion `key`."""

    def claimed(self, component: str, place: Place, part: Part) -> None:
        """Someone qualified for a part of an amount."""

    def unclaimed(self, component: str, level: int, part: Part) -> None:
        """Nobody qualified for it: breakage."""


class Component(Protocol):
    """A component (佣金组件) of a compiled plan."""

    @property
    def name(self) -> str:
        """Its name, unique in the plan."""

    @property
    def params(self) -> Any:
        """Its validated parameters, an instance of its type's `Params`."""

    @property
    def when(self) -> Condition | None:
        """The condition on whoever is to earn."""

    def terms(self, key: Key) -> Any:
        """The parameters that apply where the overrides `key` do."""


def standing(component: Component, party: Party) -> Standing:
    """How it stands with someone: he may earn who was active when the order was created and meets `when`.

    `FactMissing` where the condition asks for what was not gathered; the suspended are not asked.
    """
    if not party.active:
        return "suspended"
    when = component.when
    return "qualified" if when is None or when.met(party) else "unmet"


class Kind(Protocol):
    """A component type, as a module."""

    @property
    def scope(self) -> Scope:
        """When it is evaluated."""

    @property
    def Params(self) -> type[ComponentParams]:  # noqa: N802 - it is a class
        """Its parameters with a `type` field; their JSON schema is the console's form."""

    @property
    def texts(self) -> Catalogue:
        """Its texts in English with their Chinese."""

    @property
    def counts(self) -> Counts:
        """What its levels are."""

    @property
    def reasons(self) -> Mapping[Outcome, str]:
        """Why one who may earn does not, by the outcome of his stop: templates of `component`, `place` and the stop's values."""

    def sentence(self, part: Part) -> str:
        """How one part of an amount is told: a template of the names of `describe` and `exact`."""

    def terms(self, params: Any, overrides: Sequence[Any]) -> Any:
        """The parameters that apply under these overrides: none, one, or several that match by tag."""

    def evaluate(self, component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
        """Exact amounts in minor units per level and earner, not rounded, not cut."""

    def describe(self, part: Part, currency: str) -> dict[str, Any]:
        """The part's factor and measure under the names that people use, JSON-able."""

    def bound(self, component: Component, bounds: Mapping[str, Bound]) -> Bound:
        """The worst case over all lines; `bounds` has those of earlier components."""

    def depth(self, component: Component, depths: Mapping[str, int | None]) -> int | None:
        """The deepest upline level it can pay, None without a limit; `depths` has those of earlier components."""
