"""Simulations over real orders: the published plan gives the book itself, another plan what plain reckoning says."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio
import python_calamine
from tests.conftest import TestedSystem
from tests.integration.commands.test_retail_import import COMMISSION, GROSS, REFUNDS, differences, load

from fenxiao.commission.service.figures import Facts
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.service.rewards.gathering import Gathering
from fenxiao.commission.service.simulation_periods import SimulatedPeriods
from fenxiao.commission.service.simulation_rewards import SimulatedRewards
from fenxiao.commission.service.simulation_run import SimulationRuns
from fenxiao.infra.db import runs
from fenxiao.infra.http.ports import guard
from fenxiao.kernel.ids import OrderId
from fenxiao.orders.api import OrderHistory

YEAR = {"from": "2009-12-01T00:00:00Z", "to": "2010-12-01T00:00:00Z"}
UTC = ZoneInfo("UTC")
BOOK = ("commission", "order_book", "posting", "balance", "statement", "settlement", "outbox")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest_asyncio.fixture
async def sold(system: TestedSystem) -> AsyncIterator[TestedSystem]:
    """The cut of the real orders with its refunds, everything booked."""
    await load(system)
    yield system
    assert await differences(system) == []


def money(text: str) -> int:
    return int(text.replace(".", ""))


async def simulate(
    system: TestedSystem, client: httpx.AsyncClient, admin: dict[str, str], rule_id: int, **changes: object
) -> dict[str, Any]:
    answer = await client.post(
        "/api/simulations", json={"rule_id": rule_id, **YEAR, **changes}, headers=admin
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["outcome"] is None
    await system.drain()
    found = await client.get(answer.headers["location"], headers=admin)
    assert found.json()["status"] == "done", found.text
    return dict(found.json())


async def everybody(
    client: httpx.AsyncClient, admin: dict[str, str], simulation_id: int, sort: str = "distributor_id"
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 37, "sort": sort}
    while True:
        url = f"/api/simulations/{simulation_id}/distributors"
        page = (await client.get(url, params=query, headers=admin)).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def draft(client: httpx.AsyncClient, admin: dict[str, str], **changes: object) -> int:
    levels = {"type": "unilevel", "name": "up", "levels": ["0.20", "0", "0.033"]}
    plan = {"name": "what if", "currency": "GBP", "components": [levels], **changes}
    answer = await client.post("/api/rules", json=plan, headers=admin)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["rule_id"])


async def written(system: TestedSystem) -> dict[str, int]:
    db = system.databases["commission"]
    return {table: await db.fetchval(f"select count(*) from {table}") for table in BOOK}


def left_of(order: OrderHistory) -> int:
    return order.goods_minor - sum(refund.amount_minor for refund in order.refunds)


def reckoned(orders: list[OrderHistory], percents: dict[int, Fraction]) -> dict[int, int]:
    """By the plainest means: a part of what is left of each order for the upline, halves up."""
    pay: dict[int, int] = {}
    for order in orders:
        for place, percent in percents.items():
            if len(order.upline) >= place:
                who = order.upline[place - 1].distributor_id
                pay[who] = pay.get(who, 0) + int(left_of(order) * percent / 100 + Fraction(1, 2))
    return pay


async def test_plans_over_the_real_orders(
    sold: TestedSystem, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    db, before = sold.databases["commission"], await written(sold)
    (published,) = await sold.databases["rules"].fetch("select rule_id from rules")
    rows = await db.fetch(
        "select distributor_id, sum(commission_amount_minor)::bigint from commission group by 1"
    )
    book = {row[0]: row[1] for row in rows if row[1]}
    same = await simulate(sold, client, admin, published["rule_id"])
    is_the_book(same, await everybody(client, admin, same["simulation_id"]), book)

    changed = await simulate(sold, client, admin, await draft(client, admin))
    ranked = await everybody(client, admin, changed["simulation_id"], "-difference")
    orders = await sold.apis.orders.orders_after(cursor=OrderId(0), limit=1000)
    is_reckoned(changed["outcome"], ranked, reckoned(orders, {1: Fraction(20), 3: Fraction("3.3")}), book)
    await is_exported(client, admin, changed["simulation_id"], ranked)

    await is_conditional(sold, client, admin, reckoned(orders, {1: Fraction(20)}))

    # Run again it gives the same hashes; another plan and another span do not.
    again = await simulate(sold, client, admin, published["rule_id"])
    for name in ("input_hash", "output_hash", "rule_hash", "outcome"):
        assert again[name] == same[name] != changed[name]
    shorter = await simulate(sold, client, admin, published["rule_id"], to="2009-12-02T00:00:00Z")
    assert 0 < shorter["outcome"]["totals"]["orders"] < 172
    assert shorter["input_hash"] != same["input_hash"]

    listed = (await client.get("/api/simulations", params={"limit": 3}, headers=admin)).json()
    cursor = {"cursor": listed["next_cursor"]}
    rest = (await client.get("/api/simulations", params=cursor, headers=admin)).json()
    found = [one["simulation_id"] for one in listed["items"] + rest["items"]]
    assert len(found) == 6
    assert found == sorted(found, reverse=True)
    assert {one["simulation_id"] for one in (shorter, again, changed, same)} < set(found)

    # Of the book nothing has moved; only the audit of the six is new.
    after = await written(sold)
    assert after.pop("outbox") == before.pop("outbox") + 6
    assert after == before
    await is_exposed(client, admin, same["outcome"])


def is_the_book(found: dict[str, Any], people: list[dict[str, Any]], book: dict[int, int]) -> None:
    """The published plan is the book, person by person."""
    would = {one["distributor_id"]: money(one["would"]) for one in people if money(one["would"])}
    assert would == book
    assert {one["difference"] for one in people} == {"0.00"}
    assert [one["distributor_id"] for one in people] == sorted(one["distributor_id"] for one in people)
    assert sum(one["orders"] for one in people) == 172
    assert sum(money(one["sales"]) for one in people) == GROSS - REFUNDS
    outcome, totals = found["outcome"], found["outcome"]["totals"]
    assert (totals["orders"], money(totals["sales"])) == (172, GROSS - REFUNDS)
    assert money(totals["would"]) == money(totals["was"]) == COMMISSION
    assert totals["cost_ratio_would"] == "0.1056"
    assert (totals["winners"], totals["losers"]) == (0, 0)
    assert outcome["winners"] == outcome["losers"] == []
    assert [(one["level"], one["difference"]) for one in outcome["components"]] == [(1, "0.00"), (2, "0.00")]
    assert outcome["exposure_would"] == outcome["exposure_was"]
    assert found["progress"] == {"done": 172, "total": 172}


def is_reckoned(
    outcome: dict[str, Any], ranked: list[dict[str, Any]], expected: dict[int, int], book: dict[int, int]
) -> None:
    """Another plan is what plain reckoning makes of the same orders."""
    would = {one["distributor_id"]: money(one["would"]) for one in ranked if money(one["would"])}
    assert would == {who: amount for who, amount in expected.items() if amount}
    gains = [money(one["difference"]) for one in ranked]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 0 > gains[-1]
    for one in ranked:
        who = one["distributor_id"]
        assert money(one["difference"]) == expected.get(who, 0) - book.get(who, 0)
    assert outcome["winners"] == ranked[:10]
    assert outcome["losers"] == [one for one in ranked[::-1] if money(one["difference"]) < 0][:10]
    exposure = outcome["exposure_would"]
    assert (exposure["depth"], exposure["levels_in_law"], exposure["heads"]) == (3, 4, len(would))
    assert exposure["three_levels_and_thirty_people"] is True
    assert [(one["level"], one["basis"]) for one in exposure["levels"]] == [
        (1, "downline_sales"),
        (3, "downline_sales"),
    ]
    assert outcome["exposure_was"]["depth"] == 2
    assert sum(money(one["would"]) for one in outcome["grades"]) == sum(expected.values())


async def is_conditional(
    system: TestedSystem, client: httpx.AsyncClient, admin: dict[str, str], expected: dict[int, int]
) -> None:
    """Who had sold before and who had not: two conditions that exclude each other pay everybody once, together."""
    together: dict[int, int] = {}
    for op, value in (("at_least", 1), ("at_most", 0)):
        up = {"type": "unilevel", "name": "up", "levels": ["0.20"]}
        when = {"field": "paid_orders", "op": op, "value": value}
        rule_id = await draft(client, admin, components=[up | {"when": when}])
        found = await simulate(system, client, admin, rule_id)
        assert 0 < money(found["outcome"]["totals"]["would"]) < sum(expected.values())
        for one in await everybody(client, admin, found["simulation_id"]):
            who = one["distributor_id"]
            together[who] = together.get(who, 0) + money(one["would"])
    assert {who: amount for who, amount in together.items() if amount} == expected


async def is_exported(
    client: httpx.AsyncClient, admin: dict[str, str], simulation_id: int, ranked: list[dict[str, Any]]
) -> None:
    """The files have everybody."""
    url = f"/api/simulations/{simulation_id}/distributors"
    table = await client.get(url, params={"sort": "-difference"}, headers=admin | {"accept": "text/csv"})
    assert list(csv.DictReader(io.StringIO(table.text))) == [
        {name: str(value) for name, value in one.items()} for one in ranked
    ]
    book = await client.get(url, headers=admin | {"accept": XLSX})
    sheet = python_calamine.load_workbook(io.BytesIO(book.content)).get_sheet_by_index(0)
    found = {int(row[0]): round(row[6] * 100) for row in sheet.to_python()[1:]}
    assert found == {one["distributor_id"]: money(one["difference"]) for one in ranked}


async def is_exposed(client: httpx.AsyncClient, admin: dict[str, str], outcome: dict[str, Any]) -> None:
    """The exposure of the book says the same as that of the plan that made it."""
    query = {"currency": "GBP", **YEAR}
    report = (await client.get("/api/reports/exposure", params=query, headers=admin)).json()
    assert [one["level"] for one in report["levels"]] == [1, 2]
    assert report["levels"] == outcome["exposure_was"]["levels"]
    assert (report["depth"], report["levels_in_law"], money(report["pay"])) == (2, 3, COMMISSION)
    assert report["heads"] == outcome["totals"]["paid_was"]
    assert "three levels" in report["note"]
    none = await client.get("/api/reports/exposure", params={"currency": "XXX"}, headers=admin)
    assert (none.json()["levels_in_law"], none.json()["levels"]) == (0, [])


class Killed(BaseException):
    """The process died here."""


class Dying:
    """The orders, until they have been asked for so many pages."""

    def __init__(self, orders: Any, pages: int) -> None:
        self._orders, self._left = orders, pages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._orders, name)

    async def facts_after(self, **arguments: Any) -> Any:
        if not self._left:
            raise Killed
        self._left -= 1
        return await self._orders.facts_after(**arguments)


def steps(system: TestedSystem, orders: Any = None, *, seconds: float = 0.0) -> dict[str, Any]:
    """The run with pages of forty orders, by default one to a chunk."""
    db, apis = system.databases["commission"], system.apis
    facts = Facts(db, guard(apis.orders), guard(apis.network), Plans(guard(apis.rules)))
    asked = guard(orders or apis.orders)
    closed = SimulatedPeriods(db, UTC, asked, guard(apis.network))
    rewarded = SimulatedRewards(db, UTC, asked, Gathering(asked, guard(apis.network), UTC))
    run = SimulationRuns(
        db, system.clock, asked, facts, periods=closed, rewards=rewarded, page=40, seconds=seconds
    )
    return {"simulation": run.simulate_chunk}


async def test_killed_resumed_cancelled_spoiled(
    sold: TestedSystem, client: httpx.AsyncClient, admin: dict[str, str], owner: Any
) -> None:
    db = sold.databases["commission"]
    rule_id = await draft(client, admin, components=[{"type": "unilevel", "name": "up", "levels": ["0.07"]}])
    key = admin | {"idempotency-key": "once"}

    async def queued(headers: dict[str, str] = admin) -> int:
        answer = await client.post("/api/simulations", json={"rule_id": rule_id, **YEAR}, headers=headers)
        assert answer.status_code == 202
        return int(answer.json()["simulation_id"])

    async def found(simulation_id: int) -> dict[str, Any]:
        return dict((await client.get(f"/api/simulations/{simulation_id}", headers=admin)).json())

    whole = await queued(key)
    assert await queued(key) == whole, "the same key is the same simulation"
    assert await runs.work(db, steps(sold, seconds=60)) == 1
    straight = await found(whole)
    assert straight["status"] == "done"

    killed = await queued()
    for pages in (2, 1):
        with pytest.raises(Killed):
            await runs.work(db, steps(sold, Dying(sold.apis.orders, pages)))
        assert (await found(killed))["status"] == "running"
        sold.clock.advance(runs.LEASE * 2)
    assert 0 < (await found(killed))["progress"]["done"] < 172
    await runs.work(db, steps(sold))
    resumed = await found(killed)
    for name in ("status", "outcome", "input_hash", "output_hash", "progress"):
        assert resumed[name] == straight[name]
    assert await everybody(client, admin, killed) == await everybody(client, admin, whole)

    stopped = await queued()
    with pytest.raises(Killed):
        await runs.work(db, steps(sold, Dying(sold.apis.orders, 2)))
    cancelled = await client.post(f"/api/simulations/{stopped}/cancel", headers=admin)
    assert cancelled.status_code == 200
    sold.clock.advance(runs.LEASE * 2)
    assert await runs.work(db, steps(sold)) == 0
    assert (await found(stopped))["status"] == "cancelled"
    refused = await client.get(f"/api/simulations/{stopped}/distributors", headers=admin)
    assert (refused.status_code, refused.json()["code"]) == (409, "simulation-not-done")

    # A changed entry is another input, and so another hash; what the plan would have paid is the same.
    (entry,) = await owner.fetch(
        "select commission_id, commission_amount_minor as n from commission.commission limit 1"
    )
    change = "update commission.commission set commission_amount_minor = $2 where commission_id = $1"
    await owner.execute(change, entry["commission_id"], entry["n"] + 1)
    spoiled = await queued()
    await runs.work(db, steps(sold, seconds=60))
    assert (await found(spoiled))["input_hash"] != straight["input_hash"]
    assert (await found(spoiled))["output_hash"] == straight["output_hash"]
    await owner.execute(change, entry["commission_id"], entry["n"])


async def test_what_is_refused(
    system: TestedSystem, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    rule_id = await draft(client, admin)
    for body, field in (
        ({"rule_id": rule_id + 1, **YEAR}, "rule_id"),
        ({"rule_id": rule_id, "from": YEAR["to"], "to": YEAR["from"]}, "to"),
        ({"rule_id": rule_id, "from": YEAR["from"], "to": "2999-01-01T00:00:00Z"}, "to"),
        ({"rule_id": rule_id, "from": YEAR["from"]}, "to"),
    ):
        answer = await client.post("/api/simulations", json=body, headers=admin)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])
    assert (await client.get("/api/simulations", headers=admin)).json() == {"items": [], "next_cursor": None}
    for path in ("/api/simulations/1", "/api/simulations/1/distributors"):
        assert (await client.get(path, headers=admin)).json()["code"] == "simulation-missing"
    assert (await client.post("/api/simulations/1/cancel", headers=admin)).status_code == 404
    pool = {"type": "pool", "name": "bonus", "rate": "0.02", "period": "day", "share_by": "equal"}
    by_period = await draft(client, admin, components=[pool])
    ages = {**YEAR, "from": "0001-01-01T00:00:00Z"}
    answer = await client.post("/api/simulations", json={"rule_id": by_period, **ages}, headers=admin)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, ["from"])
    assert (await client.get("/api/simulations", headers=admin)).json()["items"] == []
    nobody = await client.get("/api/simulations")
    assert nobody.status_code == 401
    empty = await simulate(system, client, admin, rule_id)
    assert (empty["outcome"]["totals"]["orders"], empty["outcome"]["totals"]["cost_ratio_would"]) == (
        0,
        "0.0000",
    )
    assert empty["outcome"]["exposure_would"]["levels_in_law"] == 0


async def test_a_child_that_dies_fails_the_page() -> None:
    from fenxiao.commission.service.simulation_child import Page
    from fenxiao.commission.service.simulation_crew import NotEvaluatedError, crew

    plan = {
        "name": "p",
        "currency": "CNY",
        "components": [{"type": "unilevel", "name": "up", "levels": ["0.1"]}],
    }
    async with crew(plan, 1) as (child,):
        assert (await child.page(Page("[]", "[]", None))).orders == 0
        with pytest.raises(NotEvaluatedError):
            await child.page(Page("[[1]]", "[]", None))
        assert (await child.page(Page("[]", "[]", None))).orders == 0, "a page that cannot be read is no end"
        child._process.kill()
        with pytest.raises(NotEvaluatedError, match="has ended"):
            async with asyncio.timeout(10):
                await child.page(Page("[]", "[]", None))
