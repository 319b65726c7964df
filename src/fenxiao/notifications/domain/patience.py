"""How long we go on trying: the delays between attempts, and when a webhook counts as broken."""

from datetime import datetime, timedelta

DELAYS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
)
"""After the n-th failed attempt; with the first attempt these are ten in 22 hours and 43 minutes, or up to a fifth more."""

ATTEMPTS = len(DELAYS) + 1
JITTER = 5
"""Up to a fifth (1 ÷ 5) is added to each delay, so that what failed together does not come back together."""

LONGEST_WISH = timedelta(hours=1)
"""A receiver's `Retry-After` is honoured up to this."""

BROKEN_AFTER = timedelta(days=3)
BROKEN_FAILURES = 20
"""A webhook is disabled when nothing has succeeded for so long although it was tried so often."""


def next_delay(failed: int, chance: float, wish: timedelta | None = None) -> timedelta | None:
    """The time until the next attempt after so many failed ones (1 or more); None: that was the last.

    `chance` is a random number from 0 to 1; `wish` is what the receiver asked for.
    """
    if failed >= ATTEMPTS:
        return None
    delay = DELAYS[failed - 1] * (1 + chance / JITTER)
    return delay if wish is None else max(delay, min(wish, LONGEST_WISH))


def is_broken(failing_since: datetime | None, failures: int, now: datetime) -> bool:
    """Whether a webhook should be disabled: long without a success, and not for want of trying."""
    return failing_since is not None and failures >= BROKEN_FAILURES and now - failing_since >= BROKEN_AFTER
