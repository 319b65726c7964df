"""Withdrawals over HTTP, with a real distributor's token: from a sale to the tax report."""

import csv
import io
from typing import Any

import httpx
import pytest_asyncio
import python_calamine
from tests.integration.commission.payee import NUMBER
from tests.integration.commission.test_cases import Login, Shop

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BANK = {"channel": "bank", "holder": "王小明", "number": NUMBER, "bank": "工商银行"}


class Counter:
    """Two distributors, A above D, who ask in their own names; everything that is answered is kept."""

    def __init__(self, shop: Shop, login: Login) -> None:
        self.shop = shop
        self.login = login
        self.heard: list[str] = []
        self.tokens = {"admin": shop.admin}

    async def call(
        self, who: str, method: str, path: str, body: Any = None, *, want: int = 200, **headers: str
    ) -> Any:
        if who not in self.tokens:
            self.tokens[who] = await self.login(f"member-{who}", f"Pw-{who}-long-enough")
        answer = await self.shop.http.request(method, path, json=body, headers=self.tokens[who] | headers)
        assert answer.status_code == want, (method, path, answer.text)
        self.heard.append(answer.text)
        return answer.json() if answer.headers.get("content-type", "").endswith("json") else answer


@pytest_asyncio.fixture
async def counter(system: Any, client: httpx.AsyncClient, login: Login, admin: dict[str, str]) -> Counter:
    """A has 50.00 available."""
    shop = Shop(system, client, login, admin, people="AD")
    await shop.open()
    await shop.publish(hold_days=0)
    await shop.sell("pay", "ship", "complete")
    await shop.settle("A")
    assert (await shop.account("A"))["available"] == "50.00"
    return Counter(shop, login)


async def test_from_an_account_to_the_report(counter: Counter) -> None:
    call = counter.call
    account = await call("A", "POST", "/api/payout-accounts", BANK, want=201)
    assert (account["holder"], account["number"], account["status"]) == ("王**", "****0123", "active")
    # Nobody's but his own: not his downline's, and an upline sees nothing of those below either.
    theirs = await call("D", "POST", "/api/payout-accounts", BANK | {"number": "99887766554433"}, want=201)
    for who, other in (("D", account), ("A", theirs)):
        for method in ("GET", "DELETE"):
            await call(who, method, f"/api/payout-accounts/{other['account_id']}", want=404)
        owner = other["distributor_id"]
        await call(who, "GET", f"/api/payout-accounts?distributor_id={owner}", want=404)
        assert [one["account_id"] for one in (await call(who, "GET", "/api/payout-accounts"))["items"]] != []
    await call("admin", "POST", "/api/payout-accounts", BANK, want=403)
    await refusals(counter, account["account_id"])

    wanted = {"amount": "20.00", "account_id": account["account_id"]}
    key = {"Idempotency-Key": "w-1"}
    one = await call("A", "POST", "/api/withdrawals", wanted, want=201, **key)
    assert one == await call("A", "POST", "/api/withdrawals", wanted, want=201, **key)
    shown = {name: one[name] for name in ("status", "amount", "fee", "tax", "net", "currency", "risks")}
    assert shown == {
        "status": "requested", "amount": "20.00", "fee": "0.00", "tax": "0.00", "net": "20.00", "currency": "CNY",
        "risks": None,
    }  # fmt: skip
    two = await call("A", "POST", "/api/withdrawals", wanted | {"amount": 5}, want=201)
    await decided(counter, one["withdrawal_id"], two["withdrawal_id"])
    await by_file(counter, account["account_id"])
    await reported(counter)

    for secret in (NUMBER, "99887766554433", "小明", "工商银行"):
        assert not any(secret in text for text in counter.heard)
    await counter.shop.verified()


async def refusals(counter: Counter, account_id: int) -> None:
    """What is refused leaves no withdrawal behind."""
    wanted = {"amount": "20.00", "account_id": account_id}
    for body, status, code in (
        (wanted | {"amount": "50.01"}, 409, "insufficient-balance"),
        (wanted | {"amount": "0.00"}, 422, "validation-failed"),
        (wanted | {"amount": "-1"}, 422, "validation-failed"),
        (wanted | {"amount": "1.001"}, 422, "validation-failed"),
        (wanted | {"account_id": 999}, 404, "payout-account-missing"),
        (wanted | {"currency": "USD"}, 409, "insufficient-balance"),
        (wanted | {"surprise": 1}, 422, "validation-failed"),
    ):
        refused = await counter.call("A", "POST", "/api/withdrawals", body, want=status)
        assert refused["code"] == code
    await counter.call("D", "POST", "/api/withdrawals", wanted, want=404)
    chinese = {"Accept-Language": "zh-CN"}
    refused = await counter.call(
        "A", "POST", "/api/withdrawals", wanted | {"amount": 60}, want=409, **chinese
    )
    assert refused["detail"] == "可提现 50.00 CNY，申请提现 60.00。"
    assert (await counter.call("admin", "GET", "/api/withdrawals"))["items"] == []
    assert (await counter.shop.account("A"))["withdrawing"] == "0.00"


async def decided(counter: Counter, one: int, two: int) -> None:
    call, path = counter.call, f"/api/withdrawals/{one}"
    for action, body in (
        ("approve", {}),
        ("reject", {"reason": "x"}),
        ("confirm", {"reference": "r"}),
        ("retry", {}),
    ):
        assert (await call("A", "POST", f"{path}/{action}", body, want=403))["code"] == "forbidden"
        await call("D", "POST", f"{path}/{action}", body, want=404)
    await call("A", "POST", "/api/withdrawals/approve", {"items": [{"withdrawal_id": one}]}, want=403)
    await call("D", "GET", path, want=404)
    assert (await call("D", "GET", "/api/withdrawals"))["items"] == []
    (listed,) = (await call("admin", "GET", "/api/withdrawals?status=requested&limit=1"))["items"]
    assert listed["withdrawal_id"] == two
    chinese = {"Accept-Language": "zh-CN"}
    seen = await call("admin", "GET", path, **chinese)
    assert [risk["code"] for risk in seen["risks"]] == ["new-account"]
    assert seen["risks"][0]["text"] == "该账户注册仅 0 天；注册不足 7 天的账户视为新账户。"
    assert seen["account"]["number"] == "****0123"
    many = {"items": [{"withdrawal_id": one, "reason": "known to us"}, {"withdrawal_id": 999}]}
    approved, missing = (await call("admin", "POST", "/api/withdrawals/approve", many))["items"]
    assert (approved["status"], approved["withdrawal"]["status"]) == (200, "approved")
    assert (missing["status"], missing["problem"]["code"]) == (404, "withdrawal-missing")
    await call("admin", "POST", f"/api/withdrawals/{two}/reject", {}, want=422)
    rejected = await call("admin", "POST", f"/api/withdrawals/{two}/reject", {"reason": "wrong branch"})
    assert rejected["status"] == "rejected"
    again = await call("admin", "POST", f"/api/withdrawals/{two}/reject", {"reason": "again"}, want=409)
    assert again["code"] == "withdrawal-wrong-state"
    paid = await call("admin", "POST", f"{path}/confirm", {"reference": "ICBC-1"})
    assert (paid["status"], paid["net"]) == ("paid", "20.00")
    mine, theirs = await call("A", "GET", path), await call("admin", "GET", path)
    assert [step["to_status"] for step in mine["history"]] == ["requested", "approved", "paid"]
    assert [step["reason"] for step in mine["history"]] == [None, "known to us", None]
    assert {step["actor"] for step in mine["history"]} == {None}
    assert theirs["history"][2]["actor"].startswith("account:")
    assert [(each["outcome"], each["reference"]) for each in mine["payouts"]] == [("paid", "ICBC-1")]
    balance = await counter.shop.account("A")
    assert {name: balance[name] for name in ("available", "withdrawing", "paid", "debt")} == {
        "available": "30.00", "withdrawing": "0.00", "paid": "20.00", "debt": "0.00"
    }  # fmt: skip


async def by_file(counter: Counter, account_id: int) -> None:
    """By bank, with a file: one is paid, one comes back; a channel that is not there gives the money back at once."""
    call, system = counter.call, counter.shop.system
    paypal = {"channel": "paypal", "holder": "Wang", "number": "wang@example.com"}
    other = await call("A", "POST", "/api/payout-accounts", paypal, want=201)
    made = []
    for number in (account_id, account_id, other["account_id"]):
        wanted = {"amount": "1.00", "account_id": number}
        one = await call("A", "POST", "/api/withdrawals", wanted, want=201)
        made.append(one["withdrawal_id"])
        await call("admin", "POST", f"/api/withdrawals/{one['withdrawal_id']}/approve", {})
    await system.drain()
    await system.redeliver()
    missing = await call("A", "GET", f"/api/withdrawals/{made[2]}")
    assert (missing["status"], missing["history"][-1]["reason"]) == ("failed", "channel-not-configured")
    batch = await call("admin", "POST", "/api/payouts/batches", {"currency": "CNY"}, want=201)
    assert (batch["transfers"], batch["amount"]) == (2, "2.00")
    await system.drain()
    waiting = await call("A", "GET", f"/api/withdrawals/{made[0]}")
    assert waiting["status"] == "processing"
    path = f"/api/payouts/batches/{batch['batch_id']}"
    file = await counter.shop.http.get(f"{path}/file", headers=counter.tokens["admin"])
    text = file.content.decode("utf-8-sig")
    assert text.count(NUMBER) == 2
    lines = list(csv.reader(io.StringIO(text)))
    for line in lines[1:]:
        paid = line[0] == waiting["payout_number"]
        line[-2:] = ["paid", "ICBC-2"] if paid else ["failed", ""]
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    headers = counter.tokens["admin"] | {"content-type": "text/csv"}
    answer = await counter.shop.http.post(f"{path}/result", content=out.getvalue().encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    await system.drain()
    first, second = [await call("admin", "GET", f"/api/withdrawals/{number}") for number in made[:2]]
    assert (first["status"], first["payouts"][0]["reference"]) == ("paid", "ICBC-2")
    assert (second["status"], second["history"][-1]["reason"]) == ("failed", "refused-by-channel")
    balance = await counter.shop.account("A")
    assert (balance["available"], balance["paid"]) == ("29.00", "21.00")


async def reported(counter: Counter) -> None:
    call, path = counter.call, "/api/reports/tax?quarter=2026-Q1"
    distributor_id = counter.shop.chain["A"]
    row = {
        "quarter": "2026-Q1", "distributor_id": distributor_id, "currency": "CNY", "gross": "21.00", "refunds": "0.00",
        "net": "21.00", "tax": "0.00",
    }  # fmt: skip
    assert (await call("admin", "GET", path))["items"] == [row]
    assert (await call("A", "GET", path))["items"] == [row]
    assert (await call("D", "GET", path))["items"] == []
    await call("D", "GET", f"{path}&distributor_id={distributor_id}", want=404)
    await call("admin", "GET", "/api/reports/tax?quarter=2026-Q5", want=422)
    text = await call("admin", "GET", path, Accept="text/csv")
    lines = text.content.decode().split("\r\n")
    assert lines[0].split(",") == list(row)
    assert lines[1].split(",") == [str(value) for value in row.values()]
    book = await call("admin", "GET", path, Accept=XLSX)
    sheet = python_calamine.load_workbook(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    assert sheet[1] == ["2026-Q1", distributor_id, "CNY", 21, 0, 21, 0]

    assert (await call("A", "GET", "/api/withdrawal-policies/current"))["policy_id"] is None
    policy = {"currency": "CNY", "minimum": "10.00", "fee_rate": "0.01", "tax": "flat", "tax_rate": "0.20"}
    await call("A", "POST", "/api/withdrawal-policies", policy, want=403)
    await call("A", "GET", "/api/withdrawal-policies", want=403)
    written = await call("admin", "POST", "/api/withdrawal-policies", policy, want=201)
    assert (written["version"], written["minimum"], written["tax_rate"]) == (1, "10.00", "0.20")
    faulty = await call("admin", "POST", "/api/withdrawal-policies", policy | {"minimum": "-1"}, want=422)
    assert [error["field"] for error in faulty["errors"]] == ["minimum"]
    current = await call("A", "GET", "/api/withdrawal-policies/current")
    assert (current["version"], current["minimum"], current["most_per_day"]) == (1, "10.00", None)
    assert (await call("admin", "GET", "/api/withdrawal-policies/current"))["most_per_day"] == 3
    assert len((await call("admin", "GET", "/api/withdrawal-policies?currency=CNY"))["items"]) == 1
    known = (await call("admin", "GET", "/api/tax-tables"))["items"]
    assert [table["strategy"] for table in known] == ["cn_platform_cumulative", "cn_per_payment"]
    table = {
        "strategy": "cn_per_payment", "effective_from": "2027-01-01", "source": "x", "document": known[1]["document"]
    }  # fmt: skip
    assert (await call("admin", "POST", "/api/tax-tables", table, want=201))["source"] == "x"
    await call("A", "POST", "/api/tax-tables", table, want=403)
    assert (await call("admin", "GET", "/api/payout-findings?unresolved=true"))["items"] == []
    await call("admin", "POST", "/api/payout-findings/1/resolve", {"note": "n"}, want=404)
    account = (await call("A", "GET", "/api/payout-accounts"))["items"][-1]["account_id"]
    wanted = {"account_id": account, "amount": "9.99"}
    assert (await call("A", "POST", "/api/withdrawals", wanted, want=409))["code"] == "below-minimum"
    taxed = await call("A", "POST", "/api/withdrawals", wanted | {"amount": "10.00"}, want=201)
    assert (taxed["fee"], taxed["tax"], taxed["net"]) == ("0.10", "2.00", "7.90")
    await call("A", "DELETE", f"/api/payout-accounts/{account}", want=204)
    assert (await call("A", "GET", f"/api/payout-accounts/{account}"))["status"] == "closed"
