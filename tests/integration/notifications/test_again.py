"""Sending again: one delivery, a span of time, a test; and the log in which one finds what to send again."""

from datetime import timedelta
from typing import Any

import asyncpg
from tests.conftest import TestedSystem
from tests.integration.notifications.receiver import Receiver, Reply


async def sweep(system: TestedSystem) -> int:
    return await system.apis.notifications.sending.sweep()


async def test_one_delivery_is_sent_again(
    system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver
) -> None:
    (event_id,) = await happen(1)
    await sweep(system)
    path = f"/api/webhooks/{hook['webhook_id']}/deliveries/1/redeliver"
    key = {"Idempotency-Key": "again"}
    sent = await call("POST", path, headers=key)
    assert (sent["status"], sent["finished_at"]) == ("pending", None)
    assert await sweep(system) == 1
    done = await call("POST", path, headers=key)
    assert done["status"] == "delivered", "the same request again sends nothing again"
    assert await sweep(system) == 0
    assert [one.headers["webhook-id"] for one in receiver.received] == [event_id] * 2
    assert len(done["attempts"]) == 2
    await system.drain()
    assert (await call("GET", "/api/audit-log?action=webhook.redelivered"))["items"][0]["after"] == {
        "delivery_id": 1
    }


async def test_a_dead_one_gets_a_new_round(
    system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver
) -> None:
    receiver.always = Reply(500)
    await happen(1)
    while await sweep(system):
        system.clock.advance(timedelta(hours=16))
    path = f"/api/webhooks/{hook['webhook_id']}/deliveries/1"
    assert (await call("GET", path))["status"] == "dead"
    await call("POST", f"{path}/redeliver")
    await sweep(system)
    again = await call("GET", path)
    assert (again["status"], len(again["attempts"])) == ("pending", 11)
    receiver.always = Reply()
    system.clock.advance(timedelta(seconds=10))
    await sweep(system)
    assert (await call("GET", path))["status"] == "delivered"


async def test_what_cannot_be_sent_again(
    *, system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver, owner: asyncpg.Connection
) -> None:
    await happen(1)
    await sweep(system)
    await call("POST", "/api/webhooks", {"url": receiver.url, "event_types": ["order.created"]})
    await call("POST", "/api/webhooks/2/deliveries/1/redeliver", status=404)
    await call("POST", "/api/webhooks/1/deliveries/99/redeliver", status=404)
    await call("PATCH", "/api/webhooks/1", {"status": "disabled"})
    before = await owner.fetch("select * from notifications.delivery")
    for path, body in (
        ("deliveries/1/redeliver", None),
        ("replay", {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}),
    ):
        refused = await call("POST", f"/api/webhooks/1/{path}", body, status=409)
        assert refused["code"] == "webhook-disabled"
    assert await owner.fetch("select * from notifications.delivery") == before
    assert await owner.fetchval("select count(*) from notifications.run") == 0


async def test_a_span_is_replayed_with_what_was_missed(
    system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver
) -> None:
    began = system.clock.now
    first = await happen(2)
    await sweep(system)
    system.clock.advance(timedelta(hours=1))
    await call("PATCH", "/api/webhooks/1", {"status": "disabled"})
    missed = await happen(2)
    await sweep(system)
    assert len(receiver.received) == 2
    system.clock.advance(timedelta(hours=1))
    await call("PATCH", "/api/webhooks/1", {"status": "enabled"})
    late = await happen(1)
    await sweep(system)
    receiver.received.clear()

    async def replay(start: Any, end: Any, **more: Any) -> list[str]:
        span = {"from": start.isoformat(), "to": end.isoformat(), **more}
        run = await call("POST", "/api/webhooks/1/replay", span, status=202)
        assert run["status"] == "queued"
        await system.drain()
        await sweep(system)
        path = f"/api/webhooks/1/replays/{run['replay_id']}"
        done = await call("GET", path)
        assert done["status"] == "done"
        got = [one.headers["webhook-id"] for one in receiver.received]
        assert done["events"] == len(got)
        receiver.received.clear()
        return got

    hour = timedelta(hours=1)
    assert sorted(await replay(began + hour, began + 2 * hour)) == sorted(missed)
    assert sorted(await replay(began, began + 2 * hour)) == sorted(first + missed)
    assert sorted(await replay(began, began + 3 * hour)) == sorted(first + missed + late)
    assert sorted(await replay(began, began + 2 * hour, types=["product.changed"])) == sorted(first + missed)
    assert await replay(began, began + 2 * hour, types=["order.created"]) == []
    assert await replay(began + 3 * hour, began + 4 * hour) == []
    log = (await call("GET", "/api/webhooks/1/deliveries"))["items"]
    assert len(log) == 5, "an event has one delivery, however often it is sent"


async def test_a_replay_goes_in_chunks_and_leaves_alone_what_is_on_its_way(
    *, system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver, monkeypatch: Any
) -> None:
    monkeypatch.setattr("fenxiao.notifications.service.deliveries.CHUNK", 2)
    events = await happen(5)
    receiver.replies = [Reply(500)]
    await sweep(system)
    waiting = await call("GET", "/api/webhooks/1/deliveries?status=pending")
    receiver.received.clear()
    span = {"from": "2026-03-15T00:00:00Z", "to": "2026-03-16T00:00:00Z"}
    key = {"Idempotency-Key": "replay"}
    run = await call("POST", "/api/webhooks/1/replay", span, headers=key)
    assert await call("POST", "/api/webhooks/1/replay", span, headers=key) == run
    await system.drain()
    await sweep(system)
    assert (await call("GET", f"/api/webhooks/1/replays/{run['replay_id']}"))["events"] == 5
    assert len(receiver.received) == 4
    assert await call("GET", "/api/webhooks/1/deliveries?status=pending") == waiting
    system.clock.advance(timedelta(minutes=1))
    await sweep(system)
    assert sorted(one.headers["webhook-id"] for one in receiver.received) == sorted(events)
    await call("POST", "/api/webhooks", {"url": receiver.url, "event_types": ["order.created"]})
    await call("GET", f"/api/webhooks/2/replays/{run['replay_id']}", status=404)


async def test_a_span_that_makes_no_sense(call: Any, hook: Any, owner: asyncpg.Connection) -> None:
    for span, field in (
        ({"from": "2026-03-15T00:00:00Z", "to": "2026-03-15T00:00:00Z"}, "to"),
        ({"from": "2026-03-15T00:00:00Z"}, "to"),
        ({"from": "yesterday", "to": "2026-03-15T00:00:00Z"}, "from"),
        ({"from": "2026-03-14T00:00:00Z", "to": "2026-03-15T00:00:00Z", "types": ["order.eaten"]}, "types"),
    ):
        refused = await call("POST", f"/api/webhooks/{hook['webhook_id']}/replay", span, status=422)
        assert [error["field"] for error in refused["errors"]] == [field]
    assert await owner.fetchval("select count(*) from notifications.run") == 0


async def test_a_test_says_at_once_what_came_of_it(
    system: TestedSystem, call: Any, hook: Any, receiver: Receiver
) -> None:
    path, key = f"/api/webhooks/{hook['webhook_id']}/test", {"Idempotency-Key": "t"}
    done = await call("POST", path, headers=key)
    assert (done["status"], done["type"], len(done["attempts"])) == ("delivered", "webhook.test", 1)
    (got,) = receiver.received
    assert got.signed_by(hook["secret"])
    assert (got.event["type"], got.event["data"]) == ("webhook.test", {"webhook_id": hook["webhook_id"]})
    assert await call("POST", path, headers=key) == done
    assert len(receiver.received) == 1
    receiver.always = Reply(500, b"not yet")
    failed = await call("POST", path)
    assert (failed["status"], failed["attempts"][0]["answer"]) == ("dead", "not yet")
    system.clock.advance(timedelta(days=1))
    assert await sweep(system) == 0, "a test is not tried again"
    standing = await call("GET", f"/api/webhooks/{hook['webhook_id']}")
    assert (standing["failures"], standing["status"]) == (0, "enabled")
    receiver.always = Reply(410)
    await call("POST", path)
    await call("PATCH", f"/api/webhooks/{hook['webhook_id']}", {"status": "disabled"})
    receiver.always = Reply()
    assert (await call("POST", path))["status"] == "delivered", "before it is enabled again one wants to try"


async def test_the_log_can_be_searched(
    system: TestedSystem, call: Any, happen: Any, receiver: Receiver
) -> None:
    await call("POST", "/api/webhooks", {"url": receiver.url})
    receiver.replies = [Reply(500)]
    events = await happen(3)
    await sweep(system)
    await call("POST", "/api/webhooks/1/test")
    path = "/api/webhooks/1/deliveries"
    everything = (await call("GET", path))["items"]
    assert [one["delivery_id"] for one in everything] == sorted(
        (one["delivery_id"] for one in everything), reverse=True
    )
    found = {}
    for query in (
        "status=pending",
        "status=delivered",
        "type=webhook.test",
        "type=order.created",
        f"event_id={events[1]}",
    ):
        found[query] = (await call("GET", f"{path}?{query}"))["items"]
    assert len(found["status=pending"]) == 1
    assert len(found["status=delivered"]) == len(everything) - 1
    assert [one["type"] for one in found["type=webhook.test"]] == ["webhook.test"]
    assert found["type=order.created"] == []
    assert [one["event_id"] for one in found[f"event_id={events[1]}"]] == [events[1]]
    page = await call("GET", f"{path}?limit=2")
    rest = await call("GET", f"{path}?limit=200&cursor={page['next_cursor']}")
    assert page["items"] + rest["items"] == everything
    await call("GET", f"{path}?status=eaten", status=422)
    await call("GET", f"{path}?cursor=nonsense", status=422)
