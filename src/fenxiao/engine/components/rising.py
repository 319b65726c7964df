"""What the types share that pay by level in a period: amounts rise up a tree, and each level above them is paid.

One pass from the leaves to the top, however deep the tree is. The amounts count above whoever qualifies or not; a level
whose place somebody unqualified holds is his heir's where the plan rolls up, else nobody's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fenxiao.engine.components.kind import (
    Component,
    Earned,
    Outcome,
    Part,
    PeriodCase,
    PeriodRecorder,
    standing,
)
from fenxiao.engine.fields import SCALE
from fenxiao.engine.periods import Member

Rising = list[int]
"""Amounts that rise: at each place what has that many levels behind it."""


@dataclass(frozen=True, slots=True)
class Ascent:
    """Which way what rises (上升): `members` has everyone before the one above him, `parents` who that is, `own` what
    begins to rise with whom, in minor units; `levels` a rate for each level, the nearest first; with `compress` the
    unqualified use up no level. `idle` is how it goes with somebody whom nothing reaches, `about` the values of that.
    """

    members: Sequence[Member]
    parents: Mapping[int, int | None]
    own: Mapping[int, int]
    levels: Sequence[Fraction]
    compress: bool
    idle: Outcome
    about: Mapping[str, str]


def pay(component: Component, case: PeriodCase, ascent: Ascent, record: PeriodRecorder | None) -> Earned:
    """Rate × amount, for each level below each member."""
    earned, walk = Earned(), _Walk(component, case, ascent)
    for member in ascent.members:
        rising = walk.rising.pop(member.distributor_id, [0] * (len(ascent.levels) + 1))
        outcome = standing(component, member)
        reached = list(rising)
        if outcome == "qualified" or not ascent.compress:
            walk.pay(member, rising, earned, record)
            reached = [0, *rising[:-1]]
        reached[0] += ascent.own.get(member.distributor_id, 0)
        walk.pass_on(member, reached, earned)
        if record:
            idle = outcome == "qualified" and not any(rising[:-1])
            record.stood(member.distributor_id, ascent.idle if idle else outcome, ascent.about)
    return earned


class _Walk:
    """The way of the amounts up the tree, everyone before the one above him."""

    def __init__(self, component: Component, case: PeriodCase, ascent: Ascent) -> None:
        self.rates = [int(rate * SCALE) for rate in ascent.levels]
        self.rising: dict[int, Rising] = {}
        self._parents = ascent.parents
        self._heirs = self._heirs_of(component, case, ascent)

    def _heirs_of(self, component: Component, case: PeriodCase, ascent: Ascent) -> dict[int, int | None]:
        """For each unqualified one who earns in his place: with roll-up the next qualified above, else nobody."""
        heirs: dict[int, int | None] = {}
        for member in reversed(ascent.members):
            number = member.distributor_id
            parent = self._parents[number]
            if standing(component, member) == "qualified":
                heirs[number] = number
            else:
                heirs[number] = heirs[parent] if case.roll_up and parent is not None else None
        return heirs

    def pay(self, member: Member, rising: Rising, earned: Earned, record: PeriodRecorder | None) -> None:
        """Each level that reaches him, to him or to whoever earns in his place."""
        earner = self._heirs[member.distributor_id]
        for level, (rate, amount) in enumerate(zip(self.rates, rising, strict=False), 1):
            if not amount or not rate:
                continue
            if earner is None:
                earned.lose(level, Fraction(rate * amount, SCALE))
                continue
            earned.add((level, earner), Fraction(rate * amount, SCALE))
            if record:
                record.claimed(
                    (level, earner), Part((), Fraction(rate, SCALE), amount, "", {"level": str(level)})
                )

    def pass_on(self, member: Member, reached: Rising, earned: Earned) -> None:
        """Hand the amounts to the one above; at the top, the levels above it are nobody's."""
        parent = self._parents[member.distributor_id]
        if parent is None:
            for behind, amount in enumerate(reached):
                for level in range(behind + 1, len(self.rates) + 1) if amount else ():
                    earned.lose(level, Fraction(self.rates[level - 1] * amount, SCALE))
            return
        above = self.rising.setdefault(parent, [0] * len(reached))
        for behind, amount in enumerate(reached):
            above[behind] += amount
