"""Turns: what one contender did in one round, and the rules by which a turn does not count. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Turn:
    """One contender's part of one round. Any reason in `void` takes the turn out of all figures."""

    contender: str
    values: dict[str, float] = field(default_factory=dict)
    void: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """A figure of the turn, None where the turn is void."""
        return None if self.void else self.values.get(name)


def not_answered_well(good: int, sent: int, errors: Mapping[str, int]) -> list[str]:
    """Every request must have been answered, and with success; a contender that did nothing has no figure either."""
    reasons = [f"{count} {kind}" for kind, count in errors.items() if count]
    if good != sent:
        reasons.append(f"{sent} sent, {good} answered with success")
    if sent == 0:
        reasons.append("nothing was sent")
    return reasons


def rows_missing(expected: Mapping[str, int], written: Mapping[str, int]) -> list[str]:
    """Each kind of row must be there exactly as often as expected, neither more nor less."""
    return [
        f"{kind}: {written.get(kind, 0)} rows written, {count} expected"
        for kind, count in expected.items()
        if written.get(kind, 0) != count
    ]


def left_behind(backlog: int, per_second: float) -> list[str]:
    """What follows the orders must keep up: when the load ends, less than one second of it may be waiting."""
    if backlog < per_second:
        return []
    return [f"backlog of {backlog} orders at the end, {per_second:.0f} arrive in a second"]


def difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """How many rows of each kind were written between two counts."""
    return {kind: after[kind] - before[kind] for kind in after}


def in_turn(contenders: Sequence[str], number: int) -> list[str]:
    """The order of a round: each round begins with the next contender, so that nobody always follows the same one."""
    start = number % len(contenders)
    return [*contenders[start:], *contenders[:start]]
