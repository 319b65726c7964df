"""The whole system as its user runs it, killed with kill -9 while deliveries are out: every event still arrives."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.e2e.instance import Instance
from tests.e2e.kills import drawn
from tests.integration.notifications.receiver import Receiver, Reply

KILLS = 2
EVENTS = 15
"""Of each round between two kills."""


@pytest_asyncio.fixture
async def instance(tmp_path: Path) -> AsyncIterator[Instance]:
    one = Instance(tmp_path / "folder", extra={"FENXIAO_WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8"})
    yield one
    one.kill_server()
    one.kill_postgresql()


@pytest.mark.timeout(300)
async def test_every_event_arrives_whatever_is_killed(instance: Instance, receiver: Receiver) -> None:
    moments = drawn()
    await asyncio.to_thread(instance.start)
    receiver.always = Reply(204)
    async with httpx.AsyncClient(base_url=instance.url, timeout=30) as client:
        client.headers.update(await asyncio.to_thread(instance.token))
        body = {"url": receiver.url, "event_types": ["product.changed"]}
        secret = (await client.post("/api/webhooks", json=body)).json()["secret"]
        names = []
        for number in range(KILLS):
            for event in range(EVENTS):
                name = f"{number}-{event}"
                answer = await client.post("/api/products", json={"name": name})
                assert answer.status_code == 201, answer.text
                names.append(answer.json()["product_id"])
                if event == EVENTS // 2:
                    # From here on the receiver takes its time, so that calls are out when the end comes.
                    receiver.always = Reply(204, wait=asyncio.Event())
            await asyncio.sleep(moments.uniform(0, 1.5))
            instance.kill_server()
            receiver.always.wait.set()  # type: ignore[union-attr] - set above
            receiver.always = Reply(204)
            await asyncio.to_thread(instance.start)
        async with asyncio.timeout(120):
            while {one.event["data"]["product_id"] for one in receiver.received} < set(names):
                await asyncio.sleep(0.2)
        assert all(one.signed_by(secret) for one in receiver.received)
        async with asyncio.timeout(60):
            while (await client.get("/api/webhooks/1/deliveries?status=pending")).json()["items"]:
                await asyncio.sleep(0.2)
        log = []
        cursor = ""
        while cursor is not None:
            page = (await client.get(f"/api/webhooks/1/deliveries?limit=200{cursor}")).json()
            log += page["items"]
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert {one["status"] for one in log} == {"delivered"}
    sent = [one["event_id"] for one in log]
    assert (len(sent), len(set(sent))) == (len(names), len(names)), "one delivery for each event"
    assert {one.headers["webhook-id"] for one in receiver.received} == set(sent)
    verified = await asyncio.to_thread(instance.run, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "notifications.deliveries" in verified.stdout
