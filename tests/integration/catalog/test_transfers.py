"""Units that go from batch to batch."""

import asyncio
from itertools import cycle

import pytest


def item(product_id: int, source: str, target: str, quantity: int, **more: str) -> dict:
    return {
        "product_id": product_id,
        "from_batch": source,
        "to_batch": target,
        "quantity": quantity,
        "reason": "relabelled",
        **more,
    }


async def transfer(shop, *items: dict, **headers: str):
    return await shop.post("/api/inventory/transfers", {"items": list(items)}, **headers)


async def test_units_go_into_another_batch_and_both_movements_say_why(shop) -> None:
    flour = await shop.sells("flour", (10, "A", "2026-06-01"), (1, "B", None))
    done = await transfer(shop, item(flour, "A", "B", 4), item(flour, "B", "C", 5, expiry_date="2026-12-24"))
    assert done.status_code == 200, done.text
    assert await shop.inventory("flour") == (11, 0, {"A": 6, "B": 0, "C": 5})
    assert [(b["batch_id"], b["expiry_date"]) for b in done.json()["items"][0]["batches"]] == [
        ("A", "2026-06-01"),
        ("C", "2026-12-24"),
        ("B", None),
    ]
    assert (await shop.movements("flour"))[2:] == [
        ("A", -4, "relabelled"),
        ("B", 4, "relabelled"),
        ("B", -5, "relabelled"),
        ("C", 5, "relabelled"),
    ]
    told = await shop.owner.fetch("select data from catalog.outbox where type = 'stock.moved'")
    assert len(told) == 2  # the two settings of the scene: a transfer brings nothing and takes nothing


async def test_a_new_batch_expires_when_the_other_does(shop) -> None:
    flour = await shop.sells("flour", (10, "A", "2026-06-01"))
    done = await transfer(shop, item(flour, "A", "new", 10))
    batches = done.json()["items"][0]["batches"]
    assert [(b["batch_id"], b["stock"], b["expiry_date"]) for b in batches] == [
        ("A", 0, "2026-06-01"),
        ("new", 10, "2026-06-01"),
    ]


async def test_all_or_nothing_with_an_error_for_each_item(shop) -> None:
    flour = await shop.sells(
        "flour", (10, "A", "2026-06-01"), (3, "old", "2020-01-01"), (2, "B", "2026-07-01")
    )
    before = await shop.everything()
    refused = await transfer(
        shop,
        item(flour, "A", "B", 1),
        item(flour, "A", "A", 1),
        item(flour, "A", "B", 10),
        item(flour, "none", "B", 1),
        item(flour, "old", "B", 1),
        item(flour, "A", "B", 1, expiry_date="2026-08-01"),
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "adjustments-refused")
    assert [e["field"] for e in refused.json()["errors"]] == [
        "items.1.to_batch",
        "items.2.quantity",
        "items.3.quantity",
        "items.4.from_batch",
        "items.5.expiry_date",
    ]
    missing = await transfer(shop, item(99, "A", "B", 1), item(flour, "A", "B", 1))
    assert (missing.status_code, missing.json()["errors"][0]["field"]) == (422, "items.0.product_id")
    assert await shop.everything() == before


FAULTY = [("quantity", 0), ("quantity", -1), ("quantity", 1.5), ("reason", ""), ("from_batch", None)]


@pytest.mark.parametrize(("field", "value"), FAULTY)
async def test_a_faulty_transfer_is_refused(shop, field, value) -> None:
    flour = await shop.sells("flour", (10, "A", None))
    before = await shop.everything()
    refused = await transfer(shop, item(flour, "A", "B", 1) | {field: value})
    assert (refused.status_code, [e["field"] for e in refused.json()["errors"]]) == (
        422,
        [f"items.0.{field}"],
    )
    assert await shop.everything() == before


async def test_what_is_reserved_is_not_taken_off_sale(shop) -> None:
    flour = await shop.sells("flour", (10, "A", "2026-06-01"), (1, "old", "2020-01-01"))
    hold_id = await shop.ordered(1, ("flour", 7))
    before = await shop.everything()
    refused = await transfer(shop, item(flour, "A", "old", 4))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "items.0.quantity")
    assert "7 units" in refused.json()["errors"][0]["message"]
    assert await shop.everything() == before
    assert (await transfer(shop, item(flour, "A", "old", 3))).status_code == 200
    assert await shop.inventory("flour") == (0, 7, {"old": 4, "A": 7})
    assert not isinstance(await shop.ship(1, hold_id, ("flour", 7)), Exception)
    await shop.hear(shop.changed(1, "shipped"))


async def test_the_same_key_transfers_once(shop) -> None:
    flour = await shop.sells("flour", (10, "A", None))
    first = await transfer(shop, item(flour, "A", "B", 4), Idempotency_Key="t1")
    again = await transfer(shop, item(flour, "A", "B", 4), Idempotency_Key="t1")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await shop.inventory("flour"))[2] == {"A": 6, "B": 4}
    (moved,) = (await shop.get(f"/api/inventory/{flour}/movements", batch="B"))["items"]
    assert moved["reference"] == "t1"


async def test_transfers_to_and_fro_beside_orders_lose_nothing(shop) -> None:
    flour = await shop.sells("flour", (60, "A", None), (60, "B", None))
    tea = await shop.sells("tea", (60, "A", None), (60, "B", None))
    ways = cycle([("A", "B"), ("B", "A")])
    answers = await asyncio.gather(
        *(
            transfer(shop, item(p, *w, 3), item(q, *w, 3))
            for p, q in [(flour, tea), (tea, flour)] * 5
            for w in [next(ways)]
        ),
        *(shop.hold(("flour", 5), ("tea", 5)) for _ in range(20)),
    )
    assert {answer.status_code for answer in answers[:10]} == {200}
    for name in ("flour", "tea"):
        stock, reserved, batches = await shop.inventory(name)
        assert (stock, reserved, sum(batches.values())) == (20, 100, 120)


async def test_who_may_not_write_stock_may_not_transfer(shop, distributor) -> None:
    flour = await shop.sells("flour", (10, "A", None))
    body = {"items": [item(flour, "A", "B", 1)]}
    refused = await shop.client.post("/api/inventory/transfers", json=body, headers=distributor)
    assert refused.status_code == 403
