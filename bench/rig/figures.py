"""Figures: percentiles, medians with their spread, ratios. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed: nearest rank, nothing made up.

    ValueError without values.
    """
    if not values:
        message = "no values, no percentile"
        raise ValueError(message)
    ordered = sorted(values)
    # Rounded first: 0.07 × 100 is 7.000000000000001 in binary, and its ceiling is not the seventh value.
    rank = -int(-round(share * len(ordered), 9) // 1)
    return ordered[min(max(rank, 1), len(ordered)) - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, with the lowest and the highest of them."""

    middle: float
    low: float
    high: float

    @staticmethod
    def of(values: Sequence[float]) -> "Spread":
        """ValueError without values."""
        if not values:
            message = "no rounds, no spread"
            raise ValueError(message)
        return Spread(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is held against: at least or at most `bound`, and what one would rather see."""

    bound: float
    at_least: bool = True
    aim: float | None = None

    def met(self, value: float) -> bool:
        """Whether the value is on the right side of the bound; on it counts."""
        return value >= self.bound if self.at_least else value <= self.bound


def ratios(values: Sequence[float | None], limits: Sequence[float | None]) -> list[float]:
    """Each value by the limit of the same round; a round that lacks one of the two (void) gives none.

    Rounds are compared with themselves alone: the machine is another from one minute to the next.
    """
    return [
        value / limit
        for value, limit in zip(values, limits, strict=True)
        if value is not None and limit is not None and limit > 0
    ]
