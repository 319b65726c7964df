"""Figures (条件事实): what conditions ask about the people in the chain of an order, by order, person and fact."""

from collections.abc import Iterable, Iterator, Mapping

from fenxiao.commission.domain.comparison import Odd
from fenxiao.engine.conditions.subjects import Need

OfPeople = Mapping[int, Mapping[str, int]]
"""By distributor and then by `Need.name`."""

Figures = Mapping[int, OfPeople]
"""By order, of those that have any."""

NOTHING: OfPeople = {}


def windows(needs: Iterable[Need]) -> list[int | None]:
    """The windows in days for which somebody's sales are asked, None since ever; each once."""
    asked = {need.within_days for need in needs if need.field != "days_registered"}
    return sorted(asked, key=lambda days: (days is not None, days or 0))


def told(figures: OfPeople) -> Iterator[tuple[int, str, int]]:
    """(distributor, fact, value) of one order, in a fixed order."""
    for distributor_id in sorted(figures):
        for fact in sorted(figures[distributor_id]):
            yield distributor_id, fact, figures[distributor_id][fact]


def compare_figures(order_id: int, made: OfPeople | None, stored: OfPeople | None) -> Iterator[Odd]:
    """What is stored of an order beside what the orders say; None: nothing is asked, or nothing stored."""
    wanted = {(one, fact): value for one, fact, value in told(made or NOTHING)}
    found = {(one, fact): value for one, fact, value in told(stored or NOTHING)}
    for distributor_id, fact in sorted({*wanted, *found}):
        expected, there = wanted.get((distributor_id, fact)), found.get((distributor_id, fact))
        if expected != there:
            yield Odd(
                f"order_fact ({order_id}, {distributor_id}, {fact})",
                "no such row" if expected is None else str(expected),
                "no such row" if there is None else str(there),
            )
