"""What runs beside: forgetting what is old, the questions of verify, the figures for Prometheus, and who is heard."""

import importlib
from datetime import timedelta
from typing import Any

import asyncpg
from tests.conftest import TestedSystem
from tests.integration.notifications.receiver import Receiver, Reply
from tests.integration.notifications.test_notices import low

from fenxiao.entrypoints.compose import CONTEXTS
from fenxiao.infra import telemetry
from fenxiao.infra.db.transaction import AuditRecorded
from fenxiao.infra.wiring import Finding
from fenxiao.kernel.events import Event


async def sweep(system: TestedSystem) -> int:
    return await system.apis.notifications.sending.sweep()


async def counted(owner: asyncpg.Connection) -> dict[str, int]:
    names = ("webhook", "webhook_secret", "message", "delivery", "attempt", "notice", "mail")
    return {name: await owner.fetchval(f"select count(*) from notifications.{name}") for name in names}


async def test_what_is_old_is_forgotten_and_what_waits_is_not(
    *, system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver, owner: asyncpg.Connection
) -> None:
    trim = system.apis.notifications.trimming.trim
    await happen(3)
    await sweep(system)
    await low(system, 7)
    await call("POST", "/api/notices/read")
    receiver.always = Reply(500)
    await call("POST", "/api/webhooks/1/deliveries/2/redeliver")
    await sweep(system)
    assert await trim() == 0
    system.clock.advance(timedelta(days=30))
    await happen(1)
    assert await trim() == 0
    system.clock.advance(timedelta(seconds=1))
    before = await counted(owner)
    assert await trim() == 2, "all but the one that is on its way, and the new one"
    after = await counted(owner)
    assert (before["message"], after["message"]) == (4, 2)
    assert (before["delivery"], after["delivery"], after["attempt"]) == (4, 2, 2)
    assert after["notice"] == 1
    system.clock.advance(timedelta(days=365))
    await call("PATCH", "/api/webhooks/1", {"status": "disabled"})
    await trim()
    left = await counted(owner)
    assert (left["message"], left["delivery"], left["attempt"], left["notice"]) == (0, 0, 0, 0)
    assert left["webhook"] == 1
    assert await owner.fetchval("select count(*) from notifications.notice_read") == 0


async def test_a_deleted_webhook_is_forgotten_with_its_log(
    *,
    system: TestedSystem,
    call: Any,
    hook: Any,
    happen: Any,
    receiver: Receiver,
    owner: asyncpg.Connection,
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr("fenxiao.notifications.service.trimming.CHUNK", 2)
    await call("POST", "/api/webhooks", {"url": receiver.url, "event_types": ["product.changed"]})
    await happen(5)
    await sweep(system)
    await call("DELETE", f"/api/webhooks/{hook['webhook_id']}")
    await happen(1)
    assert await system.apis.notifications.trimming.trim() == 6
    left = await counted(owner)
    assert (left["webhook"], left["webhook_secret"], left["delivery"], left["message"]) == (1, 1, 6, 6)


async def findings(system: TestedSystem) -> list[Finding]:
    (offer,) = [offer for offer in system.offers if offer.name == "notifications"]
    return [finding for check in offer.checks for finding in [one async for one in check.findings()]]


async def test_verify_finds_what_is_wrong_and_nothing_else(
    *, system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver, owner: asyncpg.Connection
) -> None:
    assert hook["webhook_id"] == 1
    receiver.replies = [Reply(410)]
    await happen(1)
    await sweep(system)
    await call("PATCH", "/api/webhooks/1", {"status": "enabled"})
    await happen(2)
    await sweep(system)
    await happen(1)
    await call("POST", "/api/webhooks/1/rotate-secret")
    assert await findings(system) == []
    system.clock.advance(timedelta(minutes=11))
    (late,) = await findings(system)
    assert (late.check, late.subject, late.in_flight) == ("notifications.on_time", "deliveries/4", True)
    await sweep(system)
    assert await findings(system) == []
    # Faults that only somebody at the database can make.
    await owner.execute("delete from notifications.attempt where delivery_id in (1, 2)")
    found = {(one.check, one.subject) for one in await findings(system)}
    assert found == {
        ("notifications.deliveries", "deliveries/1, which is dead"),
        ("notifications.deliveries", "deliveries/2, which is delivered"),
    }
    await owner.execute("update notifications.attempt set fault = 'status' where delivery_id = 3")
    assert ("notifications.deliveries", "deliveries/3, which is delivered") in {
        (one.check, one.subject) for one in await findings(system)
    }
    await owner.execute("delete from notifications.attempt")
    await owner.execute("delete from notifications.delivery")
    await owner.execute(
        "update notifications.webhook_secret set secret_sealed = '\\x00' where expires_at is not null"
    )
    await owner.execute("delete from notifications.webhook_secret where expires_at is null")
    assert [(one.check, one.subject, one.found) for one in await findings(system)] == [
        ("notifications.secrets", "webhooks/1", "secret 1 does not open with the keys of this data folder"),
        ("notifications.secrets", "webhooks/1", "no present secret"),
    ]


async def test_a_secret_that_cannot_be_opened_stops_its_own_webhook_only(
    *, system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver, owner: asyncpg.Connection
) -> None:
    await call("POST", "/api/webhooks", {"url": receiver.at("/other"), "event_types": ["product.changed"]})
    await owner.execute(
        "update notifications.webhook_secret set secret_sealed = '\\x00' where webhook_id = 1"
    )
    await happen(1)
    assert await sweep(system) == 2
    assert [one.path for one in receiver.received] == ["/other"]
    (delivery,) = (await call("GET", f"/api/webhooks/{hook['webhook_id']}/deliveries"))["items"]
    assert (delivery["status"], delivery["attempts"][0]["error"]) == ("pending", "secret-unreadable")


def figure(text: str, name: str) -> float:
    found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")]
    return sum(map(float, found))


async def test_prometheus_is_told(system: TestedSystem, hook: Any, happen: Any, receiver: Receiver) -> None:
    name = 'fenxiao_webhook_attempts_total{outcome="%s"}'
    before = telemetry.exposition().decode()
    receiver.replies = [Reply(500)]
    await happen(3)
    system.clock.advance(timedelta(seconds=90))
    await system.apis.notifications.measure()
    measured = telemetry.exposition().decode()
    assert figure(measured, "fenxiao_webhook_backlog") == 3
    assert figure(measured, "fenxiao_webhook_backlog_seconds") == 90
    await sweep(system)
    after = telemetry.exposition().decode()
    for outcome, count in (("delivered", 2), ("status", 1)):
        assert figure(after, name % outcome) - figure(before, name % outcome) == count
    backlog = await system.apis.notifications.backlog()
    assert (backlog.deliveries, backlog.mails) == (1, 0)
    await system.apis.notifications.measure()
    assert figure(telemetry.exposition().decode(), "fenxiao_webhook_backlog") == 1
    assert hook["webhook_id"] == 1


def test_every_event_that_a_context_publishes_is_heard(system: TestedSystem) -> None:
    published = set()
    for context in CONTEXTS:
        try:
            module = importlib.import_module(f"fenxiao.{context}.events")
        except ModuleNotFoundError:
            continue
        published |= {
            kind.type
            for kind in vars(module).values()
            if isinstance(kind, type) and issubclass(kind, Event) and "type" in vars(kind)
        }
    (offer,) = [offer for offer in system.offers if offer.name == "notifications"]
    (webhooks,) = [one for one in offer.consumers if one.name == "notifications.webhooks"]
    heard = {kind.type for kind in webhooks.events}
    assert len(heard) > 12
    assert heard == published, "add the context to PUBLISHERS of notifications/consumers.py"
    assert AuditRecorded.type not in heard


async def test_the_jobs_run_beside_each_other_without_waiting_for_the_pool(system: TestedSystem) -> None:
    (offer,) = [offer for offer in system.offers if offer.name == "notifications"]
    # Each running job keeps a connection for its lock; two more run for every context: runs, and the trim of the outbox.
    assert len(offer.jobs) + 2 < system.databases["notifications"].access.max_connections
