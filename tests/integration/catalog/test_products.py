"""Products over HTTP."""

import asyncio

from fenxiao.catalog.api import NewProduct


async def test_the_call_of_the_original_specification(shop) -> None:
    category = await shop.post("/api/categories", {"name": "食品"})
    body = {
        "name": "面粉",
        "image_url": "https://example.com/flour.jpg",
        "category_id": category.json()["category_id"],
        "tags": ["热销", "食品"],
    }
    created = await shop.post("/api/products", body)
    assert created.status_code == 201
    answer = created.json()
    assert answer | body == answer
    assert (answer["status"], answer["price"], answer["cost"], answer["currency"]) == (
        "available",
        None,
        None,
        "CNY",
    )
    assert answer["sku"] is None
    read = await shop.call("GET", f"/api/products/{answer['product_id']}")
    assert read.json() == answer
    assert read.headers["etag"] == created.headers["etag"] == '"1"'
    assert await shop.get(f"/api/inventory/{answer['product_id']}") == {
        "product_id": answer["product_id"],
        "stock": 0,
        "reserved": 0,
        "alert_threshold": None,
        "low": False,
        "batches": [],
    }


async def test_money_is_exact_and_has_the_decimals_of_its_currency(shop) -> None:
    for currency, sent, shown in (
        ("CNY", 50.1, "50.10"),
        ("CNY", "0.01", "0.01"),
        ("JPY", 500, "500"),
        ("KWD", "1.005", "1.005"),
    ):
        answer = await shop.post(
            "/api/products", {"name": "x", "price": sent, "cost": sent, "currency": currency}
        )
        assert (answer.json()["price"], answer.json()["cost"], answer.json()["currency"]) == (
            shown,
            shown,
            currency,
        )


FAULTY = [
    ({"name": ""}, "name"),
    ({"name": "  "}, "name"),
    ({"name": "x" * 256}, "name"),
    ({"name": 5}, "name"),
    ({"image_url": "javascript:alert(1)"}, "image_url"),
    ({"image_url": "flour.jpg"}, "image_url"),
    ({"category_id": 99}, "category_id"),
    ({"category_id": True}, "category_id"),
    ({"tags": [""]}, "tags.0"),
    ({"tags": ["a"] * 51}, "tags"),
    ({"price": "0.001"}, "price"),
    ({"price": -1}, "price"),
    ({"price": "1e3"}, "price"),
    ({"price": 10**17}, "price"),
    ({"cost": -0.01}, "cost"),
    ({"currency": "cny"}, "currency"),
    ({"price": "1.5", "currency": "JPY"}, "price"),
    ({"status": "gone"}, "status"),
    ({"alert_threshold": -1}, "alert_threshold"),
    ({"sku": ""}, "sku"),
    ({"colour": "red"}, "colour"),
]


async def test_a_faulty_field_is_named_and_nothing_is_made(shop) -> None:
    before = await shop.everything()
    for change, field in FAULTY:
        answer = await shop.post("/api/products", {"name": "flour", "tags": ["new"], **change})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed"), change
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await shop.everything() == before


async def test_a_sku_is_unique_and_case_counts(shop) -> None:
    await shop.sells("one", sku="AB-1")
    await shop.sells("other", sku="ab-1")
    before = await shop.everything()
    taken = await shop.post("/api/products", {"name": "again", "sku": "AB-1", "tags": ["new"]})
    assert (taken.status_code, taken.json()["code"]) == (409, "sku-taken")
    moved = await shop.patch(f"/api/products/{shop.ids['other']}", {"sku": "AB-1"})
    assert (moved.status_code, moved.json()["code"]) == (409, "sku-taken")
    assert await shop.everything() == before


async def test_the_same_key_makes_one_product(shop) -> None:
    body = {"name": "flour", "tags": ["hot"], "price": "3.00"}
    first = await shop.post("/api/products", body, Idempotency_Key="k1")
    again = await shop.post("/api/products", body, Idempotency_Key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await shop.post("/api/products", body | {"price": "4.00"}, Idempotency_Key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len((await shop.get("/api/products"))["items"]) == 1


async def test_a_change_touches_only_what_was_sent_and_counts_the_version(shop) -> None:
    product_id = await shop.sells(
        "flour", price="3.00", cost="1.00", tags=["a", "b"], sku="S", alert_threshold=5
    )
    before = await shop.get(f"/api/products/{product_id}")
    changed = await shop.patch(
        f"/api/products/{product_id}", {"price": 4, "tags": ["b", "c", "b"], "sku": None}
    )
    assert changed.status_code == 200
    expected = before | {"price": "4.00", "tags": ["b", "c"], "sku": None}
    assert {**changed.json(), "updated_at": 0} == {**expected, "updated_at": 0}
    assert changed.headers["etag"] == '"2"'
    same = await shop.patch(f"/api/products/{product_id}", {"price": "4.00"})
    assert (same.status_code, same.headers["etag"]) == (200, '"2"')
    assert await shop.get(f"/api/products/{product_id}") == changed.json()


async def test_a_change_of_an_older_version_is_refused(shop) -> None:
    product_id = await shop.sells("flour")
    path = f"/api/products/{product_id}"
    assert (await shop.patch(path, {"name": "meal"}, If_Match='"1"')).status_code == 200
    before = await shop.everything()
    stale = await shop.patch(path, {"name": "dust"}, If_Match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-version")
    assert await shop.everything() == before
    at_once = await asyncio.gather(*(shop.patch(path, {"name": n}, If_Match='"2"') for n in ("x", "y", "z")))
    assert sorted(answer.status_code for answer in at_once) == [200, 412, 412]


async def test_another_currency_needs_the_prices_anew(shop) -> None:
    product_id = await shop.sells("flour", price="3.00", cost="1.00")
    path = f"/api/products/{product_id}"
    before = await shop.everything()
    refused = await shop.patch(path, {"currency": "JPY", "price": "300"})
    assert (refused.status_code, [e["field"] for e in refused.json()["errors"]]) == (422, ["cost"])
    assert await shop.everything() == before
    changed = await shop.patch(path, {"currency": "JPY", "price": "300", "cost": None})
    assert (changed.json()["price"], changed.json()["cost"], changed.json()["currency"]) == (
        "300",
        None,
        "JPY",
    )


async def test_what_every_product_has_cannot_be_emptied(shop) -> None:
    product_id = await shop.sells("flour")
    before = await shop.everything()
    for field in ("name", "tags", "currency", "status"):
        refused = await shop.patch(f"/api/products/{product_id}", {field: None})
        assert (refused.status_code, [e["field"] for e in refused.json()["errors"]]) == (422, [field])
    assert await shop.everything() == before


async def test_an_unknown_product_is_not_found(shop) -> None:
    for method, path in (
        ("GET", "/api/products/99"),
        ("PATCH", "/api/products/99"),
        ("GET", "/api/inventory/99"),
    ):
        answer = await shop.call(method, path, {} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "product-not-found")


async def test_lists_are_filtered_and_paged(shop) -> None:
    top = (await shop.post("/api/categories", {"name": "top"})).json()["category_id"]
    low = (await shop.post("/api/categories", {"name": "low", "parent_id": top})).json()["category_id"]
    await shop.sells("Wheat flour", category_id=low, tags=["hot"])
    await shop.sells("rye flour", category_id=top, status="unavailable", sku="RYE%1")
    await shop.sells("tea", tags=["hot", "green"])

    async def names(**query) -> list[str]:
        return [product["name"] for product in (await shop.get("/api/products", **query))["items"]]

    assert await names() == ["Wheat flour", "rye flour", "tea"]
    assert await names(category_id=top) == ["Wheat flour", "rye flour"]
    assert await names(category_id=low) == ["Wheat flour"]
    assert await names(category_id=99) == []
    assert await names(tag="hot") == ["Wheat flour", "tea"]
    assert await names(tag="hot", category_id=top) == ["Wheat flour"]
    assert await names(status="unavailable") == ["rye flour"]
    assert await names(q="FLOUR") == ["Wheat flour", "rye flour"]
    assert await names(q="%") == ["rye flour"]
    assert await names(ids=f"{shop.ids['tea']},99") == ["tea"]
    seen, cursor = [], None
    while True:
        page = await shop.get("/api/products", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [product["name"] for product in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == await names()
    assert (await shop.call("GET", "/api/products?cursor=nonsense")).status_code == 422
    assert (await shop.call("GET", "/api/products?colour=red")).status_code == 422


async def test_products_of_an_import_are_known_by_sku(shop) -> None:
    kept = await shop.sells("kept", sku="A")
    wanted = [
        NewProduct(sku=sku, name=f"name of {sku}", currency="GBP", price_minor=price, tags=tags)
        for sku, price, tags in (("B", 1, ("x", "y", "x")), ("A", 2, ()), ("a", None, ("x",)), ("B", 9, ()))
    ]
    numbers = await shop.api.create_products(products=wanted)
    assert numbers[1] == kept
    assert numbers[0] == numbers[3]
    assert len(set(numbers)) == 3
    assert await shop.api.create_products(products=wanted) == numbers
    made = await shop.get(f"/api/products/{numbers[0]}")
    assert (made["name"], made["price"], made["currency"], made["tags"]) == (
        "name of B",
        "0.01",
        "GBP",
        ["x", "y"],
    )
    assert (await shop.get(f"/api/products/{kept}"))["name"] == "kept"
    assert (await shop.get(f"/api/inventory/{numbers[2]}"))["stock"] == 0


async def test_two_imports_at_once_agree(shop) -> None:
    batches = [
        [NewProduct(sku=f"S{n % 40}", name="x", currency="GBP", tags=(f"t{n % 7}",)) for n in order]
        for order in (range(40), range(39, -1, -1), range(20, 60))
    ]
    answers = await asyncio.gather(*(shop.api.create_products(products=batch) for batch in batches))
    numbers = [
        dict(zip([product.sku for product in batch], answer, strict=True))
        for batch, answer in zip(batches, answers, strict=True)
    ]
    assert numbers[0] == numbers[1] == numbers[2]


async def test_who_only_sells_sees_prices_but_no_costs_and_changes_nothing(shop, distributor) -> None:
    product_id = await shop.sells("flour", (5, "B", None), cost="1.00")
    seen = await shop.client.get(f"/api/products/{product_id}", headers=distributor)
    assert (seen.json()["price"], seen.json()["cost"]) == ("10.00", None)
    before = await shop.everything()
    for method, path, body in (
        ("POST", "/api/products", {"name": "x"}),
        ("PATCH", f"/api/products/{product_id}", {"name": "x"}),
        ("POST", "/api/categories", {"name": "x"}),
        ("DELETE", "/api/tags/1", None),
        ("PUT", f"/api/inventory/{product_id}", {"stock": 1}),
        (
            "POST",
            "/api/inventory/adjustments",
            {"items": [{"product_id": product_id, "delta": 1, "reason": "x"}]},
        ),
        ("GET", f"/api/inventory/{product_id}", None),
    ):
        answer = await shop.client.request(method, path, json=body, headers=distributor)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        assert (await shop.client.request(method, path, json=body)).status_code == 401
    assert await shop.everything() == before


# Pictures


async def test_pictures_keep_their_order_and_the_first_is_image_url(shop) -> None:
    front = {"url": "https://e.example/1.png", "alt": "正面"}
    back = {"url": "https://e.example/2.png", "alt": None}
    made = await shop.post("/api/products", {"name": "x", "images": [front, {"url": back["url"]}]})
    assert (made.status_code, made.json()["images"], made.json()["image_url"]) == (
        201,
        [front, back],
        front["url"],
    )
    path = f"/api/products/{made.json()['product_id']}"
    for change, images in (
        ({"images": [back, front]}, [back, front]),
        ({"image_url": front["url"]}, [front]),
        ({"images": [front, back]}, [front, back]),
        ({"image_url": back["url"]}, [back]),
        ({"images": [front, back]}, [front, back]),
        ({"image_url": "https://e.example/3"}, [{"url": "https://e.example/3", "alt": None}, back]),
        ({"images": [front], "image_url": front["url"]}, [front]),
        ({"image_url": None}, []),
        ({"image_url": back["url"]}, [back]),
        ({"images": []}, []),
    ):
        changed = await shop.patch(path, change)
        assert changed.status_code == 200, changed.text
        assert changed.json()["images"] == images, change
        assert changed.json()["image_url"] == (images[0]["url"] if images else None)
        assert (await shop.get(path)) == changed.json()
    single = await shop.post("/api/products", {"name": "y", "image_url": front["url"]})
    assert single.json()["images"] == [front | {"alt": None}]


async def test_a_faulty_picture_is_named_and_nothing_is_changed(shop) -> None:
    product_id = await shop.sells("x", images=[{"url": "https://e.example/1"}])
    before = await shop.everything()
    for change, field in (
        ({"images": [{"url": "x"}]}, "images.0.url"),
        ({"images": [{"url": "https://e.example/1", "alt": "a\nb"}]}, "images.0.alt"),
        ({"images": [{"url": "https://e.example/1"}] * 2}, "images.1.url"),
        ({"images": [{"url": f"https://e.example/{n}"} for n in range(21)]}, "images"),
        ({"images": [{"url": "https://e.example/1"}], "image_url": "https://e.example/2"}, "image_url"),
        ({"images": [{"url": "https://e.example/1"}], "image_url": None}, "image_url"),
        ({"images": None}, "images"),
        ({"images": [{"src": "https://e.example/1"}]}, "images.0.url"),
    ):
        answer = await shop.patch(f"/api/products/{product_id}", change)
        assert answer.status_code == 422, change
        assert answer.json()["errors"][0]["field"] == field
    assert await shop.everything() == before


async def test_a_threshold_that_is_set_counts_at_once(shop) -> None:
    product_id = await shop.sells("x", (3, "B", None))
    await shop.patch(f"/api/products/{product_id}", {"alert_threshold": 5})
    assert (await shop.get(f"/api/inventory/{product_id}"))["low"] is True
    await shop.patch(f"/api/products/{product_id}", {"alert_threshold": None})
    assert (await shop.get(f"/api/inventory/{product_id}"))["low"] is False
