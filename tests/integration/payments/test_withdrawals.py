"""From the request to the channel and back: what the channel says moves the distributor's money, once."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.conftest import TestedSystem
from tests.integration.commission.test_cases import Shop
from tests.integration.payments.conftest import HOLDER, Login, Scene

HOUR = timedelta(hours=2)


async def earned(
    system: TestedSystem, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> tuple[Shop, dict[str, str]]:
    """A has 50.00 available, and a token."""
    shop = Shop(system, client, login, admin, people="AD")
    await shop.open()
    await shop.publish(hold_days=0)
    await shop.sell("pay", "ship", "complete")
    await shop.settle("A")
    return shop, await login("member-A", "Pw-A-long-enough")


async def test_a_payee_who_does_not_confirm_gets_the_money_back_and_tries_again(
    scene: Scene, system: TestedSystem, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> None:
    shop, payee = await earned(system, client, login, admin)

    async def own(path: str, **body: Any) -> Any:
        answer = await client.post(path, json=body, headers=payee)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def money() -> tuple[str, str, str]:
        found = await scene.ask("GET", f"/api/commission/{shop.chain['A']}")
        return found["available"], found["withdrawing"], found["paid"]

    wechat = scene.played["wechat"]
    account = await own("/api/payout-accounts", channel="wechat", holder=HOLDER, number=wechat.payee)
    asked = await own("/api/withdrawals", amount="20.00", account_id=account["account_id"])
    path = f"/api/withdrawals/{asked['withdrawal_id']}"
    await scene.ask("POST", f"{path}/approve", json={})
    await system.drain()
    wechat.plan.append("wait")
    await scene.send()
    await system.drain()
    waiting = await scene.ask("GET", path)
    assert waiting["status"] == "awaiting_user"
    assert await money() == ("30.00", "20.00", "0.00")

    first = waiting["payout_number"]
    wechat.settle(first, "FAIL")
    assert (await scene.call_back("wechat", first)).status_code == 200
    await system.drain()
    failed = await scene.ask("GET", path)
    assert (failed["status"], failed["history"][-1]["reason"]) == ("failed", "expired")
    assert await money() == ("50.00", "0.00", "0.00")

    await scene.ask("POST", f"{path}/retry", json={})
    await system.drain()
    wechat.plan.append("drop")
    await scene.send()
    await system.drain()
    assert (await scene.ask("GET", path))["status"] == "unknown"
    second = (await scene.ask("GET", path))["payout_number"]
    wechat.settle(second, "SUCCESS")
    await scene.send(after=HOUR)
    await system.drain()
    paid = await scene.ask("GET", path)
    assert (paid["status"], paid["payouts"][-1]["reference"]) == ("paid", wechat.money[second].reference)
    assert await money() == ("30.00", "0.00", "20.00")

    # The first is paid after all: nobody's money moves, and somebody is told.
    wechat.settle(first, "SUCCESS")
    assert (await scene.call_back("wechat", first)).status_code == 200
    await system.drain()
    await system.redeliver()
    await scene.send(after=HOUR)
    assert await money() == ("30.00", "0.00", "20.00")
    findings = (await scene.ask("GET", "/api/payout-findings?unresolved=true"))["items"]
    assert [(one["payout_number"], one["kind"]) for one in findings] == [(first, "paid-after-failed")]
    assert wechat.paid == {first: 1, second: 1}
    await scene.ask("POST", f"/api/payout-findings/{findings[0]['finding_id']}/resolve", json={"note": "x"})
    checks = [
        one for offer in system.offers if offer.name in {"payments", "commission"} for one in offer.checks
    ]
    assert [one for check in checks async for one in check.findings() if not one.in_flight] == []


async def test_what_is_just_being_handed_over_is_not_ended_by_hand(
    *,
    scene: Scene,
    system: TestedSystem,
    client: httpx.AsyncClient,
    login: Login,
    admin: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, payee = await earned(system, client, login, admin)
    body = {"channel": "bank", "holder": HOLDER, "number": "6222021234567890123"}
    account = (await client.post("/api/payout-accounts", json=body, headers=payee)).json()["account_id"]
    body = {"amount": "20.00", "account_id": account}
    asked = (await client.post("/api/withdrawals", json=body, headers=payee)).json()["withdrawal_id"]
    path = f"/api/withdrawals/{asked}"
    await scene.ask("POST", f"{path}/approve", json={})
    payments = type(system.apis.payments)
    transfer, codes = payments.transfer, []

    async def overtaken(self: Any, *, requests: Any) -> Any:
        # The payout was looked at and is open; it is not known to payments yet.
        for act, given in (("reject", {"reason": "no"}), ("confirm", {"reference": "R"})):
            codes.append((await scene.ask("POST", f"{path}/{act}", json=given, status=409))["code"])
        return await transfer(self, requests=requests)

    monkeypatch.setattr(payments, "transfer", overtaken)
    await system.drain()
    assert codes == ["transfer-under-way"] * 2
    assert (await scene.ask("GET", path))["status"] == "approved"
    # Known there, it is taken back, and no file for the bank holds it.
    await scene.ask("POST", f"{path}/reject", json={"reason": "no"})
    await scene.ask("POST", "/api/payouts/batches", json={"currency": "CNY"}, status=409)
    await system.drain()
    money = await scene.ask("GET", f"/api/commission/{shop.chain['A']}")
    assert (money["available"], money["withdrawing"]) == ("50.00", "0.00")
