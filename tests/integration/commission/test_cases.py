"""The worked cases of the domain, from the plan to the explanation, over HTTP with real orders and real rules."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.conftest import ADMIN_PASSWORD

Login = Callable[[str, str], Awaitable[dict[str, str]]]
UNILEVEL = {"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}


@dataclass
class Shop:
    """A shop with a product and four distributors: A sponsors B, B sponsors C, C sponsors D."""

    system: Any
    http: httpx.AsyncClient
    login: Login
    admin: dict[str, str]
    chain: dict[str, int] = field(default_factory=dict)
    product_id: int = 0
    category_id: int = 0
    people: str = "ABCD"
    """From the top down; each sponsors the next, and D sells."""

    async def call(self, method: str, path: str, body: Any = None, *, want: int = 200, **headers: str) -> Any:
        answer = await self.http.request(method, path, json=body, headers=self.admin | headers)
        assert answer.status_code == want, (method, path, answer.text)
        return answer.json()

    async def later(self, **by: int) -> None:
        """Time passes; access tokens do not last for long."""
        self.system.clock.advance(timedelta(**by))
        self.admin = await self.login("admin", ADMIN_PASSWORD)

    async def open(self) -> None:
        self.category_id = (await self.call("POST", "/api/categories", {"name": "food"}, want=201))[
            "category_id"
        ]
        product = {"name": "flour", "category_id": self.category_id, "tags": ["hot"], "price": "50.00"}
        product |= {"image_url": "https://example.com/flour.jpg"}
        self.product_id = (await self.call("POST", "/api/products", product, want=201))["product_id"]
        stock = {"stock": 1000, "batch_id": "B1", "expiry_date": "2099-01-01"}
        await self.call("PUT", f"/api/inventory/{self.product_id}", stock)
        sponsor = None
        for name in self.people:
            person = {
                "username": f"member-{name}",
                "password": f"Pw-{name}-long-enough",
                "display_name": name,
            }
            if sponsor:
                person["sponsor_id"] = sponsor
            made = await self.call("POST", "/api/distributors", person, want=201)
            sponsor = self.chain[name] = made["distributor_id"]
            if made["status"] != "active":
                await self.call("POST", f"/api/distributors/{sponsor}/activate")
        await self.system.drain()

    async def publish(self, *components: dict[str, Any], name: str = "plan", **settings: Any) -> int:
        plan = {"name": name, "currency": "CNY", "components": list(components) or [UNILEVEL], **settings}
        rule = await self.call("POST", "/api/rules", plan, want=201)
        await self.call("POST", f"/api/rules/{rule['rule_id']}/publish", {})
        return rule["rule_id"]

    async def sell(self, *steps: str, quantity: int = 10, seller: str = "D") -> dict[str, Any]:
        """D sells, at 50.00 a piece; then the order goes these steps, an hour apart."""
        body = {"distributor_id": self.chain[seller], "product_id": self.product_id, "quantity": quantity}
        order = await self.call("POST", "/api/orders", body, want=201)
        for step in steps:
            await self.later(hours=1)
            await self.call("POST", f"/api/orders/{order['order_id']}/{step}", {})
        await self.system.drain()
        return order

    async def refund(self, order: dict[str, Any], body: dict[str, Any]) -> None:
        await self.later(hours=1)
        await self.call("POST", f"/api/orders/{order['order_id']}/refunds", body, want=201)
        await self.system.drain()

    async def account(self, name: str, query: str = "") -> dict[str, Any]:
        return await self.call("GET", f"/api/commission/{self.chain[name]}{query}")

    async def amounts(self, query: str = "") -> dict[str, list[str]]:
        """Each one's entries, the first first."""
        return {
            n: [e["commission_amount"] for e in (await self.account(n, query))["items"][::-1]]
            for n in self.chain
        }

    async def settle(self, name: str) -> dict[str, Any]:
        return await self.call("POST", f"/api/commission/{self.chain[name]}/settlements", {})

    async def verified(self) -> None:
        """Delivered once more, nothing changes; and every check of commission holds."""
        before = [await self.account(name) for name in self.chain]
        await self.system.redeliver()
        assert [await self.account(name) for name in self.chain] == before
        assert await self.system.parked() == 0
        checks = [
            check for offer in self.system.offers if offer.name == "commission" for check in offer.checks
        ]
        assert [finding for check in checks async for finding in check.findings()] == []


@pytest_asyncio.fixture
async def shop(
    system: Any, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> AsyncIterator[Shop]:
    shop = Shop(system, client, login, admin)
    await shop.open()
    yield shop
    await shop.verified()


DONE = ("pay", "ship", "complete")


async def test_case_1_and_4_and_back_to_nothing(shop: Shop) -> None:
    rule_id = await shop.publish()
    order = await shop.sell(*DONE)
    assert await shop.amounts() == {"A": [], "B": ["25.00"], "C": ["50.00"], "D": []}
    (entry,) = (await shop.account("C"))["items"]
    completed = (await shop.call("GET", f"/api/orders/{order['order_id']}"))["completed_at"]
    expected = {
        "order_id": order["order_id"],
        "distributor_id": shop.chain["C"],
        "rule_id": rule_id,
        "component": "direct",
        "level": 1,
        "kind": "accrual",
        "commission_amount": "50.00",
        "currency": "CNY",
        "status": "pending",
        "created_at": completed,
        "release_at": completed,
        "released_at": None,
        "corrects": None,
        "period": None,
    }
    assert entry == expected | {"commission_id": entry["commission_id"]}

    await shop.refund(order, {"amount": 200})
    assert await shop.amounts() == {"A": [], "B": ["25.00", "-10.00"], "C": ["50.00", "-20.00"], "D": []}
    clawback = (await shop.account("C"))["items"][0]
    assert (clawback["kind"], clawback["corrects"]) == ("clawback", entry["commission_id"])
    assert (clawback["status"], clawback["release_at"]) == ("pending", entry["release_at"])
    assert (await shop.account("C"))["pending"] == "30.00"

    for amount in ("33.33", "0.01", "66.67", "199.99"):
        await shop.refund(order, {"amount": amount})
    for name in "BC":
        account = await shop.account(name)
        assert (account["pending"], account["available"], account["debt"]) == ("0.00", "0.00", "0.00")
        assert sum(int(e["commission_amount"].replace(".", "")) for e in account["items"]) == 0


@pytest.mark.parametrize(
    ("compress", "expected"),
    [
        (True, {"A": ["25.00"], "B": ["50.00"], "C": [], "D": []}),
        (False, {"A": [], "B": ["25.00"], "C": [], "D": []}),
    ],
)
async def test_case_2(shop: Shop, *, compress: bool, expected: dict[str, list[str]]) -> None:
    await shop.publish(UNILEVEL | {"compress": compress})
    await shop.call("POST", f"/api/distributors/{shop.chain['C']}/suspend", {})
    await shop.system.drain()
    await shop.sell(*DONE)
    assert await shop.amounts() == expected


async def test_case_5(shop: Shop) -> None:
    await shop.publish(max_payout_rate="0.12")
    await shop.sell(*DONE)
    assert await shop.amounts() == {"A": [], "B": ["20.00"], "C": ["40.00"], "D": []}


@pytest.mark.parametrize(("rounding", "expected"), [("half_up", ["0.01"]), ("down", [])])
async def test_case_6(shop: Shop, rounding: str, expected: Sequence[str]) -> None:
    await shop.publish({"type": "unilevel", "name": "direct", "levels": ["0.10"]}, rounding=rounding)
    order = await shop.sell("pay", "ship", quantity=1)
    await shop.refund(order, {"amount": "49.95"})
    await shop.later(hours=1)
    await shop.call("POST", f"/api/orders/{order['order_id']}/complete", {})
    await shop.system.drain()
    assert (await shop.amounts())["C"] == expected


async def test_a_refund_before_completion_lowers_the_base(shop: Shop) -> None:
    await shop.publish()
    order = await shop.sell("pay", "ship")
    await shop.refund(order, {"amount": 200})
    assert (await shop.amounts())["C"] == []
    await shop.later(hours=1)
    await shop.call("POST", f"/api/orders/{order['order_id']}/complete", {})
    await shop.system.drain()
    assert await shop.amounts() == {"A": [], "B": ["15.00"], "C": ["30.00"], "D": []}


async def test_hold_settlement_and_debt(shop: Shop) -> None:
    await shop.publish(hold_days=7)
    order = await shop.sell(*DONE)
    line_id = order["lines"][0]["line_id"]
    account = await shop.account("C")
    assert (account["pending"], account["available"]) == ("50.00", "0.00")
    assert account["next_release_at"] == account["items"][0]["release_at"]
    assert (await shop.settle("C"))["released"] == []
    assert (await shop.account("C"))["pending"] == "50.00"

    await shop.later(days=7)
    settled = await shop.settle("C")
    assert (settled["status"], settled["distributor_id"]) == ("done", shop.chain["C"])
    assert settled["released"] == [{"currency": "CNY", "amount": "50.00", "entries": 1, "statements": 1}]
    assert (await shop.settle("C"))["released"] == []
    account = await shop.account("C")
    assert (account["pending"], account["available"], account["next_release_at"]) == ("0.00", "50.00", None)
    assert account["items"][0]["status"] == "released"
    assert (await shop.account("B"))["available"] == "0.00"

    await shop.refund(order, {"lines": [{"line_id": line_id, "quantity": 4}]})
    account = await shop.account("C")
    assert (account["available"], account["items"][0]["status"]) == ("30.00", "released")
    assert [e["status"] for e in (await shop.account("B"))["items"]] == ["pending", "pending"]

    run = await shop.call("POST", "/api/settlements", {}, want=202)
    await shop.system.drain()
    run = await shop.call("GET", f"/api/settlements/{run['settlement_id']}")
    assert (run["status"], run["progress"]) == ("done", {"done": 1, "total": 1})
    assert run["released"] == [{"currency": "CNY", "amount": "15.00", "entries": 2, "statements": 1}]


async def test_the_settlement_of_all_can_be_given_a_cutoff(shop: Shop) -> None:
    await shop.publish(hold_days=7)
    await shop.sell(*DONE)
    early = (shop.system.clock.now + timedelta(days=6)).isoformat()
    late = (shop.system.clock.now + timedelta(days=8)).isoformat()
    headers = {"Idempotency-Key": "settle-1"}
    first = await shop.call("POST", "/api/settlements", {"cutoff": early}, want=202)
    await shop.system.drain()
    assert (await shop.account("C"))["pending"] == "50.00"
    second = await shop.call("POST", "/api/settlements", {"cutoff": late}, want=202, **headers)
    again = await shop.call("POST", "/api/settlements", {"cutoff": late}, want=202, **headers)
    assert again["settlement_id"] == second["settlement_id"] != first["settlement_id"]
    await shop.system.drain()
    assert (await shop.account("C"))["available"] == "50.00"


async def test_what_was_earned_does_not_move_with_what_comes_later(shop: Shop, login: Login) -> None:
    rule_id = await shop.publish()
    order = await shop.sell(*DONE)
    entry = (await shop.account("C"))["items"][0]
    await shop.publish(UNILEVEL | {"levels": ["0.01"]}, name="another")
    other = await shop.call("POST", "/api/categories", {"name": "other"}, want=201)
    await shop.call(
        "PATCH", f"/api/products/{shop.product_id}", {"category_id": other["category_id"], "price": "1.00"}
    )
    await shop.call("PUT", f"/api/distributors/{shop.chain['D']}/sponsor", {"sponsor_id": shop.chain["A"]})
    await shop.call("POST", f"/api/distributors/{shop.chain['B']}/suspend", {})
    await shop.call("POST", "/api/grades", {"grade": "gold", "rank": 3}, want=201)
    await shop.call("PUT", f"/api/distributors/{shop.chain['C']}/grade", {"grade": "gold"})
    await shop.system.drain()
    await shop.refund(order, {"amount": 100})
    assert await shop.amounts() == {"A": [], "B": ["25.00", "-5.00"], "C": ["50.00", "-10.00"], "D": []}

    path = f"/api/commission/entries/{entry['commission_id']}/explanation"
    told = await shop.call("GET", path)
    assert (told["rule_id"], told["commission_amount"], told["before"], told["after"]) == (
        rule_id,
        "50.00",
        "0.00",
        "50.00",
    )
    assert "50.00 CNY" in told["text"]
    assert "500.00 × 10 % = 50" in told["text"]
    correction = (await shop.account("C"))["items"][0]
    told = await shop.call("GET", f"/api/commission/entries/{correction['commission_id']}/explanation")
    assert (told["commission_amount"], told["before"], told["after"]) == ("-10.00", "50.00", "40.00")
    assert "from 50.00 to 40.00 CNY" in told["text"]
    mine = await login("member-C", "Pw-C-long-enough")
    told = await shop.call("GET", path, **mine, **{"Accept-Language": "zh-CN"})
    assert "订单付款时生效的是规则版本" in told["text"]
    assert "You" not in told["text"]
    chains = [walk["walked"] for one in told["trace"]["components"] for walk in one["chain"]]
    assert shop.chain["A"] not in {stop["distributor_id"] for walk in chains for stop in walk}
    theirs = await login("member-B", "Pw-B-long-enough")
    await shop.call("GET", path, want=404, **theirs)


async def test_why_nothing(shop: Shop, login: Login) -> None:
    before = await shop.sell("pay", "ship", "complete", quantity=1)
    await shop.publish()
    order = await shop.sell("pay", "ship", quantity=1)

    async def why(name: str, asked: dict[str, Any], want: int = 200, **headers: str) -> Any:
        path = f"/api/commission/{shop.chain[name]}/explanation?order_id={asked['order_id']}"
        return await shop.call("GET", path, want=want, **headers)

    assert [one["code"] for one in (await why("C", before))["reasons"]] == ["no-plan"]
    assert [one["code"] for one in (await why("C", order))["reasons"]] == ["not-completed-yet"]
    await shop.call("POST", f"/api/orders/{order['order_id']}/complete", {})
    await shop.system.drain()
    told = await why("A", order)
    assert told["amount"] == "0.00"
    assert [one["code"] for one in told["reasons"]] == ["too-far"]
    assert "You get nothing" in told["text"]
    told = await why("C", order)
    assert (told["amount"], told["reasons"]) == ("5.00", [])
    mine = await login("member-A", "Pw-A-long-enough")
    told = await why("A", order, **mine, **{"Accept-Language": "zh"})
    assert f"您在订单 {order['order_id']} 中没有佣金" in told["text"]
    await why("C", order, want=404, **mine)
    await why("A", {"order_id": 999999}, want=404)
    # An order in whose chain one does not stand might as well not exist.
    body = {"distributor_id": shop.chain["A"], "product_id": shop.product_id, "quantity": 1}
    elsewhere = await shop.call("POST", "/api/orders", body, want=201)
    theirs = await login("member-B", "Pw-B-long-enough")
    await why("B", elsewhere, want=404, **theirs)
    assert [one["code"] for one in (await why("B", elsewhere))["reasons"]] == ["not-paid"]


async def test_reading(shop: Shop, login: Login) -> None:
    empty = {"pending": "0.00", "available": "0.00", "withdrawing": "0.00", "paid": "0.00", "debt": "0.00"}
    nothing = await shop.call("GET", "/api/commission/4711")
    assert nothing == empty | {
        "distributor_id": 4711,
        "currency": "CNY",
        "next_release_at": None,
        "balances": [],
        "items": [],
        "next_cursor": None,
    }
    await shop.publish()
    orders = [await shop.sell(*DONE) for _ in range(3)]
    whole = await shop.account("C")
    assert (whole["pending"], len(whole["items"]), len(whole["balances"])) == ("150.00", 3, 1)
    first = await shop.account("C", "?limit=2")
    rest = await shop.account("C", f"?limit=2&cursor={first['next_cursor']}")
    assert first["items"] + rest["items"] == whole["items"]
    assert rest["next_cursor"] is None
    one = await shop.account("C", f"?order_id={orders[1]['order_id']}")
    assert [entry["order_id"] for entry in one["items"]] == [orders[1]["order_id"]]
    assert await shop.account("C", "?currency=USD") | {"items": whole["items"]} == whole | empty | {
        "currency": "USD",
        "next_release_at": None,
    }
    mine, path = await login("member-C", "Pw-C-long-enough"), f"/api/commission/{shop.chain['C']}"
    assert await shop.call("GET", path, **mine) == whole
    await shop.call("GET", f"/api/commission/{shop.chain['B']}", want=404, **mine)
    await shop.call("GET", "/api/commission/999999", want=404, **mine)
    await shop.call("POST", f"{path}/settlements", {}, want=403, **mine)
    await shop.call("POST", "/api/settlements", {}, want=403, **mine)
    await shop.call("GET", f"{path}?cursor=nonsense", want=422)
    await shop.call("GET", f"{path}?currency=yuan", want=422)
    await shop.call("GET", "/api/commission/entries/999999/explanation", want=404)
    await shop.call("GET", "/api/settlements/999999", want=404)
    assert (await shop.http.get(path)).status_code == 401
    assert await shop.account("C") == whole


async def test_settlements_are_seen_by_whom_they_concern(shop: Shop, login: Login) -> None:
    await shop.publish()
    await shop.sell(*DONE)
    settled = await shop.settle("C")
    path = f"/api/settlements/{settled['settlement_id']}"
    assert await shop.call("GET", path, **await login("member-C", "Pw-C-long-enough")) == settled
    await shop.call("GET", path, want=404, **await login("member-B", "Pw-B-long-enough"))


async def test_an_amount_that_cannot_be_explained_is_not_explained_away(shop: Shop, owner: Any) -> None:
    await shop.publish()
    await shop.sell(*DONE)
    (entry,) = (await shop.account("C"))["items"]
    path = f"/api/commission/entries/{entry['commission_id']}/explanation"
    change = "update commission.commission set commission_amount_minor = commission_amount_minor + $1 where commission_id = $2"
    await owner.execute(change, 1, entry["commission_id"])
    refused = await shop.call("GET", path, want=500)
    assert refused["code"] == "commission-not-explained"
    await owner.execute(change, -1, entry["commission_id"])
    assert (await shop.call("GET", path))["after"] == "50.00"


async def test_what_other_contexts_may_ask(shop: Shop) -> None:
    await shop.publish()
    order = await shop.sell(*DONE)
    await shop.refund(order, {"amount": 200})
    api = shop.system.apis.commission
    (booked,) = await api.booked(order_ids=[order["order_id"], 999999])
    assert (booked.order_id, booked.currency) == (order["order_id"], "CNY")
    assert [(one.step, one.refund_sequence, one.amount_minor) for one in booked.steps] == [
        (0, None, 7500),
        (1, 1, -3000),
    ]
    assert booked.steps[1].at - booked.steps[0].at == timedelta(hours=1)
    assert await api.total_minor(currency="CNY") == 4500
    assert await api.total_minor(currency="USD") == 0
    assert await api.in_flight() == []
