"""The log of deliveries over HTTP, and sending again."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query
from pydantic import Field

from fenxiao.infra.db.runs import Run
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Body, Id, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.notifications.http.webhooks import MANAGE, EventTypes
from fenxiao.notifications.queries.deliveries import Delivery, LogFilter, State
from fenxiao.notifications.service.deliveries import Deliveries

Operator = Annotated[Principal, require(MANAGE)]


class AttemptAnswer(Answer):
    """One try. `status` is that of the receiver's answer, `answer` its first kilobyte; `error` says why it failed."""

    at: datetime
    milliseconds: int
    status: int | None
    error: str | None
    answer: str | None


class DeliveryAnswer(Answer):
    """投递: one event for one webhook. `event_id` goes out as `webhook-id`; `due_at` is the next attempt of a pending one."""

    delivery_id: int
    webhook_id: int
    event_id: UUID
    type: str
    status: State
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: tuple[AttemptAnswer, ...]


class DeliveryWithEvent(DeliveryAnswer):
    """A delivery with the event as it is sent."""

    event: dict[str, Any]


class NewReplay(Body):
    """The span in which the events came (`to` is not in it any more), and which types; all that are wanted if left out."""

    start: Annotated[Moment, Field(alias="from")]
    end: Annotated[Moment, Field(alias="to")]
    types: EventTypes | None = None


class ReplayAnswer(Answer):
    """How far a replay has come: `events` were queued again. `status` is queued, running, done, failed or cancelled."""

    replay_id: int
    webhook_id: int
    status: str
    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    types: tuple[str, ...] | None
    events: int
    created_at: datetime


def router(deliveries: Deliveries) -> APIRouter:
    """Reading the log, and sending again."""
    routes = new_router(prefix="/api/webhooks/{webhook_id}", tags=["webhooks"])
    _add_log(routes, deliveries)
    _add_again(routes, deliveries)
    return routes


def _add_log(routes: APIRouter, deliveries: Deliveries) -> None:
    @routes.get("/deliveries")
    async def list_deliveries(  # noqa: PLR0917 - FastAPI reads them by name
        _: Operator,
        webhook_id: Id,
        status: State | None = None,
        kind: Annotated[str | None, Query(alias="type", max_length=100)] = None,
        event_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[DeliveryAnswer]:
        """What was sent and what came of it, the newest first."""
        wanted = LogFilter(state=status, type=kind, event_id=event_id)
        page = await deliveries.page(webhook_id, wanted, limit=limit, cursor=cursor)
        return items(page, [DeliveryAnswer(**_fields(one)) for one in page.items])

    @routes.get("/deliveries/{delivery_id}")
    async def get_delivery(_: Operator, webhook_id: Id, delivery_id: Id) -> DeliveryWithEvent:
        """One delivery with the event it carries."""
        found, payload = await deliveries.find(webhook_id, delivery_id)
        return DeliveryWithEvent(**_fields(found), event=msgspec.json.decode(payload))


def _add_again(routes: APIRouter, deliveries: Deliveries) -> None:
    @routes.post("/test")
    async def try_webhook(_: Operator, webhook_id: Id, once: Idempotency) -> DeliveryAnswer:
        """Send an event of type webhook.test now, once, and say what came of it."""
        return DeliveryAnswer(**_fields(await deliveries.test(webhook_id, once=once)))

    @routes.post("/deliveries/{delivery_id}/redeliver")
    async def redeliver(_: Operator, webhook_id: Id, delivery_id: Id, once: Idempotency) -> DeliveryAnswer:
        """Send it again, with all its attempts before it; the receiver knows it by its `webhook-id`."""
        return DeliveryAnswer(**_fields(await deliveries.redeliver(webhook_id, delivery_id, once=once)))

    @routes.post("/replay", status_code=202)
    async def replay(_: Operator, webhook_id: Id, body: NewReplay, once: Idempotency) -> ReplayAnswer:
        """Send again what came in a span of time, also what this webhook never got."""
        run_id = await deliveries.replay(
            webhook_id, start=body.start, end=body.end, types=body.types, once=once
        )
        return _replay(await deliveries.find_replay(webhook_id, run_id))

    @routes.get("/replays/{replay_id}")
    async def get_replay(_: Operator, webhook_id: Id, replay_id: Id) -> ReplayAnswer:
        """How far a replay has come."""
        return _replay(await deliveries.find_replay(webhook_id, replay_id))


def _fields(one: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": one.delivery_id,
        "webhook_id": one.webhook_id,
        "event_id": one.event_id,
        "type": one.type,
        "status": one.state,
        "due_at": one.due_at,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
        "attempts": tuple(
            AttemptAnswer(
                at=tried.at,
                milliseconds=tried.milliseconds,
                status=tried.status,
                error=tried.fault,
                answer=tried.answer,
            )
            for tried in one.attempts
        ),
    }


def _replay(run: Run) -> ReplayAnswer:
    asked = run.parameters
    return ReplayAnswer(
        replay_id=run.run_id,
        webhook_id=asked["webhook_id"],
        status=run.state,
        start=datetime.fromisoformat(asked["from"]),
        end=datetime.fromisoformat(asked["to"]),
        types=None if asked["types"] is None else tuple(asked["types"]),
        events=run.done if run.result is None else run.result["events"],
        created_at=run.created_at,
    )
