"""What the catalogue does when orders are placed, shipped, cancelled and refunded."""

from collections.abc import Sequence

from fenxiao.catalog.domain.follow import Left, Placed, Told
from fenxiao.catalog.domain.holds import Fact
from fenxiao.catalog.domain.reservation import gathered_units
from fenxiao.catalog.service.following import Following
from fenxiao.infra.bus.consumer import Consumer, decode
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.kernel.events import Envelope
from fenxiao.orders.events import OrderCreated, OrderRefunded, OrderStatusChanged

NAME = "catalog.orders"


def consumers(following: Following, db: Database) -> Sequence[Consumer]:
    """The listeners of this context."""

    @starts_over
    async def follow(delivery: Delivery) -> None:
        told = {envelope.id: one for envelope in delivery.envelopes if (one := _told(envelope)) is not None}
        # What says nothing to the warehouse, a payment say, is not even marked.
        relevant = tuple(envelope for envelope in delivery.envelopes if envelope.id in told)
        if relevant:
            async with db.begin(once=Delivery(delivery.consumer, relevant)) as tx:
                await following.follow(tx, [told[envelope.id] for envelope in tx.fresh])

    return (Consumer(NAME, (OrderCreated, OrderStatusChanged, OrderRefunded), follow, db),)


def _told(envelope: Envelope) -> Told | None:
    """What an event says to the warehouse, if anything."""
    if envelope.type == OrderCreated.type:
        created = decode(envelope, OrderCreated)
        return Placed(created.order_id, created.hold_id)
    if envelope.type == OrderRefunded.type:
        return _returned(envelope, decode(envelope, OrderRefunded))
    changed = decode(envelope, OrderStatusChanged)
    if changed.status == "shipped":
        return Left(changed.order_id)
    if changed.status in ("cancelled", "refunded"):
        return Fact(order_id=changed.order_id, fact=changed.status, at=envelope.time, actor=envelope.actor)
    return None


def _returned(envelope: Envelope, refunded: OrderRefunded) -> Fact | None:
    # Money alone, or goods that stay with the buyer or are thrown away by him, change nothing in the warehouse.
    if not refunded.units or (refunded.shipped and not refunded.restock):
        return None
    return Fact(
        order_id=refunded.order_id,
        fact="returned",
        sequence=refunded.sequence,
        units=gathered_units((unit.product_id, unit.quantity) for unit in refunded.units),
        restock=refunded.restock,
        shipped=refunded.shipped,
        at=envelope.time,
        actor=envelope.actor,
    )
