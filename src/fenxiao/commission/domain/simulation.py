"""Simulation (模拟): what a plan would have paid for real orders, added up beside what was paid for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from fenxiao.engine.facts import Party

Pay = tuple[str, int, int, int]
"""(component, level, distributor id, amount in minor units)"""

Chain = tuple[Party, ...]
"""The seller and his upline, nearest first."""

Cell = tuple[str, int, int, str | None]
"""(component, level, place in the tree, grade)"""

WOULD, WAS = 0, 1
PLACES = 4
"""Decimals of a ratio."""


@dataclass(slots=True)
class Share:
    """What one distributor has to do with the orders: own ones, what they come to net of refunds, and his pay."""

    orders: int = 0
    sales_minor: int = 0
    would_minor: int = 0
    was_minor: int = 0


@dataclass(slots=True)
class Outcome:
    """模拟结果: sums over orders, would have been and was; two of them over different orders add up to one over all.

    `cells` are kept by (component, level, place, grade): the place is that in the tree, the seller's 0, which is what a
    level is to the law, whatever a component calls its levels; the grade is that when the order was created.
    """

    orders: int = 0
    paying: list[int] = field(default_factory=lambda: [0, 0])
    sales_minor: int = 0
    cells: dict[Cell, list[int]] = field(default_factory=dict)

    def add(self, chain: Chain, which: int, pay: Sequence[Pay], people: dict[int, Share]) -> None:
        """Count what one order pays (`WOULD` or `WAS`) to the people of its chain."""
        if pay:
            self.paying[which] += 1
        cells = self.cells
        for component, level, distributor_id, amount in pay:
            share = people.get(distributor_id)
            if share is None:
                share = people[distributor_id] = Share()
            if which == WOULD:
                share.would_minor += amount
            else:
                share.was_minor += amount
            key = (component, level, *stand(chain, level, distributor_id))
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = [0, 0]
            cell[which] += amount

    def merge(self, other: "Outcome") -> None:
        """Add another outcome, of other orders."""
        self.orders += other.orders
        self.sales_minor += other.sales_minor
        for which in (WOULD, WAS):
            self.paying[which] += other.paying[which]
        for key, amounts in other.cells.items():
            _add(self.cells, key, amounts)

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


def ratio(part: int, whole: int) -> str:
    """A part of a whole as a decimal text with four decimals, halves up; "0.0000" of nothing. Negative parts too."""
    scaled = Fraction(0) if whole == 0 else Fraction(part * 10**PLACES, whole)
    units = int(abs(scaled) + Fraction(1, 2))
    text = str(units).rjust(PLACES + 1, "0")
    sign = "-" if part * whole < 0 and units else ""
    return f"{sign}{text[:-PLACES]}.{text[-PLACES:]}"
