"""Simulation (模拟): what a plan would have paid for real orders, added up beside what was paid for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Any

from fenxiao.commission.domain.exposure import level_in_tree
from fenxiao.engine.facts import Party
from fenxiao.engine.periods import Period, PeriodKind, period_after, period_of
from fenxiao.engine.plan import Plan

Pay = tuple[str, int, int, int]
"""(component, level, distributor id, amount in minor units)"""

PeriodPay = tuple[str, int, int, int, str | None]
"""The same, of a period, and the grade at its end."""

Chain = tuple[Party, ...]
"""The seller and his upline, nearest first."""

Cell = tuple[str, int, int, str | None]
"""(component, level, place in the tree, grade)"""

WOULD, WAS = 0, 1
PLACES = 4
"""Decimals of a ratio."""

MOST_PERIODS = 4000
"""So many periods of one kind lie in a span at most: eleven years of days."""

_SHORTEST: Mapping[PeriodKind, int] = {"day": 1, "week": 7, "month": 28, "quarter": 90}


@dataclass(slots=True)
class Share:
    """What one distributor has to do with the orders: own ones, what they come to net of refunds, and his pay."""

    orders: int = 0
    sales_minor: int = 0
    would_minor: int = 0
    was_minor: int = 0


@dataclass(frozen=True, slots=True)
class PeriodSums:
    """模拟的周期: one period that lies in the span whole: what was sold in it, what it would have paid and paid."""

    kind: PeriodKind
    key: str
    sales_minor: int
    would_minor: int
    was_minor: int


@dataclass(frozen=True, slots=True)
class RewardSums:
    """模拟的奖励: one reward for one period, and to how many people."""

    reward: str
    key: str
    would_minor: int
    was_minor: int
    would_heads: int
    was_heads: int


@dataclass(slots=True)
class Outcome:
    """模拟结果: sums over orders and periods, would have been and was; two of them over different ones add up to one over all.

    `cells` are kept by (component, level, place, grade): the place is that in the tree, the seller's 0, which is what a
    level is to the law, whatever a component calls its levels; the grade is that when the order was created. What a
    period pays has no place in a chain: there the level stands for it, as in the exposure of the book, and the grade is
    that at the end of the period.
    `left_out` names the periods that lie in the span with one part only. Rewards are in no other sum.
    """

    orders: int = 0
    paying: list[int] = field(default_factory=lambda: [0, 0])
    sales_minor: int = 0
    cells: dict[Cell, list[int]] = field(default_factory=dict)
    periods: list[PeriodSums] = field(default_factory=list)
    rewards: list[RewardSums] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, chain: Chain, which: int, pay: Sequence[Pay], people: dict[int, Share]) -> None:
        """Count what one order pays (`WOULD` or `WAS`) to the people of its chain."""
        if pay:
            self.paying[which] += 1
        for component, level, distributor_id, amount in pay:
            key = (component, level, *stand(chain, level, distributor_id))
            self._count(key, which, (distributor_id, amount), people)

    def add_period(self, plan: Plan, which: int, pay: Sequence[PeriodPay], people: dict[int, Share]) -> int:
        """Count what a period pays; how much that is in all."""
        deepest: dict[str, int] = {}
        for component, level, *_ in pay:
            deepest[component] = max(level, deepest.get(component, 0))
        for component, level, distributor_id, amount, grade in pay:
            key = (component, level, level_in_tree(plan, component, level, deepest), grade)
            self._count(key, which, (distributor_id, amount), people)
        return sum(one[3] for one in pay)

    def _count(self, key: Cell, which: int, paid: tuple[int, int], people: dict[int, Share]) -> None:
        distributor_id, amount = paid
        share = people.get(distributor_id)
        if share is None:
            share = people[distributor_id] = Share()
        if which == WOULD:
            share.would_minor += amount
        else:
            share.was_minor += amount
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = [0, 0]
        cell[which] += amount

    def merge(self, other: "Outcome") -> None:
        """Add another outcome, of other orders and periods."""
        self.orders += other.orders
        self.sales_minor += other.sales_minor
        for which in (WOULD, WAS):
            self.paying[which] += other.paying[which]
        for key, amounts in other.cells.items():
            _add(self.cells, key, amounts)
        self.periods += other.periods
        self.rewards += other.rewards
        self.left_out += other.left_out

    def by_component(self) -> dict[tuple[str, int], list[int]]:
        """Would and was per component and level, as it counts levels; sorted."""
        return self._by(lambda key: (key[0], key[1]), lambda one: one)

    def by_place(self) -> dict[int, list[int]]:
        """Would and was per place in the tree; sorted."""
        return self._by(lambda key: key[2], lambda one: one)

    def by_grade(self) -> dict[str | None, list[int]]:
        """Would and was per grade; sorted, without one first."""
        return self._by(lambda key: key[3], lambda one: one or "")

    def _by(self, part: Callable[[Cell], Any], order: Callable[[Any], Any]) -> dict[Any, list[int]]:
        found: dict[Any, list[int]] = {}
        for key, amounts in self.cells.items():
            _add(found, part(key), amounts)
        return {key: found[key] for key in sorted(found, key=order)}

    def total_minor(self, which: int) -> int:
        """All that was paid, or would have been."""
        return sum(amounts[which] for amounts in self.cells.values())

    def document(self) -> dict[str, Any]:
        """As JSON; sorted, so that equal outcomes are equal texts."""
        keys = sorted(self.cells, key=lambda key: (*key[:3], key[3] is not None, key[3] or ""))
        return {
            "orders": self.orders,
            "paying": self.paying,
            "sales_minor": self.sales_minor,
            "cells": [[*key, *self.cells[key]] for key in keys],
            "periods": [list(astuple(one)) for one in self.periods],
            "rewards": [list(astuple(one)) for one in self.rewards],
            "left_out": self.left_out,
        }

    @staticmethod
    def of(document: Mapping[str, Any]) -> "Outcome":
        """The outcome that `document` wrote."""
        return Outcome(
            orders=document["orders"],
            paying=list(document["paying"]),
            sales_minor=document["sales_minor"],
            cells={
                (name, level, place, grade): pair for name, level, place, grade, *pair in document["cells"]
            },
            # A result that is older has none.
            periods=[PeriodSums(*one) for one in document.get("periods", ())],
            rewards=[RewardSums(*one) for one in document.get("rewards", ())],
            left_out=list(document.get("left_out", ())),
        )


def _add(sums: dict[Any, list[int]], key: Any, amounts: Sequence[int]) -> None:
    pair = sums.setdefault(key, [0, 0])
    pair[WOULD] += amounts[WOULD]
    pair[WAS] += amounts[WAS]


def stand(chain: Sequence[Party], level: int, distributor_id: int) -> tuple[int, str | None]:
    """Where in the tree, seen from the order, somebody who is paid stands, and his grade when the order was created.

    The level is looked at first: mostly it is the place. ValueError for somebody who is not in the chain.
    """
    if level < len(chain) and chain[level].distributor_id == distributor_id:
        return level, chain[level].grade
    for place, party in enumerate(chain):
        if party.distributor_id == distributor_id:
            return place, party.grade
    message = f"distributor {distributor_id} is paid and does not stand in the chain"
    raise ValueError(message)


def too_long(kind: PeriodKind, start: datetime, end: datetime) -> bool:
    """Whether more than `MOST_PERIODS` periods of a kind may lie in a span."""
    return (end - start).days > MOST_PERIODS * _SHORTEST[kind]


def periods_of(
    kind: PeriodKind, start: datetime, end: datetime, zone: tzinfo
) -> tuple[list[Period], list[Period]]:
    """The periods of a kind that lie in a span whole, and those of which it has a part only; both in their order."""
    whole: list[Period] = []
    parts: list[Period] = []
    period = period_of(start, kind, zone)
    while period.start < end:
        (whole if period.start >= start and period.end <= end else parts).append(period)
        period = period_after(period, zone)
    return whole, parts


def ratio(part: int, whole: int) -> str:
    """A part of a whole as a decimal text with four decimals, halves up; "0.0000" of nothing. Negative parts too."""
    scaled = Fraction(0) if whole == 0 else Fraction(part * 10**PLACES, whole)
    units = int(abs(scaled) + Fraction(1, 2))
    text = str(units).rjust(PLACES + 1, "0")
    sign = "-" if part * whole < 0 and units else ""
    return f"{sign}{text[:-PLACES]}.{text[-PLACES:]}"
