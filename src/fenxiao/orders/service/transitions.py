"""Payment, completion and cancellation: one transaction each, for any number of orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from fenxiao.infra import context
from fenxiao.infra.context import RequestContext
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import OrderId, RuleId
from fenxiao.orders.api import OrderMissing, Transition
from fenxiao.orders.domain.states import refusal
from fenxiao.orders.events import OrderStatusChanged, Status
from fenxiao.orders.store import transitions
from fenxiao.orders.store.transitions import Change, Standing
from fenxiao.rules.api import RuleQuestion, RulesApi

SYSTEM = "system"
"""Who cancels what was not paid in time."""
NOT_PAID = "payment-limit"
"""Why, as the order's history has it."""
UNPAID_AT_ONCE = 500

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNote:
    """How an order was paid, as the operator says; the reference is sealed before it is stored."""

    method: str | None = None
    reference: str | None = None


class Transitions:
    """订单状态: brings orders to their next state."""

    def __init__(self, db: Database, cipher: Cipher, rules: RulesApi) -> None:
        self._db, self._cipher, self._rules = db, cipher, rules

    @starts_over
    async def pay(self, *, order_id: OrderId, note: PaymentNote) -> None:
        """A pending order is paid now and stamped with the rule version in effect; raises OrderMissing or WrongState."""
        currency = await _currency(self._db, order_id)
        at = self._db.clock()
        (rule_id,) = await self._rules.active(asked=[RuleQuestion(currency=currency, at=at)])
        reference = self._sealed(order_id, note.reference)
        async with self._db.begin() as tx:
            standing = (await transitions.lock(tx, [order_id]))[order_id]
            change = decided(standing, order_id, "paid", at)
            if isinstance(change, Refusal):
                raise change
            await transitions.pay(
                tx, change, transitions.Payment(method=note.method, reference=reference, rule_id=rule_id)
            )
            announce(tx, [change], rule_id=rule_id)

    def _sealed(self, order_id: OrderId, reference: str | None) -> bytes | None:
        if reference is None:
            return None
        return self._cipher.seal(reference, table="orders", column="payment_reference", row=order_id)

    async def complete(self, orders: Sequence[Transition]) -> list[Refusal | None]:
        """Shipped orders have arrived."""
        return await self._move(orders, "completed")

    async def cancel(self, orders: Sequence[Transition]) -> list[Refusal | None]:
        """Pending orders are given up; the warehouse hears of it by the event."""
        return await self._move(orders, "cancelled")

    async def cancel_unpaid(self) -> int:
        """Cancel the pending orders whose time for payment has run out; how many.

        Payment and cancellation both take the order's row, so exactly one of them happens: an order that is paid
        between our look and our lock is no longer pending and stays paid.
        """
        cancelled = 0
        with context.use(RequestContext(actor=SYSTEM)):
            while due := await transitions.unpaid(self._db, self._db.clock(), UNPAID_AT_ONCE):
                asked = [Transition(order_id=order_id) for order_id in due]
                answers = await self._move(asked, "cancelled", reason=NOT_PAID)
                cancelled += answers.count(None)
                if len(due) < UNPAID_AT_ONCE:
                    break
        if cancelled:
            _log.info("orders were not paid in time", cancelled=cancelled)
        return cancelled

    @starts_over
    async def _move(
        self, orders: Sequence[Transition], wanted: Status, *, reason: str | None = None
    ) -> list[Refusal | None]:
        now = self._db.clock()
        answers: list[Refusal | None] = []
        changes: list[Change] = []
        async with self._db.begin() as tx:
            found = await transitions.lock(tx, [order.order_id for order in orders])
            for order in orders:
                change = decided(found.get(order.order_id), order.order_id, wanted, order.at or now)
                if isinstance(change, Refusal):
                    answers.append(change)
                    continue
                answers.append(None)
                changes.append(change)
            await transitions.advance(tx, changes, reason=reason)
            announce(tx, changes)
        return answers


def decided(standing: Standing | None, order_id: OrderId, wanted: Status, at: datetime) -> Change | Refusal:
    """The change that brings an order to a state, or why not; the standing moves along with it."""
    if standing is None:
        return OrderMissing(order_id=order_id)
    refused = refusal(order_id, standing.status, wanted)
    if refused is not None:
        return refused
    at = standing.moment(at)
    change = Change(order_id, standing.version + 1, standing.status, wanted, at, context.current().actor)
    standing.status, standing.version = wanted, change.version
    return change


def announce(tx: Transaction, changes: Sequence[Change], *, rule_id: RuleId | None = None) -> None:
    """Publish transitions of orders that existed before; `rule_id` is what a payment was stamped with."""
    for change in changes:
        assert change.previous is not None  # noqa: S101 - a new order announces itself
        tx.emit(
            OrderStatusChanged(
                order_id=change.order_id,
                version=change.version,
                status=change.status,
                previous=change.previous,
                rule_id=rule_id,
            ),
            at=change.at,
        )


async def _currency(reader: Reader, order_id: OrderId) -> str:
    currency: str | None = await reader.fetchval("select currency from orders where order_id = $1", order_id)
    if currency is None:
        raise OrderMissing(order_id=order_id)
    return currency
