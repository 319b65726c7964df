"""The sales report: what counts when, for whom, and in which shape."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

MIDDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def row(key: Any, *, commission: str = "0.00", **figures: Any) -> dict[str, Any]:
    values = {"orders": 0, "units": 0, "gross": "0.00", "refunds": "0.00", "net": "0.00"} | figures
    return {"key": key, "currency": "CNY", **values, "commission": commission}


async def test_each_figure_stands_on_its_own_day(shop: Any) -> None:
    order = await shop.sell((0, 10))
    await shop.complete(order, at=MIDDAY + 2 * DAY)
    await shop.refund(order, (0, 4), at=MIDDAY + 5 * DAY)
    assert await shop.report("day") == []
    await shop.system.drain()
    assert await shop.report("day") == [
        row("2026-03-02", orders=1, units=10, gross="500.00", net="500.00"),
        row("2026-03-04", commission="75.00"),
        row("2026-03-07", refunds="200.00", net="-200.00", commission="-30.00"),
    ]
    whole = row(
        "2026-03", orders=1, units=10, gross="500.00", refunds="200.00", net="300.00", commission="45.00"
    )
    assert await shop.report("month") == [whole]


async def test_weeks_are_iso_weeks(shop: Any) -> None:
    for at in (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2025, 12, 29, tzinfo=UTC),
        datetime(2025, 12, 28, tzinfo=UTC),
    ):
        await shop.sell((0, 1), at=at)
    await shop.system.drain()
    assert [(one["key"], one["orders"]) for one in await shop.report("week")] == [
        ("2025-W52", 1),
        ("2026-W01", 2),
    ]


async def test_from_is_inclusive_and_to_is_not(shop: Any) -> None:
    for at in (MIDDAY - 1 * DAY, MIDDAY, MIDDAY + DAY):
        await shop.sell((0, 1), at=at)
    midnight = datetime(2026, 3, 4, tzinfo=UTC)
    await shop.sell((0, 1), at=midnight - timedelta(microseconds=1))
    await shop.sell((0, 1), at=midnight)
    await shop.system.drain()
    spans = {"from": "2026-03-02", "to": "2026-03-04"}
    assert [(one["key"], one["orders"]) for one in await shop.report("day", **spans)] == [
        ("2026-03-02", 1),
        ("2026-03-03", 2),
    ]
    moments = {"from": "2026-03-02T12:00:00Z", "to": "2026-03-03T12:00:00Z"}
    assert [one["orders"] for one in await shop.report("month", **moments)] == [1]


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Asia/Shanghai", datetime(2026, 3, 1, 16, 0, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 3, 1, 18, 15, tzinfo=UTC)),
        ("Pacific/Chatham", datetime(2026, 3, 1, 10, 15, tzinfo=UTC)),
        ("America/St_Johns", datetime(2026, 3, 2, 3, 30, tzinfo=UTC)),
    ],
)
async def test_days_begin_at_midnight_of_the_zone(shop: Any, zone: str, midnight: datetime) -> None:
    await shop.sell((0, 1), at=midnight - timedelta(microseconds=1))
    await shop.sell((0, 2), at=midnight)
    await shop.system.drain()
    rows = await shop.report("day", tz=zone)
    assert [(one["key"], one["units"]) for one in rows] == [("2026-03-01", 1), ("2026-03-02", 2)]
    today = await shop.report("day", tz=zone, **{"from": "2026-03-02", "to": "2026-03-03"})
    assert [one["units"] for one in today] == [2]
    assert [one["units"] for one in await shop.report("month", tz=zone)] == [3]


async def test_a_day_of_the_clock_change_has_its_own_length(shop: Any) -> None:
    # In Berlin the 29th of March 2026 lasts from 23:00 to 22:00 UTC.
    for at in (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 21, 59, tzinfo=UTC)):
        await shop.sell((0, 1), at=at)
    await shop.sell((0, 5), at=datetime(2026, 3, 29, 22, tzinfo=UTC))
    await shop.system.drain()
    asked = {"from": "2026-03-29", "to": "2026-03-30", "tz": "Europe/Berlin"}
    assert [one["units"] for one in await shop.report("day", **asked)] == [2]


async def test_a_product_on_two_lines_counts_its_order_once(shop: Any) -> None:
    order = await shop.sell((0, 1), (1, 1), (0, 2))
    await shop.sell((0, 1))
    await shop.complete(order, at=MIDDAY + DAY)
    await shop.system.drain()
    flour, rice, _ = shop.products
    rows = {one["key"]: one for one in await shop.report("product")}
    assert rows.keys() == {flour, rice}
    assert (rows[flour]["orders"], rows[flour]["units"], rows[flour]["gross"]) == (2, 4, "200.00")
    assert (rows[rice]["orders"], rows[rice]["units"], rows[rice]["gross"]) == (1, 1, "3.33")
    # 15 % of 153.33 is 15.33 and 7.67; the lines 50.00, 3.33 and 100.00 share it.
    assert (rows[flour]["commission"], rows[rice]["commission"]) == ("22.50", "0.50")
    (none,) = await shop.report("category")
    assert (none["key"], none["orders"], none["units"]) == (None, 2, 5)


async def test_a_clawback_falls_on_the_products_that_came_back(shop: Any) -> None:
    order = await shop.sell((0, 2), (1, 100))
    await shop.complete(order, at=MIDDAY)
    await shop.refund(order, (1, 100), at=MIDDAY + DAY)
    await shop.system.drain()
    flour, rice, _ = shop.products
    rows = {one["key"]: one for one in await shop.report("product")}
    assert (rows[rice]["refunds"], rows[rice]["net"], rows[rice]["commission"]) == ("333.00", "0.00", "0.00")
    assert (rows[flour]["refunds"], rows[flour]["commission"]) == ("0.00", "15.00")


async def test_refunds_before_completion_lower_the_lines_they_took_from(shop: Any) -> None:
    order = await shop.sell((0, 2), (1, 100))
    await shop.refund(order, (0, 2), at=MIDDAY + timedelta(hours=1))
    await shop.complete(order, at=MIDDAY + DAY)
    await shop.system.drain()
    flour, rice, _ = shop.products
    rows = {one["key"]: one for one in await shop.report("product")}
    assert (rows[flour]["commission"], rows[rice]["commission"]) == ("0.00", "49.95")


async def test_unpaid_orders_do_not_count(shop: Any) -> None:
    await shop.sell((0, 1), paid=False)
    await shop.system.drain()
    assert await shop.report("day") == []
    assert await shop.figures() == ([], [])


async def test_sales_stand_with_their_seller_and_so_does_what_they_cost(shop: Any) -> None:
    mine, other = await shop.sell((0, 1), seller=2), await shop.sell((0, 2), seller=1)
    for order in (mine, other):
        await shop.complete(order, at=MIDDAY)
    await shop.system.drain()
    _, b, c = shop.sellers
    expected = [
        row(b, orders=1, units=2, gross="100.00", net="100.00", commission="10.00"),
        row(c, orders=1, units=1, gross="50.00", net="50.00", commission="7.50"),
    ]
    assert await shop.report("distributor") == expected
    assert await shop.report("distributor", distributor_id=c) == expected[1:]
    assert await shop.report("distributor", currency="USD") == []


async def test_a_distributor_sees_only_his_own(shop: Any, login: Any) -> None:
    body = {
        "username": "wang",
        "password": "Pw-wang-1234",
        "display_name": "王",
        "sponsor_id": shop.sellers[0],
    }
    made = (await shop.http.post("/api/distributors", json=body, headers=shop.admin)).json()
    wang_id = made["distributor_id"]
    if made["status"] != "active":
        await shop.http.post(f"/api/distributors/{wang_id}/activate", headers=shop.admin)
    await shop.system.drain()
    shop.sellers.append(wang_id)
    await shop.sell((0, 3), seller=3, at=shop.system.clock.now)
    await shop.sell((1, 1), seller=2, at=shop.system.clock.now)
    await shop.system.drain()
    wang = await login("wang", "Pw-wang-1234")
    assert [(one["key"], one["units"]) for one in await shop.report("distributor", wang)] == [(wang_id, 3)]
    assert [one["units"] for one in await shop.report("month", wang)] == [3]
    assert [one["key"] for one in await shop.report("product", wang)] == [shop.products[0]]
    ask = {"group_by": "day", "distributor_id": shop.sellers[2]}
    other = await shop.http.get("/api/reports/sales", params=ask, headers=wang)
    assert (other.status_code, other.json()["code"]) == (404, "not-found")
    assert (await shop.http.get("/api/reports/sales", params={"group_by": "day"})).status_code == 401


async def test_csv_has_the_same_rows_and_no_pages(shop: Any) -> None:
    for days in range(5):
        await shop.sell((0, 1), at=MIDDAY + days * DAY)
    await shop.system.drain()
    ask = {"params": {"group_by": "day"}, "headers": shop.admin | {"Accept": "text/csv"}}
    answer = await shop.http.get("/api/reports/sales", **ask)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [
        {**one, "orders": int(one["orders"]), "units": int(one["units"])} for one in table
    ] == await shop.report("day")
    assert len(table) == 5


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/csv, application/json;q=0.5", "text/csv; charset=utf-8"),
        ("application/json;q=0.5, text/csv;q=0.4", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
    ],
)
async def test_the_accept_header_chooses(shop: Any, accept: str, kind: str) -> None:
    ask = {"params": {"group_by": "day"}, "headers": shop.admin | {"Accept": accept}}
    answer = await shop.http.get("/api/reports/sales", **ask)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({}, 422, "group_by"),
        ({"group_by": "hour"}, 422, "group_by"),
        ({"group_by": "day", "tz": "Mars/Base"}, 422, "tz"),
        ({"group_by": "day", "from": "2026-02-30"}, 422, "from"),
        ({"group_by": "day", "from": "2026-03-01T10:07:00Z"}, 422, "from"),
        ({"group_by": "day", "from": "2026-03-01T10:00:00"}, 422, "from"),
        ({"group_by": "day", "from": "2026-03-02", "to": "2026-03-02"}, 422, "to"),
        ({"group_by": "day", "cursor": "nonsense"}, 422, "cursor"),
        ({"group_by": "day", "since": "2026-03-02"}, 422, "since"),
        ({"group_by": "day", "limit": "201"}, 422, "limit"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_by_field(
    shop: Any, params: dict[str, str], status: int, field: str
) -> None:
    answer = await shop.http.get("/api/reports/sales", params=params, headers=shop.admin)
    assert answer.status_code == status
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_another_kind_of_answer_is_not_acceptable(shop: Any) -> None:
    ask = {"params": {"group_by": "day"}, "headers": shop.admin | {"Accept": "image/png"}}
    answer = await shop.http.get("/api/reports/sales", **ask)
    assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")
