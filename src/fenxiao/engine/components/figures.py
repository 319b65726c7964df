"""What the types that pay per period tell of their figures: made readable only for those who read."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from fenxiao.engine.fields import percent
from fenxiao.kernel.money import from_minor

Figures = Mapping[str, int | Fraction | str]
"""Whole numbers are minor units, fractions are rates, all else is text already."""


def told(values: Mapping[str, Any] | None, currency: str) -> dict[str, Any]:
    """Amounts as decimal strings, rates in percent."""
    return {name: _told(value, currency) for name, value in (values or {}).items()}


def _told(value: Any, currency: str) -> Any:
    if isinstance(value, Fraction):
        return percent(value)
    return from_minor(value, currency) if isinstance(value, int) else value
