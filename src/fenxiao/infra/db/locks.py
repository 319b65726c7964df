"""Advisory locks by name. A transaction's lock ends with it; a session's lock with its connection."""

from fenxiao.infra.db.sql import Session


async def hold(tx: Session, name: str) -> None:
    """Wait for the lock of this name; it is held until the transaction ends."""
    await tx.fetchval("select pg_advisory_xact_lock(hashtextextended($1, 0))", name)


async def try_session(session: Session, name: str) -> bool:
    """Take the lock for as long as this connection lives, if nobody has it."""
    got: bool = await session.fetchval("select pg_try_advisory_lock(hashtextextended($1, 0))", name)
    return got


async def release_session(session: Session, name: str) -> None:
    """Give a session's lock back."""
    await session.fetchval("select pg_advisory_unlock(hashtextextended($1, 0))", name)
