"""Recalled batches: off sale at once, and who got units of them is known."""

import asyncio

from fenxiao.catalog.queries.recalls import RECIPIENTS


def path(product_id: int, batch_id: str) -> str:
    return f"/api/inventory/{product_id}/batches/{batch_id}/recall"


async def test_a_recalled_batch_is_off_sale_at_once_and_can_be_sold_again(shop) -> None:
    milk = await shop.sells("milk", (10, "bad", "2026-06-01"), (4, "good", "2026-07-01"))
    recalled = await shop.post(path(milk, "bad"), {"reason": "germs"})
    assert recalled.status_code == 200, recalled.text
    found = recalled.json()
    assert (found["recalled"], found["reason"], found["stock"]) == (True, "germs", 10)
    assert found["actor"].startswith("account:")
    assert await shop.inventory("milk") == (4, 0, {"bad": 10, "good": 4})
    refused = await shop.hold(("milk", 5))
    assert (refused.code, refused.params["available"]) == ("out-of-stock", 4)
    await shop.shipped(1, ("milk", 3))
    assert (await shop.inventory("milk"))[2] == {"bad": 10, "good": 1}
    again = await shop.post(path(milk, "bad"), {"reason": "germs"})
    assert (again.status_code, again.json()["code"]) == (409, "batch-recalled")
    lifted = await shop.post(path(milk, "bad") + "/lift", {"reason": "harmless"})
    assert (lifted.status_code, lifted.json()["recalled"]) == (200, False)
    assert (lifted.json()["reason"], lifted.json()["lifted_reason"]) == ("germs", "harmless")
    assert (await shop.inventory("milk"))[0] == 11
    await shop.shipped(2, ("milk", 11))
    twice = await shop.post(path(milk, "bad") + "/lift", {"reason": "harmless"})
    assert (twice.status_code, twice.json()["code"]) == (409, "batch-not-recalled")


async def test_orders_that_wait_for_it_are_refused_when_they_are_to_be_shipped(shop) -> None:
    milk = await shop.sells("milk", (10, "bad", "2026-06-01"), (4, "good", "2026-07-01"))
    small, big = await shop.ordered(1, ("milk", 4)), await shop.ordered(2, ("milk", 9))
    assert (await shop.post(path(milk, "bad"), {"reason": "germs"})).status_code == 200
    assert await shop.inventory("milk") == (0, 13, {"bad": 10, "good": 4})
    before = await shop.everything()
    refused = await shop.ship(2, big, ("milk", 9))
    assert (refused.code, refused.params["available"]) == ("out-of-stock", 4)
    assert await shop.everything() == before
    shipped = await shop.ship(1, small, ("milk", 4))
    assert [(a.batch_id, a.quantity) for a in shipped.allocations] == [("good", 4)]
    await shop.hear(shop.changed(1, "shipped"), shop.changed(2, "cancelled"))
    assert await shop.inventory("milk") == (0, 0, {"bad": 10, "good": 0})


async def test_which_orders_got_units_of_it(shop) -> None:
    milk = await shop.sells("milk", (10, "bad", "2026-06-01"), (50, "good", "2026-07-01"))
    await shop.shipped(7, ("milk", 3))
    await shop.shipped(3, ("milk", 4))
    await shop.hear(shop.refunded(3, ("milk", 1), restock=True, shipped=True))
    # One shipment that was taken back, one that took units of both batches, one of the other batch alone.
    taken_back = await shop.ordered(4, ("milk", 2))
    await shop.ship(4, taken_back, ("milk", 2))
    await shop.api.unship(orders=[4])
    await shop.shipped(9, ("milk", 9))
    await shop.shipped(11, ("milk", 1))
    await shop.post(path(milk, "bad"), {"reason": "germs"})
    first = await shop.get(path(milk, "bad"), limit=2)
    assert first["recalled"] is True
    rest = await shop.get(path(milk, "bad"), limit=2, cursor=first["next_cursor"])
    assert rest["next_cursor"] is None
    told = [(o["order_id"], o["quantity"], o["returned"]) for o in first["items"] + rest["items"]]
    assert told == [(3, 4, 1), (7, 3, 0), (9, 4, 0)]
    assert first["items"][0]["shipped_at"] == "2026-03-15T12:00:00Z"
    assert (await shop.get(path(milk, "good")))["recalled"] is False


async def test_returned_units_lie_in_the_recalled_batch_and_are_not_sold(shop) -> None:
    milk = await shop.sells("milk", (10, "bad", None))
    await shop.shipped(1, ("milk", 6))
    await shop.post(path(milk, "bad"), {"reason": "germs"})
    await shop.hear(shop.refunded(1, ("milk", 5), restock=True, shipped=True))
    assert await shop.inventory("milk") == (0, 0, {"bad": 9})
    gone = {"items": [{"product_id": milk, "delta": -9, "batch_id": "bad", "reason": "destroyed"}]}
    assert (await shop.post("/api/inventory/adjustments", gone)).status_code == 200
    assert await shop.inventory("milk") == (0, 0, {"bad": 0})


async def test_units_do_not_leave_the_recall_by_a_transfer(shop) -> None:
    milk = await shop.sells("milk", (10, "bad", None), (1, "good", None))
    await shop.post(path(milk, "bad"), {"reason": "germs"})
    item = {"product_id": milk, "quantity": 1, "reason": "moved"}
    before = await shop.everything()
    refused = await shop.post(
        "/api/inventory/transfers", {"items": [{**item, "from_batch": "bad", "to_batch": "new"}]}
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "items.0.from_batch")
    assert await shop.everything() == before
    into = {"items": [{**item, "from_batch": "good", "to_batch": "bad"}]}
    assert (await shop.post("/api/inventory/transfers", into)).status_code == 200
    assert await shop.inventory("milk") == (0, 0, {"bad": 11, "good": 0})


async def test_what_there_is_not_cannot_be_recalled(shop, distributor) -> None:
    milk = await shop.sells("milk", (10, "B/1", None))
    before = await shop.everything()
    assert (await shop.post(path(99, "bad"), {"reason": "x"})).status_code == 404
    missing = await shop.post(path(milk, "bad"), {"reason": "x"})
    assert (missing.status_code, missing.json()["code"]) == (404, "batch-not-found")
    assert (await shop.post(path(milk, "bad"), {"reason": " "})).status_code == 422
    refused = await shop.client.post(path(milk, "B%2F1"), json={"reason": "x"}, headers=distributor)
    assert refused.status_code == 403
    assert await shop.everything() == before
    assert (await shop.post(path(milk, "B%2F1"), {"reason": "x"})).json()["batch_id"] == "B/1"


async def test_the_audit_log_names_recall_and_lifting(shop) -> None:
    milk = await shop.sells("milk", (10, "bad", None))
    await shop.post(path(milk, "bad"), {"reason": "germs"}, Idempotency_Key="r")
    again = await shop.post(path(milk, "bad"), {"reason": "germs"}, Idempotency_Key="r")
    assert again.headers["Idempotency-Replayed"] == "true"
    await shop.post(path(milk, "bad") + "/lift", {"reason": "harmless"})
    rows = await shop.owner.fetch(
        "select data->>'action' as action, subject from catalog.outbox where type = 'audit.recorded'"
        " and subject like '%/batches/%' order by seq"
    )
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("batch.recalled", f"products/{milk}/batches/bad"),
        ("batch.recall-lifted", f"products/{milk}/batches/bad"),
    ]


async def test_recalling_beside_shipments_and_holds(shop) -> None:
    milk = await shop.sells("milk", (60, "bad", "2026-06-01"), (60, "good", "2026-07-01"))
    holds = [await shop.ordered(n, ("milk", 3)) for n in range(1, 21)]
    answers = await asyncio.gather(
        *(shop.ship(n, hold_id, ("milk", 3)) for n, hold_id in enumerate(holds, 1)),
        shop.post(path(milk, "bad"), {"reason": "germs"}),
        *(shop.hold(("milk", 1)) for _ in range(20)),
    )
    assert answers[20].status_code == 200
    await shop.hear(
        *(shop.changed(n, "shipped") for n, a in enumerate(answers[:20], 1) if not isinstance(a, Exception))
    )
    # The check that nothing of it was shipped afterwards runs in the end.
    assert (await shop.hold(("milk", 61))).code == "out-of-stock"


async def test_the_question_reads_the_index_of_the_batch(bare) -> None:
    milk = await bare.sells("milk", (10, "bad", None))
    await bare.owner.execute(
        "insert into catalog.stock_movement (inventory_id, product_id, delta, reason, actor, at, order_id)"
        " select 1, $1, -1, 'shipped', 'x', now(), n from generate_series(1, 3000) n",
        milk,
    )
    await bare.owner.execute("set search_path to catalog; analyze stock_movement")
    plan = await bare.owner.fetch(
        "explain " + RECIPIENTS.replace("$1", "1").replace("$2", "0").replace("$3", "51")
    )
    text = "\n".join(row[0] for row in plan)
    assert "ix_stock_movement_inventory_id" in text
    assert "Sort" not in text
