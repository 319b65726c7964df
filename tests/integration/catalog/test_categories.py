"""Categories, which nest, and tags."""

import asyncio


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
