"""Notices: raised once per event, in the reader's language, read by each account for itself."""

from collections.abc import Callable
from typing import Any

import asyncpg
from tests.conftest import TestedSystem

from fenxiao.catalog.events import StockLow
from fenxiao.commission.events import PayoutContradicted
from fenxiao.kernel.ids import WithdrawalId

Notices = list[dict[str, Any]]


async def low(system: TestedSystem, *products: int) -> None:
    """Stock runs low: told by the catalogue's own outbox."""
    async with system.databases["catalog"].begin() as tx:
        for product in products:
            tx.emit(StockLow(product_id=product, sellable=3, threshold=10))
    await system.drain()


async def test_stock_that_is_sold_below_its_threshold_is_told(
    system: TestedSystem, call: Callable[..., Any]
) -> None:
    """From the order to the notice, through the catalogue."""
    product = await call("POST", "/api/products", {"name": "面粉", "price": "5.00", "alert_threshold": 10})
    number = product["product_id"]
    await call("PUT", f"/api/inventory/{number}", {"stock": 12})
    person = {"username": "wang", "password": "long-enough-1", "display_name": "王"}
    seller = (await call("POST", "/api/distributors", person))["distributor_id"]
    await system.drain()
    assert await listed(call) == []
    for _ in range(3):
        await call("POST", "/api/orders", {"distributor_id": seller, "product_id": number, "quantity": 2})
        await system.drain()
    (notice,) = await listed(call)
    assert notice["params"] == {"product_id": number, "sellable": 8, "threshold": 10}


async def listed(call: Callable[..., Any], query: str = "", **headers: str) -> Notices:
    items: Notices = (await call("GET", f"/api/notices{query}", headers=headers))["items"]
    return items


async def test_low_stock_is_told_once_however_often_the_event_comes(system: TestedSystem, call: Any) -> None:
    await low(system, 7)
    await system.redeliver()
    await system.redeliver()
    (notice,) = await listed(call, **{"accept-language": "en"})
    assert notice == {
        "notice_id": notice["notice_id"],
        "kind": "stock.low",
        "title": "Stock is low",
        "text": "Only 3 of product 7 can still be sold; the alert threshold is 10.",
        "params": {"product_id": 7, "sellable": 3, "threshold": 10},
        "created_at": "2026-03-15T12:00:00Z",
        "read_at": None,
    }
    (notice,) = await listed(call, **{"accept-language": "zh-CN"})
    assert (notice["title"], notice["text"]) == (
        "库存预警",
        "商品 7 的可售库存仅剩 3,预警线为 10。".replace(",", "，"),
    )
    await low(system, 7)
    assert len(await listed(call)) == 2, "another event is another notice"


async def test_a_channel_that_contradicts_the_book_is_told_in_words_that_say_what_to_do(
    system: TestedSystem, call: Any
) -> None:
    words = ("paid-after-rejected", "failed-after-paid")
    async with system.databases["commission"].begin() as tx:
        tx.emit(
            *(
                PayoutContradicted(
                    payout_number=f"P{place}",
                    withdrawal_id=WithdrawalId(place),
                    currency="CNY",
                    amount_minor=100,
                    contradiction=word,
                )
                for place, word in enumerate(words)
            )
        )
    await system.drain()
    await system.redeliver()
    newest, oldest = await listed(call)
    assert [one["params"]["payout_number"] for one in (oldest, newest)] == ["P0", "P1"]
    assert "may have left twice" in oldest["text"]
    assert newest["text"].startswith("The channel now says that payout P1 of withdrawal 1 failed")


async def test_no_sentence_is_stored(system: TestedSystem, owner: asyncpg.Connection) -> None:
    await low(system, 7)
    row = await owner.fetchrow("select * from notifications.notice")
    assert "Only" not in str(dict(row))


async def test_low_stock_also_goes_to_webhooks(system: TestedSystem, call: Any, receiver: Any) -> None:
    await call("POST", "/api/webhooks", {"url": receiver.url, "event_types": ["stock.low"]})
    await low(system, 7)
    await system.apis.notifications.sending.sweep()
    (got,) = receiver.received
    assert got.event["data"] == {"product_id": 7, "sellable": 3, "threshold": 10}


async def test_each_account_reads_for_itself(system: TestedSystem, call: Any) -> None:
    await low(system, 1, 2, 3)
    first, second, third = await listed(call)
    assert first["notice_id"] > second["notice_id"] > third["notice_id"]
    read = await call("POST", f"/api/notices/{second['notice_id']}/read")
    assert read["read_at"] == "2026-03-15T12:00:00Z"
    assert await call("POST", f"/api/notices/{second['notice_id']}/read") == read
    assert await listed(call, "?unread=true") == [first, third]
    assert await listed(call) == [first, read, third]
    service = system.apis.notifications.notices
    other = await service.page(99, unread=True, limit=10, cursor=None)
    assert len(other.items) == 3, "what one account has read is new to another"
    assert await call("POST", "/api/notices/read") == {"read": 2}
    assert await call("POST", "/api/notices/read") == {"read": 0}
    assert await listed(call, "?unread=true") == []
    assert len((await service.page(99, unread=True, limit=10, cursor=None)).items) == 3
    await low(system, 4)
    assert [one["params"]["product_id"] for one in await listed(call, "?unread=true")] == [4]


async def test_notices_are_paged(system: TestedSystem, call: Any) -> None:
    await low(system, 1, 2, 3)
    page = await call("GET", "/api/notices?limit=2")
    rest = await call("GET", f"/api/notices?limit=2&cursor={page['next_cursor']}")
    assert page["items"] + rest["items"] == await listed(call)
    assert rest["next_cursor"] is None


async def test_what_is_not_there_cannot_be_read(call: Any, owner: asyncpg.Connection) -> None:
    await call("POST", "/api/notices/99/read", status=404)
    assert await owner.fetchval("select count(*) from notifications.notice_read") == 0
