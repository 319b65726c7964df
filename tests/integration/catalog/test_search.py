"""Finding products: parts of names in any script, filters, orders, and the indexes that carry them."""

import asyncio
from datetime import timedelta

import pytest
from tests.integration.catalog.conftest import Shop


async def names(shop: Shop, **query: object) -> list[str]:
    """All names of the list, page by page of two."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await shop.get("/api/products", limit=2, **query, **cursor)
        found += [product["name"] for product in page["items"]]
        assert len(page["items"]) <= 2
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_a_part_of_a_name_or_sku_is_enough_in_any_script(shop) -> None:
    for name, sku in (
        ("高筋面粉 5kg", "FL-001"),
        ("低筋面粉", "FL-002"),
        ("面条", None),
        ("ＡＢＣ全角", "x"),
        ("Crème Brûlée", "CB_1%"),
        ("粉面", None),
    ):
        await shop.sells(name, **({} if sku is None else {"sku": sku}))
    for q, expected in (
        ("面", ["高筋面粉 5kg", "低筋面粉", "面条", "粉面"]),
        ("面粉", ["高筋面粉 5kg", "低筋面粉"]),
        ("粉面", ["粉面"]),
        ("高筋面粉", ["高筋面粉 5kg"]),
        ("筋粉", []),
        ("高面", []),
        ("面粉 5", ["高筋面粉 5kg"]),
        ("fl-00", ["高筋面粉 5kg", "低筋面粉"]),
        ("FL-002", ["低筋面粉"]),
        ("abc", ["ＡＢＣ全角"]),
        ("ｅ ｂ", ["Crème Brûlée"]),
        ("BRÛ", ["Crème Brûlée"]),
        ("%", ["Crème Brûlée"]),
        ("_1", ["Crème Brûlée"]),
        ("\\", []),
        ("'", []),
        ("5kgfl", []),
        ("  面条  ", ["面条"]),
    ):
        assert await names(shop, q=q) == expected, q
    assert len(await names(shop, q="   ")) == 6


async def test_a_renamed_product_is_found_by_its_new_name_only(shop) -> None:
    product_id = await shop.sells("苹果", sku="A")
    await shop.patch(f"/api/products/{product_id}", {"name": "香蕉", "sku": "B9"})
    assert await names(shop, q="苹果") == await names(shop, q="a") == []
    assert await names(shop, q="香") == await names(shop, q="b9") == ["香蕉"]


async def test_filters_narrow_and_can_be_joined(shop) -> None:
    food = (await shop.post("/api/categories", {"name": "食品"})).json()["category_id"]
    flour = (await shop.post("/api/categories", {"name": "面", "parent_id": food})).json()["category_id"]
    await shop.sells("a", price="1.00", sku="S1", tags=["热销"], category_id=food)
    await shop.sells("b", price="2.00", sku="S2", tags=["热销", "新"], category_id=flour)
    await shop.sells("c", price="3.00", status="pending", category_id=flour)
    await shop.sells("d", price="200", currency="JPY")
    since = shop.now + timedelta(minutes=1)
    shop.system.clock.advance(timedelta(minutes=2))
    await shop.sells("e", price=None)
    for query, expected in (
        ({"category_id": food}, "abc"),
        ({"category_id": flour}, "bc"),
        ({"category_id": 999}, ""),
        ({"tag": "热销"}, "ab"),
        ({"tag": "none"}, ""),
        ({"status": "pending"}, "c"),
        ({"sku": "S2"}, "b"),
        ({"sku": "s2"}, ""),
        ({"price_from": "2.00"}, "bc"),
        ({"price_to": "2.00"}, "ab"),
        ({"price_from": "1.50", "price_to": "2.5"}, "b"),
        ({"price_from": "100", "currency": "JPY"}, "d"),
        ({"currency": "JPY"}, "d"),
        ({"updated_since": since.isoformat()}, "e"),
        ({"tag": "热销", "category_id": flour, "q": "b", "price_from": "1"}, "b"),
        ({"tag": "热销", "status": "pending"}, ""),
    ):
        assert "".join(await names(shop, **query)) == expected, query


async def test_every_order_is_walked_whole_in_both_directions(shop) -> None:
    for name, price in (
        ("b", "2.00"),
        ("a", "2.00"),
        ("c", "1.00"),
        ("a", None),
        ("面", "2.00"),
        ("b", "3.00"),
    ):
        await shop.sells(name, price=price)
        shop.system.clock.advance(timedelta(seconds=1))
    await shop.patch("/api/products/2", {"status": "pending"})
    for sort, expected in (
        ("product_id", "baca面b"),
        ("name", "aabbc面"),
        ("price", "cba面b"),
        ("updated_at", "bca面ba"),
    ):
        assert "".join(await names(shop, sort=sort)) == expected, sort
        assert "".join(await names(shop, sort=f"-{sort}")) == expected[::-1], sort
    ids = [p["product_id"] for p in (await shop.get("/api/products", sort="-name"))["items"]]
    assert ids == [5, 3, 6, 1, 4, 2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sort": "colour"}, "sort"),
        ({"price_from": "1.001"}, "price_from"),
        ({"price_to": "x"}, "price_to"),
        ({"currency": "cny"}, "currency"),
        ({"updated_since": "yesterday"}, "updated_since"),
        ({"ids": "1,x"}, "ids"),
        ({"ids": ",".join(map(str, range(1, 202)))}, "ids"),
        ({"ids": ""}, "ids"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"cursor": "WzFd", "sort": "name"}, "cursor"),
        ({"cursor": "Wzk5OTk5OTk5OTk5OTk5OTk5OSwxXQ", "sort": "updated_at"}, "cursor"),
    ],
)
async def test_a_faulty_filter_is_named(shop, query, field) -> None:
    answer = await shop.client.get("/api/products", params=query, headers=shop.admin)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_names_of_a_page_are_fetched_in_one_go(shop) -> None:
    from fenxiao.catalog.api import NewProduct

    made = await shop.api.create_products(
        products=[NewProduct(sku=f"S{n}", name=f"product {n}", currency="CNY") for n in range(210)]
    )
    made.sort()
    wanted = ",".join(str(number) for number in reversed(made[5:205]))
    found = await shop.get("/api/products", ids=wanted, limit=3)
    assert [product["product_id"] for product in found["items"]] == made[5:205]
    assert found["next_cursor"] is None


async def test_two_writers_cannot_lose_an_update(shop) -> None:
    """Both have read version 1; whoever comes second is told, and nothing of his is written."""
    product_id = await shop.sells("flour", price="1.00")
    path = f"/api/products/{product_id}"
    answers = await asyncio.gather(
        shop.patch(path, {"price": "2.00"}, If_Match='"1"'),
        shop.patch(path, {"cost": "0.50"}, If_Match='"1"'),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    found = await shop.call("GET", path)
    assert found.headers["etag"] == '"2"'
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert found.json() == won
    assert (won["price"], won["cost"]) in {("2.00", None), ("1.00", "0.50")}


# Plans


MANY = """
    insert into catalog.product (name, currency, status, price_minor, version, created_at, updated_at, category_id, sku)
    select '商品' || chr(19968 + n % 5000) || chr(20000 + n % 3001) || ' ' || md5(n::text), 'CNY',
           case when n % 1000 = 0 then 'pending' else 'available' end, n % 100000, 1, now(),
           now() - n * interval '1 second', case when n % 1000 = 7 then 50 else n % 49 + 1 end, 'SKU-' || n
    from generate_series(1, 30000) as n
"""


async def plan(owner, query: str, *args: object) -> str:
    rows = await owner.fetch(f"explain {query}", *args)
    return "\n".join(row[0] for row in rows)


async def test_each_filter_and_each_order_has_its_index(bare, owner) -> None:
    """On rows enough for the planner to care; a plan that reads the whole table is a fault."""
    await owner.execute(
        "insert into catalog.category (name, created_at) select 'c' || n, now() from generate_series(1, 50) n"
    )
    await owner.execute(MANY)
    await owner.execute(
        "insert into catalog.tags (name, created_at) values ('rare', now()), ('common', now())"
    )
    await owner.execute(
        "insert into catalog.product_tag (product_id, tag_id, position)"
        " select product_id, case when product_id % 500 = 0 then 1 else 2 end, 1 from catalog.product"
    )
    await owner.execute("analyze catalog.product; analyze catalog.product_tag")
    from fenxiao.catalog.queries import products
    from fenxiao.catalog.queries.products import SORTS, ProductFilter
    from fenxiao.infra.db.sql import compiled

    db = bare.system.databases["catalog"]

    async def asked(wanted: ProductFilter, cursor: str | None = None) -> str:
        query = await products._filtered(db, products._PRODUCT, wanted)
        text, values = compiled(products._ordered(query, wanted.sort, cursor).limit(51), ())
        await owner.execute("set search_path to catalog")
        return await plan(owner, text, *values)

    for wanted, index in (
        (ProductFilter(q="一"), "ix_product_grams"),
        (ProductFilter(q="abcd"), "ix_product_grams"),
        (ProductFilter(q="sku-17777"), "ix_product_grams"),
        (ProductFilter(q="商品"), "pk_product"),
        (ProductFilter(status="pending"), "ix_product_status"),
        (ProductFilter(category_id=50), "ix_product_category"),
        (ProductFilter(tag="rare"), "ix_product_tag_tag"),
        (ProductFilter(sku="SKU-5"), "uq_product_sku"),
        (ProductFilter(ids=[1, 2, 3]), "pk_product"),
        (ProductFilter(currency="CNY", price_from_minor=5, price_to_minor=9), "ix_product_price"),
        *(
            (
                ProductFilter(sort=sort, currency="CNY" if "price" in sort else None),
                f"ix_product_{sort.strip('-')}",
            )
            for sort in SORTS
            if "product_id" not in sort
        ),
    ):
        found = await asked(wanted)
        assert index in found, f"{wanted}\n{found}"
        assert "Seq Scan on product " not in found, f"{wanted}\n{found}"
    # From the middle of the list on, too: a page costs the same wherever it lies.
    page = await products.search(db, ProductFilter(sort="name"), cursor=None, limit=5)
    found = await asked(ProductFilter(sort="name"), page.next_cursor)
    assert "Index Cond: (ROW(name, product_id) > ROW(" in found
