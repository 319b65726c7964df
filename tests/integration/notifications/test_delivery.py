"""Events on their way to webhooks: once each, signed, retried, given up, and never lost by a kill."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.conftest import TestedSystem
from tests.integration.notifications.receiver import Receiver, Reply

from fenxiao.notifications.domain import patience

pytestmark = pytest.mark.usefixtures("system")


async def log(call: Any, hook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = await call("GET", f"/api/webhooks/{hook['webhook_id']}/deliveries{query}")
    return answer["items"]


async def sweep(system: TestedSystem) -> int:
    return await system.apis.notifications.sending.sweep()


async def test_an_event_arrives_signed_and_in_the_form_of_cloudevents(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    (event_id,) = await happen(1)
    assert await sweep(system) == 1
    (got,) = receiver.received
    assert got.path == "/hooks"
    assert got.headers["webhook-id"] == event_id == got.event["id"]
    assert got.headers["webhook-timestamp"] == str(int(system.clock.now.timestamp()))
    assert got.headers["content-type"].startswith("application/cloudevents+json")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.signed_by(hook["secret"])
    assert not got.signed_by("whsec_" + "A" * 44)
    assert got.event == {
        "specversion": "1.0",
        "id": event_id,
        "source": "catalog",
        "type": "product.changed",
        "subject": "products/1",
        "time": "2026-03-15T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"product_id": 1, "version": 1},
    }
    (delivery,) = await log(call, hook)
    assert (delivery["status"], delivery["event_id"], delivery["due_at"]) == ("delivered", event_id, None)
    (attempt,) = delivery["attempts"]
    assert (attempt["status"], attempt["error"], attempt["at"]) == (204, None, "2026-03-15T12:00:00Z")
    whole = await call("GET", f"/api/webhooks/{hook['webhook_id']}/deliveries/{delivery['delivery_id']}")
    assert whole["event"] == got.event


async def test_delivered_again_and_again_an_event_makes_one_delivery(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    await happen(3)
    await sweep(system)
    await system.redeliver()
    await system.redeliver()
    await sweep(system)
    assert len(receiver.received) == 3
    assert len(await log(call, hook)) == 3


async def test_only_what_was_asked_for_comes(
    system: TestedSystem, call: Any, happen: Any, receiver: Receiver
) -> None:
    urls = {name: receiver.at(f"/{name}") for name in ("all", "orders", "later")}
    await call("POST", "/api/webhooks", {"url": urls["all"]})
    await call("POST", "/api/webhooks", {"url": urls["orders"], "event_types": ["order.created"]})
    await happen(1)
    await call("POST", "/api/webhooks", {"url": urls["later"]})
    await sweep(system)
    assert {one.path for one in receiver.received} == {"/all"}
    types = {one.event["type"] for one in receiver.received}
    assert "product.changed" in types
    assert "audit.recorded" not in types


async def test_without_a_webhook_nothing_is_kept(system: TestedSystem, happen: Any) -> None:
    await happen(2)
    db = system.databases["notifications"]
    assert await db.fetchval("select count(*) from message") == 0
    assert await db.fetchval("select count(*) from inbox") == 0


async def test_a_failure_is_tried_again_later_and_later_and_then_given_up(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    receiver.always = Reply(500, b"no database\0" + b"x" * 5000)
    await happen(1)
    began = system.clock.now
    ids = []
    for number in range(1, patience.ATTEMPTS + 1):
        assert await sweep(system) == 1
        assert await sweep(system) == 0, "nothing is due before its time"
        (delivery,) = await log(call, hook)
        ids.append(receiver.received[-1].headers["webhook-id"])
        assert len(delivery["attempts"]) == number
        if number < patience.ATTEMPTS:
            due = datetime.fromisoformat(delivery["due_at"])
            delay = due - system.clock.now
            least = patience.DELAYS[number - 1]
            assert least <= delay <= least * 1.2
            system.clock.now = due
    assert delivery["status"] == "dead"
    assert delivery["due_at"] is None
    assert len(set(ids)) == 1, "every attempt bears the same webhook-id"
    assert timedelta(hours=22) < system.clock.now - began < timedelta(hours=28)
    answer = delivery["attempts"][0]["answer"]
    assert (delivery["attempts"][0]["error"], delivery["attempts"][0]["status"]) == ("status", 500)
    assert answer.startswith("no database\N{REPLACEMENT CHARACTER}xx")
    assert len(answer) == 1024
    system.clock.advance(timedelta(days=2))
    assert await sweep(system) == 0
    stamps = {one.headers["webhook-timestamp"] for one in receiver.received}
    assert len(stamps) == patience.ATTEMPTS, "each attempt is signed anew, at its own time"
    assert all(one.signed_by(hook["secret"]) for one in receiver.received)


async def test_after_a_failure_it_still_arrives(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    receiver.replies = [Reply(503, headers={"retry-after": "600"}), Reply(200)]
    await happen(1)
    await sweep(system)
    (delivery,) = await log(call, hook)
    assert datetime.fromisoformat(delivery["due_at"]) == system.clock.now + timedelta(seconds=600)
    assert (await call("GET", f"/api/webhooks/{hook['webhook_id']}"))["failures"] == 1
    system.clock.advance(timedelta(seconds=600))
    await sweep(system)
    (delivery,) = await log(call, hook)
    assert [one["status"] for one in delivery["attempts"]] == [503, 200]
    assert delivery["status"] == "delivered"
    standing = await call("GET", f"/api/webhooks/{hook['webhook_id']}")
    assert (standing["failures"], standing["failing_since"]) == (0, None)


async def test_gone_disables_at_once(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    receiver.replies = [Reply(410)]
    await happen(1)
    await sweep(system)
    standing = await call("GET", f"/api/webhooks/{hook['webhook_id']}")
    assert (standing["status"], standing["disabled_reason"]) == ("disabled", "gone")
    (delivery,) = await log(call, hook)
    assert (delivery["status"], delivery["attempts"][0]["error"]) == ("dead", "gone")
    (notice,) = (await call("GET", "/api/notices"))["items"]
    assert notice["kind"] == "webhook.disabled"
    assert "410" in notice["text"]
    await happen(1)
    await sweep(system)
    assert len(receiver.received) == 1, "a disabled webhook gets nothing"
    assert len(await log(call, hook)) == 1
    await system.drain()
    audit = await call("GET", "/api/audit-log?action=webhook.disabled")
    assert audit["items"][0]["subject"] == f"webhooks/{hook['webhook_id']}"


async def test_a_redirect_is_not_followed(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    receiver.replies = [Reply(307, headers={"location": receiver.at("/elsewhere")})]
    await happen(1)
    await sweep(system)
    assert [one.path for one in receiver.received] == ["/hooks"]
    (delivery,) = await log(call, hook)
    assert (delivery["status"], delivery["attempts"][0]["error"]) == ("pending", "redirect")


async def test_days_of_nothing_but_failures_disable(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    receiver.always = Reply(500)
    await happen(3)
    for _ in range(9):
        system.clock.advance(timedelta(hours=15))
        await sweep(system)
        standing = await call("GET", f"/api/webhooks/{hook['webhook_id']}")
        if standing["status"] == "disabled":
            break
    assert (standing["status"], standing["disabled_reason"]) == ("disabled", "failing")
    assert len(receiver.received) >= patience.BROKEN_FAILURES
    failing = datetime.fromisoformat(standing["failing_since"])
    assert system.clock.now - failing >= patience.BROKEN_AFTER
    (notice,) = (await call("GET", "/api/notices", headers={"accept-language": "zh-CN"}))["items"]
    assert "三天" in notice["text"]
    # Put right and enabled, it gets what still waits, and starts without its past.
    receiver.always = Reply()
    await call("PATCH", f"/api/webhooks/{hook['webhook_id']}", {"status": "enabled"})
    standing = await call("GET", f"/api/webhooks/{hook['webhook_id']}")
    assert (standing["failures"], standing["failing_since"], standing["disabled_reason"]) == (0, None, None)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(raw=b"SSH-2.0-OpenSSH_9.6\r\n"), "protocol"),
        (Reply(raw=b""), "protocol"),
        (Reply(404), "status"),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000), "protocol"),
    ],
)
async def test_what_a_receiver_may_do_wrong_is_told_apart(
    *,
    system: TestedSystem,
    call: Any,
    hook: dict[str, Any],
    happen: Any,
    receiver: Receiver,
    reply: Reply,
    error: str,
) -> None:
    receiver.always = reply
    await happen(1)
    await sweep(system)
    (delivery,) = await log(call, hook)
    assert (delivery["status"], delivery["attempts"][0]["error"]) == ("pending", error)


async def test_nobody_listens(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    await happen(1)
    await call("PATCH", f"/api/webhooks/{hook['webhook_id']}", {"url": "http://127.0.0.1:1/hooks"})
    await sweep(system)
    (delivery,) = await log(call, hook)
    assert delivery["attempts"][0]["error"] == "connection-failed"
    assert receiver.received == []


async def test_a_receiver_that_never_ends_its_answer_is_left(
    *,
    system: TestedSystem,
    call: Any,
    hook: dict[str, Any],
    happen: Any,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fenxiao.notifications.service.calling.DEADLINE", 0.3)
    receiver.always = Reply(200, hang=True)
    await happen(1)
    await sweep(system)
    (delivery,) = await log(call, hook)
    assert (delivery["status"], delivery["attempts"][0]["error"]) == ("pending", "timeout")
    assert delivery["attempts"][0]["milliseconds"] >= 300


async def test_a_slow_receiver_holds_up_nobody_else(
    system: TestedSystem, call: Any, happen: Any, receiver: Receiver
) -> None:
    slow = asyncio.Event()
    receiver.by_path = {"/slow": Reply(wait=slow)}
    for path in ("/slow", "/quick"):
        await call("POST", "/api/webhooks", {"url": receiver.at(path), "event_types": ["product.changed"]})
    await happen(30)
    sweeping = asyncio.create_task(sweep(system))
    async with asyncio.timeout(20):
        while sum(one.path == "/quick" for one in receiver.received) < 30:
            await asyncio.sleep(0.02)
    assert receiver.most_at_once["/slow"] == 4, "so many calls to one receiver, and no more"
    assert sum(one.path == "/slow" for one in receiver.received) == 4
    slow.set()
    assert await sweeping == 60
    assert receiver.most_at_once["/slow"] == 4


async def test_a_worker_that_dies_loses_nothing(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    never = asyncio.Event()
    receiver.always = Reply(wait=never)
    (event_id,) = await happen(1)
    dying = asyncio.create_task(sweep(system))
    async with asyncio.timeout(10):
        while not receiver.received:
            await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    receiver.always = Reply()
    assert await sweep(system) == 0, "its lease still stands"
    system.clock.advance(timedelta(minutes=2))
    assert await sweep(system) == 1
    assert [one.headers["webhook-id"] for one in receiver.received] == [event_id] * 2
    (delivery,) = await log(call, hook)
    assert (delivery["status"], len(delivery["attempts"])) == ("delivered", 1)


async def test_two_workers_at_once_share_the_work(
    system: TestedSystem, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    assert hook["webhook_id"]
    await happen(40)
    made = await asyncio.gather(*(sweep(system) for _ in range(3)))
    assert sum(made) == 40
    ids = [one.headers["webhook-id"] for one in receiver.received]
    assert (len(ids), len(set(ids))) == (40, 40)
    assert receiver.most_at_once["/hooks"] <= 12


async def test_an_attempt_that_outlived_its_lease_overrules_nothing(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    late, first = asyncio.Event(), asyncio.Event()
    receiver.on_call = first.set
    receiver.replies = [Reply(500, wait=late), Reply(200)]
    await happen(1)
    slow = asyncio.create_task(sweep(system))
    await asyncio.wait_for(first.wait(), 10)
    system.clock.advance(timedelta(minutes=2))
    assert await sweep(system) == 1
    late.set()
    await slow
    (delivery,) = await log(call, hook)
    assert delivery["status"] == "delivered"
    assert sorted(one["status"] for one in delivery["attempts"]) == [200, 500]
    standing = await call("GET", f"/api/webhooks/{hook['webhook_id']}")
    assert standing["status"] == "enabled"


async def test_a_webhook_deleted_while_a_call_is_out(
    system: TestedSystem, call: Any, hook: dict[str, Any], happen: Any, receiver: Receiver
) -> None:
    """With its log, and that of another webhook in the same batch is written all the same."""
    late, first = asyncio.Event(), asyncio.Event()
    receiver.on_call = first.set
    receiver.by_path = {"/hooks": Reply(500, wait=late), "/other": Reply(200, wait=late)}
    await call("POST", "/api/webhooks", {"url": receiver.at("/other"), "event_types": ["product.changed"]})
    await happen(1)
    slow = asyncio.create_task(sweep(system))
    await asyncio.wait_for(first.wait(), 10)
    await call("DELETE", f"/api/webhooks/{hook['webhook_id']}")
    await system.apis.notifications.trimming.trim()
    late.set()
    assert await slow == 2
    (delivery,) = (await call("GET", "/api/webhooks/2/deliveries"))["items"]
    assert delivery["status"] == "delivered"
    assert await system.databases["notifications"].fetchval("select count(*) from delivery") == 1
    assert await system.databases["notifications"].fetchval("select count(*) from webhook") == 1
