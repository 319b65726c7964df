"""What a context is given (`Tools`) and what it offers (`Offer`); `entrypoints/compose.py` joins the two."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import APIRouter

from fenxiao.infra.bus.consumer import Consumer
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.runs import Step
from fenxiao.infra.http.hot import HotRoute
from fenxiao.infra.jobs import Job
from fenxiao.infra.settings import Settings
from fenxiao.kernel.clock import Clock

Api = TypeVar("Api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every context gets: its own database, the clock, the cipher, the server's settings."""

    db: Database
    clock: Clock
    cipher: Cipher
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not hold: where it is, what it should be, what it is.

    `in_flight` marks what events still on their way will put right; it is listed, not counted as a difference.
    """

    check: str
    subject: str
    expected: str
    found: str
    in_flight: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """What must always hold, as a read-only question that yields what does not."""

    name: str
    findings: Callable[[], AsyncIterator[Finding]]


async def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Generic[Api]):
    """What a context adds to a process.

    `router` makes its HTTP routes, which takes a while that a command or a test without HTTP need not wait. `start`
    provisions what must exist; running it again changes nothing.
    """

    name: str
    api: Api
    router: Callable[[], APIRouter] | None = None
    hot: Sequence[HotRoute] = ()
    consumers: Sequence[Consumer] = ()
    jobs: Sequence[Job] = ()
    runs: Mapping[str, Step] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    larger_bodies: Mapping[str, int] = field(default_factory=dict)
    """Paths that take files: bytes that a body may have there."""
    start: Callable[[], Awaitable[Any]] = _nothing
