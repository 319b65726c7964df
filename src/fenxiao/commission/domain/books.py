"""Closed days of the ledger (日结): which day comes next, and the hash that chains it to the one before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fenxiao.commission.domain import hashes

BEGINNING = hashes.first({"of": "ledger"})
"""What the first day names as the hash of the day before."""


@dataclass(frozen=True, slots=True)
class Span:
    """A day of the book and the first moment that is not in it any more."""

    day: date
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Sum:
    """What postings put on one account in one currency, over all distributors, in minor units."""

    currency: str
    account: str
    debit_minor: int
    credit_minor: int


@dataclass(frozen=True, slots=True)
class Content:
    """The postings of a day: how many, what they come to, and the digests of their blocks in order."""

    postings: int
    sums: tuple[Sum, ...]
    blocks: tuple[bytes, ...]


def next_day(last: Span | None, first_at: datetime, timezone: ZoneInfo) -> Span:
    """The day behind the last closed one; the first is that of the first posting.

    Where the zone was changed in between, a day is longer, never shorter: no day is closed twice.
    """
    begins = first_at if last is None else last.ends_at
    day = begins.astimezone(timezone).date()
    if last is not None:
        day = max(day, last.day + timedelta(days=1))
    return Span(day, datetime.combine(day + timedelta(days=1), time(), timezone).astimezone(UTC))


def chained(previous: bytes, span: Span, through_posting_id: int, content: Content) -> bytes:
    """The hash of a day: over what it says of itself, the hash of the day before, and every one of its postings."""
    header = {
        "of": "book day",
        "day": span.day.isoformat(),
        "ends_at": span.ends_at.astimezone(UTC).isoformat(),
        "through_posting_id": through_posting_id,
        "previous": previous.hex(),
        "postings": content.postings,
        "accounts": [[one.currency, one.account, one.debit_minor, one.credit_minor] for one in content.sums],
    }
    return hashes.folded(hashes.first(header), content.blocks)


def balanced(sums: Iterable[Sum]) -> bool:
    """Whether debits equal credits in every currency."""
    left: dict[str, int] = {}
    for one in sums:
        left[one.currency] = left.get(one.currency, 0) + one.debit_minor - one.credit_minor
    return not any(left.values())
