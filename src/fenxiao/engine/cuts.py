"""Cutting (削减): what is left of some amounts where a cap or the payout limit binds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from fenxiao.kernel.money import allocate

Cut = Literal["pro_rata", "priority", "hard_stop"]
"""How amounts are cut: all in proportion; in the plan's order until the limit is used up; in that order as long
as they fit whole, and nothing from the first on that does not."""


def _in_order(limit: int, amounts: Sequence[int]) -> list[int]:
    kept, left = [], limit
    for amount in amounts:
        kept.append(min(amount, left))
        left -= kept[-1]
    return kept


def _while_they_fit(limit: int, amounts: Sequence[int]) -> list[int]:
    kept, left = [], limit
    for amount in amounts:
        left = left - amount if amount <= left else -1
        kept.append(amount if left >= 0 else 0)
    return kept


_CUTS: Mapping[Cut, Callable[[int, Sequence[int]], list[int]]] = {
    "pro_rata": allocate,
    "priority": _in_order,
    "hard_stop": _while_they_fit,
}


def cut(amounts: list[int], limit: int, how: Cut) -> list[int]:
    """The amounts, cut to the limit if together they exceed it.

    They come in canonical order: by component as in the plan, then by level, then by distributor id. In
    proportion, what is missing to the limit goes one unit each to the largest remainders, ties to the earlier.
    """
    return amounts if sum(amounts) <= limit else _CUTS[how](limit, amounts)
