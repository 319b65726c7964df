"""What the commission and the reports of orders depend on, many orders at a time."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import OrderId
from fenxiao.orders.api import FrozenLine, FrozenMember, OrderHistory, Refund, RefundedLine

_COLUMNS = (
    "order_id, status, version, currency, distributor_id, seller_grade, seller_rank, seller_active, upline_ids,"
    " upline_grades, upline_ranks, upline_active, tree_version, rule_id, total_minor, created_at, paid_at, shipped_at,"
    " completed_at, cancelled_at, channel, external_id"
)
_Facts = tuple[int | None, int | None, tuple[Any, ...], tuple[str, ...]]
_ReadLines = Callable[[Reader, Sequence[OrderId]], Awaitable[dict[OrderId, list[FrozenLine]]]]
MOST_FACTS = 200_000
MOST_LINES = 50_000
"""Lines of recent orders kept in memory, some 10 MB: each of several listeners asks for the same orders."""


class Histories:
    """Reads order histories. Facts of products and lines of orders never change, so those once read are kept."""

    def __init__(self) -> None:
        self._facts: dict[int, _Facts] = {}
        self._recent: dict[OrderId, list[FrozenLine]] = {}
        self._recent_lines = 0

    async def of(self, reader: Reader, order_ids: Sequence[OrderId]) -> list[OrderHistory]:
        """The histories of these orders, ordered by id."""
        rows = await reader.fetch(
            f"select {_COLUMNS} from orders where order_id = any($1::bigint[]) order by order_id",
            sorted(set(order_ids)),
        )
        return await self._histories(reader, rows, self._recent_or_read)

    async def after(self, reader: Reader, cursor: OrderId, limit: int) -> list[OrderHistory]:
        """The histories of the next orders by id."""
        rows = await reader.fetch(
            f"select {_COLUMNS} from orders where order_id > $1 order by order_id limit $2", cursor, limit
        )
        # Not from memory: a walk over all orders would only push the recent ones out, and checks must see the rows.
        return await self._histories(reader, rows, self._lines)

    async def _histories(
        self, reader: Reader, rows: Sequence[Record], read: _ReadLines
    ) -> list[OrderHistory]:
        ids = [row["order_id"] for row in rows]
        if not ids:
            return []
        # Lines never change and refunds are read after their orders: a refund may be newer than the order's
        # version says, but none that the version counts is missing.
        lines = await read(reader, ids)
        refunds = await refunds_of(reader, ids)
        return [_history(row, lines[row["order_id"]], refunds.get(row["order_id"], ())) for row in rows]

    async def _recent_or_read(
        self, reader: Reader, ids: Sequence[OrderId]
    ) -> dict[OrderId, list[FrozenLine]]:
        known = {order_id: self._recent[order_id] for order_id in ids if order_id in self._recent}
        missing = [order_id for order_id in ids if order_id not in known]
        if missing:
            read = await self._lines(reader, missing)
            self._keep(read)
            known |= read
        return known

    def _keep(self, read: dict[OrderId, list[FrozenLine]]) -> None:
        for order_id, lines in read.items():
            if order_id not in self._recent:
                self._recent[order_id] = lines
                self._recent_lines += len(lines)
        while self._recent_lines > MOST_LINES:
            oldest = next(iter(self._recent))
            self._recent_lines -= len(self._recent.pop(oldest))

    async def _lines(self, reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, list[FrozenLine]]:
        rows = await reader.fetch(
            "select order_id, line_id, product_id, facts_id, quantity, amount_minor from order_line"
            " where order_id = any($1::bigint[]) order by order_id, line_id",
            ids,
        )
        facts = await self._known({row["facts_id"] for row in rows}, reader)
        lines: dict[OrderId, list[FrozenLine]] = {order_id: [] for order_id in ids}
        for order_id, line_id, product_id, facts_id, quantity, amount_minor in rows:
            list_minor, cost_minor, category_path, tags = facts[facts_id]
            lines[order_id].append(
                FrozenLine(
                    line_id=line_id,
                    product_id=product_id,
                    quantity=quantity,
                    amount_minor=amount_minor,
                    unit_list_minor=list_minor,
                    unit_cost_minor=cost_minor,
                    category_path=category_path,
                    tags=tags,
                )
            )
        return lines

    async def _known(self, wanted: Iterable[int], reader: Reader) -> dict[int, _Facts]:
        missing = [facts_id for facts_id in wanted if facts_id not in self._facts]
        if missing:
            if len(self._facts) > MOST_FACTS:
                # Read again from the start; the rows that this question needs are among what follows.
                self._facts = {}
                missing = list(wanted)
            rows = await reader.fetch(
                "select facts_id, list_minor, cost_minor, category_path, tags from product_facts"
                " where facts_id = any($1::bigint[])",
                missing,
            )
            for facts_id, list_minor, cost_minor, category_path, tags in rows:
                self._facts[facts_id] = (list_minor, cost_minor, tuple(category_path), tuple(tags))
        return self._facts


async def refunds_of(reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, tuple[Refund, ...]]:
    """The refunds of these orders in their order; orders without any are left out."""
    rows = await reader.fetch(
        "select r.order_id, r.refund_id, r.sequence, r.at, r.amount_minor, r.restock, r.key, l.line_id, l.quantity,"
        " l.amount_minor as line_minor from refund r left join refund_line l using (refund_id)"
        " where r.order_id = any($1::bigint[]) order by r.order_id, r.sequence, l.line_id",
        list(ids),
    )
    heads: dict[int, Record] = {}
    lines: dict[int, list[RefundedLine]] = {}
    for row in rows:
        heads.setdefault(row["refund_id"], row)
        taken = lines.setdefault(row["refund_id"], [])
        if row["line_id"] is not None:
            taken.append(
                RefundedLine(line_id=row["line_id"], quantity=row["quantity"], amount_minor=row["line_minor"])
            )
    found: dict[OrderId, list[Refund]] = {}
    for refund_id, row in heads.items():
        found.setdefault(row["order_id"], []).append(_refund(row, lines[refund_id]))
    return {order_id: tuple(refunds) for order_id, refunds in found.items()}


def _refund(row: Record, lines: Sequence[RefundedLine]) -> Refund:
    return Refund(
        refund_id=row["refund_id"],
        sequence=row["sequence"],
        at=row["at"],
        amount_minor=row["amount_minor"],
        restock=row["restock"],
        lines=tuple(lines),
        key=row["key"],
    )


def upline(row: Record) -> tuple[FrozenMember, ...]:
    """The ancestors that were frozen with an order, nearest first."""
    return tuple(
        FrozenMember(distributor_id=distributor_id, grade=grade, rank=rank, active=active)
        for distributor_id, grade, rank, active in zip(
            row["upline_ids"], row["upline_grades"], row["upline_ranks"], row["upline_active"], strict=True
        )
    )


def _history(row: Record, lines: Sequence[FrozenLine], refunds: tuple[Refund, ...]) -> OrderHistory:
    return OrderHistory(
        order_id=row["order_id"],
        status=row["status"],
        version=row["version"],
        currency=row["currency"],
        seller=FrozenMember(
            distributor_id=row["distributor_id"],
            grade=row["seller_grade"],
            rank=row["seller_rank"],
            active=row["seller_active"],
        ),
        upline=upline(row),
        tree_version=row["tree_version"],
        rule_id=row["rule_id"],
        lines=tuple(lines),
        refunds=refunds,
        total_minor=row["total_minor"],
        created_at=row["created_at"],
        paid_at=row["paid_at"],
        shipped_at=row["shipped_at"],
        completed_at=row["completed_at"],
        cancelled_at=row["cancelled_at"],
        channel=row["channel"],
        external_id=row["external_id"],
    )
