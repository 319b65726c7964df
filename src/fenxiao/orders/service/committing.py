"""The commit of placed orders: holds, idempotency marks, rows and events in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from fenxiao.catalog.api import HeldStock, ProductFacts
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import arrays
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.outbox import Emitted
from fenxiao.infra.db.starts_over import Moved
from fenxiao.kernel.ids import LineId, OrderId, ProductId
from fenxiao.kernel.values import value
from fenxiao.network.api import Seller
from fenxiao.orders.api import PlacedLine, PlacedOrder
from fenxiao.orders.domain.facts import Facts
from fenxiao.orders.events import OrderCreated, OrderStatusChanged
from fenxiao.orders.queries.known import buyer_index
from fenxiao.orders.service.attempt import Answered, Attempt
from fenxiao.orders.store import placement
from fenxiao.orders.store.numbers import Numbers

CATALOG = "catalog"
"""The holder of stock, as our table of hold outcomes knows it."""

MOST_FACTS = 100_000


_Version = tuple[ProductId, int]
"""A product at one version: its facts never change."""


@value()
class _Ready:
    """An attempt that has everything a row needs."""

    attempt: Attempt
    order_id: OrderId
    line_ids: Sequence[LineId]
    held: HeldStock
    seller: Seller
    total_minor: int


class Committing:
    """Writes batches of priced attempts, whole or not at all."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db, self._cipher = db, cipher
        self._numbers = Numbers(db)
        self._facts: dict[_Version, int] = {}

    async def commit(self, batch: Sequence[Attempt], deadline: datetime) -> None:
        """Commit the attempts; each has its answer afterwards. UniqueViolationError or Moved: nothing was written."""
        facts = await self._interned(batch)
        placed = self._placed(await self._ready(batch), facts)
        # Behind the deadline the stock may already be on its way back.
        if self._db.clock() >= deadline:
            raise Moved
        if placed.orders:
            await placement.insert(self._db, placed, holder=CATALOG)
            self._remember(facts)

    async def _ready(self, batch: Iterable[Attempt]) -> list[_Ready]:
        decided = [(a, a.held, a.seller) for a in batch if a.answer is None and a.held and a.seller]
        orders, lines = await self._numbers.draw(
            orders=len(decided), lines=sum(len(attempt.order.lines) for attempt, _, _ in decided)
        )
        line = iter(lines)
        return [
            _Ready(
                attempt,
                order_id,
                [next(line) for _ in attempt.order.lines],
                held,
                seller,
                attempt.total_minor(),
            )
            for (attempt, held, seller), order_id in zip(decided, orders, strict=True)
        ]

    async def _interned(self, batch: Iterable[Attempt]) -> dict[_Version, int]:
        """The ids of the products' facts in these attempts."""
        seen = {_version(each): each for attempt in batch if attempt.held for each in attempt.held.facts}
        known = {version: self._facts[version] for version in seen if version in self._facts}
        new = {version: each for version, each in seen.items() if version not in known}
        if not new:
            return known
        ids = await placement.intern_facts(self._db, [_facts(each) for each in new.values()])
        return known | dict(zip(new, ids, strict=True))

    def _remember(self, facts: Mapping[_Version, int]) -> None:
        """Keep ids in mind to which a committed order refers; before, a crash of the database may give them to others."""
        if len(self._facts) > MOST_FACTS:
            self._facts = {}
        self._facts |= facts

    def _placed(self, ready: Sequence[_Ready], facts: Mapping[_Version, int]) -> placement.Placed:
        batch = placement.Placed()
        for each in ready:
            row = self._row(each)
            lines = _lines(each, facts)
            batch.orders.append(row)
            batch.lines += lines
            placed = _answer(row, lines)
            each.attempt.answer = Answered(placed)
            if each.attempt.asked.once:
                batch.kept.append((each.attempt.asked.once, msgspec.json.encode(placed)))
            batch.events += _events(row)
        return batch

    def _row(self, each: _Ready) -> placement.OrderRow:
        order, seller, attempt = each.attempt.order, each.seller, each.attempt
        single = order.lines[0] if len(order.lines) == 1 else None
        buyer = order.buyer
        upline = seller.upline
        order_id, limit = each.order_id, attempt.payment_limit
        return placement.OrderRow(
            order_id=order_id,
            distributor_id=order.distributor_id,
            product_id=single.product_id if single else None,
            quantity=single.quantity if single else None,
            status="paid" if order.paid else "pending",
            version=2 if order.paid else 1,
            currency=attempt.currency,
            total_minor=each.total_minor,
            channel=order.channel,
            external_id=order.external_id,
            buyer=None
            if buyer is None
            else self._cipher.seal(buyer, table="orders", column="buyer", row=order_id),
            buyer_index=buyer_index(self._cipher, buyer),
            hold_id=each.held.hold_id,
            seller_grade=seller.member.grade,
            seller_rank=seller.member.rank,
            seller_active=seller.member.status == "active" and seller.member.earns,
            upline_ids=arrays.numbers([member.distributor_id for member in upline]),
            upline_grades=arrays.texts([member.grade for member in upline]),
            upline_ranks=arrays.numbers([member.rank for member in upline]),
            upline_active=arrays.truths([member.status == "active" and member.earns for member in upline]),
            tree_version=seller.tree_version,
            rule_id=attempt.rule_id,
            created_at=attempt.created_at,
            # A past fact is not waiting for anything.
            pay_by=None if limit is None or order.paid or order.at else attempt.created_at + limit,
            paid_at=attempt.created_at if order.paid else None,
            actor=attempt.asked.actor,
            discount_minor=order.discount_minor or 0,
            shipping_minor=order.shipping_minor or 0,
            tax_minor=order.tax_minor or 0,
        )


def _version(each: ProductFacts) -> _Version:
    return each.product_id, each.version


def _facts(each: ProductFacts) -> Facts:
    return Facts(
        each.product_id,
        each.version,
        each.name,
        each.currency,
        each.price_minor,
        each.cost_minor,
        each.category_path,
        each.tags,
    )


def _lines(each: _Ready, facts: Mapping[_Version, int]) -> list[placement.LineRow]:
    return [
        placement.LineRow(
            each.order_id,
            line_id,
            asked.product_id,
            facts[_version(of)],
            asked.quantity,
            priced.unit_price_minor,
            priced.discount_minor,
            priced.amount_minor,
            priced.order_discount_minor,
        )
        for line_id, asked, of, priced in zip(
            each.line_ids, each.attempt.order.lines, each.held.facts, each.attempt.priced, strict=True
        )
    ]


def _answer(row: placement.OrderRow, lines: Iterable[placement.LineRow]) -> PlacedOrder:
    return PlacedOrder(
        order_id=row.order_id,
        distributor_id=row.distributor_id,
        external_id=row.external_id,
        status=row.status,
        currency=row.currency,
        total_minor=row.total_minor,
        created_at=row.created_at,
        discount_minor=row.discount_minor,
        shipping_minor=row.shipping_minor,
        tax_minor=row.tax_minor,
        pay_by=row.pay_by,
        lines=tuple(
            [
                PlacedLine(
                    line_id=line.line_id,
                    product_id=line.product_id,
                    quantity=line.quantity,
                    unit_price_minor=line.unit_price_minor,
                    amount_minor=line.amount_minor,
                    discount_minor=line.discount_minor,
                    order_discount_minor=line.order_discount_minor,
                )
                for line in lines
            ]
        ),
    )


def _events(row: placement.OrderRow) -> list[Emitted]:
    created = OrderCreated(
        order_id=row.order_id,
        version=1,
        distributor_id=row.distributor_id,
        hold_id=row.hold_id,
        currency=row.currency,
        total_minor=row.total_minor,
    )
    if row.status != "paid":
        return [(created, row.created_at, row.actor)]
    paid = OrderStatusChanged(
        order_id=row.order_id, version=2, status="paid", previous="pending", rule_id=row.rule_id
    )
    return [(created, row.created_at, row.actor), (paid, row.created_at, row.actor)]
