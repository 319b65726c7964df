"""What analytics hears."""

from collections.abc import Callable, Mapping

from fenxiao.analytics.domain.facts import Key
from fenxiao.analytics.service import Analytics
from fenxiao.commission.events import CommissionAccrued, CommissionClawedBack
from fenxiao.infra.bus.consumer import Consumer, decode
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.events import Envelope
from fenxiao.orders.events import OrderRefunded, OrderStatusChanged


def consumers(service: Analytics, db: Database) -> tuple[Consumer, ...]:
    """The one listener that keeps the sales figures."""

    async def follow(delivery: Delivery) -> None:
        named = [(envelope, fact) for envelope in delivery.envelopes if (fact := _fact(envelope)) is not None]
        # Of an order's changes of state only the payment means something here; the others are not even marked.
        if named:
            envelopes = tuple(envelope for envelope, _ in named)
            await service.follow(Delivery(delivery.consumer, envelopes), {fact for _, fact in named})

    events = (OrderStatusChanged, OrderRefunded, CommissionAccrued, CommissionClawedBack)
    return (Consumer("analytics.sales", events, follow, db),)


def _fact(envelope: Envelope) -> Key | None:
    return _FACTS[envelope.type](envelope)


def _payment(envelope: Envelope) -> Key | None:
    event = decode(envelope, OrderStatusChanged)
    return (event.order_id, "payment", 0) if event.status == "paid" else None


def _refund(envelope: Envelope) -> Key:
    event = decode(envelope, OrderRefunded)
    return (event.order_id, "refund", event.sequence)


def _accrual(envelope: Envelope) -> Key:
    event = decode(envelope, CommissionAccrued)
    return (event.order_id, "commission", event.step)


def _clawback(envelope: Envelope) -> Key:
    event = decode(envelope, CommissionClawedBack)
    return (event.order_id, "commission", event.step)


_FACTS: Mapping[str, Callable[[Envelope], Key | None]] = {
    OrderStatusChanged.type: _payment,
    OrderRefunded.type: _refund,
    CommissionAccrued.type: _accrual,
    CommissionClawedBack.type: _clawback,
}
