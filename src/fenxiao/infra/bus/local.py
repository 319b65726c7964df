"""The bus of one process: hands a relay's batch to every consumer that wants some of it, and waits.

Delivery fails per consumer: an event that one cannot digest is parked in that consumer's inbox and the
rest go on. A server that does not answer is no fault of the event: then the whole batch is tried again.
"""

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import Counter

from fenxiao.infra import context
from fenxiao.infra.bus.consumer import Consumer
from fenxiao.infra.db import inbox
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.errors import Unavailable
from fenxiao.kernel.events import Envelope

log = structlog.get_logger(__name__)
DELIVERED = Counter("fenxiao_events_delivered_total", "Events that a consumer has dealt with", ["consumer"])
PARKED = Counter("fenxiao_events_parked_total", "Events that a consumer could not digest", ["consumer"])


class LocalBus:
    """Consumers of this process by name."""

    def __init__(self, consumers: Sequence[Consumer]) -> None:
        self._consumers = {consumer.name: consumer for consumer in consumers}
        if len(self._consumers) != len(consumers):
            message = "two consumers have the same name"
            raise ValueError(message)
        self._by_type: dict[str, list[Consumer]] = {}
        for consumer in consumers:
            for kind in consumer.events:
                self._by_type.setdefault(kind.type, []).append(consumer)

    async def publish(self, batch: Sequence[Envelope]) -> None:
        """Deliver to all consumers side by side; returns when each has dealt with or parked every event."""
        wanted: dict[str, list[Envelope]] = {}
        for envelope in batch:
            for consumer in self._by_type.get(envelope.type, ()):
                wanted.setdefault(consumer.name, []).append(envelope)
        work = [self._deliver(self._consumers[name], tuple(events)) for name, events in wanted.items()]
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def replay(self) -> int:
        """Give parked events whose time has come to their consumers again; how many were tried."""
        tried = 0
        for db in {consumer.db.schema: consumer.db for consumer in self._consumers.values()}.values():
            async with db.connection() as connection:
                due = await inbox.due(connection, db.clock())
            for name, envelope in due:
                if name in self._consumers:
                    tried += 1
                    await self._deliver(self._consumers[name], (envelope,))
        return tried

    async def _deliver(self, consumer: Consumer, envelopes: tuple[Envelope, ...]) -> None:
        try:
            with context.use(context.RequestContext(actor=f"event:{consumer.name}")):
                await consumer.handle(Delivery(consumer.name, envelopes))
            DELIVERED.labels(consumer.name).inc(len(envelopes))
        except Unavailable:
            raise
        except Exception as error:
            if len(envelopes) > 1:
                # Halves rather than one by one: a single bad event among 500 costs nine rounds, not 500.
                middle = len(envelopes) // 2
                await self._deliver(consumer, envelopes[:middle])
                await self._deliver(consumer, envelopes[middle:])
                return
            PARKED.labels(consumer.name).inc()
            log.exception(
                "event parked",
                consumer=consumer.name,
                event_id=str(envelopes[0].id),
                event_type=envelopes[0].type,
            )
            async with consumer.db.connection() as connection:
                await inbox.park(
                    connection,
                    consumer.name,
                    envelopes[0],
                    f"{type(error).__name__}: {error}",
                    consumer.db.clock(),
                )
