"""Arrays as parameters."""

from collections.abc import Iterable


def literal(numbers: Iterable[int]) -> str:
    """An array as text: an array of arrays of different lengths is what PostgreSQL has no parameter for."""
    return "{" + ",".join(map(str, numbers)) + "}"
