"""Exposure (合规风险): how deep pay goes, to how many people, and on what; for those who look at it with the law.

The law (禁止传销条例, and 公通字〔2013〕37号 for the criminal line) counts the organiser's own level: a seller with two paid
uplines already are three levels. Pay for recruiting does not exist here, so all pay is on sales: one's own, or others'.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fenxiao.engine.plan import Plan

Basis = Literal["own_sales", "downline_sales"]

LEVELS = 3
PEOPLE = 30
"""From so many levels with so many people on the criminal line is drawn (公通字〔2013〕37号, art. 1)."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Pay by level, the seller's 0; `heads` are the people paid, `people` all that are known to take part."""

    pay: Mapping[int, int]
    heads: int
    people: int

    @property
    def depth(self) -> int:
        """The deepest upline level that is paid; 0 where nobody above a seller is."""
        return max((level for level, amount in self.pay.items() if amount), default=0)

    @property
    def levels(self) -> int:
        """The levels as the law counts them: the seller's own is one. 0 where nobody is paid."""
        return self.depth + 1 if any(self.pay.values()) else 0

    @property
    def over_the_line(self) -> bool:
        """Whether levels and people both come to where the criminal line is drawn; that alone is no verdict."""
        return self.levels >= LEVELS and self.people >= PEOPLE

    @property
    def total_minor(self) -> int:
        """All pay."""
        return sum(self.pay.values())


def basis(level: int) -> Basis:
    """What pay at a level is for."""
    return "own_sales" if level == 0 else "downline_sales"


def level_in_tree(plan: Plan, component: str, level: int, deepest: Mapping[str, int]) -> int:
    """The level of an entry as the law sees it, at most: a component that matches another's pay reaches as far above.

    `deepest` has the deepest level paid of each component, as it counts levels itself.
    """
    found = next((one for one in plan.components if one.name == component), None)
    rests_on = None if found is None else found.params.rests_on()
    return (
        level
        if rests_on is None
        else level + level_in_tree(plan, rests_on, deepest.get(rests_on, 0), deepest)
    )
