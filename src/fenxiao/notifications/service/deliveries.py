"""The log of deliveries, and sending again: one delivery, a span, or a test."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from fenxiao.infra import context
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid, NotFound
from fenxiao.kernel.events import Envelope
from fenxiao.kernel.ids import RunId
from fenxiao.kernel.paging import Page
from fenxiao.notifications.domain import payload, subscription
from fenxiao.notifications.domain.ids import DeliveryId
from fenxiao.notifications.domain.refusals import WebhookDisabled
from fenxiao.notifications.queries import deliveries as queries
from fenxiao.notifications.queries import webhooks
from fenxiao.notifications.queries.deliveries import Delivery, LogFilter
from fenxiao.notifications.service.sending import LEASE, Claimed, Sending

REPLAY = "replay"
CHUNK = 1000
"""Events of a replay that are queued in one transaction."""

_AGAIN = "state = 'pending', failed = 0, due_at = $1, finished_at = null, leased_until = null, claim = delivery.claim + 1"


class Deliveries:
    """What was sent to a webhook, and what is sent to it again."""

    def __init__(self, db: Database, sending: Sending, types: Sequence[str]) -> None:
        self._db = db
        self._sending = sending
        self._types = types

    async def page(
        self, webhook_id: int, wanted: LogFilter, *, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        """The log of a webhook, the newest first."""
        await webhooks.find(self._db, webhook_id)
        return await queries.page(self._db, webhook_id, wanted, limit=limit, cursor=cursor)

    async def find(self, webhook_id: int, delivery_id: int) -> tuple[Delivery, str]:
        """One delivery and what it sends."""
        await webhooks.find(self._db, webhook_id)
        found = await queries.find(self._db, webhook_id, delivery_id)
        return found, await queries.payload(self._db, delivery_id)

    async def redeliver(self, webhook_id: int, delivery_id: int, *, once: Once | None) -> Delivery:
        """Send it again, under its old number, in a round of attempts of its own that begins now."""
        async with self._db.begin(once=once) as tx:
            if tx.prior is None:
                await _enabled(tx, webhook_id)
                tag = await tx.execute(
                    f"update delivery set {_AGAIN} where delivery_id = $2 and webhook_id = $3",
                    self._db.clock(),
                    delivery_id,
                    webhook_id,
                )
                if tag != "UPDATE 1":
                    raise NotFound(thing="delivery")
                tx.keep(delivery_id)
                tx.audit("webhook.redelivered", f"webhooks/{webhook_id}", after={"delivery_id": delivery_id})
        return await queries.find(self._db, webhook_id, delivery_id)

    async def test(self, webhook_id: int, *, once: Once | None) -> Delivery:
        """Send an event of type `webhook.test` now, once, and say what came of it; a disabled webhook too."""
        claimed = None
        async with self._db.begin(once=once) as tx:
            if tx.prior is None:
                claimed = await self._prepare(tx, webhook_id)
                delivery_id = tx.keep(DeliveryId(claimed.delivery_id))
            else:
                delivery_id = DeliveryId(tx.prior.load(int))
        if claimed is not None:
            # Whoever dies here leaves a lease that runs out, and the sweep sends the test.
            await self._sending.deliver(claimed)
        return await queries.find(self._db, webhook_id, delivery_id)

    async def replay(
        self,
        webhook_id: int,
        *,
        start: datetime,
        end: datetime,
        types: Sequence[str] | None,
        once: Once | None,
    ) -> RunId:
        """Queue again every event that came here in the span and that the webhook wants; `types` narrows.

        Also what it never got, because it was disabled or not there yet. What is pending anyway stays as it is.
        """
        if end <= start:
            raise Invalid(errors=(FieldError("to", "`to` must lie after `from`."),))
        named = None if types is None else list(subscription.settled(types, self._types, "types"))
        if named == [subscription.EVERYTHING]:
            named = None
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return RunId(tx.prior.load(int))
            await _enabled(tx, webhook_id)
            span = {"from": start.isoformat(), "to": end.isoformat(), "types": named}
            run_id = await runs.create(tx, REPLAY, {"webhook_id": webhook_id, **span})
            tx.audit("webhook.replayed", f"webhooks/{webhook_id}", after=span)
            return tx.keep(run_id)

    async def find_replay(self, webhook_id: int, replay_id: int) -> Run:
        """How far a replay has come."""
        await webhooks.find(self._db, webhook_id)
        run = await runs.find(self._db, RunId(replay_id), REPLAY)
        if run.parameters["webhook_id"] != webhook_id:
            raise NotFound(thing=REPLAY)
        return run

    async def replay_step(self, run: Run) -> None:
        """One chunk of a replay: the next events of the span, in the order in which they came."""
        asked: dict[str, Any] = run.parameters
        now = self._db.clock()
        async with self._db.begin() as tx:
            rows = await tx.fetch(
                "select m.message_id from message m join webhook w on w.webhook_id = $1 and w.state = 'enabled'"
                " and (m.type = any(w.event_types) or '*' = any(w.event_types))"
                " where m.message_id > $2 and m.created_at >= $3 and m.created_at < $4 and m.type <> $7"
                " and ($5::text[] is null or m.type = any($5::text[])) order by m.message_id limit $6",
                asked["webhook_id"],
                run.cursor or 0,
                datetime.fromisoformat(asked["from"]),
                datetime.fromisoformat(asked["to"]),
                asked["types"],
                CHUNK,
                payload.TEST,
            )
            found = [row["message_id"] for row in rows]
            await tx.execute(
                "insert into delivery (webhook_id, message_id, type, state, due_at, created_at)"
                " select $2, message_id, type, 'pending', $1, $1 from message where message_id = any($3::bigint[])"
                f" order by message_id on conflict (webhook_id, message_id) do update set {_AGAIN}"
                " where delivery.state <> 'pending'",
                now,
                asked["webhook_id"],
                found,
            )
            if len(found) < CHUNK:
                await runs.finish(tx, run, result={"events": run.done + len(found)}, now=now)
            else:
                await runs.advance(tx, run, cursor=found[-1], done=len(found), now=now)

    async def _prepare(self, tx: Transaction, webhook_id: int) -> Claimed:
        webhook = await webhooks.find(tx, webhook_id)
        now = self._db.clock()
        envelope = Envelope(
            id=uuid4(),
            source="notifications",
            type=payload.TEST,
            subject=f"webhooks/{webhook_id}",
            time=now,
            data={"webhook_id": webhook_id},
            actor=context.current().actor,
        )
        text = payload.written(envelope)
        message_id = await tx.fetchval(
            "insert into message (event_id, type, payload, created_at) values ($1, $2, $3, $4) returning message_id",
            envelope.id,
            payload.TEST,
            text,
            now,
        )
        delivery_id = await tx.fetchval(
            "insert into delivery (webhook_id, message_id, type, state, claim, due_at, leased_until, created_at)"
            " values ($1, $2, $3, 'pending', 1, $4, $4, $5) returning delivery_id",
            webhook_id,
            message_id,
            payload.TEST,
            now + LEASE,
            now,
        )
        signing = await webhooks.secrets(tx, webhook_id, now)
        return Claimed(
            delivery_id=delivery_id,
            webhook_id=webhook_id,
            claim=1,
            failed=0,
            event_id=envelope.id,
            type=payload.TEST,
            payload=text,
            url=webhook.url,
            secret_ids=[one.webhook_secret_id for one in signing],
            secrets_sealed=[one.secret_sealed for one in signing],
        )


async def _enabled(tx: Transaction, webhook_id: int) -> None:
    webhook = await webhooks.locked(tx, webhook_id)
    if webhook.status != "enabled":
        raise WebhookDisabled
