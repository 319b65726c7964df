"""Whether anybody can meet a condition at all, and whether anybody can fail it: checked before a plan is published.

A comparison bounds one figure, so a condition is a union of boxes of bounds. Sales and orders of a shorter window
are never more than those of a longer one; nothing else is taken to hang together.
"""

from collections.abc import Mapping
from itertools import product

from fenxiao.engine.conditions.subjects import Need
from fenxiao.engine.conditions.tree import All, Comparison, Condition, Not

_MOST_BOXES = 500
_ENDLESS = 2**63

Figure = Need | str
"""What is bounded: a fact, or by its field what needs none (the rank is 0 without a grade)."""
Box = Mapping[Figure, tuple[int, int]]
"""The lowest and the highest that some figures may be."""


class _TooManyError(Exception):
    """The condition is too tangled to tell."""


def never(condition: Condition) -> bool:
    """Whether nobody can meet it, whatever his figures; False where that is too tangled to tell."""
    return _empty(condition, met=True)


def always(condition: Condition) -> bool:
    """Whether everybody meets it, whatever his figures; False where that is too tangled to tell."""
    return _empty(condition, met=False)


def _empty(condition: Condition, *, met: bool) -> bool:
    try:
        return not _boxes(condition, met=met)
    except _TooManyError:
        return False


def _boxes(condition: Condition, *, met: bool) -> list[Box]:
    """Boxes that together are all figures with which the condition is met, or is not."""
    if isinstance(condition, Comparison):
        return [box for box in [_box(condition, met=met)] if _possible(box)]
    if isinstance(condition, Not):
        return _boxes(condition.negated, met=not met)
    together = isinstance(condition, All) == met
    parts = [
        _boxes(part, met=met) for part in (condition.all if isinstance(condition, All) else condition.any)
    ]
    if not together:
        return _bounded([box for part in parts for box in part])
    found: list[Box] = [{}]
    for part in parts:
        joined = (_joined(one, other) for one, other in product(found, part))
        found = _bounded([box for box in joined if _possible(box)])
    return found


def _bounded(boxes: list[Box]) -> list[Box]:
    if len(boxes) > _MOST_BOXES:
        raise _TooManyError
    return boxes


def _box(comparison: Comparison, *, met: bool) -> Box:
    value = comparison.threshold
    if (comparison.op == "at_least") == met:
        bounds = (value if met else value + 1, _ENDLESS)
    else:
        bounds = (0, value if met else value - 1)
    return {comparison.need or str(getattr(comparison, "field")): bounds}  # noqa: B009 - each has its own `field`


def _joined(one: Box, other: Box) -> Box:
    found = dict(one)
    for figure, (low, high) in other.items():
        least, most = found.get(figure, (0, _ENDLESS))
        found[figure] = (max(low, least), min(high, most))
    return found


def _possible(box: Box) -> bool:
    if any(low > high for low, high in box.values()):
        return False
    windows = [(need, bounds) for need, bounds in box.items() if isinstance(need, Need)]
    return not any(
        shorter.field == longer.field and _days(shorter) < _days(longer) and low > high
        for (shorter, (low, _)), (longer, (_, high)) in product(windows, windows)
    )


def _days(need: Need) -> int:
    return _ENDLESS if need.within_days is None else need.within_days
