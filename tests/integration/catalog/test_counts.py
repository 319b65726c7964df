"""Stock counts: a document of what was found, and the book brought to it."""

import asyncio

COUNTS = "/api/inventory/counts"


async def opened(shop, *names: str) -> int:
    body = {"items": [{"product_id": shop.ids[name]} for name in names], "note": "year's end"}
    answer = await shop.post(COUNTS, body)
    assert answer.status_code == 201, answer.text
    return answer.json()["count_id"]


async def enter(shop, count_id: int, *figures: tuple[str, str, int | None], **more: str):
    items = [
        {"product_id": shop.ids[name], "batch_id": batch_id, "counted": counted, **more}
        for name, batch_id, counted in figures
    ]
    return await shop.put(f"{COUNTS}/{count_id}/lines", {"items": items})


async def lines(shop, count_id: int, **query: object) -> list[tuple]:
    found = await shop.get(f"{COUNTS}/{count_id}", **query)
    return [(i["batch_id"], i["snapshot"], i["counted"], i["book"], i["difference"]) for i in found["items"]]


async def test_differences_are_booked_when_the_count_is_closed(shop) -> None:
    await shop.sells("flour", (10, "A", "2026-06-01"), (5, "B", None), (0, "empty", None))
    await shop.sells("tea", (7, "T", None))
    count_id = await opened(shop, "flour", "tea")
    assert await lines(shop, count_id) == [
        ("A", 10, None, None, None),
        ("B", 5, None, None, None),
        ("T", 7, None, None, None),
    ]
    entered = await enter(shop, count_id, ("flour", "A", 8), ("flour", "B", 6))
    assert entered.status_code == 200, entered.text
    figures = {name: entered.json()[name] for name in ("lines", "counted", "differing", "surplus", "missing")}
    assert figures == {"lines": 3, "counted": 2, "differing": 2, "surplus": 1, "missing": 2}
    assert await shop.inventory("flour") == (15, 0, {"A": 10, "B": 5, "empty": 0})
    closed = await shop.post(f"{COUNTS}/{count_id}/close", None)
    assert (closed.status_code, closed.json()["state"]) == (200, "closed"), closed.text
    assert closed.json()["ended_by"].startswith("account:")
    assert await shop.inventory("flour") == (14, 0, {"A": 8, "B": 6, "empty": 0})
    # What nobody counted stays as it was.
    assert await shop.inventory("tea") == (7, 0, {"T": 7})
    (latest, *_) = (await shop.get(f"/api/inventory/{shop.ids['flour']}/movements", reason="counted"))[
        "items"
    ]
    assert (latest["batch_id"], latest["delta"], latest["reference"]) == ("B", 1, f"counts/{count_id}")
    again = await shop.post(f"{COUNTS}/{count_id}/close", None)
    assert again.json() == closed.json()
    assert await shop.inventory("flour") == (14, 0, {"A": 8, "B": 6, "empty": 0})


async def test_what_moves_meanwhile_is_taken_into_account(shop) -> None:
    await shop.sells("flour", (10, "A", "2026-06-01"))
    count_id = await opened(shop, "flour")
    await shop.shipped(1, ("flour", 3))
    # Counted after the shipment: 7 are expected, 6 are found.
    await enter(shop, count_id, ("flour", "A", 6))
    assert await lines(shop, count_id) == [("A", 10, 6, 7, -1)]
    await shop.shipped(2, ("flour", 2))
    assert (await shop.post(f"{COUNTS}/{count_id}/close", None)).status_code == 200
    assert await shop.inventory("flour") == (4, 0, {"A": 4})


async def test_a_figure_can_be_changed_and_taken_back(shop) -> None:
    await shop.sells("flour", (10, "A", None), (5, "B", None))
    count_id = await opened(shop, "flour")
    await enter(shop, count_id, ("flour", "A", 1), ("flour", "B", 1))
    await shop.shipped(1, ("flour", 2))
    await enter(shop, count_id, ("flour", "A", 8), ("flour", "B", None))
    assert await lines(shop, count_id) == [("A", 10, 8, 8, 0), ("B", 5, None, None, None)]
    assert await lines(shop, count_id, differing="true") == []
    await shop.post(f"{COUNTS}/{count_id}/close", None)
    assert await shop.inventory("flour") == (13, 0, {"A": 8, "B": 5})


async def test_a_batch_that_nobody_knew_of_comes_into_being(shop) -> None:
    await shop.sells("flour", (10, "A", None))
    count_id = await opened(shop, "flour")
    assert (await enter(shop, count_id, ("flour", "found", 4), expiry_date="2026-05-01")).status_code == 200
    assert (await shop.inventory("flour"))[2] == {"A": 10}
    await shop.post(f"{COUNTS}/{count_id}/close", None)
    assert (await shop.inventory("flour"))[2] == {"found": 4, "A": 10}
    assert (await shop.get(f"{COUNTS}/{count_id}", limit=1))["next_cursor"]


async def test_what_is_reserved_or_gone_is_not_counted_away(shop) -> None:
    await shop.sells("flour", (10, "A", None))
    await shop.sells("tea", (10, "T", None))
    await shop.ordered(1, ("flour", 8))
    count_id = await opened(shop, "flour", "tea")
    await enter(shop, count_id, ("flour", "A", 7), ("tea", "T", 1))
    await shop.shipped(2, ("tea", 4))
    before = await shop.everything()
    refused = await shop.post(f"{COUNTS}/{count_id}/close", None)
    assert (refused.status_code, refused.json()["code"]) == (409, "count-refused")
    errors = refused.json()["errors"]
    assert [error["field"] for error in errors] == ["lines.2.counted", "lines.1.counted"]
    assert "count it again" in errors[0]["message"]
    assert "ship or cancel" in errors[1]["message"]
    assert await shop.everything() == before
    await shop.hear(shop.changed(1, "cancelled"))
    await enter(shop, count_id, ("tea", "T", 5))
    assert (await shop.post(f"{COUNTS}/{count_id}/close", None)).status_code == 200
    assert ((await shop.inventory("flour"))[2], (await shop.inventory("tea"))[2]) == ({"A": 7}, {"T": 5})


async def test_a_cancelled_count_books_nothing(shop) -> None:
    await shop.sells("flour", (10, "A", None))
    count_id = await opened(shop, "flour")
    await enter(shop, count_id, ("flour", "A", 1))
    cancelled = await shop.post(f"{COUNTS}/{count_id}/cancel", None)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    before = await shop.everything()
    for call, body in (("close", None), ("lines", {"items": [{"product_id": 1, "counted": 1}]})):
        method = "PUT" if body else "POST"
        refused = await shop.call(method, f"{COUNTS}/{count_id}/{call}", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "count-ended")
    assert (await shop.post(f"{COUNTS}/{count_id}/cancel", None)).status_code == 200
    assert await shop.everything() == before
    assert (await shop.inventory("flour"))[2] == {"A": 10}
    assert await opened(shop, "flour") == count_id + 1


async def test_a_batch_is_in_one_open_count_at_most(shop) -> None:
    await shop.sells("flour", (10, "A", None), (10, "B", None))
    await shop.sells("tea", (10, "T", None))
    first = await opened(shop, "flour")
    before = await shop.everything()
    body = {"items": [{"product_id": shop.ids[name]} for name in ("tea", "flour")]}
    refused = await shop.post(COUNTS, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "count-overlaps")
    assert {error["field"] for error in refused.json()["errors"]} == {"items.1.batch_id"}
    assert f"stock count {first}" in refused.json()["errors"][0]["message"]
    assert await shop.everything() == before
    second = await opened(shop, "tea")
    entered = await enter(shop, second, ("flour", "A", 3))
    assert (entered.status_code, entered.json()["code"]) == (409, "count-overlaps")
    await shop.post(f"{COUNTS}/{first}/close", None)
    assert (await enter(shop, second, ("flour", "A", 3))).status_code == 200
    listed = await shop.get(COUNTS, state="open")
    assert [(item["count_id"], item["lines"]) for item in listed["items"]] == [(second, 2)]
    both = await shop.get(COUNTS, limit=1)
    assert [item["count_id"] for item in both["items"]] == [second]
    assert len((await shop.get(COUNTS, cursor=both["next_cursor"]))["items"]) == 1


async def test_faulty_counts_name_their_fields(shop, distributor) -> None:
    flour = await shop.sells("flour", (10, "A", "2026-06-01"))
    count_id = await opened(shop, "flour")
    before = await shop.everything()
    refused = await shop.post(COUNTS, {"items": [{"product_id": 99}, {"product_id": flour, "batch_id": "?"}]})
    assert refused.status_code == 422
    assert [e["field"] for e in refused.json()["errors"]] == ["items.0.product_id", "items.1.batch_id"]
    for item, field in (
        ({"product_id": 99, "counted": 1}, "items.0.product_id"),
        ({"product_id": flour, "counted": -1}, "items.0.counted"),
        ({"product_id": flour}, "items.0.counted"),
        (
            {"product_id": flour, "batch_id": "A", "counted": 1, "expiry_date": "2026-06-02"},
            "items.0.expiry_date",
        ),
    ):
        refused = await shop.put(f"{COUNTS}/{count_id}/lines", {"items": [item]})
        assert (refused.status_code, [e["field"] for e in refused.json()["errors"]]) == (422, [field])
    twice = await enter(shop, count_id, ("flour", "A", 1), ("flour", "A", 2))
    assert (twice.status_code, twice.json()["errors"][0]["field"]) == (422, "items.1.batch_id")
    assert (await shop.post(f"{COUNTS}/99/close", None)).status_code == 404
    for method, path in (("GET", COUNTS), ("POST", f"{COUNTS}/{count_id}/close")):
        assert (await shop.client.request(method, path, headers=distributor)).status_code == 403
    assert await shop.everything() == before


async def test_counting_beside_orders_and_closing_twice_at_once(shop) -> None:
    await shop.sells("flour", (200, "A", None))
    holds = [await shop.ordered(n, ("flour", 2)) for n in range(1, 11)]
    count_id = await opened(shop, "flour")
    # Whoever counts sees what the book says at that moment, less one unit that is missing.
    await asyncio.gather(
        *(shop.ship(n, hold_id, ("flour", 2)) for n, hold_id in enumerate(holds[:5], 1)),
        enter(shop, count_id, ("flour", "A", 150)),
    )
    ((_, _, _, book, difference),) = await lines(shop, count_id)
    assert book + difference == 150
    answers = await asyncio.gather(
        *(shop.ship(n, hold_id, ("flour", 2)) for n, hold_id in enumerate(holds[5:], 6)),
        *(shop.post(f"{COUNTS}/{count_id}/close", None) for _ in range(5)),
    )
    assert {answer.status_code for answer in answers[5:]} == {200}
    await shop.hear(*(shop.changed(n, "shipped") for n in range(1, 11)))
    assert (await shop.inventory("flour"))[2] == {"A": 180 + difference}


async def test_the_same_key_opens_one_count(shop) -> None:
    flour = await shop.sells("flour", (10, "A", None))
    body = {"items": [{"product_id": flour}]}
    first = await shop.post(COUNTS, body, Idempotency_Key="c")
    again = await shop.post(COUNTS, body, Idempotency_Key="c")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
