"""Webhooks over HTTP."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Body, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Idempotency, IfMatch, Limit, etag
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.notifications.domain.urls import MAX_URL
from fenxiao.notifications.queries.webhooks import Status, Webhook
from fenxiao.notifications.service.webhooks import OVERLAP, Webhooks, WithSecret

MANAGE = "webhooks:manage"
Operator = Annotated[Principal, require(MANAGE)]

MAX_OVERLAP_HOURS = 168
_HOUR = timedelta(hours=1)

Url = Annotated[str, Field(min_length=1, max_length=MAX_URL, examples=["https://shop.example.com/hooks"])]
EventTypes = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
    Field(max_length=200, examples=[["order.status_changed", "stock.low"], ["*"]]),
]
Description = Annotated[str, Field(max_length=200)]


class NewWebhook(Body):
    """A receiver: its address and the types of events it wants, `*` for all."""

    url: Url
    event_types: EventTypes = ("*",)
    description: Description = ""


class WebhookChange(Body):
    """What to change; a webhook that is enabled again starts without its earlier failures."""

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    status: Status | None = None


class Rotation(Body):
    """How long the secret before goes on signing beside the new one, in hours."""

    overlap_hours: Annotated[int, Field(ge=0, le=MAX_OVERLAP_HOURS)] = int(OVERLAP / _HOUR)


class WebhookAnswer(Answer):
    """外发通知: a webhook. `disabled_reason` is by-hand, gone (the receiver said 410) or failing (nothing arrived for days)."""

    webhook_id: int
    url: str
    event_types: tuple[str, ...]
    description: str
    status: Status
    disabled_reason: str | None
    failing_since: datetime | None
    failures: int
    created_at: datetime
    updated_at: datetime


class WebhookWithSecret(WebhookAnswer):
    """A new webhook with its secret, which is not shown again; null where a repeated request comes after a rotation."""

    secret: str | None


class SecretAnswer(Answer):
    """A new secret, which is not shown again, and until when the ones before it sign as well."""

    webhook_id: int
    secret: str | None
    previous_valid_until: datetime | None


class EventType(Answer):
    """A type of event that a webhook may want."""

    type: str


def router(webhooks: Webhooks) -> APIRouter:
    """Making, changing and deleting webhooks, and their secrets."""
    routes = new_router(prefix="/api/webhooks", tags=["webhooks"])
    _add_reads(routes, webhooks)
    _add_writes(routes, webhooks)
    return routes


def _add_reads(routes: APIRouter, webhooks: Webhooks) -> None:
    @routes.get("")
    async def list_webhooks(
        _: Operator, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Items[WebhookAnswer]:
        """Webhooks by id."""
        page = await webhooks.page(limit=limit, cursor=cursor)
        return items(page, [_answer(webhook) for webhook in page.items])

    @routes.get("/event-types")
    async def list_event_types(_: Operator) -> Items[EventType]:
        """The types of events there are."""
        return Items(items=[EventType(type=name) for name in webhooks.types])

    @routes.get("/{webhook_id}")
    async def get_webhook(_: Operator, webhook_id: Id, response: Response) -> WebhookAnswer:
        """One webhook."""
        return _tagged(await webhooks.find(webhook_id), response)


def _add_writes(routes: APIRouter, webhooks: Webhooks) -> None:
    @routes.post("", status_code=201)
    async def create_webhook(
        _: Operator, body: NewWebhook, once: Idempotency, response: Response
    ) -> WebhookWithSecret:
        """Send events to an address; the answer alone holds the secret that they are signed with."""
        made = await webhooks.create(
            url=body.url, event_types=body.event_types, description=body.description, once=once
        )
        response.headers["Cache-Control"] = "no-store"
        return WebhookWithSecret(**_tagged(made.webhook, response).model_dump(), secret=made.secret)

    @routes.patch("/{webhook_id}")
    async def change_webhook(
        _: Operator, webhook_id: Id, body: WebhookChange, version: IfMatch, response: Response
    ) -> WebhookAnswer:
        """Change address, types or description; enable or disable."""
        changes = {field: getattr(body, field) for field in body.model_fields_set}
        emptied = [field for field, value in changes.items() if value is None]
        if emptied:
            message = "This can be changed, not emptied; leave it out to keep it."
            raise Invalid(errors=tuple(FieldError(field, message) for field in sorted(emptied)))
        return _tagged(await webhooks.change(webhook_id, changes, version=version), response)

    @routes.delete("/{webhook_id}", status_code=204)
    async def delete_webhook(_: Operator, webhook_id: Id) -> None:
        """Send nothing there any more; its log goes with it."""
        await webhooks.delete(webhook_id)

    @routes.post("/{webhook_id}/rotate-secret")
    async def rotate_secret(
        _: Operator, webhook_id: Id, once: Idempotency, response: Response, body: Rotation | None = None
    ) -> SecretAnswer:
        """Make a new secret; until the old one ends, every call bears a signature by each."""
        overlap = (body or Rotation()).overlap_hours * _HOUR
        made: WithSecret = await webhooks.rotate(webhook_id, overlap=overlap, once=once)
        response.headers["Cache-Control"] = "no-store"
        return SecretAnswer(
            webhook_id=webhook_id, secret=made.secret, previous_valid_until=made.previous_valid_until
        )


def _answer(webhook: Webhook) -> WebhookAnswer:
    return WebhookAnswer(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        event_types=webhook.event_types,
        description=webhook.description,
        status=webhook.status,
        disabled_reason=webhook.disabled_reason,
        failing_since=webhook.failing_since,
        failures=webhook.failures,
        created_at=webhook.created_at,
        updated_at=webhook.updated_at,
    )


def _tagged(webhook: Webhook, response: Response) -> WebhookAnswer:
    response.headers["ETag"] = etag(webhook.version)
    return _answer(webhook)
