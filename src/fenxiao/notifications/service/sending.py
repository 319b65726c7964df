"""Sending: claims what is due, calls outside any transaction, writes down what came of it.

A claim is a lease: a worker that dies leaves nothing behind but a delivery that falls due again. So a receiver may get
the same event twice, always under the same `webhook-id`; it never fails to get it.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from fenxiao.infra import telemetry
from fenxiao.infra.crypto import CannotOpen, Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.notifications.domain import attempts, patience, payload, signature, urls
from fenxiao.notifications.domain.attempts import Fault, Outcome
from fenxiao.notifications.domain.notices import WEBHOOK_DISABLED
from fenxiao.notifications.service import notices
from fenxiao.notifications.service.calling import CONNECTIONS, DEADLINE, Caller, Line

LEASE = timedelta(seconds=DEADLINE * 1.5)
"""Longer than any attempt takes, with time to write it down."""

AT_ONCE = CONNECTIONS
"""Calls of this process at one moment."""

PER_WEBHOOK = 4
"""Of them to one webhook; a webhook whose last attempt failed gets one, so that slow ones do not starve the others."""

GATHER = 0.01
"""Seconds in which attempts that end together are gathered."""

_attempts = telemetry.counter(
    "fenxiao_webhook_attempts_total", "Attempts to deliver an event to a webhook.", ("outcome",)
)
_dead = telemetry.counter("fenxiao_webhook_deliveries_dead_total", "Deliveries that were given up.")
_disabled = telemetry.counter("fenxiao_webhooks_disabled_total", "Webhooks that were disabled.", ("reason",))
_log = telemetry.logger(__name__)

_CLAIM = """
with slots as (
  select w.webhook_id, busy, (case when w.failing_since is null then $3 else 1 end) - busy as free
  from webhook w cross join lateral (
    select count(*) as busy from delivery d where d.webhook_id = w.webhook_id and d.leased_until > $1
  ) b where w.state = 'enabled'
), due as (
  select d.delivery_id from slots s cross join lateral (
    select delivery_id, due_at from delivery where webhook_id = s.webhook_id and state = 'pending' and due_at <= $1
    order by due_at, delivery_id limit greatest(s.free, 0) for update skip locked
  ) d order by s.busy, d.due_at, d.delivery_id limit $4
), claimed as (
  update delivery d set leased_until = $2, due_at = $2, claim = claim + 1 from due
  where d.delivery_id = due.delivery_id
  returning d.delivery_id, d.webhook_id, d.message_id, d.claim, d.failed
)
select c.delivery_id, c.webhook_id, c.claim, c.failed, m.event_id, m.type, m.payload, w.url,
  array(select s.webhook_secret_id from webhook_secret s where s.webhook_id = c.webhook_id
    and (s.expires_at is null or s.expires_at > $1) order by s.webhook_secret_id desc) as secret_ids,
  array(select s.secret_sealed from webhook_secret s where s.webhook_id = c.webhook_id
    and (s.expires_at is null or s.expires_at > $1) order by s.webhook_secret_id desc) as secrets_sealed
from claimed c join message m using (message_id) join webhook w on w.webhook_id = c.webhook_id
order by c.delivery_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery in hand, with all that an attempt needs; `claim` is the number under which it was taken."""

    delivery_id: int
    webhook_id: int
    claim: int
    failed: int
    event_id: UUID
    type: str
    payload: str
    url: str
    secret_ids: list[int]
    secrets_sealed: list[bytes]


Done = tuple[Claimed, Outcome]


class Sending:
    """The sweep over due deliveries."""

    def __init__(self, db: Database, cipher: Cipher, caller: Caller) -> None:
        self._db = db
        self._cipher = cipher
        self._caller = caller
        self._clock: Clock = db.clock

    async def sweep(self) -> int:
        """Deliver all that is due until nothing is left; how many attempts were made.

        Claims go on while calls are out: a receiver that takes its time holds up its own deliveries only.
        """
        out: set[asyncio.Task[Done]] = set()
        made = 0
        async with self._caller.line() as line:
            try:
                while True:
                    claimed = await self._claim(AT_ONCE - len(out)) if len(out) < AT_ONCE else []
                    out |= {asyncio.create_task(self._attempt(line, one)) for one in claimed}
                    if not out:
                        return made
                    await asyncio.wait(out, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                    # What ends with the first is written down with it: one transaction for many attempts.
                    done, out = await asyncio.wait(out, timeout=GATHER)
                    if done:
                        made += len(done)
                        await self._record([task.result() for task in done])
            finally:
                for task in out:
                    task.cancel()
                await asyncio.gather(*out, return_exceptions=True)

    async def deliver(self, one: Claimed) -> None:
        """Call the receiver once for a delivery that the caller has claimed, and write down what came of it."""
        async with self._caller.line() as line:
            done = await self._attempt(line, one)
        await self._record([done])

    async def _attempt(self, line: Line, one: Claimed) -> Done:
        """Call the receiver once."""
        body = one.payload.encode()
        now = self._clock()
        try:
            secrets = [
                self._cipher.open(sealed, table="webhook_secret", column="secret_sealed", row=number)
                for number, sealed in zip(one.secret_ids, one.secrets_sealed, strict=True)
            ]
        except CannotOpen:
            _log.exception("a secret cannot be opened", webhook_id=one.webhook_id)
            return one, Outcome(at=now, milliseconds=0, fault=Fault.SECRET_UNREADABLE)
        headers = {
            "content-type": payload.MEDIA_TYPE,
            "user-agent": "Fenxiao-Webhooks",
            "accept-encoding": "identity",
            **signature.headers(str(one.event_id), int(now.timestamp()), body, secrets),
        }
        return one, await line.post(urls.parse(one.url), headers, body)

    async def _record(self, done: Sequence[Done]) -> None:
        """Write attempts down, and what follows from them for deliveries and webhooks."""
        for _, outcome in done:
            _attempts.labels(outcome.fault or "delivered").inc()
        now = self._clock()
        async with self._db.begin() as tx:
            standing = await tx.fetch(
                "select delivery_id from delivery where delivery_id = any($1::bigint[]) order by delivery_id for update",
                [one.delivery_id for one, _ in done],
            )
            # A webhook that was deleted meanwhile takes its deliveries along.
            known = {row["delivery_id"] for row in standing}
            rest = [pair for pair in done if pair[0].delivery_id in known]
            await _note(tx, rest)
            await _move_on(tx, rest, now)
            await _judge_webhooks(tx, rest, now)

    async def _claim(self, most: int) -> list[Claimed]:
        now = self._clock()
        async with self._db.begin() as tx:
            rows = await tx.fetch(_CLAIM, now, now + LEASE, PER_WEBHOOK, most)
        return [Claimed(**row) for row in rows]


async def _note(tx: Transaction, done: Sequence[Done]) -> None:
    await tx.execute(
        "insert into attempt (delivery_id, at, milliseconds, status, fault, answer) select * from"
        " unnest($1::bigint[], $2::timestamptz[], $3::integer[], $4::integer[], $5::text[], $6::text[])",
        [one.delivery_id for one, _ in done],
        [outcome.at for _, outcome in done],
        [outcome.milliseconds for _, outcome in done],
        [outcome.status for _, outcome in done],
        [outcome.fault for _, outcome in done],
        [outcome.answer for _, outcome in done],
    )


async def _move_on(tx: Transaction, done: Sequence[Done], now: datetime) -> None:
    verdicts = [
        attempts.judge(
            outcome,
            failed_before=one.failed,
            once=one.type == payload.TEST,
            now=now,
            chance=random.random,
        )
        for one, outcome in done
    ]
    # What has arrived has arrived, whoever brought it. A failure counts only for the claim that it belongs to:
    # after its lease another attempt may be under way, or somebody has sent the delivery again.
    rows = await tx.fetch(
        "update delivery d set state = v.state, due_at = v.due, leased_until = null,"
        " finished_at = case when v.state <> 'pending' then $5::timestamptz end,"
        " failed = d.failed + (v.state <> 'delivered')::integer"
        " from unnest($1::bigint[], $2::integer[], $3::text[], $4::timestamptz[]) as v(id, claim, state, due)"
        " where d.delivery_id = v.id and d.state <> 'delivered'"
        " and (v.state = 'delivered' or (d.claim = v.claim and d.state = 'pending')) returning d.state",
        [one.delivery_id for one, _ in done],
        [one.claim for one, _ in done],
        [verdict.state for verdict in verdicts],
        [verdict.due_at for verdict in verdicts],
        now,
    )
    _dead.inc(sum(row["state"] == "dead" for row in rows))


async def _judge_webhooks(tx: Transaction, done: Sequence[Done], now: datetime) -> None:
    # A test says nothing about how a webhook fares in earnest.
    earnest = [pair for pair in done if pair[0].type != payload.TEST]
    arrived = {one.webhook_id for one, outcome in earnest if outcome.fault is None}
    await tx.execute(
        "update webhook set failing_since = null, failures = 0 where webhook_id in (select webhook_id from webhook"
        " where webhook_id = any($1::bigint[]) and failures > 0 order by webhook_id for no key update)",
        list(arrived),
    )
    failed = sorted({one.webhook_id for one, _ in earnest} - arrived)
    counts = [sum(one.webhook_id == webhook_id for one, _ in earnest) for webhook_id in failed]
    rows = await tx.fetch(
        "update webhook w set failing_since = coalesce(failing_since, $3), failures = failures + f.n"
        " from unnest($1::bigint[], $2::integer[]) as f(id, n) where w.webhook_id = f.id and w.state = 'enabled'"
        " returning w.webhook_id, w.url, w.failing_since, w.failures",
        failed,
        counts,
        now,
    )
    gone = {one.webhook_id for one, outcome in earnest if outcome.fault is Fault.GONE}
    for row in sorted(rows, key=lambda row: row["webhook_id"]):
        if row["webhook_id"] in gone:
            await _disable(tx, row["webhook_id"], row["url"], "gone", now)
        elif patience.is_broken(row["failing_since"], row["failures"], now):
            await _disable(tx, row["webhook_id"], row["url"], "failing", now)


async def _disable(tx: Transaction, webhook_id: int, url: str, reason: str, now: datetime) -> None:
    await tx.execute(
        "update webhook set state = 'disabled', disabled_reason = $2, version = version + 1, updated_at = $3"
        " where webhook_id = $1",
        webhook_id,
        reason,
        now,
    )
    params = {"webhook_id": webhook_id, "origin": urls.parse(url).origin, "reason": reason}
    await notices.raise_one(tx, WEBHOOK_DISABLED, params, now)
    before, after = {"status": "enabled"}, {"status": "disabled", "reason": reason}
    tx.audit("webhook.disabled", f"webhooks/{webhook_id}", before=before, after=after)
    _disabled.labels(reason).inc()
