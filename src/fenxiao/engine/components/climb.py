"""What the types share that pay by grade: one climb from the seller up the chain for each set of overrides.

The level of an amount is the place in the tree, the unqualified counted. A type decides for each person whom
it comes to what he earns; adding over the lines and hearing of it is done here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from fenxiao.engine.components.kind import (
    Case,
    Component,
    Key,
    Outcome,
    Part,
    Place,
    Portion,
    Recorder,
    Stop,
)
from fenxiao.engine.components.params import OverrideParams
from fenxiao.engine.facts import Party
from fenxiao.engine.fields import percent
from fenxiao.kernel.money import from_minor, from_rate

PLAIN = "{base} × {percent} % = {exact}"
DIFFERENCE = "{base} × ({own_percent} % − {paid_percent} %) = {exact}"
SAME_GRADE = "Same-grade bonus: {base} × {percent} % = {exact}"
GENERATION = "Generation {generation}: {base} × {percent} % = {exact}"
SENTENCES = {
    PLAIN: "{base} × {percent}% = {exact}",
    DIFFERENCE: "{base} × ({own_percent}% − {paid_percent}%) = {exact}",
    SAME_GRADE: "平级奖：{base} × {percent}% = {exact}",
    GENERATION: "第 {generation} 代：{base} × {percent}% = {exact}",
}
TEMPLATES = {"difference": DIFFERENCE, "same-grade": SAME_GRADE, "generation": GENERATION}


@dataclass(frozen=True, slots=True)
class Claim:
    """What someone earns: a rate, how he comes by it, and what is to be told of that."""

    rate: Fraction
    note: str
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Someone whom the climb came to: what he earns, and what he would have earned and nobody does.

    Without `party` it is the place above the top of the chain, where only `lost` can stand.
    """

    place: int
    party: Party | None
    outcome: Outcome
    claims: Sequence[Claim] = ()
    lost: Sequence[Claim] = ()
    values: Mapping[str, Any] | None = None


Climb = Callable[[Component, Case, Any], Iterable[Visit]]
"""The visits of one climb under some terms, from the seller up."""


def pay(component: Component, case: Case, climb: Climb, record: Recorder | None) -> dict[Place, Fraction]:
    """Exact amounts per place and earner: the sum of rate × base over the portions."""
    exact: dict[Place, Fraction] = {}
    for portion in case.portions:
        visits = list(climb(component, case, portion.terms))
        if record:
            record.walked(component.name, portion.key, _stops(visits))
        if not portion.base_minor:
            continue
        for visit in visits:
            if visit.party is not None and visit.claims:
                place = (visit.place, visit.party.distributor_id)
                rate = sum((claim.rate for claim in visit.claims), Fraction(0))
                if rate:
                    exact[place] = exact.get(place, Fraction(0)) + rate * portion.base_minor
            if record:
                _tell(component.name, portion, visit, record)
    return exact


def places(case: Case, depth: int | None) -> Iterator[tuple[int, Party]]:
    """The seller and the upline, as far as `depth` places up; None for all of it."""
    yield 0, case.seller
    yield from enumerate(case.upline if depth is None else case.upline[:depth], 1)


def _stops(visits: Sequence[Visit]) -> list[Stop]:
    return [
        Stop(visit.party.distributor_id, visit.place, visit.place, visit.outcome, _readable(visit.values))
        for visit in visits
        if visit.party is not None
    ]


def _tell(component: str, portion: Portion, visit: Visit, record: Recorder) -> None:
    for claim in visit.claims:
        if visit.party is not None and claim.rate:
            place = (visit.place, visit.party.distributor_id)
            record.claimed(component, place, _part(portion, claim))
    for claim in visit.lost:
        if claim.rate:
            record.unclaimed(component, visit.place, _part(portion, claim))


def _part(portion: Portion, claim: Claim) -> Part:
    return Part(portion.key, claim.rate, portion.base_minor, claim.note, claim.values)


# Telling


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The base and the rate, also in percent, and what the type tells of it."""
    return {
        "base": from_minor(part.measure, currency),
        "rate": from_rate(part.factor),
        "percent": percent(part.factor),
        **(_readable(part.values) or {}),
    }


def difference(own: Fraction, paid: Fraction) -> Claim:
    """The difference to what has been paid below."""
    return Claim(own - paid, "difference", {"own_percent": own, "paid_percent": paid})


def sentence(part: Part) -> str:
    """By how it was earned; a difference to nothing is a plain rate."""
    if part.note == "difference" and not (part.values or {})["paid_percent"]:
        return PLAIN
    return TEMPLATES.get(part.note, PLAIN)


def _readable(values: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Rates in percent; made only for those who read."""
    if values is None:
        return None
    return {name: percent(value) if isinstance(value, Fraction) else value for name, value in values.items()}


# Overrides


def higher(base: Sequence[Fraction], named: Sequence[Sequence[Fraction] | None]) -> tuple[Fraction, ...]:
    """Of the overrides that name the list, the higher rate at each place; else the component's own list."""
    lists = [one for one in named if one is not None] or [base]
    return tuple(max(rates) for rates in zip_longest(*lists, fillvalue=Fraction(0)))


def higher_by_grade(
    base: Mapping[str, Fraction], named: Sequence[Mapping[str, Fraction] | None]
) -> Mapping[str, Fraction]:
    """Of the overrides that name rates, the higher for each grade; else the component's own rates."""
    tables = [one for one in named if one is not None] or [base]
    grades = dict.fromkeys(grade for table in tables for grade in table)
    return {grade: max(table.get(grade, Fraction(0)) for table in tables) for grade in grades}


def met_alone(component: Component) -> list[Any]:
    """The terms of lines without an override, or with that of a product or a category."""
    listed: Sequence[OverrideParams] = component.params.override_list()
    keys: list[Key] = [(), *((index,) for index, one in enumerate(listed) if one.match.tag is None)]
    return [component.terms(key) for key in keys]


def met_by_tags(component: Component) -> list[Any]:
    """The terms of lines without an override, or with that of one tag: where tags meet, each parameter is one of these."""
    listed: Sequence[OverrideParams] = component.params.override_list()
    keys: list[Key] = [(), *((index,) for index, one in enumerate(listed) if one.match.tag is not None)]
    return [component.terms(key) for key in keys]
