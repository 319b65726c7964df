"""What came of an attempt to deliver, and what follows from it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from fenxiao.notifications.domain import patience

MAX_ANSWER = 1024
"""So many bytes of the receiver's answer are kept."""


class Fault(StrEnum):
    """Why an attempt failed; stable words for programs, told in docs/webhooks.md."""

    STATUS = "status"
    REDIRECT = "redirect"
    GONE = "gone"
    TIMEOUT = "timeout"
    NAME_UNKNOWN = "name-unknown"
    ADDRESS_REFUSED = "address-refused"
    CONNECTION_FAILED = "connection-failed"
    TLS_FAILED = "tls-failed"
    PROTOCOL = "protocol"
    SECRET_UNREADABLE = "secret-unreadable"  # noqa: S105 - a word for a fault, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One attempt: when it began, how long it took, what was answered. `fault` is None for a success (2xx)."""

    at: datetime
    milliseconds: int
    status: int | None = None
    answer: str | None = None
    fault: Fault | None = None
    wish: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the delivery: its state, and for a pending one the time of the next attempt."""

    state: str
    due_at: datetime | None


def fault_of(status: int) -> Fault | None:
    """What a status means: 2xx is success, 410 says never again, 3xx is not followed, all else fails."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if status == HTTPStatus.GONE:
        return Fault.GONE
    redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return Fault.REDIRECT if redirect else Fault.STATUS


def judge(
    outcome: Outcome, *, failed_before: int, once: bool, now: datetime, chance: Callable[[], float]
) -> Verdict:
    """What follows from an attempt; `once` marks a delivery that is not tried again (a test)."""
    if outcome.fault is None:
        return Verdict("delivered", None)
    delay = patience.next_delay(failed_before + 1, chance(), outcome.wish)
    if outcome.fault is Fault.GONE or once or delay is None:
        return Verdict("dead", None)
    return Verdict("pending", now + delay)


def kept(answer: bytes) -> str:
    """The beginning of an answer as text that the database can hold."""
    return answer[:MAX_ANSWER].decode("utf-8", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
