"""Products and stock by the file, over HTTP: what goes out comes in again, and a file is taken whole or not at all."""

import asyncio
import csv
import io
from dataclasses import replace

import pytest
from tests.integration.catalog.conftest import TABLES, Shop

from fenxiao.infra.db import runs

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(autouse=True)
def few_rows(monkeypatch) -> None:
    """A file of more than four rows is a large one."""
    from fenxiao.catalog.service.files import imports

    monkeypatch.setattr(imports, "CHUNK", 4)


async def export(shop: Shop, noun: str, **query: object) -> bytes:
    path = {"products": "/api/products/export", "stock": "/api/inventory/export"}[noun]
    answer = await shop.client.get(path, params=query, headers=shop.admin)
    assert answer.status_code == 200, answer.text
    return answer.content


async def send(shop: Shop, noun: str, content: bytes | str, *, headers: dict | None = None, **query: object):
    path = {"products": "/api/products/import", "stock": "/api/inventory/import"}[noun]
    body = content.encode() if isinstance(content, str) else content
    wanted = {**shop.admin, "Content-Type": "text/csv", **(headers or {})}
    return await shop.client.post(path, params=query, content=body, headers=wanted)


async def preview(shop: Shop, noun: str, content: bytes | str, **headers: str) -> dict:
    before = await shop.everything()
    wanted = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await send(shop, noun, content, dry_run=True, headers=wanted)
    assert answer.status_code == 200, answer.text
    assert await shop.everything() == before
    return answer.json()


def counts(answer: dict) -> tuple[int, int, int, int]:
    return answer["created"], answer["changed"], answer["unchanged"], answer["refused"]


def lines(content: bytes) -> list[dict]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def stocked(shop: Shop) -> None:
    """Products with everything that could get lost on the way."""
    top = (await shop.post("/api/categories", {"name": "食品"})).json()["category_id"]
    below = (await shop.post("/api/categories", {"name": "面 > 粉", "parent_id": top})).json()["category_id"]
    await shop.sells(
        "=HYPERLINK(1)",
        (5, "B1", "2027-01-31"),
        (3, "=B2", None),
        (0, "B3", None),
        sku="007",
        cost="1.23",
        price="19.99",
        category_id=below,
        tags=["热销", "a|b", "c\\d"],
        images=[{"url": "https://e.example/1.png", "alt": "正面 front"}, {"url": "https://e.example/2.png"}],
        alert_threshold=4,
    )
    await shop.sells('has "quotes", commas\nand lines', price=None, status="pending", sku="+1")
    await shop.sells("无编码", (7, "DEFAULT", None), price="500", currency="JPY")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("noun", ["products", "stock"])
async def test_a_file_that_comes_back_changes_nothing(shop, kind, noun) -> None:
    await stocked(shop)
    content = await export(shop, noun, format=kind, **({"empty": True} if noun == "stock" else {}))
    looked = await preview(shop, noun, content)
    assert looked["faults"] == looked["changes"] == []
    assert counts(looked) == (0, 0, looked["rows"], 0)
    assert looked["rows"] == {"products": 3, "stock": 5}[noun]
    before = await shop.everything()
    movements = await shop.movements("无编码")
    taken = (await send(shop, noun, content)).json()
    while taken["status"] != "done":
        await runs.work(shop.system.databases["catalog"], shop.offer.runs)
        taken = await shop.get(f"/api/imports/{taken['import_id']}")
    assert counts(taken) == (0, 0, looked["rows"], 0)
    after = await shop.everything()
    # Only that a file was taken has been told.
    moved = [table for table, old, new in zip(TABLES, before, after, strict=True) if old != new]
    assert moved == ["import_file", "outbox"]
    assert await shop.movements("无编码") == movements


async def test_what_an_export_holds(shop) -> None:
    await stocked(shop)
    first, second, third = lines(await export(shop, "products", bom=True))
    assert first == {
        "product_id": "1",
        "sku": "007",
        "name": "'=HYPERLINK(1)",
        "category_id": "2",
        "category": "食品 > 面 > 粉",
        "tags": "热销|a\\|b|c\\\\d",
        "images": "https://e.example/1.png 正面 front\nhttps://e.example/2.png",
        "price": "19.99",
        "cost": "1.23",
        "currency": "CNY",
        "status": "available",
        "alert_threshold": "4",
    }
    assert (second["sku"], second["price"], second["status"]) == ("'+1", "", "pending")
    assert (third["sku"], third["price"], third["currency"]) == ("", "500", "JPY")
    stock = lines(await export(shop, "stock"))
    assert [(row["product_id"], row["batch_id"], row["stock"], row["expiry_date"]) for row in stock] == [
        ("1", "B1", "5", "2027-01-31"),
        ("1", "'=B2", "3", ""),
        ("2", "", "0", ""),
        ("3", "DEFAULT", "7", ""),
    ]
    only = lines(await export(shop, "products", q="无编", format="csv"))
    assert [row["product_id"] for row in only] == ["3"]


async def test_the_form_is_the_one_asked_for(shop) -> None:
    await stocked(shop)
    for query, accept, kind in (
        ({}, "", "text/csv; charset=utf-8"),
        ({}, XLSX, XLSX),
        ({"format": "csv"}, XLSX, "text/csv; charset=utf-8"),
        ({"format": "xlsx"}, "text/csv", XLSX),
    ):
        headers = shop.admin | {"Accept": accept}
        answer = await shop.client.get("/api/products/export", params=query, headers=headers)
        assert answer.headers["content-type"] == kind
        extension = "xlsx" if kind == XLSX else "csv"
        assert answer.headers["content-disposition"].endswith(f'.{extension}"')
        assert answer.content.startswith(b"PK") is (kind == XLSX)
    wrong = await shop.client.get("/api/products/export", params={"format": "pdf"}, headers=shop.admin)
    assert wrong.status_code == 422


async def test_an_export_is_read_page_by_page(shop, monkeypatch) -> None:
    from fenxiao.catalog.queries import files

    monkeypatch.setattr(files, "PAGE", 2)
    for n in range(5):
        await shop.sells(f"p{n}")
    for noun in ("products", "stock"):
        assert [row["name"] for row in lines(await export(shop, noun))] == ["p0", "p1", "p2", "p3", "p4"]


async def test_who_may_not_write_sees_no_costs_and_sends_no_file(shop, distributor) -> None:
    await stocked(shop)
    seen = await shop.client.get("/api/products/export", headers=distributor)
    assert "cost" not in lines(seen.content)[0]
    assert "1.23" not in seen.text
    for method, path in (
        ("GET", "/api/inventory/export"),
        ("POST", "/api/products/import"),
        ("POST", "/api/inventory/import"),
    ):
        answer = await shop.client.request(method, path, headers=distributor)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    taken = (await send(shop, "products", "sku,name\nN1,new")).json()
    hidden = await shop.client.get(f"/api/imports/{taken['import_id']}", headers=distributor)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "import-not-found")


async def test_a_dry_run_says_what_would_be_created_and_changed(shop) -> None:
    await stocked(shop)
    content = "sku,name,price,tags\n007,Flour,20,热销\nNEW,新,5,\n'+1,,,\n"
    answer = await preview(shop, "products", content)
    assert counts(answer) == (1, 1, 0, 1)
    changed, created = answer["changes"]
    assert changed == {
        "row": 2,
        "action": "changed",
        "product_id": 1,
        "sku": "007",
        "fields": {
            "name": ["=HYPERLINK(1)", "Flour"],
            "price": ["19.99", "20.00"],
            "tags": [["热销", "a|b", "c\\d"], ["热销"]],
        },
    }
    assert (created["row"], created["action"], created["product_id"], created["sku"]) == (
        3,
        "created",
        None,
        "NEW",
    )
    assert answer["faults"] == [
        {"row": 4, "column": "name", "message": "This cannot be emptied; leave it out."}
    ]


FAULTY = """product_id,sku,name,category_id,category,price,currency,alert_threshold
,,x,,,,,
99,,x,,,,,
,A,,,,,,
,B,b,99,,,,
,C,c,,none,,,
,D,d,,,1.234,,
,E,e,,,-1,,
,F,f,,,,,many
,G,g,,,10000000000000000,,
,H,h,,,,cny,
,I,i,,,,,
,I,i,,,,,
1,007,x,,,20,,
,007,y,,,20,,
2,007,z,,,,,
1,,x,,,20,USD,
"""
FOUND = [
    (2, "sku"),
    (3, "product_id"),
    (4, "name"),
    (5, "category_id"),
    (6, "category"),
    (7, "price"),
    (8, "price"),
    (9, "alert_threshold"),
    (10, "price"),
    (11, "currency"),
    (13, "sku"),
    (15, "product_id"),
    (16, "sku"),
    (17, "product_id"),
    (17, "cost"),
]


async def test_every_faulty_row_is_named_in_the_callers_language_and_nothing_is_done(shop) -> None:
    await stocked(shop)
    looked = await preview(shop, "products", FAULTY, Accept_Language="zh-CN")
    assert [(fault["row"], fault["column"]) for fault in looked["faults"]] == FOUND
    assert all(
        any("\u4e00" <= letter <= "\u9fff" for letter in fault["message"]) for fault in looked["faults"]
    )
    before = await shop.everything()
    refused = await send(shop, "products", FAULTY, headers={"Idempotency-Key": "k"})
    assert (refused.status_code, refused.json()["code"]) == (422, "file-refused")
    assert [error["field"] for error in refused.json()["errors"]] == [
        f"rows.{row}.{column}" for row, column in FOUND
    ]
    assert await shop.everything() == before
    # A refusal frees the key.
    assert (
        await send(shop, "products", "sku,name\nA,a", headers={"Idempotency-Key": "k"})
    ).status_code == 200


async def test_a_small_file_is_done_when_it_answers(shop) -> None:
    await stocked(shop)
    await shop.post("/api/categories", {"name": "other"})
    content = (
        "SKU编码;商品名称;分类;价格;标签;图片\r\n"
        "007;面粉;other;21;新;https://e.example/3.png\r\nN1;新品;;1,5;;\r\n".replace("1,5", "1.50")
    ).encode("gb18030")
    answer = await send(shop, "products", content)
    assert answer.status_code == 200, answer.text
    taken = answer.json()
    assert (taken["status"], taken["progress"]) == ("done", {"done": 2, "total": 2})
    assert counts(taken) == (1, 1, 0, 0)
    assert await shop.get(answer.headers["location"]) == taken
    first = await shop.get("/api/products/1")
    assert (first["name"], first["price"], first["tags"], first["image_url"], first["cost"]) == (
        "面粉",
        "21.00",
        ["新"],
        "https://e.example/3.png",
        "1.23",
    )
    (new,) = (await shop.get("/api/products", sku="N1"))["items"]
    assert (new["name"], new["price"], new["currency"], new["category_id"]) == ("新品", "1.50", "CNY", None)
    assert (await shop.get(f"/api/inventory/{new['product_id']}"))["stock"] == 0
    told = await shop.owner.fetch(
        "select type, data from catalog.outbox where type = 'product.changed' order by seq desc limit 2"
    )
    assert {row["data"] for row in told} == {
        '{"version": 2, "product_id": 1}',
        f'{{"version": 1, "product_id": {new["product_id"]}}}',
    }


async def test_a_form_is_taken_too(shop) -> None:
    files = {"file": ("产品.csv", "sku,name\nA,a".encode("utf-8-sig"), "text/csv")}
    headers = shop.admin | {"Idempotency-Key": "k"}
    answer = await shop.client.post("/api/products/import", files=files, headers=headers)
    assert counts(answer.json()) == (1, 0, 0, 0)
    # Another boundary is no other file.
    again = await shop.client.post("/api/products/import", files=files, headers=headers)
    assert again.json() == answer.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await shop.client.post(
        "/api/products/import", data={"x": "y"}, files={"no": b""}, headers=shop.admin
    )
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "file")


async def test_the_same_key_takes_a_file_once(shop) -> None:
    content = "sku,name,price\n" + "".join(f"S{n},p{n},1\n" for n in range(6))
    first = await send(shop, "products", content, headers={"Idempotency-Key": "k"})
    assert first.status_code == 202
    await runs.work(shop.system.databases["catalog"], shop.offer.runs)
    again = await send(shop, "products", content, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await send(shop, "products", content + "S9,x,1\n", headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert await shop.owner.fetchval("select count(*) from catalog.import_file") == 1
    assert len((await shop.get("/api/products"))["items"]) == 6


async def test_two_skus_may_change_places(shop) -> None:
    await shop.sells("a", sku="A")
    await shop.sells("b", sku="B")
    answer = await send(shop, "products", "product_id,sku\n1,B\n2,A\n")
    assert counts(answer.json()) == (0, 2, 0, 0)
    found = (await shop.get("/api/products"))["items"]
    assert [(product["name"], product["sku"]) for product in found] == [("a", "B"), ("b", "A")]
    taken = await send(shop, "products", "product_id,sku\n1,A\n")
    assert [error["field"] for error in taken.json()["errors"]] == ["rows.2.sku"]


LARGE = "sku,name,price\n" + "".join(f"S{n:02},产品{n},{n}.50\n" for n in range(10))


async def test_a_large_file_goes_on_after_a_kill_where_its_last_chunk_ended(shop) -> None:
    db, steps = shop.system.databases["catalog"], shop.offer.runs
    answer = await send(shop, "products", LARGE)
    assert answer.status_code == 202
    where = answer.headers["location"]
    assert (await shop.get(where))["progress"] == {"done": 0, "total": 10}
    leased = await runs._lease(db, list(steps))
    await steps[leased.kind](leased)
    assert (await shop.get(where))["progress"] == {"done": 4, "total": 10}
    # A process that was thought dead does its chunk once more: nothing is done twice.
    events = await shop.owner.fetchval("select count(*) from catalog.outbox")
    await steps[leased.kind](leased)
    assert await shop.owner.fetchval("select count(*) from catalog.outbox") == events
    # Killed in the middle of the next one: its transaction is gone, the lease runs out.
    second = await runs._lease(db, list(steps))
    assert second.cursor == 5
    await runs._release(db, second)
    await asyncio.gather(runs.work(db, steps), runs.work(db, steps))
    done = await shop.get(where)
    assert (done["status"], done["progress"]) == ("done", {"done": 10, "total": 10})
    assert counts(done) == (10, 0, 0, 0)
    found = (await shop.get("/api/products", sort="name"))["items"]
    assert [(p["sku"], p["price"]) for p in found] == [(f"S{n:02}", f"{n}.50") for n in range(10)]
    assert await shop.owner.fetchval("select count(*) from catalog.import_row") == 0
    told = await shop.owner.fetchval("select count(*) from catalog.outbox where type = 'product.changed'")
    assert told == 10
    again = await send(shop, "products", LARGE)
    await runs.work(db, steps)
    assert counts(await shop.get(again.headers["location"])) == (0, 0, 10, 0)


async def test_what_can_no_longer_be_done_is_left_out_and_told(shop) -> None:
    category = (await shop.post("/api/categories", {"name": "gone"})).json()["category_id"]
    await shop.sells("holder", sku="X")
    content = "sku,name,category_id\n" + "".join(
        f"S{n},p{n},{category if n == 2 else ''}\n" for n in range(6)
    )
    answer = await send(shop, "products", content)
    where = answer.headers["location"]
    assert (await shop.call("DELETE", f"/api/categories/{category}")).status_code == 204
    await runs.work(shop.system.databases["catalog"], shop.offer.runs)
    done = await shop.get(where)
    assert (done["status"], counts(done)) == ("done", (5, 0, 0, 1))
    message = f"There is no category with the id {category}."
    assert done["faults"] == [{"row": 4, "column": "category_id", "message": message}]
    assert (await shop.get("/api/products", sku="S2"))["items"] == []


async def test_a_cancelled_file_stops_before_its_next_chunk(shop) -> None:
    db, steps = shop.system.databases["catalog"], shop.offer.runs
    where = (await send(shop, "products", LARGE)).headers["location"]
    leased = await runs._lease(db, list(steps))
    await steps[leased.kind](leased)
    assert (await shop.post(f"{where}/cancel", {})).status_code == 200
    await runs.work(db, steps)
    stopped = await shop.get(where)
    assert (stopped["status"], stopped["progress"]) == ("cancelled", {"done": 4, "total": 10})
    assert len((await shop.get("/api/products"))["items"]) == 4
    assert await shop.owner.fetchval("select count(*) from catalog.import_row") == 6
    # The next large file sweeps up; a stopped one stays stopped.
    assert (await shop.post(f"{where}/cancel", {})).json()["status"] == "cancelled"
    await send(shop, "products", LARGE.replace("S", "T"))
    assert await shop.owner.fetchval("select count(*) from catalog.import_row") == 10
    await runs.work(db, steps)


async def test_two_files_about_the_same_new_products_make_each_once(shop) -> None:
    content = "sku,name\nA,a\nB,b\nC,c\n"
    answers = await asyncio.gather(*(send(shop, "products", content) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    made = [answer.json()["created"] for answer in answers]
    assert sorted(made) == [0, 0, 0, 3]
    assert len((await shop.get("/api/products"))["items"]) == 3


async def test_a_body_beyond_the_limit_is_refused(shop) -> None:
    answer = await send(shop, "products", b"sku,name\n" + b"x" * (18 * 1024 * 1024))
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    big = b"sku,name\n" + b"\n".join(b"S%d,%s" % (n, b"x" * 250) for n in range(6000))
    assert len(big) > 1024 * 1024
    assert (await preview(shop, "products", big))["created"] == 6000


# Stock


async def test_a_file_of_stock_sets_what_lies_in_batches(shop) -> None:
    await stocked(shop)
    content = (
        "sku,product_id,batch_id,stock,expiry_date\n"
        "007,,B1,9,2027/2/1\n007,,'=B2,0,\n,3,,8,\n,3,NEW,5,2028-01-01\n"
    )
    looked = await preview(shop, "stock", content)
    assert counts(looked) == (1, 3, 0, 0)
    assert looked["changes"][0]["fields"] == {"stock": [5, 9], "expiry_date": ["2027-01-31", "2027-02-01"]}
    answer = await send(shop, "stock", content)
    assert (answer.status_code, counts(answer.json())) == (200, (1, 3, 0, 0))
    assert await shop.inventory("=HYPERLINK(1)") == (9, 0, {"B1": 9, "=B2": 0, "B3": 0})
    assert await shop.inventory("无编码") == (13, 0, {"DEFAULT": 8, "NEW": 5})
    assert (await shop.movements("无编码"))[-2:] == [("NEW", 5, "counted"), ("DEFAULT", 1, "counted")]
    # Once more, nothing moves.
    assert counts((await send(shop, "stock", content)).json()) == (0, 0, 4, 0)


async def test_every_fault_of_a_file_of_stock_is_named(shop) -> None:
    await stocked(shop)
    await shop.hold(("无编码", 6))
    content = (
        "sku,product_id,batch_id,stock,expiry_date\n,,B,1,\nnone,,B,1,\n,99,B,1,\n,3,,5,\n007,,B1,-1,\n"
        "007,,B1,5,2027-01-31\n007,1,B1,5,2027-01-31\n007,,B1,5,2027-02-30\n"
    )
    looked = await preview(shop, "stock", content)
    expected = [
        (2, "sku"),
        (3, "sku"),
        (4, "product_id"),
        (5, "stock"),
        (6, "stock"),
        (8, "batch_id"),
        (9, "expiry_date"),
    ]
    assert [(fault["row"], fault["column"]) for fault in looked["faults"]] == expected
    before = await shop.everything()
    refused = await send(shop, "stock", content)
    assert (refused.status_code, refused.json()["code"]) == (422, "file-refused")
    assert await shop.everything() == before


async def test_reserved_goods_may_move_to_another_batch_by_one_file(shop) -> None:
    await shop.sells("a", (5, "OLD", None))
    await shop.hold(("a", 5))
    answer = await send(shop, "stock", "product_id,batch_id,stock\n1,OLD,0\n1,NEW,5\n")
    assert counts(answer.json()) == (1, 1, 0, 0)
    assert await shop.inventory("a") == (0, 5, {"OLD": 0, "NEW": 5})


async def test_units_sold_while_a_large_file_is_applied_are_not_forgotten(shop) -> None:
    """Each batch is set when its turn comes, once: a sale after that counts from what the file said."""
    db, steps = shop.system.databases["catalog"], shop.offer.runs
    for n in range(6):
        await shop.sells(f"p{n}", (10, "B", None))
    content = "product_id,batch_id,stock\n" + "".join(f"{n},B,50\n" for n in range(1, 7))
    where = (await send(shop, "stock", content)).headers["location"]
    leased = await runs._lease(db, list(steps))
    await steps[leased.kind](leased)
    await shop.shipped(1, ("p0", 8))
    await shop.shipped(2, ("p5", 8))
    await steps[leased.kind](replace(leased))
    await runs.work(db, steps)
    assert counts(await shop.get(where)) == (0, 6, 0, 0)
    assert (await shop.inventory("p0"))[2] == {"B": 42}
    assert (await shop.inventory("p5"))[2] == {"B": 50}
