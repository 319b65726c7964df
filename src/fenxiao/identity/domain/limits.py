"""How many failed logins are let through before the door is closed for a while."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)

PER_LOGIN = 10
"""Failures for one username from one address."""

PER_ADDRESS = 100
"""Failures from one address, whatever the username."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Something that failures are counted for."""

    subject: bytes
    most: int


def counted(username_key: str, address: str) -> tuple[Counted, ...]:
    """What a failed login counts for.

    Never the username alone: anybody could then lock anybody out.
    """
    return (
        Counted(_subject("login", address, username_key), PER_LOGIN),
        Counted(_subject("address", address), PER_ADDRESS),
    )


def wait_seconds(standing: Sequence[tuple[Counted, int, datetime]], now: datetime) -> int:
    """Whole seconds until the next try is let through; 0 when it is at once."""
    ends = [ends for limit, failures, ends in standing if failures >= limit.most and ends > now]
    return max((int((end - now).total_seconds()) + 1 for end in ends), default=0)


def _subject(*parts: str) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode()).digest()
