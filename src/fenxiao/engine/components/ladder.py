"""What the types that pay by level share: a ladder of factors, the walk up the chain, the sum per place.

Nobody qualified for a level: with `roll_up` its amount goes to the next qualified above, whatever he earns by
his own level; where there is none above, or without `roll_up`, it is breakage.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest

from fenxiao.engine.components.kind import (
    Case,
    Component,
    Key,
    Part,
    Place,
    Portion,
    Recorder,
    Stop,
    standing,
)
from fenxiao.engine.facts import Party
from fenxiao.engine.fields import SCALE


@dataclass(frozen=True, slots=True)
class Ladder:
    """What each level gets (层级): `steps[0]` is the seller's factor, `steps[n]` that of upline level n.

    Factors are whole numbers of `1/SCALE`: of a rate, or of a minor unit for each unit sold.
    """

    steps: tuple[int, ...]
    compress: bool

    @property
    def depth(self) -> int:
        """The highest level that is paid at all."""
        return max((level for level, factor in enumerate(self.steps) if factor), default=0)


@dataclass(frozen=True, slots=True)
class Rungs:
    """Parameters of one component or override; None is what it does not name."""

    levels: Sequence[Fraction | int] | None
    own: Fraction | int | None
    compress: bool | None


def ladder(base: Rungs, named: Sequence[Rungs]) -> Ladder:
    """The component's parameters under its overrides.

    Where several match (by tag), those that name a parameter compete for it and each level takes the
    higher; a parameter that none names stays the component's own.
    """
    levels = [rungs.levels for rungs in named if rungs.levels is not None] or [base.levels or ()]
    own = [rungs.own for rungs in named if rungs.own is not None] or [base.own or 0]
    compress = [rungs.compress for rungs in named if rungs.compress is not None] or [bool(base.compress)]
    highest = (max(factors) for factors in zip_longest(*levels, fillvalue=0))
    return Ladder(tuple(int(factor * SCALE) for factor in (max(own), *highest)), any(compress))


def pay(
    component: Component, case: Case, measured: Callable[[Portion], int], record: Recorder | None
) -> dict[Place, Fraction]:
    """Exact amounts per level and earner: the sum of factor × measure over the portions."""
    scaled: dict[Place, int] = {}
    walks: dict[tuple[int, bool], Mapping[int, int]] = {}
    for portion in case.portions:
        steps: Ladder = portion.terms
        if record:
            record.walked(component.name, portion.key, list(_walk(component, case, steps)))
        shape = (len(steps.steps), steps.compress)
        held = walks.get(shape)
        if held is None:
            held = walks[shape] = _held(component, case, steps)
        _pay_portion(scaled, held, portion, measured(portion), (component.name, record))
    return {place: Fraction(amount, SCALE) for place, amount in scaled.items()}


def _pay_portion(
    scaled: dict[Place, int],
    held: Mapping[int, int],
    portion: Portion,
    measure: int,
    heard: tuple[str, Recorder | None],
) -> None:
    component, record = heard
    for level, factor in enumerate(portion.terms.steps):
        if not factor or not measure:
            continue
        earner = held.get(level)
        if earner is not None:
            place = (level, earner)
            scaled[place] = scaled.get(place, 0) + factor * measure
        if record:
            part = Part(portion.key, Fraction(factor, SCALE), measure)
            if earner is None:
                record.unclaimed(component, level, part)
            else:
                record.claimed(component, (level, earner), part)


def _walk(component: Component, case: Case, steps: Ladder) -> Iterator[Stop]:
    """The seller, then the upline as far as there are levels."""
    yield Stop(case.seller.distributor_id, 0, 0, standing(component, case.seller))
    yield from ascend(component, case.upline, 1, len(steps.steps) - 1, compress=steps.compress)


def _held(component: Component, case: Case, steps: Ladder) -> dict[int, int]:
    """Who is paid at each level: `holders` of the walk, without its stops where nothing rolls up and nobody listens."""
    if case.roll_up:
        return holders(component, case, _walk(component, case, steps))
    held: dict[int, int] = {}
    if standing(component, case.seller) == "qualified":
        held[0] = case.seller.distributor_id
    level, levels = 0, len(steps.steps) - 1
    for party in case.upline:
        if level >= levels:
            break
        if standing(component, party) == "qualified":
            level += 1
            held[level] = party.distributor_id
        elif not steps.compress:
            level += 1
    return held


def ascend(
    component: Component, above: Sequence[Party], first: int, levels: int, *, compress: bool
) -> Iterator[Stop]:
    """These people, the first of whom stands at place `first`, as far as there are levels.

    Without compression the level is the place among them, whoever stands there; with it the unqualified do
    not count.
    """
    level = 0
    for place, party in enumerate(above, first):
        if level >= levels:
            return
        outcome = standing(component, party)
        if outcome == "qualified" or not compress:
            level += 1
            yield Stop(party.distributor_id, place, level, outcome)
        else:
            yield Stop(party.distributor_id, place, None, outcome)


def holders(component: Component, case: Case, stops: Iterable[Stop]) -> dict[int, int]:
    """Who is paid at each level of a walk; a level that nobody is paid at is missing."""
    held: dict[int, int] = {}
    for stop in stops:
        if stop.level is None:
            continue
        if stop.outcome == "qualified":
            held[stop.level] = stop.distributor_id
        elif case.roll_up:
            heir = next(
                (one for one in case.upline[stop.place :] if standing(component, one) == "qualified"), None
            )
            if heir is not None:
                held[stop.level] = heir.distributor_id
    return held


def depth(component: Component) -> int:
    """The deepest level paid under any override; merging tags never pays deeper than one of them."""
    overrides = component.params.override_list()
    ladders: list[Ladder] = [
        component.terms(key) for key in ((), *((index,) for index in range(len(overrides))))
    ]
    return max(steps.depth for steps in ladders)


def worst(component: Component) -> Fraction:
    """The highest sum of factors that can meet on one line.

    Exact for products and categories. Of tags the worst levels and the worst own factor are taken to meet.
    """
    overrides = component.params.override_list()
    tags = tuple(index for index, override in enumerate(overrides) if override.match.tag is not None)
    alone: list[Key] = [
        (),
        *((index,) for index, override in enumerate(overrides) if override.match.tag is None),
    ]
    worst_alone = max(sum(component.terms(key).steps) for key in alone)
    meeting = [component.terms(key) for key in ((), *((index,) for index in tags), tags)]
    worst_tags = max(step.steps[0] for step in meeting) + max(sum(step.steps[1:]) for step in meeting)
    return Fraction(max(worst_alone, worst_tags), SCALE)
