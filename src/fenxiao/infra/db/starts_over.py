"""Start a use case over when what it was decided on has moved.

A use case gathers, decides and commits; the commit checks again what the decision rests on. If that has
changed it raises `Moved`, and the whole use case runs again on fresh facts. Serialisation failures and
deadlocks that PostgreSQL resolves against us are the same thing.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import asyncpg

from fenxiao.kernel.errors import Conflict

P = ParamSpec("P")
T = TypeVar("T")
ATTEMPTS = 8


class Moved(Exception):  # noqa: N818 - not a fault: a reason to look again
    """What the decision was made on has changed meanwhile."""


class TooBusy(Conflict):
    """Too many changes to the same thing at once; repeat the request."""

    code = "too-busy"


def starts_over(use_case: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Run the use case again (at most eight times, a little later each time) while its ground moves."""

    @functools.wraps(use_case)
    async def again(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(ATTEMPTS):
            try:
                return await use_case(*args, **kwargs)
            except (Moved, asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                await asyncio.sleep(0.005 * 2**attempt)
        raise TooBusy

    return again
