"""Categories, which nest, and tags."""

import asyncio
import json


async def made(shop, name: str, parent_id: int | None = None) -> int:
    answer = await shop.post("/api/categories", {"name": name, "parent_id": parent_id})
    assert answer.status_code == 201, answer.text
    return answer.json()["category_id"]


async def test_categories_nest_and_are_listed_in_pages(shop) -> None:
    food = await made(shop, "食品")
    flour = await made(shop, "面粉", food)
    assert await shop.get(f"/api/categories/{flour}") == {
        "category_id": flour,
        "name": "面粉",
        "parent_id": food,
    }
    assert await shop.get("/api/categories", parent_id=food) == {
        "items": [{"category_id": flour, "name": "面粉", "parent_id": food}],
        "next_cursor": None,
    }
    first = await shop.get("/api/categories", limit=1)
    assert [c["category_id"] for c in first["items"]] == [food]
    second = await shop.get("/api/categories", limit=1, cursor=first["next_cursor"])
    assert ([c["category_id"] for c in second["items"]], second["next_cursor"]) == ([flour], None)


async def test_a_category_is_renamed_and_moved(shop) -> None:
    food, drink = await made(shop, "food"), await made(shop, "drink")
    tea = await made(shop, "tea", food)
    moved = await shop.patch(f"/api/categories/{tea}", {"parent_id": drink})
    assert (moved.status_code, moved.json()) == (200, {"category_id": tea, "name": "tea", "parent_id": drink})
    renamed = await shop.patch(f"/api/categories/{tea}", {"name": "茶", "parent_id": None})
    assert renamed.json() == {"category_id": tea, "name": "茶", "parent_id": None}
    assert await shop.get(f"/api/categories/{tea}") == renamed.json()


NO_TREE = [
    ("POST", "/api/categories", {"name": "top"}, 409, "category-exists"),
    ("POST", "/api/categories", {"name": "low", "parent_id": 1}, 409, "category-exists"),
    ("POST", "/api/categories", {"name": " "}, 422, "validation-failed"),
    ("POST", "/api/categories", {"name": "x", "parent_id": 99}, 422, "validation-failed"),
    ("PATCH", "/api/categories/1", {"parent_id": 2}, 409, "category-loop"),
    ("PATCH", "/api/categories/1", {"parent_id": 1}, 409, "category-loop"),
    ("PATCH", "/api/categories/1", {"name": None}, 422, "validation-failed"),
    ("PATCH", "/api/categories/99", {"name": "x"}, 404, "category-not-found"),
    ("DELETE", "/api/categories/1", None, 409, "category-in-use"),
    ("DELETE", "/api/categories/2", None, 409, "category-in-use"),
    ("DELETE", "/api/categories/99", None, 404, "category-not-found"),
    ("GET", "/api/categories/99", None, 404, "category-not-found"),
]


async def test_what_makes_no_tree_is_refused(shop) -> None:
    top = await made(shop, "top")
    low = await made(shop, "low", top)
    await shop.sells("p", category_id=low)
    assert (top, low) == (1, 2)
    before = await shop.everything()
    for method, path, body, status, code in NO_TREE:
        answer = await shop.call(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (method, path, body)
    assert await shop.everything() == before


async def test_an_empty_category_is_deleted(shop) -> None:
    food = await made(shop, "food")
    assert (await shop.call("DELETE", f"/api/categories/{food}")).status_code == 204
    assert (await shop.get("/api/categories"))["items"] == []


async def test_two_moves_at_once_never_close_a_loop(shop) -> None:
    for _ in range(5):
        a, b = await made(shop, "a"), await made(shop, "b")
        answers = await asyncio.gather(
            shop.patch(f"/api/categories/{a}", {"parent_id": b}),
            shop.patch(f"/api/categories/{b}", {"parent_id": a}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        for category_id in (a, b, a):
            await shop.call("DELETE", f"/api/categories/{category_id}")
        assert (await shop.get("/api/categories"))["items"] == []


async def test_tags_are_made_renamed_and_deleted_on_all_products(shop) -> None:
    product_id = await shop.sells("flour", tags=["hot", "food"])
    hot, food = (await shop.get("/api/tags"))["items"]
    assert {hot["name"], food["name"]} == {"hot", "food"}
    tags = {tag["name"]: tag["tag_id"] for tag in (hot, food)}
    etag = (await shop.call("GET", f"/api/products/{product_id}")).headers["etag"]
    renamed = await shop.patch(f"/api/tags/{tags['hot']}", {"name": "热销"})
    assert renamed.json() == {"tag_id": tags["hot"], "name": "热销"}
    read = await shop.call("GET", f"/api/products/{product_id}")
    assert read.json()["tags"] == ["热销", "food"]
    assert read.headers["etag"] != etag
    assert (await shop.call("DELETE", f"/api/tags/{tags['food']}")).status_code == 204
    assert (await shop.get(f"/api/products/{product_id}"))["tags"] == ["热销"]
    assert [tag["name"] for tag in (await shop.get("/api/tags"))["items"]] == ["热销"]


async def test_tags_are_refused_twice_and_unknown(shop) -> None:
    one = (await shop.post("/api/tags", {"name": "one"})).json()["tag_id"]
    await shop.post("/api/tags", {"name": "two"})
    before = await shop.everything()
    for answer, status, code in [
        (await shop.post("/api/tags", {"name": "one"}), 409, "tag-exists"),
        (await shop.patch(f"/api/tags/{one}", {"name": "two"}), 409, "tag-exists"),
        (await shop.patch("/api/tags/99", {"name": "x"}), 404, "tag-not-found"),
        (await shop.call("DELETE", "/api/tags/99"), 404, "tag-not-found"),
        (await shop.post("/api/tags", {"name": "x" * 65}), 422, "validation-failed"),
    ]:
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await shop.everything() == before


async def test_tags_are_found_by_a_part_of_their_name(shop) -> None:
    for name in ("Hot", "shot", "100%", "cold"):
        await shop.post("/api/tags", {"name": name})
    found = await shop.get("/api/tags", q="HOT")
    assert [tag["name"] for tag in found["items"]] == ["Hot", "shot"]
    assert [tag["name"] for tag in (await shop.get("/api/tags", q="%"))["items"]] == ["100%"]


async def changed_products(shop) -> list[tuple[int, int]]:
    """(product, version) of every product.changed so far."""
    rows = await shop.owner.fetch(
        "select data from catalog.outbox where type = 'product.changed' order by seq"
    )
    found = [json.loads(row["data"]) for row in rows]
    return [(data["product_id"], data["version"]) for data in found]


async def test_a_moved_category_changes_the_products_below_it(shop) -> None:
    """The categories above are a fact of a product by which rules choose; a name is none."""
    top = (await shop.post("/api/categories", {"name": "top"})).json()["category_id"]
    other = (await shop.post("/api/categories", {"name": "other"})).json()["category_id"]
    middle = (await shop.post("/api/categories", {"name": "m", "parent_id": top})).json()["category_id"]
    leaf = (await shop.post("/api/categories", {"name": "l", "parent_id": middle})).json()["category_id"]
    for name, category in (("a", top), ("b", middle), ("c", leaf), ("d", None)):
        await shop.sells(name, **({} if category is None else {"category_id": category}))
    before = await changed_products(shop)
    await shop.patch(f"/api/categories/{middle}", {"name": "renamed"})
    assert await changed_products(shop) == before
    await shop.patch(f"/api/categories/{middle}", {"parent_id": other})
    assert sorted((await changed_products(shop))[len(before) :]) == [(2, 2), (3, 2)]
    stale = await shop.patch("/api/products/3", {"price": "1"}, If_Match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-version")


async def test_merged_tags_leave_one_in_the_earlier_place(shop) -> None:
    for name, tags in (
        ("both", ["热门", "x", "热销"]),
        ("turned", ["热销", "x", "热门"]),
        ("old", ["y", "热门", "z"]),
        ("new", ["热销"]),
        ("none", ["x"]),
    ):
        await shop.sells(name, tags=tags)
    ids = {tag["name"]: tag["tag_id"] for tag in (await shop.get("/api/tags"))["items"]}
    before = await changed_products(shop)
    merged = await shop.post(f"/api/tags/{ids['热门']}/merge", {"into": ids["热销"]})
    assert (merged.status_code, merged.json()) == (200, {"tag_id": ids["热销"], "name": "热销"})
    found = {p["name"]: p["tags"] for p in (await shop.get("/api/products"))["items"]}
    assert found == {
        "both": ["热销", "x"],
        "turned": ["热销", "x"],
        "old": ["y", "热销", "z"],
        "new": ["热销"],
        "none": ["x"],
    }
    # Each product that was touched is told of once, and no other.
    assert sorted((await changed_products(shop))[len(before) :]) == [(1, 2), (2, 2), (3, 2)]
    assert (await shop.call("GET", f"/api/tags/{ids['热门']}")).status_code == 404
    assert [p["name"] for p in (await shop.get("/api/products", tag="热销"))["items"]] == [
        "both",
        "turned",
        "old",
        "new",
    ]


async def test_a_merge_that_cannot_be_is_refused(shop) -> None:
    await shop.sells("a", tags=["x", "y"])
    before = await shop.everything()
    for tag_id, into, status, where in ((1, 1, 422, "into"), (1, 99, 422, "into"), (99, 1, 404, None)):
        answer = await shop.post(f"/api/tags/{tag_id}/merge", {"into": into})
        assert answer.status_code == status
        assert [error["field"] for error in answer.json().get("errors", [])] == ([where] if where else [])
    assert await shop.everything() == before


async def test_crosswise_merges_and_changes_at_once_leave_each_product_whole(shop) -> None:
    for n in range(6):
        await shop.sells(f"p{n}", tags=["a", "b", "c"])
    ids = {tag["name"]: tag["tag_id"] for tag in (await shop.get("/api/tags"))["items"]}
    answers = await asyncio.gather(
        shop.post(f"/api/tags/{ids['a']}/merge", {"into": ids["b"]}),
        shop.post(f"/api/tags/{ids['b']}/merge", {"into": ids["a"]}),
        *(shop.patch(f"/api/products/{n}", {"tags": ["c", "b"]}) for n in range(1, 7)),
    )
    assert sorted(answer.status_code for answer in answers[:2]) in ([200, 404], [200, 422])
    assert [answer.status_code for answer in answers[2:]] == [200] * 6
    for product in (await shop.get("/api/products"))["items"]:
        assert len(set(product["tags"])) == len(product["tags"])
        assert "c" in product["tags"]
