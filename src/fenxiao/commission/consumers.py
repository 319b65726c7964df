"""What commission does when something has happened to orders."""

from fenxiao.commission.service.accrual import Accrual
from fenxiao.infra.bus.consumer import Consumer, decode
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.events import Envelope
from fenxiao.kernel.ids import OrderId
from fenxiao.orders.events import OrderRefunded, OrderStatusChanged


def consumers(db: Database, accrual: Accrual) -> list[Consumer]:
    """All consumers of this context."""

    async def book(delivery: Delivery) -> None:
        relevant = Delivery(delivery.consumer, tuple(filter(_matters, delivery.envelopes)))
        if relevant.envelopes:
            await accrual.book_orders(await _orders(accrual, relevant), relevant)

    return [Consumer("commission.accrual", (OrderStatusChanged, OrderRefunded), book, db)]


def _matters(envelope: Envelope) -> bool:
    """Shipping and cancelling move no commission."""
    return envelope.type == OrderRefunded.type or envelope.data["status"] in {"paid", "completed"}


async def _orders(accrual: Accrual, delivery: Delivery) -> list[OrderId]:
    """The orders whose histories must be asked for: a payment matters only under a plan that pays on it."""
    changed = [
        decode(envelope, OrderStatusChanged)
        for envelope in delivery.envelopes
        if envelope.type == OrderStatusChanged.type
    ]
    rule_ids = {event.rule_id for event in changed if event.status == "paid" and event.rule_id is not None}
    on_payment = await accrual.accrues_on_payment(rule_ids)
    moved = [
        event.order_id
        for event in changed
        # Where the event names no rule, only the history can say.
        if event.status == "completed" or event.rule_id is None or event.rule_id in on_payment
    ]
    refunded = [
        decode(envelope, OrderRefunded).order_id
        for envelope in delivery.envelopes
        if envelope.type == OrderRefunded.type
    ]
    return [*moved, *refunded]
