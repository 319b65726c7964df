"""What the commission and the reports of orders depend on, many orders at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId, OrderId
from fenxiao.orders.api import FrozenLine, FrozenMember, OrderHistory, Refund, RefundedLine

_COLUMNS = (
    "order_id, status, version, currency, distributor_id, seller_grade, seller_rank, seller_active, upline_ids,"
    " upline_grades, upline_ranks, upline_active, tree_version, rule_id, total_minor, created_at, paid_at, shipped_at,"
    " completed_at, cancelled_at, channel, external_id, shipping_minor, tax_minor"
)
_Facts = tuple[int | None, int | None, tuple[Any, ...], tuple[str, ...]]
Standing = tuple[DistributorId, str | None, int | None, bool]
"""Distributor, grade, rank, active."""

_ReadLines = Callable[[Reader, Sequence[OrderId]], Awaitable[dict[OrderId, Sequence[FrozenLine]]]]
MOST_FACTS = 200_000
MOST_MEMBERS = 200_000
MOST_LINES = 50_000
"""Lines of recent orders kept in memory, some 20 MB: each of several listeners asks for the same orders."""


class Histories:
    """Reads order histories. What never changes is kept once read: facts of products, lines, a history at its version."""

    def __init__(self) -> None:
        self._facts: dict[int, _Facts] = {}
        self._members: dict[Standing, FrozenMember] = {}
        self._recent: dict[OrderId, OrderHistory] = {}
        self._recent_lines = 0
        self._reading = asyncio.Lock()

    async def of(self, reader: Reader, order_ids: Sequence[OrderId]) -> list[OrderHistory]:
        """The histories of these orders, ordered by id."""
        ids = sorted(set(order_ids))
        # Several listeners ask for the same orders at the same moment: the first reads them, the others find them.
        async with self._reading:
            known = await self._unchanged(reader, ids)
            changed = [order_id for order_id in ids if order_id not in known]
            if changed:
                rows = await reader.fetch(
                    f"select {_COLUMNS} from orders where order_id = any($1::text::bigint[]) order by order_id",
                    arrays.numbers(changed),
                )
                read = await self._histories(reader, rows, self._recent_or_read)
                self._keep(read)
                known |= {history.order_id: history for history in read}
        return [known[order_id] for order_id in ids if order_id in known]

    async def _unchanged(self, reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, OrderHistory]:
        """Those in memory that have not moved on since they were read."""
        kept = {order_id: known for order_id in ids if (known := self._recent.get(order_id))}
        if not kept:
            return {}
        versions = await reader.fetch(
            "select order_id, version from orders where order_id = any($1::text::bigint[])",
            arrays.numbers(kept),
        )
        return {
            order_id: kept[order_id] for order_id, version in versions if kept[order_id].version == version
        }

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
        return [self._history(row, lines[row["order_id"]], refunds.get(row["order_id"], ())) for row in rows]

    async def _recent_or_read(
        self, reader: Reader, ids: Sequence[OrderId]
    ) -> dict[OrderId, Sequence[FrozenLine]]:
        known: dict[OrderId, Sequence[FrozenLine]] = {
            order_id: kept.lines for order_id in ids if (kept := self._recent.get(order_id))
        }
        missing = [order_id for order_id in ids if order_id not in known]
        return known | await self._lines(reader, missing) if missing else known

    def _keep(self, read: Sequence[OrderHistory]) -> None:
        for history in read:
            if history.order_id not in self._recent:
                self._recent_lines += len(history.lines)
            self._recent[history.order_id] = history
        while self._recent_lines > MOST_LINES:
            oldest = next(iter(self._recent))
            self._recent_lines -= len(self._recent.pop(oldest).lines)

    async def _lines(self, reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, Sequence[FrozenLine]]:
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
        return {**lines}

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

    def _member(self, standing: Standing) -> FrozenMember:
        """Somebody as he stood. The same few stand above many sellers, so each is made once."""
        member = self._members.get(standing)
        if member is None:
            if len(self._members) > MOST_MEMBERS:
                self._members = {}
            member = self._members[standing] = frozen(standing)
        return member

    def _history(self, row: Record, lines: Sequence[FrozenLine], refunds: tuple[Refund, ...]) -> OrderHistory:
        return OrderHistory(
            order_id=row["order_id"],
            status=row["status"],
            version=row["version"],
            currency=row["currency"],
            seller=self._member(
                (row["distributor_id"], row["seller_grade"], row["seller_rank"], row["seller_active"])
            ),
            upline=tuple(map(self._member, standings(row))),
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
            shipping_minor=row["shipping_minor"],
            tax_minor=row["tax_minor"],
        )


async def refunds_of(reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, tuple[Refund, ...]]:
    """The refunds of these orders in their order; orders without any are left out."""
    rows = await reader.fetch(
        "select r.order_id, r.refund_id, r.sequence, r.at, r.amount_minor, r.restock, r.key, r.shipping_minor,"
        " r.tax_minor, l.line_id, l.quantity, l.amount_minor as line_minor from refund r left join refund_line l using (refund_id)"
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
        shipping_minor=row["shipping_minor"],
        tax_minor=row["tax_minor"],
    )


def frozen(standing: Standing) -> FrozenMember:
    """Somebody as he stood when an order was created."""
    distributor_id, grade, rank, active = standing
    return FrozenMember(distributor_id=distributor_id, grade=grade, rank=rank, active=active)


def standings(row: Record) -> Iterable[Standing]:
    """The ancestors that were frozen with an order, nearest first."""
    return zip(
        row["upline_ids"], row["upline_grades"], row["upline_ranks"], row["upline_active"], strict=True
    )
