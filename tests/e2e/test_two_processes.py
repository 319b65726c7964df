"""Requests in one process, everything else in another: nothing is lost while one of them is away."""

import signal
import time
from collections.abc import Iterator

import pytest
from tests.e2e.instance import Instance, kill
from tests.e2e.test_original_calls import Caller, amounts, plan, registered


@pytest.fixture
def admin(instance: Instance) -> Iterator[Caller]:
    instance.start("serve")
    return Caller(instance, instance.token())


def sold(admin: Caller, seller: int, product: int) -> None:
    """An order that is placed, paid, shipped and completed."""
    wanted = {"distributor_id": seller, "product_id": product, "quantity": 1}
    order = admin("POST", "/api/orders", wanted, status=201)["order_id"]
    for step in ("pay", "ship", "complete"):
        admin("POST", f"/api/orders/{order}/{step}", {}, status=200)


def until(admin: Caller, sponsor: int, expected: list[str]) -> None:
    deadline = time.monotonic() + 20
    while amounts(admin, sponsor) != expected:
        assert time.monotonic() < deadline, amounts(admin, sponsor)
        time.sleep(0.05)


def test_what_one_process_leaves_the_other_does(instance: Instance, admin: Caller) -> None:
    product = admin("POST", "/api/products", {"name": "flour", "price": "100.00"}, status=201)["product_id"]
    admin("PUT", f"/api/inventory/{product}", {"stock": 9, "batch_id": "B1"}, status=200)
    sponsor, seller = registered(admin, "ab")
    plan(admin)
    sold(admin, seller, product)
    # Two looks of a relay and of every job, if there were any.
    time.sleep(2)
    assert amounts(admin, sponsor) == []
    worker = instance.popen("work")
    until(admin, sponsor, ["10.00"])
    kill(worker)
    sold(admin, seller, product)
    worker = instance.popen("work")
    until(admin, sponsor, ["10.00", "10.00"])
    # Long work is done there too: the run of a settlement is a row that this process writes and the other carries out.
    run = admin("POST", "/api/settlements", {}, status=202)
    deadline = time.monotonic() + 20
    while (state := admin("GET", f"/api/settlements/{run['settlement_id']}", status=200))["status"] != "done":
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
    instance.kill_server()
    assert worker.poll() is None
    instance.start("serve")
    again = Caller(instance, instance.token())
    sold(again, seller, product)
    until(again, sponsor, ["10.00", "10.00", "10.00"])
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=40) == 0
    assert instance.run("verify").returncode == 0
    assert instance.stop() == 0
