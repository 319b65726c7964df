"""What the database cannot digest fails alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncpg
import structlog

from fenxiao.catalog.domain.refusals import StockFailed
from fenxiao.kernel.errors import Refusal

log = structlog.get_logger(__name__)
Q = TypeVar("Q")
A = TypeVar("A")


async def apart(
    work: Callable[[Sequence[Q]], Awaitable[list[A | Refusal]]], batch: Sequence[Q]
) -> list[A | Refusal]:
    """The work's answers for the batch; where a batch breaks in the database, those of its halves.

    Halves rather than one by one: a single bad item among 500 costs nine rounds, not 500.
    """
    try:
        return await work(batch)
    except asyncpg.PostgresError:
        if len(batch) == 1:
            log.exception("a request for stock failed")
            return [StockFailed()]
    middle = len(batch) // 2
    return await apart(work, batch[:middle]) + await apart(work, batch[middle:])
