"""The literal calls of the original specification, on a running instance over a socket, and what must follow."""

import time
from typing import Any

import httpx
from tests.e2e.instance import Instance


class Caller:
    """An account's view of the API: every answer must have the status that is expected."""

    def __init__(self, instance: Instance, headers: dict[str, str]) -> None:
        self._url, self._headers = instance.url, headers

    def __call__(self, method: str, path: str, body: Any = None, *, status: int) -> Any:
        answer = httpx.request(method, self._url + path, json=body, headers=self._headers, timeout=20)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()


def registered(admin: Caller, names: str) -> list[int]:
    """A chain of distributors, each sponsored by the one before."""
    chain: list[int] = []
    for name in names:
        body: dict[str, Any] = {
            "username": f"user-{name}",
            "password": f"Pass-word-{name}",
            "display_name": name.upper(),
        }
        if chain:
            body["sponsor_id"] = chain[-1]
        answer = admin("POST", "/api/distributors", body, status=201)
        assert answer["status"] == "active"
        chain.append(answer["distributor_id"])
    return chain


def plan(admin: Caller) -> None:
    document = {
        "name": "two levels",
        "currency": "CNY",
        "accrue_on": "completed",
        "hold_days": 0,
        "rounding": "half_up",
        "base": "paid_amount",
        "max_payout_rate": "0.5",
        "components": [{"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}],
        "rewards": [],
    }
    rule = admin("POST", "/api/rules", document, status=201)
    admin("POST", f"/api/rules/{rule['rule_id']}/publish", {}, status=200)


def amounts(admin: Caller, distributor: int) -> list[str]:
    return [
        entry["commission_amount"]
        for entry in admin("GET", f"/api/commission/{distributor}", status=200)["items"]
    ]


def test_the_original_calls_work_and_the_commission_follows_the_order(instance: Instance) -> None:
    instance.start()
    admin = Caller(instance, instance.token())
    category = admin("POST", "/api/categories", {"name": "食品"}, status=201)
    flour = {
        "name": "面粉",
        "image_url": "https://example.com/flour.jpg",
        "category_id": category["category_id"],
        "tags": ["热销", "食品"],
        "price": "50.00",
    }
    product = admin("POST", "/api/products", flour, status=201)["product_id"]
    batch = {"stock": 50, "batch_id": "BATCH202309", "expiry_date": "2099-09-13"}
    admin("PUT", f"/api/inventory/{product}", batch, status=200)
    a, b, c, d = registered(admin, "abcd")
    plan(admin)
    wanted = {"distributor_id": d, "product_id": product, "quantity": 10, "total_price": 500.00}
    order = admin("POST", "/api/orders", wanted, status=201)
    assert (order["status"], order["total_price"], order["product_id"], order["quantity"]) == (
        "pending",
        "500.00",
        product,
        10,
    )
    too_many = admin("POST", "/api/orders", wanted | {"quantity": 41, "total_price": 2050}, status=409)
    assert too_many["code"] == "out-of-stock"
    for step in ("pay", "ship", "complete"):
        admin("POST", f"/api/orders/{order['order_id']}/{step}", {}, status=200)
    deadline = time.monotonic() + 20
    while [amounts(admin, one) for one in (a, b, c, d)] != [[], ["25.00"], ["50.00"], []]:
        assert time.monotonic() < deadline, [amounts(admin, one) for one in (a, b, c, d)]
        time.sleep(0.05)
    assert admin("GET", f"/api/inventory/{product}", status=200)["stock"] == 40
    own = Caller(instance, instance.token("user-c", "Pass-word-c"))
    own("GET", f"/api/commission/{c}", status=200)
    own("GET", f"/api/commission/{b}", status=404)
    nobody = Caller(instance, {})
    nobody("GET", f"/api/orders/{order['order_id']}", status=401)
    assert instance.run("verify").returncode == 0
    assert instance.stop() == 0
