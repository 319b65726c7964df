"""Stock as people set and adjust it."""

import asyncio
from datetime import timedelta

import pytest

from fenxiao.catalog.api import StockChange
from fenxiao.catalog.domain.refusals import AdjustmentsRefused


async def test_the_call_of_the_original_specification(shop) -> None:
    product_id = await shop.sells("flour")
    body = {"stock": 50, "batch_id": "BATCH202309", "expiry_date": "2099-09-13"}
    answer = await shop.put(f"/api/inventory/{product_id}", body)
    assert answer.status_code == 200
    batch = {"batch_id": "BATCH202309", "stock": 50, "expiry_date": "2099-09-13"}
    assert answer.json() | {"batches": 0} == {
        "product_id": product_id,
        "stock": 50,
        "reserved": 0,
        "alert_threshold": None,
        "low": False,
        "batches": 0,
    }
    assert [{name: b[name] for name in batch} for b in answer.json()["batches"]] == [batch]
    assert await shop.get(f"/api/inventory/{product_id}") == answer.json()
    assert await shop.movements("flour") == [("BATCH202309", 50, "counted")]


async def test_setting_says_what_lies_there_and_the_movement_is_the_difference(shop) -> None:
    product_id = await shop.sells("flour", (50, "B", "2099-09-13"))
    path = f"/api/inventory/{product_id}"
    for stock in (30, 30, 45):
        assert (await shop.put(path, {"stock": stock, "batch_id": "B"})).status_code == 200
    assert await shop.inventory("flour") == (45, 0, {"B": 45})
    assert [delta for _, delta, _ in await shop.movements("flour")] == [50, -20, 15]
    found = await shop.get(path)
    assert found["batches"][0]["expiry_date"] == "2099-09-13"
    cleared = await shop.put(path, {"stock": 45, "batch_id": "B", "expiry_date": None})
    assert cleared.json()["batches"][0]["expiry_date"] is None
    other = await shop.put(path, {"stock": 5})
    assert [(b["batch_id"], b["stock"]) for b in other.json()["batches"]] == [("B", 45), ("DEFAULT", 5)]


async def test_a_batch_can_be_sold_through_its_expiry_day(shop) -> None:
    await shop.sells("milk", (5, "today", "2026-03-15"), (7, "yesterday", "2026-03-14"), (9, "ever", None))
    assert await shop.inventory("milk") == (14, 0, {"yesterday": 7, "today": 5, "ever": 9})
    shop.system.clock.now = shop.now.replace(hour=23, minute=59, second=59)
    assert (await shop.hold(("milk", 15))).code == "out-of-stock"
    held = await shop.hold(("milk", 14))
    await shop.api.release_holds(holds=[held.hold_id])
    shop.system.clock.advance(timedelta(seconds=1))
    refused = await shop.hold(("milk", 10))
    assert (refused.code, refused.params["available"]) == ("out-of-stock", 9)


async def test_stock_is_never_set_below_what_is_reserved(shop) -> None:
    product_id = await shop.sells("flour", (50, "B", "2099-09-13"), (8, "old", "2020-01-01"))
    await shop.ordered(1, ("flour", 10))
    path = f"/api/inventory/{product_id}"
    assert await shop.inventory("flour") == (40, 10, {"old": 8, "B": 50})
    before = await shop.everything()
    refused = await shop.put(path, {"stock": 9, "batch_id": "B", "expiry_date": "2098-01-01"})
    assert (refused.status_code, refused.json()["code"]) == (409, "below-reserved")
    assert "10" in refused.json()["detail"]
    assert await shop.everything() == before
    assert (await shop.put(path, {"stock": 10, "batch_id": "B"})).status_code == 200
    assert await shop.inventory("flour") == (0, 10, {"old": 8, "B": 10})


async def test_goods_that_turn_out_to_have_expired_are_not_sold_and_not_shipped(shop) -> None:
    product_id = await shop.sells("flour", (50, "B", "2099-09-13"))
    hold_id = await shop.ordered(1, ("flour", 10))
    body = {"stock": 50, "batch_id": "B", "expiry_date": "2020-01-01"}
    assert (await shop.put(f"/api/inventory/{product_id}", body)).status_code == 200
    assert await shop.inventory("flour") == (0, 10, {"B": 50})
    before = await shop.everything()
    refused = await shop.ship(1, hold_id, ("flour", 10))
    assert (refused.code, refused.params) == (
        "out-of-stock",
        {"product_id": product_id, "available": 0, "wanted": 10},
    )
    assert await shop.everything() == before


FAULTY = [
    ({"stock": -1}, "stock"),
    ({"stock": 1.5}, "stock"),
    ({"stock": True}, "stock"),
    ({"stock": 2**31}, "stock"),
    ({}, "stock"),
    ({"stock": 1, "batch_id": " "}, "batch_id"),
    ({"stock": 1, "expiry_date": "13.09.2024"}, "expiry_date"),
    ({"stock": 1, "expiry_date": "2024-02-30"}, "expiry_date"),
]


async def test_a_faulty_content_is_refused(shop) -> None:
    product_id = await shop.sells("flour", (5, "B", None))
    before = await shop.everything()
    for body, field in FAULTY:
        refused = await shop.put(f"/api/inventory/{product_id}", body)
        assert (refused.status_code, [e["field"] for e in refused.json()["errors"]]) == (422, [field]), body
    assert await shop.everything() == before


async def test_setting_stock_of_an_unknown_product(shop) -> None:
    before = await shop.everything()
    assert (await shop.put("/api/inventory/99", {"stock": 1})).status_code == 404
    assert await shop.everything() == before


async def test_adjustments_are_made_all_together(shop) -> None:
    flour = await shop.sells("flour", (10, "B", "2099-01-01"))
    tea = await shop.sells("tea")
    items = [
        {"product_id": flour, "delta": -3, "batch_id": "B", "reason": "damaged"},
        {"product_id": tea, "delta": 5, "batch_id": "T", "expiry_date": "2099-02-02", "reason": "bought"},
        {"product_id": tea, "delta": 2, "reason": "found"},
        {"product_id": tea, "delta": -6, "reason": "samples"},
    ]
    answer = await shop.post("/api/inventory/adjustments", {"items": items}, Idempotency_Key="a1")
    assert answer.status_code == 200, answer.text
    assert [(one["product_id"], one["stock"]) for one in answer.json()["items"]] == [(flour, 7), (tea, 1)]
    assert await shop.inventory("tea") == (1, 0, {"T": 0, "DEFAULT": 1})
    assert await shop.movements("tea") == [
        ("T", 5, "bought"),
        ("DEFAULT", 2, "found"),
        ("T", -5, "samples"),
        ("DEFAULT", -1, "samples"),
    ]
    again = await shop.post("/api/inventory/adjustments", {"items": items}, Idempotency_Key="a1")
    assert (again.json(), again.headers["idempotency-replayed"]) == (answer.json(), "true")
    assert await shop.inventory("tea") == (1, 0, {"T": 0, "DEFAULT": 1})


async def test_one_adjustment_that_cannot_be_made_stops_all_and_each_is_named(shop) -> None:
    flour = await shop.sells("flour", (10, "B", None))
    await shop.ordered(1, ("flour", 8))
    before = await shop.everything()
    items = [
        {"product_id": flour, "delta": 5, "batch_id": "C", "reason": "bought"},
        {"product_id": flour, "delta": -8, "reason": "lost"},
        {"product_id": flour, "delta": -11, "batch_id": "B", "reason": "lost"},
    ]
    refused = await shop.post("/api/inventory/adjustments", {"items": items})
    assert (refused.status_code, refused.json()["code"]) == (409, "adjustments-refused")
    assert [error["field"] for error in refused.json()["errors"]] == ["items.1.delta", "items.2.delta"]
    items.append({"product_id": 99, "delta": 1, "reason": "x"})
    refused = await shop.post("/api/inventory/adjustments", {"items": items})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "items.3.product_id"
    zero = await shop.post(
        "/api/inventory/adjustments", {"items": [{"product_id": 1, "delta": 0, "reason": "x"}]}
    )
    assert (zero.status_code, [e["field"] for e in zero.json()["errors"]]) == (422, ["items.0.delta"])
    assert await shop.everything() == before


async def test_messages_are_there_in_chinese(shop) -> None:
    product_id = await shop.sells("面粉", (10, "B", None))
    await shop.ordered(1, ("面粉", 8))
    body = {"items": [{"product_id": product_id, "delta": -5, "reason": "丢失"}]}
    refused = await shop.post("/api/inventory/adjustments", body, Accept_Language="zh-CN")
    assert refused.json()["title"] == "库存调整被拒绝"
    assert (
        refused.json()["errors"][0]["message"]
        == f"商品 {product_id} 有 8 件已为订单占用，此操作后将只剩 5 件：请先发货或取消订单。"
    )


async def test_the_same_key_changes_stock_once(shop) -> None:
    flour = await shop.sells("flour")
    changes = [StockChange(product_id=flour, delta=5, batch_id="B", reason="bought")]
    await shop.api.change_stock(changes=changes, key="k")
    await shop.api.change_stock(changes=changes, key="k")
    assert await shop.inventory("flour") == (5, 0, {"B": 5})
    await shop.api.change_stock(changes=changes, key="l")
    assert await shop.inventory("flour") == (10, 0, {"B": 10})
    before = await shop.everything()
    too_many = [*changes, StockChange(product_id=flour, delta=-16, batch_id="B", reason="lost")]
    with pytest.raises(AdjustmentsRefused):
        await shop.api.change_stock(changes=too_many, key="m")
    assert await shop.everything() == before


async def test_movements_are_told_with_who_and_why(shop) -> None:
    product_id = await shop.sells("flour", (9, "B", None))
    await shop.shipped(7, ("flour", 4))
    first = await shop.get(f"/api/inventory/{product_id}/movements", limit=1)
    (shipped,) = first["items"]
    assert (shipped["delta"], shipped["reason"], shipped["order_id"], shipped["reference"]) == (
        -4,
        "shipped",
        7,
        "orders/7",
    )
    second = await shop.get(f"/api/inventory/{product_id}/movements", limit=1, cursor=first["next_cursor"])
    (counted,) = second["items"]
    assert (counted["delta"], counted["reason"], counted["order_id"]) == (9, "counted", None)
    assert counted["actor"].startswith("account:")
    assert counted["at"] == "2026-03-15T12:00:00Z"
    assert second["next_cursor"] is None
    rows = await shop.owner.fetch("select data from catalog.outbox where type = 'stock.moved' order by seq")
    assert len(rows) == 2


async def test_movements_can_be_neither_changed_nor_deleted(shop) -> None:
    await shop.sells("flour", (9, "B", None))
    for statement in ("update stock_movement set delta = 1", "delete from stock_movement"):
        with pytest.raises(Exception, match="permission denied"):
            await shop.system.databases["catalog"].fetch(statement)


async def test_counting_and_selling_at_once_agree(shop) -> None:
    product_id = await shop.sells("flour", (100, "B", None))
    path = f"/api/inventory/{product_id}"
    await asyncio.gather(
        *(shop.put(path, {"stock": stock, "batch_id": "B"}) for stock in (80, 90, 70)),
        *(shop.hold(("flour", 9)) for _ in range(12)),
        *(
            shop.post(
                "/api/inventory/adjustments",
                {"items": [{"product_id": product_id, "delta": -5, "reason": "x"}]},
            )
            for _ in range(5)
        ),
    )
    stock, reserved, batches = await shop.inventory("flour")
    assert stock + reserved == batches["B"]
    assert reserved % 9 == 0


async def test_the_stock_of_the_products_as_a_list(shop, distributor) -> None:
    flour = await shop.sells("flour", (5, "F", "2026-04-01"), (0, "empty", None), alert_threshold=9)
    tea = await shop.sells("tea", (7, "T", None), (2, "old", "2026-03-01"))
    milk = await shop.sells("milk", (0, "gone", "2026-03-20"))
    await shop.ordered(1, ("flour", 2))
    found = (await shop.get("/api/inventory"))["items"]
    assert [(i["product_id"], i["stock"], i["reserved"], i["low"], i["alert_threshold"]) for i in found] == [
        (flour, 3, 2, True, 9),
        (tea, 7, 0, False, None),
        (milk, 0, 0, False, None),
    ]
    assert [[b["batch_id"] for b in i["batches"]] for i in found] == [["F"], ["old", "T"], []]

    async def ids(**query: object) -> list[int]:
        return [item["product_id"] for item in (await shop.get("/api/inventory", **query))["items"]]

    assert await ids(low="true") == [flour]
    assert await ids(low="false") == [tea, milk]
    assert await ids(expiring_before="2026-04-02") == [flour, tea]
    assert await ids(expiring_before="2026-04-01") == [tea]
    assert await ids(ids=f"{milk},{flour},99") == [flour, milk]
    assert await ids(ids=f"{milk},{flour}", low="true", expiring_before="2027-01-01") == [flour]
    first = await shop.get("/api/inventory", limit=2)
    assert await ids(limit=2, cursor=first["next_cursor"]) == [milk]
    assert (await shop.client.get("/api/inventory", headers=distributor)).status_code == 403
    for query in ({"ids": "1;2"}, {"low": "perhaps"}, {"expiring_before": "soon"}, {"cursor": "x"}):
        answer = await shop.client.get("/api/inventory", params=query, headers=shop.admin)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(query)))


async def test_movements_are_found_by_reason_batch_order_and_time(shop) -> None:
    flour = await shop.sells("flour", (9, "A", "2026-04-01"), (9, "B", None))
    await shop.sells("tea", (9, "A", None))
    await shop.turn(shop.now + timedelta(days=1))
    await shop.shipped(7, ("flour", 10), ("tea", 1))
    await shop.shipped(8, ("flour", 1))

    async def deltas(**query: object) -> list[tuple[str, int]]:
        found = (await shop.get(f"/api/inventory/{flour}/movements", **query))["items"]
        return [(m["batch_id"], m["delta"]) for m in found]

    assert await deltas() == [("B", -1), ("B", -1), ("A", -9), ("B", 9), ("A", 9)]
    assert await deltas(reason="counted") == [("B", 9), ("A", 9)]
    assert await deltas(batch="A") == [("A", -9), ("A", 9)]
    assert await deltas(batch="none") == []
    assert await deltas(order=7) == [("B", -1), ("A", -9)]
    assert await deltas(order=7, batch="B", reason="shipped") == [("B", -1)]
    day = {"from": "2026-03-16T12:00:00Z"}
    assert await deltas(**day) == [("B", -1), ("B", -1), ("A", -9)]
    assert await deltas(to=day["from"]) == [("B", 9), ("A", 9)]
    assert await deltas(**day, to="2026-03-16T12:00:00Z") == []
    page = await shop.get(f"/api/inventory/{flour}/movements", order=7, limit=1)
    assert await deltas(order=7, limit=1, cursor=page["next_cursor"]) == [("A", -9)]
    answer = await shop.client.get(
        f"/api/inventory/{flour}/movements", params={"from": "yesterday"}, headers=shop.admin
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "from")
    missing = await shop.client.get("/api/inventory/99/movements", headers=shop.admin)
    assert missing.status_code == 404


async def test_setting_below_what_is_reserved_says_what_to_do(shop) -> None:
    flour = await shop.sells("flour", (9, "A", None))
    await shop.ordered(1, ("flour", 5))
    refused = await shop.put(f"/api/inventory/{flour}", {"stock": 4, "batch_id": "A"})
    assert refused.status_code == 409
    assert "ship or cancel orders first" in refused.json()["detail"]
