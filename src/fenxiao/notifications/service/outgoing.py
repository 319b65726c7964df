"""From events to deliveries: one row for each webhook that wants an event, in the transaction that marks the event."""

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.notifications.domain import payload, subscription
from fenxiao.notifications.queries import webhooks as queries


class Outgoing:
    """Takes events in."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def enqueue(self, delivery: Delivery) -> None:
        """Keep the events that some webhook wants, and queue them for those that are enabled.

        What a disabled webhook wants is kept too, so that it can be replayed when it is enabled again. Nothing else is
        even marked: on a server without webhooks a batch of events costs one question.
        """
        wanted = await queries.subscriptions(self._db)
        envelopes = tuple(one for one in delivery.envelopes if subscription.wants(wanted, one.type))
        if not envelopes:
            return
        now = self._db.clock()
        async with self._db.begin(once=Delivery(delivery.consumer, envelopes)) as tx:
            fresh = tx.fresh
            await tx.execute(
                "insert into message (event_id, type, payload, created_at)"
                " select e, t, p, $4 from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as m(e, t, p, n)"
                " order by n on conflict (event_id) do nothing",
                [one.id for one in fresh],
                [one.type for one in fresh],
                [payload.written(one) for one in fresh],
                now,
            )
            await tx.execute(
                "insert into delivery (webhook_id, message_id, type, state, due_at, created_at)"
                " select w.webhook_id, m.message_id, m.type, 'pending', $2, $2 from message m join webhook w"
                " on w.state = 'enabled' and (m.type = any(w.event_types) or '*' = any(w.event_types))"
                " where m.event_id = any($1::uuid[]) order by m.message_id, w.webhook_id"
                " on conflict (webhook_id, message_id) do nothing",
                [one.id for one in fresh],
                now,
            )
