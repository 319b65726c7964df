"""Time as a value: a clock is a function that is handed in, never a global that is read."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present moment, aware and in UTC."""


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; a naive one is refused with ValueError, because nobody can say what it means."""
    if moment.tzinfo is None:
        message = "a time needs an offset, such as 2026-11-22T10:00:00Z"
        raise ValueError(message)
    return moment.astimezone(UTC)
