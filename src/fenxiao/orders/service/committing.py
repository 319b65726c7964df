"""The commit of placed orders: holds, idempotency marks, rows and events in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from fenxiao.catalog.api import HeldStock, ProductFacts
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import holds, idempotency
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Prior, Transaction
from fenxiao.kernel.errors import KeyBusy, Refusal
from fenxiao.kernel.ids import LineId, OrderId
from fenxiao.network.api import Seller
from fenxiao.orders.api import PlacedLine, PlacedOrder
from fenxiao.orders.domain.facts import Facts
from fenxiao.orders.events import OrderCreated, OrderStatusChanged
from fenxiao.orders.service.attempt import Answered, Attempt
from fenxiao.orders.store import placement, transitions

CATALOG = "catalog"
"""The holder of stock, as our table of hold outcomes knows it."""

MOST_FACTS = 100_000


class Fenced(Exception):  # noqa: N818 - a reason to start over
    """Some of these holds were given up by the sweep."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """An attempt that has everything a row needs."""

    attempt: Attempt
    held: HeldStock
    seller: Seller
    total_minor: int


class Committing:
    """Writes batches of priced attempts, whole or not at all."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db, self._cipher = db, cipher
        self._facts: dict[ProductFacts, int] = {}

    async def commit(self, batch: Sequence[Attempt], deadline: datetime) -> None:
        """Commit the attempts; each has its answer afterwards. Fenced or Moved: nothing was written."""
        facts = await self._interned(batch)
        async with self._db.begin() as tx:
            # Behind the deadline the stock may already be on its way back.
            if self._db.clock() >= deadline:
                raise Moved
            await _claim(tx, batch)
            ready = _ready(batch)
            if await holds.commit(tx, CATALOG, [each.held.hold_id for each in ready]):
                raise Fenced
            if ready:
                await self._write(tx, ready, facts)

    async def _interned(self, batch: Iterable[Attempt]) -> dict[int, int]:
        """The ids of the facts in these attempts, by the identity of the object: the catalogue shares them per call."""
        seen = {id(each): each for attempt in batch if attempt.held for each in attempt.held.facts}
        new = list({each: None for each in seen.values() if each not in self._facts})
        if new:
            async with self._db.begin() as tx:
                ids = await placement.intern_facts(tx, [_facts(each) for each in new])
            if len(self._facts) > MOST_FACTS:
                self._facts = {}
            self._facts |= zip(new, ids, strict=True)
            if any(each not in self._facts for each in seen.values()):
                return await self._interned(batch)
        return {identity: self._facts[each] for identity, each in seen.items()}

    async def _write(self, tx: Transaction, ready: Sequence[_Ready], facts: dict[int, int]) -> None:
        count = sum(len(each.held.facts) for each in ready)
        order_ids, line_ids = await placement.allocate_ids(tx, orders=len(ready), lines=count)
        lines = placement.LineColumns([], [], [], [], [], [], [], [])
        rows, changes = [], []
        kept: list[tuple[Once, bytes]] = []
        start = 0
        for order_id, each in zip(order_ids, ready, strict=True):
            own = line_ids[start : start + len(each.held.facts)]
            start += len(own)
            rows.append(self._row(order_id, each))
            _add_lines(lines, order_id, own, each, facts)
            changes += _changes(order_id, each)
            placed = _placed(order_id, own, each)
            each.attempt.answer = Answered(placed)
            if each.attempt.asked.once:
                kept.append((each.attempt.asked.once, msgspec.json.encode(placed)))
            _announce(tx, order_id, each)
        await placement.insert_orders(tx, rows)
        await placement.insert_lines(tx, lines)
        await transitions.record(tx, changes)
        if kept:
            await idempotency.keep(tx, kept)

    def _row(self, order_id: OrderId, each: _Ready) -> placement.OrderRow:
        order, seller, attempt = each.attempt.order, each.seller, each.attempt
        single = order.lines[0] if len(order.lines) == 1 else None
        buyer = order.buyer
        upline = seller.upline
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
            upline_ids=placement.literal([member.distributor_id for member in upline]),
            upline_grades=placement.literal([member.grade for member in upline]),
            upline_ranks=placement.literal([member.rank for member in upline]),
            upline_active=placement.literal(
                [member.status == "active" and member.earns for member in upline]
            ),
            tree_version=seller.tree_version,
            rule_id=attempt.rule_id,
            created_at=attempt.created_at,
            paid_at=attempt.created_at if order.paid else None,
        )


def buyer_index(cipher: Cipher, buyer: str | None) -> bytes | None:
    """By which the orders of one buyer are found without being readable."""
    return None if buyer is None else cipher.blind(buyer.strip().casefold(), column="buyer")


async def _claim(tx: Transaction, batch: Sequence[Attempt]) -> None:
    """Claim the idempotency keys; who was answered before gets that answer, and its hold is given up later."""
    claims = await idempotency.claim(tx, [attempt.asked.once for attempt in batch])
    for attempt, claim in zip(batch, claims, strict=True):
        if isinstance(claim, Prior):
            attempt.answer = Answered(claim.load(PlacedOrder), made=False, replayed=True)
        elif isinstance(claim, Refusal):
            attempt.answer = claim
            if isinstance(claim, KeyBusy):
                # Whoever is at it now has adopted, or will adopt, the same hold: it is not ours to give up.
                attempt.held = None


def _ready(batch: Iterable[Attempt]) -> list[_Ready]:
    return [
        _Ready(attempt, attempt.held, attempt.seller, sum(line.amount_minor for line in attempt.priced))
        for attempt in batch
        if attempt.answer is None and attempt.held is not None and attempt.seller is not None
    ]


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


def _add_lines(
    lines: placement.LineColumns,
    order_id: OrderId,
    ids: Sequence[LineId],
    each: _Ready,
    facts: dict[int, int],
) -> None:
    asked, priced = each.attempt.order.lines, each.attempt.priced
    lines.order_id += [order_id] * len(ids)
    lines.line_id += ids
    lines.product_id += [line.product_id for line in asked]
    lines.facts_id += [facts[id(fact)] for fact in each.held.facts]
    lines.quantity += [line.quantity for line in asked]
    lines.unit_price_minor += [line.unit_price_minor for line in priced]
    lines.discount_minor += [line.discount_minor for line in priced]
    lines.amount_minor += [line.amount_minor for line in priced]


def _changes(order_id: OrderId, each: _Ready) -> list[transitions.Change]:
    at, actor = each.attempt.created_at, each.attempt.asked.actor
    changes = [transitions.Change(order_id, 1, None, "pending", at, actor)]
    if each.attempt.order.paid:
        changes.append(transitions.Change(order_id, 2, "pending", "paid", at, actor))
    return changes


def _placed(order_id: OrderId, ids: Sequence[LineId], each: _Ready) -> PlacedOrder:
    order = each.attempt.order
    return PlacedOrder(
        order_id=order_id,
        distributor_id=order.distributor_id,
        external_id=order.external_id,
        status="paid" if order.paid else "pending",
        currency=each.attempt.currency,
        total_minor=each.total_minor,
        created_at=each.attempt.created_at,
        lines=tuple(
            PlacedLine(
                line_id=line_id,
                product_id=asked.product_id,
                quantity=asked.quantity,
                unit_price_minor=priced.unit_price_minor,
                amount_minor=priced.amount_minor,
            )
            for line_id, asked, priced in zip(ids, order.lines, each.attempt.priced, strict=True)
        ),
    )


def _announce(tx: Transaction, order_id: OrderId, each: _Ready) -> None:
    order, at = each.attempt.order, each.attempt.created_at
    tx.emit(
        OrderCreated(
            order_id=order_id,
            version=1,
            distributor_id=order.distributor_id,
            hold_id=each.held.hold_id,
            currency=each.attempt.currency,
            total_minor=each.total_minor,
        ),
        at=at,
    )
    if order.paid:
        paid = OrderStatusChanged(
            order_id=order_id, version=2, status="paid", previous="pending", rule_id=each.attempt.rule_id
        )
        tx.emit(paid, at=at)
