"""The caller's side of a hold: which attempts it has committed and which it has given up.

A hold is taken in another context before the caller's transaction. The transaction records the hold as
`committed`; the caller's sweep records an overdue one as `fenced`. One primary key decides between the
two, so a commit that comes late finds the fence and fails, and the sweep never releases what was committed.
"""

from collections.abc import Sequence
from typing import Literal

from fenxiao.infra.db import arrays
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import KeyFenced
from fenxiao.kernel.ids import HoldId

Outcome = Literal["committed", "fenced"]


def insertion(first: int) -> str:
    """The insert of holds as committed, which fails where one is fenced; its parameters are `columns`, from `first` on."""
    return (
        "insert into hold_outcome (holder, hold_id, outcome)"
        f" select ${first}::text, id, 'committed' from unnest(${first + 1}::text::bigint[]) as id order by id"
    )


def columns(holder: str, holds: Sequence[HoldId]) -> list[str]:
    """The holds of one holder."""
    return [holder, arrays.numbers(holds)]


async def commit(tx: Transaction, holder: str, holds: Sequence[HoldId]) -> set[HoldId]:
    """Record holds as committed; answers those that had been fenced and so must not be used."""
    rows = await tx.fetch(
        "insert into hold_outcome as h (holder, hold_id, outcome)"
        " select $1, id, 'committed' from unnest($2::text::bigint[]) as id order by id"
        " on conflict (holder, hold_id) do update set outcome = h.outcome returning hold_id, outcome",
        holder,
        arrays.numbers(sorted(set(holds))),
    )
    return {HoldId(row["hold_id"]) for row in rows if row["outcome"] == "fenced"}


async def commit_one(tx: Transaction, holder: str, hold: HoldId) -> None:
    """Record one hold as committed; KeyFenced if the sweep was quicker."""
    if await commit(tx, holder, [hold]):
        raise KeyFenced


async def fence(tx: Transaction, holder: str, holds: Sequence[HoldId]) -> dict[HoldId, Outcome]:
    """Give up overdue attempts; answers for each whether it is now fenced or had been committed after all."""
    rows = await tx.fetch(
        "insert into hold_outcome as h (holder, hold_id, outcome)"
        " select $1, id, 'fenced' from unnest($2::bigint[]) as id order by id"
        " on conflict (holder, hold_id) do update set outcome = h.outcome returning hold_id, outcome",
        holder,
        sorted(set(holds)),
    )
    return {HoldId(row["hold_id"]): row["outcome"] for row in rows}
