"""Webhooks as they stand, and their secrets."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.notifications.domain.ids import WebhookId

Status = Literal["enabled", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """外发通知: an address that gets events. `failures` counts attempts since the last that succeeded."""

    webhook_id: WebhookId
    url: str
    description: str
    event_types: tuple[str, ...]
    status: Status
    disabled_reason: str | None
    failing_since: datetime | None
    failures: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """One of a webhook's secrets; without an end it is the present one."""

    webhook_secret_id: int
    secret_sealed: bytes
    created_at: datetime
    expires_at: datetime | None


_COLUMNS = (
    "webhook_id, url, description, event_types, state as status, disabled_reason, failing_since, failures, version,"
    " created_at, updated_at"
)


async def find(reader: Reader, webhook_id: int) -> Webhook:
    """One webhook; `NotFound` for one that is not there (any more)."""
    row = await reader.fetchrow(
        f"select {_COLUMNS} from webhook where webhook_id = $1 and state <> 'deleted'", webhook_id
    )
    return _found(row)


async def locked(reader: Reader, webhook_id: int) -> Webhook:
    """One webhook, held until the transaction ends."""
    row = await reader.fetchrow(
        f"select {_COLUMNS} from webhook where webhook_id = $1 and state <> 'deleted' for update", webhook_id
    )
    return _found(row)


async def page(reader: Reader, *, limit: int, cursor: str | None) -> Page[Webhook]:
    """All webhooks by id."""
    after = 0 if cursor is None else cast("int", decode_cursor(cursor, int)[0])
    rows = await reader.fetch(
        f"select {_COLUMNS} from webhook where state <> 'deleted' and webhook_id > $1 order by webhook_id limit $2",
        after,
        limit + 1,
    )
    found = tuple(_found(row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].webhook_id) if len(rows) > limit else None)


async def subscriptions(reader: Reader) -> set[str]:
    """Every type of event that some webhook wants, enabled or not; `*` among them for all."""
    rows = await reader.fetch(
        "select distinct unnest(event_types) as type from webhook where state <> 'deleted'"
    )
    return {row["type"] for row in rows}


async def standing(reader: Reader) -> int:
    """How many webhooks there are."""
    count: int = await reader.fetchval("select count(*) from webhook where state <> 'deleted'")
    return count


async def secrets(reader: Reader, webhook_id: int, now: datetime) -> list[SealedSecret]:
    """The secrets that sign at this moment, the newest first."""
    rows = await reader.fetch(
        "select webhook_secret_id, secret_sealed, created_at, expires_at from webhook_secret"
        " where webhook_id = $1 and (expires_at is null or expires_at > $2)"
        " order by webhook_secret_id desc",
        webhook_id,
        now,
    )
    return [SealedSecret(**row) for row in rows]


def _found(row: Record | None) -> Webhook:
    if row is None:
        raise NotFound(thing="webhook")
    return Webhook(**{**row, "event_types": tuple(row["event_types"])})
