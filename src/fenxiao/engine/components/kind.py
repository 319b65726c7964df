"""What a component type is: the interface between the evaluation and one file per type.

A type is a module with the names of `OrderKind` or of `PeriodKind`. It never rounds or cuts. One that pays per order
does not look at lines: it is handed what is left of the order, grouped by the parameters that apply, and answers
exact amounts per place. One that pays per period is handed the members with their volumes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, Protocol

from fenxiao.engine.components.params import ComponentParams
from fenxiao.engine.conditions.tree import Condition
from fenxiao.engine.facts import Party
from fenxiao.engine.periods import Carry
from fenxiao.engine.trees import Trees
from fenxiao.kernel.i18n import Catalogue
from fenxiao.kernel.money import Rounding
from fenxiao.kernel.values import value

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
    # … and in a period
    "no-share",
    "nothing-matched",
    "no-volume",
    "nobody-earned",
    "below-step",
]
"""How it went with someone in the chain."""

Counts = Literal["levels", "places"]
"""What a level of a type is: levels it counts itself, or places in the tree."""

Key = tuple[int, ...]
"""Which overrides of a component apply to a line, by their place in its list; () where none does."""


@value()
class Portion:
    """Those lines of an order to which the same parameters of a component apply, summed.

    `terms` is what the type's own `terms` made of the parameters; `units` counts units not returned.
    """

    key: Key
    terms: Any
    base_minor: int
    units: int


@value()
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
    """A worst case: at most `rate` × base + `per_unit_minor` × units; `endless` where no rate bounds it."""

    rate: Fraction
    per_unit_minor: int
    endless: bool = False


class Recorder(Protocol):
    """Hears what a component does, for the explanation; the evaluation is the same with or without one."""

    def walked(self, component: str, key: Key, stops: Sequence[Stop]) -> None:
        """The chain was walked for the portion `key`."""

    def claimed(self, component: str, place: Place, part: Part) -> None:
        """Someone qualified for a part of an amount."""

    def unclaimed(self, component: str, level: int, part: Part) -> None:
        """Nobody qualified for it: breakage."""


@dataclass(frozen=True, slots=True)
class PeriodCase:
    """What a component sees of a period; `carries` are its own, by person, the oldest first.

    `earlier` and `roll_up` as in `Case`; `rounding` is the plan's, for what has to be whole before it is divided.
    """

    sales_minor: int
    trees: Trees
    carries: Mapping[int, Sequence[Carry]]
    rounding: Rounding
    roll_up: bool = False
    earlier: Mapping[str, Mapping[Place, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Earned:
    """What a component pays for a period: exact amounts in minor units per place, not rounded, not cut, and what it
    keeps for the next period; `unpaid` is by level what nobody qualified for, `flushed` the volume that is gone.
    """

    exact: dict[Place, Fraction] = field(default_factory=dict)
    carries: list[Carry] = field(default_factory=list)
    unpaid: dict[int, Fraction] = field(default_factory=dict)
    flushed: int = 0

    def add(self, place: Place, amount: Fraction) -> None:
        """Somebody earns something more."""
        if amount:
            before = self.exact.get(place)
            self.exact[place] = amount if before is None else before + amount

    def lose(self, level: int, amount: Fraction) -> None:
        """Nobody earns it."""
        if amount:
            before = self.unpaid.get(level)
            self.unpaid[level] = amount if before is None else before + amount


class PeriodRecorder(Protocol):
    """Hears what a component does with a period, for the explanation of one person."""

    def stood(self, distributor_id: int, outcome: Outcome, values: Mapping[str, Any] | None = None) -> None:
        """How it went with someone."""

    def claimed(self, place: Place, part: Part) -> None:
        """Someone earned a part of an amount."""


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
    """A component type, as a module: what both scopes have."""

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
    def reasons(self) -> Mapping[Outcome, str]:
        """Why one who may earn does not, by the outcome of his stop: templates of `component`, `place` and the stop's values."""

    def sentence(self, part: Part) -> str:
        """How one part of an amount is told: a template of the names of `describe` and `exact`."""

    def describe(self, part: Part, currency: str) -> dict[str, Any]:
        """The part's factor and measure under the names that people use, JSON-able."""

    def bound(self, component: Component, bounds: Mapping[str, Bound]) -> Bound:
        """The worst case over all lines; `bounds` has those of earlier components."""

    def depth(self, component: Component, depths: Mapping[str, int | None]) -> int | None:
        """The deepest upline level it can pay, None without a limit; `depths` has those of earlier components."""


class OrderKind(Kind, Protocol):
    """A component type that is evaluated with every order."""

    @property
    def counts(self) -> Counts:
        """What its levels are."""

    def terms(self, params: Any, overrides: Sequence[Any]) -> Any:
        """The parameters that apply under these overrides: none, one, or several that match by tag."""

    def evaluate(self, component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
        """Exact amounts in minor units per level and earner, not rounded, not cut."""


class PeriodKind(Kind, Protocol):
    """A component type that is evaluated when a period closes."""

    @property
    def divided(self) -> bool:
        """Whether it divides a whole amount, so that single cents go to the largest remainders."""

    def close(self, component: Component, case: PeriodCase, record: PeriodRecorder | None) -> Earned:
        """What it pays for the period and what it keeps for the next."""
