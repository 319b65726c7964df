"""What notifications hears: every event that a context publishes, for webhooks; and what makes a notice.

A context's `events.py` is what it publishes, so a new event there goes out without a word here. What a context tells
the house alone stays out: `audit.recorded` is no event of a context but of the unit of work, and is not in any of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from types import ModuleType

from fenxiao.catalog import events as catalog
from fenxiao.catalog.events import StockLow
from fenxiao.commission import events as commission
from fenxiao.commission.events import PayoutContradicted
from fenxiao.infra.bus.consumer import Consumer, decode
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.events import Event
from fenxiao.network import events as network
from fenxiao.notifications.domain.notices import PAYOUT_CONTRADICTED, STOCK_LOW
from fenxiao.notifications.service import Notifications
from fenxiao.orders import events as orders
from fenxiao.payments import events as payments
from fenxiao.rules import events as rules

PUBLISHERS = (catalog, network, rules, payments, orders, commission)


def published(modules: Sequence[ModuleType] = PUBLISHERS) -> tuple[type[Event], ...]:
    """Every event of these modules that has a type of its own."""
    return tuple(kind for module in modules for kind in _kinds(module))


def _kinds(module: ModuleType) -> Iterator[type[Event]]:
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, Event) and "type" in vars(kind):
            yield kind


def consumers(service: Notifications, db: Database) -> Sequence[Consumer]:
    """The consumers of this context."""

    def warning(name: str, event: type[Event], kind: str) -> Consumer:
        async def warn(delivery: Delivery) -> None:
            params = {one.id: asdict(decode(one, event)) for one in delivery.envelopes}
            await service.notices.raise_from(delivery, kind, params)

        return Consumer(name, (event,), warn, db)

    return (
        Consumer("notifications.webhooks", published(), service.outgoing.enqueue, db),
        warning("notifications.stock_low", StockLow, STOCK_LOW),
        warning("notifications.payout_contradicted", PayoutContradicted, PAYOUT_CONTRADICTED),
    )
