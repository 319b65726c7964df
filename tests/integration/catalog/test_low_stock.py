"""Stock that falls below its threshold: told once for each fall, however it came about."""

import asyncio
import json
from datetime import timedelta

from fenxiao.infra import jobs


async def told(shop) -> list[tuple[int, int, int]]:
    """(product, sellable, threshold) of every `stock.low` so far."""
    rows = await shop.owner.fetch(
        "select data, subject from catalog.outbox where type = 'stock.low' order by seq"
    )
    events = [json.loads(row["data"]) for row in rows]
    assert [row["subject"] for row in rows] == [f"products/{event['product_id']}" for event in events]
    return [(event["product_id"], event["sellable"], event["threshold"]) for event in events]


async def low(shop) -> list[int]:
    found = await shop.get("/api/inventory", low="true")
    assert all(item["low"] for item in found["items"])
    return [item["product_id"] for item in found["items"]]


async def sweep(shop) -> None:
    (job,) = shop.offer.jobs
    assert await jobs.run_once(job)


async def test_orders_that_take_it_below_the_threshold_tell_of_it_once(shop) -> None:
    flour = await shop.sells("flour", (20, "B", None), alert_threshold=10)
    await shop.sells("tea", (20, "B", None))
    await shop.hold(("flour", 10), ("tea", 20))
    assert await told(shop) == []
    held = await shop.hold(("flour", 1))
    assert await told(shop) == [(flour, 9, 10)]
    assert await low(shop) == [flour]
    await shop.hold(("flour", 2))
    assert await told(shop) == [(flour, 9, 10)]
    await shop.api.release_holds(holds=[held.hold_id])
    assert await low(shop) == [flour]
    await shop.put(f"/api/inventory/{flour}", {"stock": 22, "batch_id": "B"})
    assert (await shop.inventory("flour"))[0] == 10
    assert await low(shop) == []
    await shop.hold(("flour", 4))
    assert await told(shop) == [(flour, 9, 10), (flour, 6, 10)]


async def test_a_cancelled_order_lets_it_rise_again(shop) -> None:
    flour = await shop.sells("flour", (10, "B", None), alert_threshold=10)
    for order_id in (1, 2):
        await shop.ordered(order_id, ("flour", 1))
        assert await low(shop) == [flour]
        await shop.hear(shop.changed(order_id, "cancelled"))
        assert await low(shop) == []
    assert await told(shop) == [(flour, 9, 10)] * 2


async def test_shipping_what_was_reserved_is_no_fall(shop) -> None:
    flour = await shop.sells("flour", (20, "B", None), alert_threshold=10)
    await shop.shipped(1, ("flour", 10))
    assert await told(shop) == []
    await shop.shipped(2, ("flour", 1))
    assert await told(shop) == [(flour, 9, 10)]


async def test_changes_by_people_count_as_well(shop) -> None:
    flour = await shop.sells("flour", (20, "B", "2026-06-01"), alert_threshold=10)
    path = f"/api/inventory/{flour}"

    async def up() -> None:
        body = {"stock": 20, "batch_id": "B", "expiry_date": "2026-06-01"}
        assert (await shop.put(path, body)).status_code == 200
        assert await low(shop) == []

    await shop.put(path, {"stock": 9, "batch_id": "B"})
    assert (await told(shop))[-1] == (flour, 9, 10)
    await up()
    await shop.put(path, {"stock": 20, "batch_id": "B", "expiry_date": "2026-03-14"})
    assert (await told(shop))[-1] == (flour, 0, 10)
    await up()
    body = {"items": [{"product_id": flour, "delta": -12, "reason": "broken"}]}
    await shop.post("/api/inventory/adjustments", body)
    assert (await told(shop))[-1] == (flour, 8, 10)
    await up()
    moved = {"product_id": flour, "from_batch": "B", "to_batch": "old", "quantity": 13, "reason": "x"}
    body = {"items": [moved | {"expiry_date": "2026-03-14"}]}
    assert (await shop.post("/api/inventory/transfers", body)).status_code == 200
    assert (await told(shop))[-1] == (flour, 7, 10)
    await up()
    await shop.post(f"{path}/batches/B/recall", {"reason": "germs"})
    assert (await told(shop))[-1] == (flour, 0, 10)
    await shop.post(f"{path}/batches/B/recall/lift", {"reason": "harmless"})
    assert await low(shop) == []
    assert len(await told(shop)) == 5
    counts = "/api/inventory/counts"
    await shop.post(counts, {"items": [{"product_id": flour, "batch_id": "B"}]})
    figure = {"product_id": flour, "batch_id": "B", "counted": 6}
    await shop.put(f"{counts}/1/lines", {"items": [figure]})
    assert len(await told(shop)) == 5
    await shop.post(f"{counts}/1/close", None)
    assert (await told(shop))[5:] == [(flour, 6, 10)]


async def test_within_one_change_only_the_outcome_counts(shop) -> None:
    flour = await shop.sells("flour", (20, "B", None), alert_threshold=10)
    down_and_up = [
        {"product_id": flour, "delta": -20, "reason": "x"},
        {"product_id": flour, "delta": 15, "reason": "x"},
    ]
    await shop.post("/api/inventory/adjustments", {"items": down_and_up})
    assert await told(shop) == []


async def test_another_threshold_counts_at_once(shop) -> None:
    flour = await shop.sells("flour", (20, "B", None))
    path = f"/api/products/{flour}"
    assert (await shop.patch(path, {"alert_threshold": 20})).status_code == 200
    assert await told(shop) == []
    await shop.patch(path, {"alert_threshold": 21})
    await shop.patch(path, {"alert_threshold": 30})
    assert await told(shop) == [(flour, 20, 21)]
    await shop.patch(path, {"alert_threshold": None})
    assert await low(shop) == []
    await shop.patch(path, {"alert_threshold": 25})
    assert await told(shop) == [(flour, 20, 21), (flour, 20, 25)]
    found = await shop.get(f"/api/inventory/{flour}")
    assert (found["alert_threshold"], found["low"]) == (25, True)


async def test_what_never_lay_there_has_not_fallen(shop) -> None:
    flour = await shop.sells("flour", alert_threshold=10)
    assert await low(shop) == []
    await shop.patch(f"/api/products/{flour}", {"alert_threshold": 11})
    assert await told(shop) == []
    await shop.put(f"/api/inventory/{flour}", {"stock": 5})
    assert await told(shop) == [(flour, 5, 11)]


async def test_a_threshold_of_nothing_is_never_passed(shop) -> None:
    await shop.sells("flour", (3, "B", None), alert_threshold=0)
    await shop.hold(("flour", 3))
    assert await told(shop) == []


async def test_what_expires_overnight_is_told_by_the_sweep(shop) -> None:
    milk = await shop.sells(
        "milk", (12, "today", "2026-03-15"), (9, "later", "2026-03-20"), alert_threshold=10
    )
    tea = await shop.sells("tea", (9, "later", "2026-03-20"), (1, "ever", None))
    await shop.patch(f"/api/products/{tea}", {"alert_threshold": 10})
    await sweep(shop)
    assert await told(shop) == []
    await shop.turn(shop.now.replace(hour=23, minute=59, second=59))
    await sweep(shop)
    assert await told(shop) == []
    await shop.turn(shop.now + timedelta(seconds=1))
    # Until the sweep it is in flight, and no difference.
    assert await shop.findings() == []
    assert ("catalog.low", f"stock of product {milk}") in await shop.findings(in_flight=True)
    await sweep(shop)
    await sweep(shop)
    assert await told(shop) == [(milk, 9, 10)]
    # Days in which no server ran are made up for.
    await shop.turn(shop.now + timedelta(days=30))
    await sweep(shop)
    assert await told(shop) == [(milk, 9, 10), (tea, 1, 10)]
    assert await low(shop) == [milk, tea]


async def test_the_first_sweep_of_a_process_knows_no_yesterday(shop) -> None:
    milk = await shop.sells("milk", (12, "today", "2026-03-15"), alert_threshold=10)
    await shop.turn(shop.now + timedelta(days=300))
    await sweep(shop)
    assert await told(shop) == [(milk, 0, 10)]


async def test_many_at_once_tell_of_one_fall(shop) -> None:
    flour = await shop.sells("flour", (20, "A", None), (20, "B", None))
    await shop.patch(f"/api/products/{flour}", {"alert_threshold": 30})
    held = await asyncio.gather(*(shop.hold(("flour", 2)) for _ in range(20)))
    assert await told(shop) == [(flour, 28, 30)]
    await asyncio.gather(*(shop.api.release_holds(holds=[one.hold_id]) for one in held))
    assert await low(shop) == []
    await asyncio.gather(
        *(shop.hold(("flour", 1)) for _ in range(12)),
        *(shop.patch(f"/api/products/{flour}", {"alert_threshold": n}) for n in (30, 31, 32)),
        shop.post(f"/api/inventory/{flour}/batches/A/recall", {"reason": "x"}),
    )
    assert len(await told(shop)) == 2
    assert await low(shop) == [flour]
