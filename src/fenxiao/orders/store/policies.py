"""Writing versions of the order policy."""

from datetime import datetime

from fenxiao.infra.db.transaction import Transaction


async def insert(
    tx: Transaction, *, payment_minutes: int | None, effective_from: datetime, actor: str
) -> int:
    """Write a version; answers its id, which is greater than that of every earlier one."""
    policy_id: int = await tx.fetchval(
        "insert into order_policy (payment_minutes, effective_from, actor) values ($1, $2, $3) returning policy_id",
        payment_minutes,
        effective_from,
        actor,
    )
    return policy_id
