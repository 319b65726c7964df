"""The log of deliveries with their attempts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import select

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.notifications.domain.ids import DeliveryId, WebhookId
from fenxiao.notifications.tables import delivery, message

State = Literal["pending", "delivered", "dead"]
MAX_ATTEMPTS_SHOWN = 30
"""Three rounds of attempts; of a delivery that was sent again more often, the last ones are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try: when it began, how long it took, what was answered, and why it failed if it did."""

    at: datetime
    milliseconds: int
    status: int | None
    fault: str | None
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """投递: one event on its way to one webhook. `due_at` is the next attempt of a pending one."""

    delivery_id: DeliveryId
    webhook_id: WebhookId
    event_id: UUID
    type: str
    state: State
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which deliveries are wanted; None leaves a field open."""

    state: State | None = None
    type: str | None = None
    event_id: UUID | None = None


_COLUMNS = (
    delivery.c.delivery_id,
    delivery.c.webhook_id,
    message.c.event_id,
    delivery.c.type,
    delivery.c.state,
    delivery.c.due_at,
    delivery.c.created_at,
    delivery.c.finished_at,
)
_ALL = select(*_COLUMNS).join(message, message.c.message_id == delivery.c.message_id)


async def page(
    reader: Reader, webhook_id: int, wanted: LogFilter, *, limit: int, cursor: str | None
) -> Page[Delivery]:
    """The deliveries of a webhook, the newest first."""
    query = _ALL.where(delivery.c.webhook_id == webhook_id)
    if wanted.state is not None:
        query = query.where(delivery.c.state == wanted.state)
    if wanted.type is not None:
        query = query.where(delivery.c.type == wanted.type)
    if wanted.event_id is not None:
        query = query.where(message.c.event_id == wanted.event_id)
    if cursor is not None:
        query = query.where(delivery.c.delivery_id < cast("int", decode_cursor(cursor, int)[0]))
    rows = await reader.fetch(query.order_by(delivery.c.delivery_id.desc()).limit(limit + 1))
    found = [Delivery(**row) for row in rows[:limit]]
    tried = await _attempts(reader, [one.delivery_id for one in found])
    whole = tuple(replace(one, attempts=tried.get(one.delivery_id, ())) for one in found)
    return Page(whole, encode_cursor(whole[-1].delivery_id) if len(rows) > limit else None)


async def find(reader: Reader, webhook_id: int, delivery_id: int) -> Delivery:
    """One delivery of a webhook."""
    row = await reader.fetchrow(
        _ALL.where(delivery.c.webhook_id == webhook_id, delivery.c.delivery_id == delivery_id)
    )
    if row is None:
        raise NotFound(thing="delivery")
    tried = await _attempts(reader, [DeliveryId(delivery_id)])
    return Delivery(**row, attempts=tried.get(DeliveryId(delivery_id), ()))


async def payload(reader: Reader, delivery_id: int) -> str:
    """What is sent, word for word."""
    text: str = await reader.fetchval(
        "select m.payload from delivery d join message m using (message_id) where d.delivery_id = $1",
        delivery_id,
    )
    return text


async def _attempts(
    reader: Reader, deliveries: Sequence[DeliveryId]
) -> dict[DeliveryId, tuple[Attempt, ...]]:
    rows = await reader.fetch(
        "select a.* from unnest($1::bigint[]) as d(id) cross join lateral ("
        "  select attempt_id, delivery_id, at, milliseconds, status, fault, answer from attempt"
        "  where delivery_id = d.id order by attempt_id desc limit $2"
        ") a order by a.attempt_id",
        list(deliveries),
        MAX_ATTEMPTS_SHOWN,
    )
    found: dict[DeliveryId, list[Attempt]] = {}
    for row in rows:
        one = Attempt(**{name: row[name] for name in Attempt.__slots__})
        found.setdefault(row["delivery_id"], []).append(one)
    return {delivery_id: tuple(tried) for delivery_id, tried in found.items()}
