"""Numbers of orders and lines, drawn from the database ahead of their use.

They are known before the rows, so that no order of RETURNING is relied on, and drawing many at a time spares each
batch a question. Numbers that were drawn and not used, by refused orders or at the end of a process, are missing
for good.
"""

from typing import Any

from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import LineId, OrderId

AHEAD = 512


class Numbers:
    """Fresh numbers, ascending as they are handed out."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._orders: list[OrderId] = []
        self._lines: list[LineId] = []

    async def draw(self, *, orders: int, lines: int) -> tuple[list[OrderId], list[LineId]]:
        """So many numbers of each."""
        # Also behind the question: another batch may have taken them meanwhile.
        while len(self._orders) < orders or len(self._lines) < lines:
            row: Any = await self._db.fetchrow(
                "select (select array_agg(nextval('orders_order_id_seq')) from generate_series(1, $1)) as orders,"
                " (select array_agg(nextval('order_line_line_id_seq')) from generate_series(1, $2)) as lines",
                orders + AHEAD,
                lines + AHEAD,
            )
            self._orders += sorted(row["orders"])
            self._lines += sorted(row["lines"])
        drawn = self._orders[:orders], self._lines[:lines]
        del self._orders[:orders], self._lines[:lines]
        return drawn
