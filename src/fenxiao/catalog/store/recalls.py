"""Recalls as they are written; the stock of the batch's product must be locked."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.transaction import Transaction

_LAST = "coalesce((select max(movement_id) from stock_movement where product_id = $2), 0)"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who has decided on a batch, when and why."""

    reason: str
    actor: str
    at: datetime


async def add(tx: Transaction, inventory_id: int, product_id: int, decision: Decision) -> None:
    """The batch is recalled from here on."""
    await tx.execute(
        "insert into batch_recall (inventory_id, reason, actor, recalled_at, after_movement)"
        f" values ($1, $3, $4, $5, {_LAST})",
        inventory_id,
        product_id,
        decision.reason,
        decision.actor,
        decision.at,
    )
    await _mark(tx, inventory_id, decision.at, recalled=True)


async def lift(tx: Transaction, inventory_id: int, product_id: int, decision: Decision) -> None:
    """The batch may be sold again."""
    await tx.execute(
        "update batch_recall set lifted_at = $5, lifted_by = $4, lifted_reason = $3,"
        f" until_movement = {_LAST} where inventory_id = $1 and lifted_at is null",
        inventory_id,
        product_id,
        decision.reason,
        decision.actor,
        decision.at,
    )
    await _mark(tx, inventory_id, decision.at, recalled=False)


async def _mark(tx: Transaction, inventory_id: int, now: datetime, *, recalled: bool) -> None:
    await tx.execute(
        "update inventory set recalled = $2, updated_at = $3 where inventory_id = $1",
        inventory_id,
        recalled,
        now,
    )
