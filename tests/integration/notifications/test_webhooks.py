"""Making, changing, deleting webhooks, and their secrets, which are shown once and never again."""

import json
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import TestedSystem
from tests.integration.notifications.receiver import Receiver

from fenxiao.infra.crypto import CannotOpen


async def sweep(system: TestedSystem) -> int:
    return await system.apis.notifications.sending.sweep()


async def rows(owner: asyncpg.Connection) -> list[Any]:
    """All that a refusal must leave alone."""
    names = ("webhook", "webhook_secret", "message", "delivery", "attempt", "run", "idempotency")
    return [
        dict(row)
        for name in names
        for row in await owner.fetch(f"select * from notifications.{name} order by 1")
    ]


async def test_a_webhook_from_its_making_to_its_end(call: Any, receiver: Receiver) -> None:
    made = await call(
        "POST",
        "/api/webhooks",
        {"url": receiver.url, "event_types": ["stock.low", "order.created"], "description": "仓库"},
        status=201,
    )
    assert made["secret"].startswith("whsec_")
    assert made["event_types"] == ["order.created", "stock.low"]
    found = await call("GET", "/api/webhooks/1")
    assert found == {name: value for name, value in made.items() if name != "secret"}
    assert (await call("GET", "/api/webhooks"))["items"] == [found]
    changed = await call(
        "PATCH", "/api/webhooks/1", {"event_types": ["*"], "description": "", "status": "disabled"}
    )
    assert (changed["event_types"], changed["status"], changed["disabled_reason"]) == (
        ["*"],
        "disabled",
        "by-hand",
    )
    again = await call("PATCH", "/api/webhooks/1", {"status": "enabled"})
    assert (again["status"], again["disabled_reason"], again["url"]) == ("enabled", None, receiver.url)
    await call("DELETE", "/api/webhooks/1", status=204)
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate-secret"),
        ("GET", "/deliveries"),
        ("GET", "/deliveries/1"),
        ("POST", "/deliveries/1/redeliver"),
        ("GET", "/replays/1"),
    ):
        await call(method, f"/api/webhooks/1{path}", status=404)
    assert (await call("GET", "/api/webhooks"))["items"] == []


async def test_the_types_there_are(call: Any) -> None:
    items = (await call("GET", "/api/webhooks/event-types"))["items"]
    types = {item["type"] for item in items}
    assert {
        "order.created",
        "order.status_changed",
        "stock.low",
        "commission.accrued",
        "rule.published",
    } <= types
    assert "audit.recorded" not in types
    assert "webhook.test" not in types


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "nowhere"}, "url"),
        ({"url": "https://u:p@127.0.0.1/"}, "url"),
        ({"url": "http://10.0.0.1/hooks"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data/"}, "url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url"),
        ({"url": "https://0/"}, "url"),
        ({"url": "https://2130706433.invalid/"}, "url"),
        ({"url": "https://no-such-host.invalid/"}, "url"),
        ({"url": "http://8.8.8.8/"}, "url"),
        ({"url": "http://127.0.0.1/", "event_types": []}, "event_types"),
        ({"url": "http://127.0.0.1/", "event_types": ["order.eaten"]}, "event_types"),
        ({"url": "http://127.0.0.1/", "event_types": ["audit.recorded"]}, "event_types"),
        ({"url": "http://127.0.0.1/", "colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_a_webhook_is_refused_and_nothing_is_kept(
    call: Any, owner: asyncpg.Connection, body: dict[str, Any], field: str
) -> None:
    before = await rows(owner)
    refused = await call("POST", "/api/webhooks", body, status=422)
    assert [error["field"] for error in refused["errors"]] == [field]
    assert await rows(owner) == before


async def test_a_change_is_examined_like_a_new_one(call: Any, hook: Any, owner: asyncpg.Connection) -> None:
    before = await rows(owner)
    for body, field in (
        ({"url": "http://192.168.1.1/"}, "url"),
        ({"url": None}, "url"),
        ({"event_types": ["order.eaten"]}, "event_types"),
        ({"status": "deleted"}, "status"),
    ):
        refused = await call("PATCH", f"/api/webhooks/{hook['webhook_id']}", body, status=422)
        assert [error["field"] for error in refused["errors"]] == [field]
    assert await rows(owner) == before


async def test_a_lost_update_is_refused(
    client: httpx.AsyncClient, admin: dict[str, str], hook: Any, owner: asyncpg.Connection
) -> None:
    path = f"/api/webhooks/{hook['webhook_id']}"
    seen = (await client.get(path, headers=admin)).headers["etag"]
    first = await client.patch(path, json={"description": "a"}, headers=admin | {"If-Match": seen})
    assert first.status_code == 200
    before = await rows(owner)
    second = await client.patch(path, json={"description": "b"}, headers=admin | {"If-Match": seen})
    assert (second.status_code, second.json()["code"]) == (412, "stale-version")
    assert await rows(owner) == before


async def test_without_a_token_nothing(client: httpx.AsyncClient, hook: Any, receiver: Receiver) -> None:
    path = f"/api/webhooks/{hook['webhook_id']}"
    for method, address in (("GET", "/api/webhooks"), ("POST", f"{path}/test"), ("GET", "/api/notices")):
        assert (await client.request(method, address)).status_code == 401
    assert receiver.received == []


async def test_a_distributor_is_refused(
    *, client: httpx.AsyncClient, call: Any, login: Any, hook: Any, system: TestedSystem, receiver: Receiver
) -> None:
    person = {"username": "wang", "password": "long-enough-1", "display_name": "王"}
    await call("POST", "/api/distributors", person)
    await system.drain()
    wang = await login("wang", "long-enough-1")
    path = f"/api/webhooks/{hook['webhook_id']}"
    for method, address, permission in (
        ("GET", "/api/webhooks", "webhooks:manage"),
        ("GET", path, "webhooks:manage"),
        ("POST", f"{path}/test", "webhooks:manage"),
        ("GET", f"{path}/deliveries", "webhooks:manage"),
        ("GET", "/api/notices", "notices:read"),
        ("POST", "/api/notices/read", "notices:read"),
    ):
        answer = await client.request(method, address, headers=wang)
        assert answer.status_code == 403
        assert permission in answer.json()["detail"]
    assert receiver.received == []


async def test_a_secret_is_sealed_and_never_told_again(
    *,
    client: httpx.AsyncClient,
    call: Any,
    system: TestedSystem,
    owner: asyncpg.Connection,
    receiver: Receiver,
    capfd: pytest.CaptureFixture[str],
) -> None:
    key = {"Idempotency-Key": "k1"}
    made = await call("POST", "/api/webhooks", {"url": receiver.url}, headers=key)
    turned = await call("POST", "/api/webhooks/1/rotate-secret", {}, headers={"Idempotency-Key": "k2"})
    await call("POST", "/api/products", {"name": "flour"})
    await system.drain()
    await sweep(system)
    for path in ("", "/deliveries", "/deliveries/1"):
        assert "whsec_" not in json.dumps(await call("GET", f"/api/webhooks/1{path}"))
    assert "whsec_" not in json.dumps(await call("GET", "/api/audit-log"))
    tables = await owner.fetch(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
    )
    for secret in (made["secret"], turned["secret"]):
        for table in tables:
            if table["table_schema"] in ("pg_catalog", "information_schema"):
                continue
            name = f'"{table["table_schema"]}"."{table["table_name"]}"'
            plain = "select count(*) from {} t where t::text like $1 or t::text like $2"
            # A bytea is shown in hex.
            found = await owner.fetchval(plain.format(name), f"%{secret}%", f"%{secret.encode().hex()}%")
            assert found == 0, name
        out, err = capfd.readouterr()
        assert secret not in out + err
    sealed = await owner.fetch("select * from notifications.webhook_secret order by 1")
    assert len(sealed) == 2
    with pytest.raises(CannotOpen):
        system.place.cipher.open(
            sealed[0]["secret_sealed"], table="webhook_secret", column="secret_sealed", row=2
        )


async def test_a_repeated_request_makes_one_webhook_and_gets_its_secret(
    call: Any, receiver: Receiver, owner: asyncpg.Connection
) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await call("POST", "/api/webhooks", {"url": receiver.url}, headers=key)
    before = await rows(owner)
    assert await call("POST", "/api/webhooks", {"url": receiver.url}, headers=key) == first
    assert await rows(owner) == before
    other = {"url": receiver.at("/other")}
    assert (await call("POST", "/api/webhooks", other, headers=key, status=422))[
        "code"
    ] == "idempotency-key-reused"
    # Once replaced, the secret of the first answer is told no more.
    await call("POST", "/api/webhooks/1/rotate-secret")
    again = await call("POST", "/api/webhooks", {"url": receiver.url}, headers=key)
    assert again["secret"] is None


async def test_while_a_secret_changes_both_sign(
    system: TestedSystem, call: Any, hook: Any, happen: Any, receiver: Receiver
) -> None:
    path = f"/api/webhooks/{hook['webhook_id']}/rotate-secret"
    turned = await call("POST", path)
    until = datetime.fromisoformat(turned["previous_valid_until"])
    assert until == system.clock.now + timedelta(hours=24)
    await happen(1)
    await sweep(system)
    assert receiver.received[-1].signed_by(hook["secret"])
    assert receiver.received[-1].signed_by(turned["secret"])
    assert receiver.received[-1].headers["webhook-signature"].count("v1,") == 2
    system.clock.now = until
    await happen(1)
    await sweep(system)
    assert not receiver.received[-1].signed_by(hook["secret"])
    assert receiver.received[-1].signed_by(turned["secret"])
    # At once, where a secret has become known; and never more than three of them.
    last = await call("POST", path, {"overlap_hours": 0})
    await happen(1)
    await sweep(system)
    assert receiver.received[-1].signed_by(last["secret"])
    assert not receiver.received[-1].signed_by(turned["secret"])
    secrets = [last["secret"]] + [(await call("POST", path))["secret"] for _ in range(4)]
    await happen(1)
    await sweep(system)
    assert [receiver.received[-1].signed_by(one) for one in secrets] == [False, False, True, True, True]
    await call("POST", path, {"overlap_hours": 169}, status=422)


async def test_a_rotation_asked_for_twice_is_done_once(
    call: Any, hook: Any, owner: asyncpg.Connection
) -> None:
    path, key = f"/api/webhooks/{hook['webhook_id']}/rotate-secret", {"Idempotency-Key": "r"}
    first = await call("POST", path, {}, headers=key)
    assert first["secret"] != hook["secret"]
    before = await rows(owner)
    assert await call("POST", path, {}, headers=key) == first
    assert await rows(owner) == before


async def test_every_change_is_audited_without_what_is_secret_in_the_address(
    call: Any, system: TestedSystem, receiver: Receiver
) -> None:
    await call("POST", "/api/webhooks", {"url": receiver.at("/robot?key=tell-nobody")})
    await call("PATCH", "/api/webhooks/1", {"url": receiver.at("/robot?key=tell-no-one")})
    await call("POST", "/api/webhooks/1/rotate-secret")
    await call("DELETE", "/api/webhooks/1")
    await system.drain()
    lines = (await call("GET", "/api/audit-log?subject=webhooks/1"))["items"]
    assert [line["action"] for line in reversed(lines)] == [
        "webhook.created",
        "webhook.changed",
        "webhook.secret_rotated",
        "webhook.deleted",
    ]
    assert {line["actor"] for line in lines} == {"account:1"}
    assert "tell" not in json.dumps(lines)
    changed = lines[2]
    assert changed["before"]["url"].startswith(f"http://127.0.0.1:{receiver.port} #")
    assert changed["before"]["url"] != changed["after"]["url"]


async def test_there_is_a_bound(
    call: Any, receiver: Receiver, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fenxiao.notifications.service.webhooks.LIMIT", 2)
    for _ in range(2):
        await call("POST", "/api/webhooks", {"url": receiver.url})
    before = await rows(owner)
    refused = await call("POST", "/api/webhooks", {"url": receiver.url}, status=409)
    assert refused["code"] == "too-many-webhooks"
    assert await rows(owner) == before
    await call("DELETE", "/api/webhooks/1")
    await call("POST", "/api/webhooks", {"url": receiver.url}, status=201)
    first = await call("GET", "/api/webhooks?limit=1")
    second = await call("GET", f"/api/webhooks?limit=1&cursor={first['next_cursor']}")
    assert [one["webhook_id"] for one in first["items"] + second["items"]] == [2, 3]
    assert second["next_cursor"] is None
