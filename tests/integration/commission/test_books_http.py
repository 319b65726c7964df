"""The ledger over HTTP: who sees what, by what it is narrowed, as what it is answered."""

import io
from typing import Any

from python_calamine import CalamineWorkbook
from tests.integration.commission.test_cases import DONE, Login, Shop, shop

__all__ = ["shop"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def test_the_ledger_and_the_statements_over_http(shop: Shop, login: Login) -> None:
    await shop.publish()
    first = await shop.sell(*DONE)
    settled = await shop.settle("C")
    second = await shop.sell(*DONE)
    preview = await shop.call("POST", "/api/settlements/preview", {"distributor_ids": [shop.chain["B"]]})
    assert preview["items"] == [{"currency": "CNY", "amount": "50.00", "entries": 2, "distributors": 1}]
    run = await shop.call("POST", "/api/settlements", {"distributor_ids": [shop.chain["B"]]}, want=202)
    await shop.system.drain()
    run = await shop.call("GET", f"/api/settlements/{run['settlement_id']}")
    assert (run["status"], run["selected"], run["released"][0]["amount"]) == ("done", 1, "50.00")
    await shop.call("POST", f"/api/settlements/{run['settlement_id']}/cancel", {})
    listed = await shop.call("GET", "/api/settlements?limit=1")
    assert [one["settlement_id"] for one in listed["items"]] == [run["settlement_id"]]
    for body in ({"distributor_ids": []}, {"distributor_ids": [0]}, {"grade": ""}, {"who": 1}):
        await shop.call("POST", "/api/settlements", body, want=422)
    await _ledger(shop, [first["order_id"], second["order_id"]])
    await _statement(shop, settled["settlement_id"])
    await _others(shop, login, settled["settlement_id"])


async def _ledger(shop: Shop, order_ids: list[int]) -> None:
    trial = await shop.call("GET", "/api/ledger/trial-balance?currency=CNY")
    assert (trial["balanced"], trial["closed_through"]) == (True, None)
    sums = {one["account"]: (one["debit"], one["credit"], one["balance"]) for one in trial["items"]}
    assert sums == {
        "available": ("0.00", "100.00", "100.00"),
        "commission_expense": ("150.00", "0.00", "150.00"),
        "pending": ("100.00", "150.00", "50.00"),
    }
    assert trial["totals"] == [{"currency": "CNY", "debit": "250.00", "credit": "250.00"}]
    C = shop.chain["C"]
    held = await shop.call("GET", f"/api/ledger/accounts?distributor_id={C}")
    assert {one["account"]: one["balance"] for one in held["items"]} == {
        f"pending:{C}": "50.00", f"available:{C}": "50.00", f"withdrawing:{C}": "0.00"
    }  # fmt: skip
    pages = [await shop.call("GET", "/api/ledger/accounts?limit=3")]
    assert pages[0]["next_cursor"]
    pages.append(await shop.call("GET", f"/api/ledger/accounts?limit=3&cursor={pages[0]['next_cursor']}"))
    assert len({one["account"] for page in pages for one in page["items"]}) == 6
    path = f"/api/ledger/accounts/pending:{C}/postings"
    assert [(one["event"], one["change"], one["order_id"]) for one in (await shop.call("GET", path))["items"]] == [
        ("accrual", "50.00", order_ids[1]), ("release", "-50.00", order_ids[0]), ("accrual", "50.00", order_ids[0])
    ]  # fmt: skip
    now = shop.system.clock.now.isoformat().replace("+00:00", "Z")
    for query, count in (
        (f"order_id={order_ids[0]}", 2),
        (f"from={now}", 1),
        (f"to={now}", 2),
        ("currency=JPY", 0),
        ("withdrawal_id=1", 0),
        ("order_id=999999", 0),
    ):
        assert len((await shop.call("GET", f"{path}?{query}"))["items"]) == count, query
    assert len((await shop.call("GET", "/api/ledger/accounts/commission_expense/postings"))["items"]) == 4
    assert (await shop.call("GET", "/api/ledger/accounts/cash/postings"))["items"] == []
    answer = await shop.http.get(path, headers=shop.admin | {"Accept": "text/csv"})
    assert len(answer.text.strip().split("\r\n")) == 4
    for name in ("nothing", "pending", "pending:0x", "cash:3"):
        await shop.call("GET", f"/api/ledger/accounts/{name}/postings", want=404)
    await shop.later(days=1)
    days = [job for offer in shop.system.offers for job in offer.jobs if job.name == "commission book days"]
    await days[0].work()
    (day,) = (await shop.call("GET", "/api/ledger/days"))["items"]
    assert (day["postings"], len(day["hash"])) == (6, 64)
    closed = await shop.call("GET", "/api/ledger/trial-balance?currency=CNY")
    assert (closed["closed_through"], closed["items"]) == (day["day"], trial["items"])
    assert len((await shop.call("GET", f"{path}?from={day['ends_at']}"))["items"]) == 0
    assert len((await shop.call("GET", f"{path}?to={day['ends_at']}"))["items"]) == 3


async def _statement(shop: Shop, settlement_id: int) -> None:
    (head,) = (await shop.call("GET", f"/api/settlements/{settlement_id}/statements"))["items"]
    path = f"/api/statements/{head['statement_id']}"
    whole = await shop.call("GET", path)
    assert {name: whole[name] for name in head} == head
    figures = whole["figures"]
    assert (figures["opening"]["total"], figures["accruals"], figures["closing"]["available"]) == (
        "0.00",
        "50.00",
        "50.00",
    )
    assert [one["event"] for one in whole["items"]] == ["accrual", "release"]
    answer = await shop.http.get(path, headers=shop.admin | {"Accept": XLSX, "Accept-Language": "zh"})
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert ["佣金收入", "50.00"] in book.get_sheet_by_index(0).to_python()
    answer = await shop.http.get(
        f"/api/settlements/{settlement_id}/statements", headers=shop.admin | {"Accept": XLSX}
    )
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert rows[1][:7] == [head["statement_id"], settlement_id, shop.chain["C"], "CNY", 0.0, 50.0, 50.0]
    for other in ("1", "1-1-CNY", "0-0-CNY", f"{head['statement_id']}x"):
        await shop.call("GET", f"/api/statements/{other}", want=404)


async def _others(shop: Shop, login: Login, settlement_id: int) -> None:
    """A distributor sees what is his own, and of others not even that it is there."""
    mine, other = await login("member-C", "Pw-C-long-enough"), await login("member-B", "Pw-B-long-enough")
    C = shop.chain["C"]
    own: list[tuple[str, dict[str, Any]]] = []
    for path in (
        f"/api/statements?distributor_id={C}",
        f"/api/settlements/{settlement_id}/statements",
        f"/api/statements/{settlement_id}-{C}-CNY",
        f"/api/ledger/accounts?distributor_id={C}",
        f"/api/ledger/accounts/available:{C}/postings",
    ):
        own.append((path, await shop.call("GET", path, **mine)))
        assert await shop.call("GET", path) == own[-1][1]
        await shop.call("GET", path, want=404, **other)
    assert (await shop.call("GET", "/api/ledger/accounts", **mine)) == dict(own)[
        f"/api/ledger/accounts?distributor_id={C}"
    ]
    for path in ("trial-balance", "days", "accounts/cash/postings"):
        await shop.call("GET", f"/api/ledger/{path}", want=403, **mine)
    await shop.call("GET", "/api/settlements", want=403, **mine)
    await shop.call("POST", "/api/settlements/preview", {}, want=403, **mine)
    await shop.call("POST", f"/api/settlements/{settlement_id}/cancel", {}, want=403, **mine)
