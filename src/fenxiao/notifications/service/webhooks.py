"""Webhooks: making, changing, deleting, and their secrets."""

import secrets as chance
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Invalid, StaleVersion
from fenxiao.kernel.paging import Page
from fenxiao.notifications.domain import signature, subscription, urls
from fenxiao.notifications.domain.ids import WebhookId
from fenxiao.notifications.domain.refusals import TooManyWebhooks
from fenxiao.notifications.queries import webhooks as queries
from fenxiao.notifications.queries.webhooks import SealedSecret, Webhook
from fenxiao.notifications.service.calling import Caller

LIMIT = 200
"""How many webhooks there may be; every claim of deliveries looks at each."""

OVERLAP = timedelta(hours=24)
"""How long the secret before goes on signing beside the new one, unless another time is asked for."""

SIGNING = 3
"""So many secrets sign at most; the oldest ends earlier where secrets are changed more often than they expire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Which secret a request made. The secret itself is not kept with it: answers of requests are stored in the clear."""

    webhook_id: WebhookId
    webhook_secret_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithSecret:
    """A webhook with the secret that was just made; None if a repeated request comes after it was replaced."""

    webhook: Webhook
    secret: str | None
    previous_valid_until: datetime | None


class Webhooks:
    """Where events are sent."""

    def __init__(self, db: Database, cipher: Cipher, caller: Caller, types: Collection[str]) -> None:
        self._db = db
        self._cipher = cipher
        self._caller = caller
        self.types = tuple(sorted(types))

    async def page(self, *, limit: int, cursor: str | None) -> Page[Webhook]:
        """All webhooks by id."""
        return await queries.page(self._db, limit=limit, cursor=cursor)

    async def find(self, webhook_id: int) -> Webhook:
        """One webhook."""
        return await queries.find(self._db, webhook_id)

    async def create(
        self, *, url: str, event_types: Collection[str], description: str, once: Once | None
    ) -> WithSecret:
        """A new webhook; its secret is answered this once."""
        kept = await self._examined(url)
        types = subscription.settled(list(event_types), self.types)
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior is None:
                await locks.hold(tx, "notifications webhooks")
                if await queries.standing(tx) >= LIMIT:
                    raise TooManyWebhooks(limit=LIMIT)
                webhook_id = await tx.fetchval(
                    "insert into webhook (url, description, event_types, state, created_at, updated_at)"
                    " values ($1, $2, $3, 'enabled', $4, $4) returning webhook_id",
                    kept,
                    description,
                    list(types),
                    now,
                )
                issued = tx.keep(await self._issue(tx, WebhookId(webhook_id), now))
                webhook = await queries.find(tx, webhook_id)
                tx.audit("webhook.created", f"webhooks/{webhook_id}", after=self._shown(webhook))
            else:
                issued = tx.prior.load(Issued)
        return await self._told(issued)

    async def change(self, webhook_id: int, changes: Mapping[str, Any], *, version: int | None) -> Webhook:
        """Change `url`, `event_types`, `description` or `status`; enabling forgets the failures that were."""
        given = dict(changes)
        if "url" in given:
            given["url"] = await self._examined(given["url"])
        if "event_types" in given:
            given["event_types"] = subscription.settled(given["event_types"], self.types)
        async with self._db.begin() as tx:
            before = await queries.locked(tx, webhook_id)
            if version is not None and version != before.version:
                raise StaleVersion
            status = given.get("status", before.status)
            await tx.execute(
                "update webhook set url = $2, description = $3, event_types = $4, state = $5, version = version + 1,"
                " disabled_reason = case when $5 = 'disabled' then coalesce(disabled_reason, 'by-hand') end,"
                " failing_since = case when $6 then null else failing_since end,"
                " failures = case when $6 then 0 else failures end, updated_at = $7 where webhook_id = $1",
                webhook_id,
                given.get("url", before.url),
                given.get("description", before.description),
                list(given.get("event_types", before.event_types)),
                status,
                status == "enabled" and before.status == "disabled",
                self._db.clock(),
            )
            after = await queries.find(tx, webhook_id)
            tx.audit(
                "webhook.changed",
                f"webhooks/{webhook_id}",
                before=self._shown(before),
                after=self._shown(after),
            )
        return after

    async def delete(self, webhook_id: int) -> None:
        """Send nothing more; what was sent is forgotten by the daily trim, the secrets at once."""
        async with self._db.begin() as tx:
            before = await queries.locked(tx, webhook_id)
            await tx.execute(
                "update webhook set state = 'deleted', disabled_reason = null, updated_at = $2 where webhook_id = $1",
                webhook_id,
                self._db.clock(),
            )
            await tx.execute("delete from webhook_secret where webhook_id = $1", webhook_id)
            tx.audit("webhook.deleted", f"webhooks/{webhook_id}", before=self._shown(before))

    async def rotate(self, webhook_id: int, *, overlap: timedelta, once: Once | None) -> WithSecret:
        """A new secret; those before go on signing beside it for `overlap` at most."""
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior is None:
                await queries.locked(tx, webhook_id)
                await tx.execute(
                    "update webhook_secret set expires_at = least(expires_at, $2) where webhook_id = $1"
                    " and (expires_at is null or expires_at > $2)",
                    webhook_id,
                    now + overlap,
                )
                signing = await queries.secrets(tx, webhook_id, now)
                await tx.execute(
                    "update webhook_secret set expires_at = $2 where webhook_secret_id = any($1::bigint[])",
                    [one.webhook_secret_id for one in signing[SIGNING - 1 :]],
                    now,
                )
                issued = tx.keep(await self._issue(tx, WebhookId(webhook_id), now))
                until = (now + overlap).isoformat()
                tx.audit("webhook.secret_rotated", f"webhooks/{webhook_id}", after={"previous_until": until})
            else:
                issued = tx.prior.load(Issued)
        return await self._told(issued)

    def opened(self, secret: SealedSecret) -> str:
        """The secret in the clear, to sign with it; `CannotOpen` if the keys of the data folder are others."""
        return self._cipher.open(
            secret.secret_sealed, table="webhook_secret", column="secret_sealed", row=secret.webhook_secret_id
        )

    async def _examined(self, url: str) -> str:
        try:
            target = urls.parse(url)
        except urls.NotAnAddress as error:
            raise Invalid(errors=(error.fault,)) from error
        await self._caller.examine(target)
        return target.url

    async def _issue(self, tx: Transaction, webhook_id: WebhookId, now: datetime) -> Issued:
        # The number comes first: the seal is bound to it.
        number: int = await tx.fetchval(
            "select nextval(pg_get_serial_sequence('webhook_secret', 'webhook_secret_id'))"
        )
        secret = signature.secret(chance.token_bytes(signature.SECRET_BYTES))
        sealed = self._cipher.seal(secret, table="webhook_secret", column="secret_sealed", row=number)
        await tx.execute(
            "insert into webhook_secret (webhook_secret_id, webhook_id, secret_sealed, created_at)"
            " values ($1, $2, $3, $4)",
            number,
            webhook_id,
            sealed,
            now,
        )
        return Issued(webhook_id=webhook_id, webhook_secret_id=number)

    async def _told(self, issued: Issued) -> WithSecret:
        webhook = await queries.find(self._db, issued.webhook_id)
        signing = await self._signing(self._db, issued.webhook_id)
        present = next((one for one in signing if one.expires_at is None), None)
        same = present is not None and present.webhook_secret_id == issued.webhook_secret_id
        return WithSecret(
            webhook=webhook,
            secret=self.opened(present) if present is not None and same else None,
            previous_valid_until=max((one.expires_at for one in signing if one.expires_at), default=None),
        )

    async def _signing(self, reader: Reader, webhook_id: int) -> list[SealedSecret]:
        return await queries.secrets(reader, webhook_id, self._db.clock())

    def _shown(self, webhook: Webhook) -> dict[str, Any]:
        """For the audit log: path and query often hold a secret of the receiver's, so a fingerprint stands for them."""
        mark = self._cipher.blind(webhook.url, column="webhook.url").hex()[:12]
        return {
            "url": f"{urls.parse(webhook.url).origin} #{mark}",
            "event_types": list(webhook.event_types),
            "description": webhook.description,
            "status": webhook.status,
        }
