"""Jobs: use cases that the clock starts. A job sweeps what is due; there is never a timer per row.

One instance runs a job at a time, under a lock named after it, however many processes know it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from fenxiao.infra import context
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import Unavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A use case and how often it is due."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]
    db: Database


async def run_once(job: Job) -> bool:
    """Do the job now unless another process is at it; whether it ran here."""
    async with job.db.turns, job.db.connection() as connection:
        if not await locks.try_session(connection, f"job {job.name}"):
            return False
        try:
            with context.use(context.RequestContext(actor=f"job:{job.name}")):
                await job.work()
        finally:
            await locks.release_session(connection, f"job {job.name}")
    return True


async def keep_running(job: Job) -> None:
    """Do the job whenever it is due, until cancelled; a failure is logged and the next time comes."""
    # Jobs that are due each second begin with the process, all at one moment. Behind the first time each has a moment of
    # its own, or a request that comes at theirs would wait for all of them.
    pause = job.every.total_seconds() * random.random()  # noqa: S311  # nosec B311
    while True:
        try:
            await run_once(job)
        except Unavailable as error:
            log.warning("job waits", job=job.name, reason=str(error))
        except Exception:
            log.exception("job failed", job=job.name)
        await asyncio.sleep(pause)
        pause = job.every.total_seconds()
