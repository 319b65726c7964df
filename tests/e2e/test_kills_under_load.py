"""Nothing is lost or doubled: orders placed and seen through while process and PostgreSQL are killed with kill -9."""

import threading
import time
from collections.abc import Callable

import httpx
import pytest
from tests.e2e.instance import Instance
from tests.e2e.kills import KILLS, drawn, victims


class Load:
    """Clients that place orders and see them through, retrying with their key until each step has an answer."""

    def __init__(self, instance: Instance, token: dict[str, str], product: int, seller: int) -> None:
        self._instance, self._token = instance, token
        self._product, self._seller = product, seller
        self._stopped = threading.Event()
        self.placed: dict[str, int] = {}
        self.completed: set[int] = set()
        self.faults: list[str] = []
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(4)]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _work(self, number: int) -> None:
        count = 0
        while not self._stopped.is_set():
            count += 1
            key = f"load-{number}-{count}"
            body = {"distributor_id": self._seller, "product_id": self._product, "quantity": 1}
            order = self._insist(
                "/api/orders", body, {"Idempotency-Key": key}, lambda answer: answer.status_code == 201
            )
            if order is None:
                return
            self.placed[key] = order["order_id"]
            for step, state in (("pay", "paid"), ("ship", "shipped"), ("complete", "completed")):
                # A step whose answer was lost may have been done: then the order is already where it should be.
                done = self._insist(
                    f"/api/orders/{order['order_id']}/{step}",
                    {},
                    {},
                    lambda answer, state=state: (
                        answer.status_code == 200
                        or f" is {state}; it cannot" in answer.json().get("detail", "")
                    ),
                )
                if done is None:
                    return
            self.completed.add(order["order_id"])

    def _insist(
        self, path: str, body: dict, headers: dict, done: Callable[[httpx.Response], bool]
    ) -> dict | None:
        """Repeat a request until it is answered; None once the load has been stopped without an answer."""
        patience = time.monotonic() + 60
        while time.monotonic() < patience:
            try:
                answer = httpx.post(
                    self._instance.url + path, json=body, headers=self._token | headers, timeout=20
                )
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if done(answer):
                return answer.json()
            if answer.status_code not in (503, 409):
                self.faults.append(f"{path}: {answer.status_code} {answer.text}")
                return None
            time.sleep(0.05)
        self.faults.append(f"{path}: no answer in a minute")
        return None


@pytest.mark.timeout(400)
def test_a_load_of_orders_survives_kills(instance: Instance) -> None:
    moments = drawn()
    instance.start()
    token = instance.token()
    product, seller = scene(instance, token)
    load = Load(instance, token, product, seller)
    load.begin()
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.3, 3))
        the_process, postgresql = victims(moments)
        if postgresql:
            instance.kill_postgresql()
        if the_process:
            instance.kill_server()
            instance.start()
    time.sleep(2)
    load.end()
    assert not load.faults, load.faults[:5]
    assert len(load.completed) >= KILLS, "the load must have got through between the kills"
    wait_until_booked(instance, len(load.completed))
    headers = instance.token()
    stored = httpx.get(
        f"{instance.url}/api/orders",
        params={"distributor_id": seller, "limit": 1},
        headers=headers,
        timeout=20,
    )
    assert stored.status_code == 200
    counted = instance.run("psql", "-Atc", "select count(*), count(distinct order_id) from orders.orders")
    assert counted.stdout.strip() == f"{len(load.placed)}|{len(set(load.placed.values()))}"
    stock = httpx.get(f"{instance.url}/api/inventory/{product}", headers=headers, timeout=20).json()
    assert stock["stock"] + stock["reserved"] == 100_000 - len(load.completed)
    checked = instance.run("verify")
    assert checked.returncode == 0, checked.stdout


def scene(instance: Instance, headers: dict[str, str]) -> tuple[int, int]:
    """A product with plenty of stock, a seller with two uplines, a plan; the product's and the seller's id."""

    def post(path: str, body: dict, method: str = "POST") -> dict:
        answer = httpx.request(method, instance.url + path, json=body, headers=headers, timeout=20)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    product = post("/api/products", {"name": "面粉", "price": "50.00"})["product_id"]
    post(f"/api/inventory/{product}", {"stock": 100_000, "batch_id": "B1"}, "PUT")
    sponsor = None
    for name in ("anna", "bert", "carl"):
        body = {"username": name, "password": f"pass-word-{name}", "display_name": name}
        if sponsor is not None:
            body["sponsor_id"] = sponsor
        sponsor = post("/api/distributors", body)["distributor_id"]
    components = [{"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}]
    rule = post("/api/rules", {"name": "load", "currency": "CNY", "components": components})
    post(f"/api/rules/{rule['rule_id']}/publish", {})
    return product, sponsor


def wait_until_booked(instance: Instance, completed: int) -> None:
    """Until every completed order has its two entries."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        counted = instance.run("psql", "-Atc", "select count(*) from commission.commission").stdout.strip()
        if counted == str(2 * completed):
            return
        time.sleep(0.5)
    raise AssertionError(f"{counted} entries for {completed} orders: {instance.output()}")
