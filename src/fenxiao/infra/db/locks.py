"""Advisory locks by name. A transaction's lock ends with it; a session's lock with its connection."""

from typing import Any, Protocol


class Session(Protocol):
    """Whatever runs a statement on one connection: a transaction, or a raw connection of infra's own."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row."""


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
