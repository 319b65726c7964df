"""Money over HTTP, figure by figure: every expected amount here was worked out by hand or by a model of its own.

The worked cases 1, 2, 4, 5 and 6 of the domain stand in tests/integration/commission/test_cases.py; here is what
happens at their edges.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from fractions import Fraction
from typing import Any

import httpx
import pytest
from tests.integration.commission.test_cases import DONE, UNILEVEL, Shop
from tests.integration.commission.test_cases import shop as shop  # noqa: PLC0414 - a fixture

Login = Callable[[str, str], Awaitable[dict[str, str]]]


async def product(shop: Shop, price: str | None, **more: Any) -> int:
    made = await shop.call("POST", "/api/products", {"name": "p", "price": price, **more}, want=201)
    await shop.call("PUT", f"/api/inventory/{made['product_id']}", {"stock": 1000})
    product_id: int = made["product_id"]
    return product_id


async def sell(shop: Shop, lines: Sequence[tuple[int, int]], *steps: str, **more: Any) -> dict[str, Any]:
    body = {"distributor_id": shop.chain["D"], **more}
    body["lines"] = [{"product_id": product_id, "quantity": quantity} for product_id, quantity in lines]
    order: dict[str, Any] = await shop.call("POST", "/api/orders", body, want=201)
    for step in steps:
        await shop.call("POST", f"/api/orders/{order['order_id']}/{step}", {})
    await shop.system.drain()
    return order


def minor(amount: str) -> int:
    return int(amount.replace(".", ""))


async def test_fixed_amounts_follow_the_units_that_are_left(shop: Shop) -> None:
    await shop.publish({"type": "fixed", "name": "f", "amounts": ["1.50", "0.35"], "self_amount": "0.07"})
    order = await sell(shop, [(await product(shop, "33.33"), 3)], *DONE)
    assert await shop.amounts() == {"A": [], "B": ["1.05"], "C": ["4.50"], "D": ["0.21"]}
    line = order["lines"][0]["line_id"]
    await shop.refund(order, {"lines": [{"line_id": line, "quantity": 1}]})
    # Money alone brings no unit back, until nothing of the line's amount is left.
    await shop.refund(order, {"amount": "66.65"})
    # Two units still earn 3.84 together, yet no more than the cent that was left of the price; C has the largest rest.
    assert await shop.amounts() == {
        "A": [],
        "B": ["1.05", "-0.35", "-0.70"],
        "C": ["4.50", "-1.50", "-2.99"],
        "D": ["0.21", "-0.07", "-0.14"],
    }
    await shop.refund(order, {"amount": "0.01"})
    assert {
        name: sum(map(minor, amounts)) for name, amounts in (await shop.amounts()).items()
    } == dict.fromkeys("ABCD", 0)


async def test_profit_is_what_was_paid_less_the_cost_of_units_kept_and_never_below_nothing(
    shop: Shop,
) -> None:
    await shop.publish(
        {"type": "unilevel", "name": "d", "levels": ["0.10"], "self_rate": "0.03"}, base="profit"
    )
    order = await sell(shop, [(await product(shop, "50.00", cost="20.00"), 7)], *DONE)
    # 350.00 paid, cost 140.00: profit 210.00.
    assert await shop.amounts() == {"A": [], "B": [], "C": ["21.00"], "D": ["6.30"]}
    await shop.refund(order, {"amount": "140.00"})
    assert await shop.amounts() == {"A": [], "B": [], "C": ["21.00", "-14.00"], "D": ["6.30", "-4.20"]}
    await shop.refund(order, {"amount": "100.00"})
    assert await shop.amounts() == {
        "A": [],
        "B": [],
        "C": ["21.00", "-14.00", "-7.00"],
        "D": ["6.30", "-4.20", "-2.10"],
    }


async def test_a_cap_and_the_limit_cut_by_largest_remainder(shop: Shop) -> None:
    """a: C 50.00 and no more than 30.00; b: C 30.00, B 10.00; together 70.00, at most 50.00: 2142.86, 2142.86, 714.29."""
    await shop.publish(
        {"type": "unilevel", "name": "a", "levels": ["0.10"], "cap_per_order": "30.00"},
        {"type": "fixed", "name": "b", "amounts": ["3.00", "1.00"]},
        max_payout_rate="0.10",
    )
    await shop.sell(*DONE)
    assert await shop.amounts() == {"A": [], "B": ["7.14"], "C": ["21.43", "21.43"], "D": []}


async def test_where_a_cap_binds_less_after_a_refund_the_correction_is_positive(shop: Shop) -> None:
    """First a capped 100.00 on two sellers' levels; the refund takes a line on which the near one alone earned."""
    special = {"match": {"product_id": shop.product_id}, "levels": ["0.40", "0.00"]}
    capped = {**UNILEVEL, "levels": ["0.00", "0.20"], "cap_per_order": "30.00", "overrides": [special]}
    await shop.publish(capped)
    other = await product(shop, "100.00")
    order = await sell(shop, [(shop.product_id, 2), (other, 1)], *DONE)
    # C 40.00 and B 20.00, cut to 30.00.
    assert await shop.amounts() == {"A": [], "B": ["10.00"], "C": ["20.00"], "D": []}
    await shop.refund(order, {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]})
    # C has nothing left; B's 20.00 fit under the cap.
    assert await shop.amounts() == {"A": [], "B": ["10.00", "10.00"], "C": ["20.00", "-20.00"], "D": []}
    entries = (await shop.account("B"))["items"]
    assert [entry["kind"] for entry in entries] == ["accrual", "accrual"]
    assert entries[0]["corrects"] == entries[1]["commission_id"]


async def test_the_plan_of_the_moment_of_payment_counts(shop: Shop) -> None:
    await shop.publish()
    order = await shop.sell()
    counts = await shop.publish({**UNILEVEL, "levels": ["0.20"]}, name="second")
    await shop.later(hours=1)
    await shop.call("POST", f"/api/orders/{order['order_id']}/pay", {})
    await shop.later(hours=1)
    await shop.publish({**UNILEVEL, "levels": ["0.01"]}, name="third")
    for step in ("ship", "complete"):
        await shop.call("POST", f"/api/orders/{order['order_id']}/{step}", {})
    await shop.system.drain()
    assert await shop.amounts() == {"A": [], "B": [], "C": ["100.00"], "D": []}
    assert (await shop.call("GET", f"/api/orders/{order['order_id']}"))["rule_id"] == counts


class Model:
    """What is left of an order's lines: units and fen."""

    def __init__(self, lines: Sequence[tuple[int, int]]) -> None:
        self.lines = [list(line) for line in lines]

    @property
    def whole(self) -> int:
        return sum(amount for _, amount in self.lines)

    def take_units(self, place: int, units: int) -> int:
        left, amount = self.lines[place]
        taken = half_up(Fraction(amount * units, left))
        self.lines[place] = [left - units, amount - taken]
        return taken

    def take_amount(self, wanted: int) -> int:
        exact = [Fraction(wanted * amount, self.whole) for _, amount in self.lines]
        shares = [int(one) for one in exact]
        byrest = sorted(range(len(exact)), key=lambda place: (shares[place] - exact[place], place))
        for place in byrest[: wanted - sum(shares)]:
            shares[place] += 1
        for line, share in zip(self.lines, shares, strict=True):
            line[1] -= share
        return wanted


def half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


@pytest.mark.parametrize("seed", range(6))
async def test_any_series_of_refunds_of_odd_cents_leaves_what_a_model_leaves(shop: Shop, seed: int) -> None:
    dice = random.Random(seed)
    await shop.publish({**UNILEVEL, "self_rate": "0.013"})
    products = [await product(shop, price) for price in ("3.33", "0.07", "19.99")]
    order = await sell(shop, [(one, dice.randint(1, 9)) for one in products], "pay")
    model = Model([(line["quantity"], minor(line["amount"])) for line in order["lines"]])
    completed_after = dice.randint(0, 3)
    for round_ in range(4):
        if round_ == completed_after:
            for step in ("ship", "complete"):
                await shop.call("POST", f"/api/orders/{order['order_id']}/{step}", {})
            await shop.system.drain()
        await one_refund(shop, order, model, dice)
    left = model.whole
    expected = {
        "C": half_up(left * Fraction(1, 10)),
        "B": half_up(left * Fraction(1, 20)),
        "D": half_up(left * Fraction(13, 1000)),
    }
    assert {name: sum(map(minor, (await shop.amounts())[name])) for name in expected} == expected
    if left:
        await shop.refund(order, {"amount": f"{left / 100:.2f}"})
    assert [sum(map(minor, amounts)) for amounts in (await shop.amounts()).values()] == [0, 0, 0, 0]
    assert (await shop.call("GET", f"/api/orders/{order['order_id']}"))["status"] == "refunded"
    for name in expected:
        for entry in (await shop.account(name))["items"]:
            await shop.call("GET", f"/api/commission/entries/{entry['commission_id']}/explanation")


async def one_refund(shop: Shop, order: dict[str, Any], model: Model, dice: random.Random) -> None:
    places = [place for place, (units, _) in enumerate(model.lines) if units]
    body: dict[str, Any]
    if places and dice.random() < 0.5:
        place = dice.choice(places)
        units = dice.randint(1, max(1, model.lines[place][0] // 2))
        body = {"lines": [{"line_id": order["lines"][place]["line_id"], "quantity": units}]}
        expected = model.take_units(place, units)
    elif model.whole > 1:
        amount = dice.randint(1, model.whole // 2)
        body, expected = {"amount": f"{amount / 100:.2f}"}, model.take_amount(amount)
    else:
        return
    path = f"/api/orders/{order['order_id']}/refunds"
    given = await shop.call("POST", path, body, want=201)
    await shop.system.drain()
    assert minor(given["amount"]) == expected


async def test_an_order_is_in_the_currency_of_its_products(shop: Shop) -> None:
    dollars = await product(shop, "5.00", currency="USD")
    yen = await product(shop, "500", currency="JPY")
    sale = {"distributor_id": shop.chain["D"], "product_id": dollars, "quantity": 1, "total_price": 5.00}
    key: dict[str, Any] = {"Idempotency-Key": "usd-1"}
    order = await shop.call("POST", "/api/orders", sale, want=201, **key)
    assert (order["currency"], order["total_price"]) == ("USD", "5.00")
    assert await shop.call("POST", "/api/orders", sale, want=201, **key) == order
    named = {**sale, "external_id": "shop-7"}
    first = await shop.call("POST", "/api/orders", named, want=201)
    assert (await shop.call("POST", "/api/orders", named))["order_id"] == first["order_id"]
    changed = await shop.call("POST", "/api/orders", {**named, "total_price": 6}, want=409)
    assert changed["code"] == "external-order-taken"
    japanese = {**sale, "product_id": yen, "quantity": 3, "total_price": "1500.00"}
    assert (await shop.call("POST", "/api/orders", japanese, want=201))["total_price"] == "1500"
    refused = await shop.call("POST", "/api/orders", {**japanese, "total_price": "1500.5"}, want=422)
    assert refused["errors"][0]["message"] == "JPY has 0 decimals; this amount has more."
    refused = await shop.call("POST", "/api/orders", {**sale, "currency": "CNY"}, want=422)
    assert (refused["code"], "USD" in refused["detail"]) == ("other-currency", True)
    both = [
        {"product_id": shop.product_id, "quantity": 1, "unit_price": 50},
        {"product_id": yen, "quantity": 1},
    ]
    refused = await shop.call(
        "POST", "/api/orders", {"distributor_id": shop.chain["D"], "lines": both}, want=422
    )
    assert refused["code"] == "mixed-currencies"
    assert (await shop.call("GET", f"/api/inventory/{dollars}"))["reserved"] == 2
    assert (await shop.call("GET", f"/api/inventory/{yen}"))["reserved"] == 3


async def test_an_order_refunded_before_completion_is_not_said_to_wait_for_it(shop: Shop) -> None:
    await shop.publish()
    order = await shop.sell("pay")
    await shop.refund(order, {"amount": "500.00"})
    path = f"/api/commission/{shop.chain['C']}/explanation?order_id={order['order_id']}"
    assert [one["code"] for one in (await shop.call("GET", path))["reasons"]] == ["nothing-left"]


async def test_nobody_learns_from_an_explanation_what_others_got(shop: Shop, login: Login) -> None:
    """A total of all less one's own amount would tell; where a cut is explained by it, it has to be told."""
    await shop.publish(UNILEVEL)
    order = await shop.sell(*DONE)
    path = f"/api/commission/{shop.chain['C']}/explanation?order_id={order['order_id']}"
    told = (await shop.call("GET", path))["trace"]
    assert (told["total_before_limit"], told["components"][0]["total_before_cap"]) == ("75.00", "75.00")
    mine = await login("member-C", "Pw-C-long-enough")
    answer = await shop.http.get(path, headers=mine)
    assert answer.status_code == 200
    assert "75.00" not in answer.text
    assert "25.00" not in answer.text

    await shop.publish(UNILEVEL, name="limited", max_payout_rate="0.12")
    order = await shop.sell(*DONE)
    path = f"/api/commission/{shop.chain['C']}/explanation?order_id={order['order_id']}"
    mine = await login("member-C", "Pw-C-long-enough")
    told = (await shop.http.get(path, headers=mine)).json()
    assert told["trace"]["total_before_limit"] == "75.00"
    assert "total_before_cap" not in told["trace"]["components"][0]


async def test_one_distributor_is_settled_until_a_cutoff_too(shop: Shop) -> None:
    await shop.publish(hold_days=7)
    await shop.sell(*DONE)
    path = f"/api/commission/{shop.chain['C']}/settlements"
    early = await shop.call("POST", path, {"cutoff": "2026-01-01T00:00:00Z"})
    assert (early["released"], early["cutoff"]) == ([], "2026-01-01T00:00:00Z")
    late = await shop.call("POST", path, {"cutoff": "2027-01-01T00:00:00Z"})
    assert late["released"][0]["amount"] == "50.00"
    assert (await shop.account("B"))["available"] == "0.00"


async def test_a_settlement_that_found_its_work_done_is_done_in_full(shop: Shop) -> None:
    await shop.publish()
    await shop.sell(*DONE)
    queued = [await shop.call("POST", "/api/settlements", {}, want=202) for _ in range(2)]
    await shop.settle("C")
    await shop.system.drain()
    for one in queued:
        done = await shop.call("GET", f"/api/settlements/{one['settlement_id']}")
        assert (done["status"], done["progress"]["done"]) == ("done", done["progress"]["total"])


async def test_a_broken_plan_is_refused_in_the_reader_s_language(shop: Shop) -> None:
    plan = {"name": "x", "currency": "CNY", "components": [{**UNILEVEL, "levels": ["1.5"]}]}
    chinese: dict[str, Any] = {"Accept-Language": "zh-CN"}
    refused = await shop.call("POST", "/api/rules", plan, want=422, **chinese)
    assert (refused["title"], refused["detail"]) == ("方案无效", "方案中有字段无效。")
    assert refused["errors"] == [
        {"field": "components.0.levels.0", "message": '比例须在 0 与 1 之间；10% 写作 "0.10"。'}
    ]


async def test_an_address_tells_every_method_that_it_takes(client: httpx.AsyncClient) -> None:
    for path, method, allowed in (
        ("/api/orders", "DELETE", "GET, POST"),
        ("/api/products/5", "POST", "GET, PATCH"),
        ("/api/orders/5/pay", "GET", "POST"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert answer.json()["detail"].endswith(f"it takes {allowed}.")


@pytest.mark.parametrize(
    "query", ["products?ids=10169160067253843536", "distributors?ids=9999999999999999999", "distributors?sponsor_id=9223372036854775808"]
)  # fmt: skip
async def test_an_id_beyond_all_ids_is_no_fault_of_ours(
    client: httpx.AsyncClient, admin: dict[str, str], query: str
) -> None:
    answer = await client.get(f"/api/{query}", headers=admin)
    assert answer.status_code == 422
