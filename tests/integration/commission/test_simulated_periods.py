"""Simulations of what pays by period: the published plan gives the book itself, a draft what the slow oracle says."""

import importlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio
from tests.conftest import ADMIN_PASSWORD, LAWLESS, TestedSystem
from tests.integration.commission.test_cases import DONE, UNILEVEL, Shop
from tests.integration.commission.test_periods import close, daily, seated, turn
from tests.integration.commission.test_rewards import grant
from tests.integration.commission.test_simulation import (
    Killed,
    everybody,
    left_of,
    money,
    simulate,
    written,
)

from fenxiao.commission.service.figures import Facts
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.service.rewards.gathering import Gathering
from fenxiao.commission.service.simulation_periods import SimulatedPeriods
from fenxiao.commission.service.simulation_rewards import SimulatedRewards
from fenxiao.commission.service.simulation_run import SimulationRuns
from fenxiao.engine.components import KINDS
from fenxiao.engine.periods import Period, period_of
from fenxiao.engine.plan import parse_plan
from fenxiao.infra.db import runs
from fenxiao.infra.http.ports import guard
from fenxiao.kernel.ids import OrderId
from fenxiao.orders.api import OrderHistory

Login = Callable[[str, str], Awaitable[dict[str, str]]]
UTC = ZoneInfo("UTC")
SPAN = {"from": "2026-03-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}
OWN_ORDER = {"field": "paid_orders", "within_days": 31, "value": 1}
PUBLISHED = (
    UNILEVEL,
    {"type": "pool", "name": "pool", "rate": "0.02", "share_by": "personal_sales", "qualify": OWN_ORDER},
    {"type": "binary", "name": "legs", "rate": "0.10", "carry": "both"},
    {"type": "matrix", "name": "matrix", "width": 2, "levels": ["0.10", "0.05"]},
    {"type": "stairstep", "name": "stairs", "steps": [{"volume": "200", "rate": "0.05"}]},
    {"type": "periodmatch", "name": "match", "of": "stairs", "levels": ["0.20"]},
)
DRAFT = (
    {**UNILEVEL, "levels": ["0.12"]},
    {"type": "pool", "name": "pool", "rate": "0.031", "share_by": "team_sales", "period": "week"},
    {"type": "binary", "name": "legs", "rate": "0.07", "carry": "both", "carry_cap": "150.00"},
    {"type": "matrix", "name": "matrix", "width": 2, "levels": ["0.033", "0.08"]},
    {
        "type": "stairstep",
        "name": "stairs",
        "steps": [{"volume": "100", "rate": "0.05"}, {"volume": "500", "rate": "0.10"}],
    },
    {"type": "periodmatch", "name": "match", "of": "stairs", "levels": ["0.15", "0.02"]},
)
TARGET = {"type": "sales_target", "name": "target", "tiers": [{"threshold": "100.00", "rate": "0.02"}]}
GROWTH = {"type": "team_growth", "name": "growth", "tiers": [{"threshold_rate": "0.2", "amount": "9.00"}]}
ABOVE = {**TARGET, "tiers": [{"threshold": "300.00", "rate": "0.05"}]}
MONTHS = ["2026-03", "2026-04"]
WEEKS = [f"2026-W{number}" for number in range(10, 18)]
PLACES = {"A": (None, None), "B": ("A", 1), "C": ("A", 2), "D": ("B", 1)}


@pytest.fixture
def settings() -> Mapping[str, object]:
    return LAWLESS


@pytest_asyncio.fixture
async def shop(
    system: Any, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> AsyncIterator[Shop]:
    """Two months of sales and a refund that came later, all closed."""
    shop = Shop(system, client, login, admin)
    await shop.open()
    await shop.call("POST", "/api/grades", {"grade": "gold", "rank": 3}, want=201)
    await shop.call("PUT", f"/api/distributors/{shop.chain['B']}/grade", {"grade": "gold"})
    await shop.system.drain()
    await seated(shop)
    await shop.publish(*PUBLISHED, rewards=[TARGET, GROWTH])
    sold = {
        name: await shop.sell(*DONE, quantity=units, seller=name)
        for name, units in (("B", 4), ("C", 10), ("D", 2))
    }
    await turn(shop, 2)
    await close(shop, "2026-03")
    for name, units in (("B", 2), ("D", 6)):
        await shop.sell(*DONE, quantity=units, seller=name)
    await shop.refund(sold["C"], {"amount": 150})
    await turn(shop, 3, month=5)
    await daily(shop)
    await shop.system.drain()
    for month in MONTHS:
        await grant(shop, month)
    yield shop
    await shop.verified()


async def simulated(
    shop: Shop, rule_id: int, **span: str
) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    shop.admin = await shop.login("admin", ADMIN_PASSWORD)
    found = await simulate(shop.system, shop.http, shop.admin, rule_id, **SPAN | span)
    people = await everybody(shop.http, shop.admin, found["simulation_id"])
    return found, {one["distributor_id"]: one for one in people}


async def booked(shop: Shop, *kept: str | None) -> dict[int, int]:
    """What the book has of these periods by person; None is what it has of orders."""
    found: dict[int, int] = defaultdict(int)
    for distributor_id in shop.chain.values():
        for entry in (await shop.call("GET", f"/api/commission/{distributor_id}?limit=200"))["items"]:
            if entry["period"] in kept:
                found[distributor_id] += money(entry["commission_amount"])
    return dict(found)


def side(people: dict[int, dict[str, Any]], name: str) -> dict[int, int]:
    return {who: money(one[name]) for who, one in people.items() if money(one[name])}


async def rewarded(shop: Shop, outcome: dict[str, Any]) -> dict[tuple[str, str], tuple[str, int]]:
    """What rewards would have granted and to how many, which is what they did grant by the list of rewards."""
    listed: dict[tuple[str, str], int] = defaultdict(int)
    for one in (await shop.call("GET", "/api/rewards?limit=200"))["items"]:
        listed[one["reward"], one["period"]] += money(one["reward_amount"])
    found = {}
    for one in outcome["rewards"]:
        key = one["reward"], one["period"]
        assert (one["would"], one["difference"], one["paid_would"]) == (one["was"], "0.00", one["paid_was"])
        assert money(one["was"]) == listed.pop(key, 0)
        found[key] = one["would"], one["paid_would"]
    assert not listed
    return found


async def test_the_published_plan_is_the_book_and_a_draft_what_the_oracle_says(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await written(shop.system)
    (rule_id,) = [one["rule_id"] for one in (await shop.call("GET", "/api/rules"))["items"]]
    book = await booked(shop, None, *MONTHS)
    found, people = await simulated(shop, rule_id)
    outcome = found["outcome"]
    assert side(people, "would") == side(people, "was") == book
    assert {one["difference"] for one in people.values()} == {"0.00"}
    assert {one["component"] for one in outcome["components"]} == {one["name"] for one in PUBLISHED}
    assert {one["difference"] for one in (*outcome["components"], *outcome["grades"])} == {"0.00"}
    gold = {one["grade"]: money(one["would"]) for one in outcome["grades"]}["gold"]
    assert gold == book[shop.chain["B"]]
    sums = [sum((await booked(shop, month)).values()) for month in MONTHS]
    assert [(one["period"], money(one["would"])) for one in outcome["periods"]] == list(
        zip(MONTHS, sums, strict=True)
    )
    assert [(one["kind"], one["sales"]) for one in outcome["periods"]] == [
        ("month", "650.00"),
        ("month", "400.00"),
    ]
    assert outcome["periods_left_out"] == []
    assert found["progress"] == {"done": 9, "total": 9}
    # In March B, C and D sold 200.00, 350.00 and 100.00, in April B and D 100.00 and 300.00.
    assert await rewarded(shop, outcome) == {
        ("target", "2026-03"): ("13.00", 3),
        ("target", "2026-04"): ("8.00", 2),
        ("growth", "2026-03"): ("0.00", 0),
        # Of D 100.00 became 300.00; with what C no longer sold, nobody above him grew.
        ("growth", "2026-04"): ("9.00", 1),
    }
    assert money(outcome["totals"]["would"]) == sum(book.values())
    assert outcome["exposure_would"] == outcome["exposure_was"]

    # Again the same; and April alone begins with what the book's March kept.
    again, _ = await simulated(shop, rule_id)
    for name in ("input_hash", "output_hash", "outcome"):
        assert again[name] == found[name]
    april, people = await simulated(shop, rule_id, **{"from": "2026-04-01T00:00:00Z"})
    assert {one["difference"] for one in people.values()} == {"0.00"}
    legs = [one for one in april["outcome"]["components"] if one["component"] == "legs"]
    assert [money(one["would"]) for one in legs] == [500], "of 400.00 on the left 50.00 met what March kept"

    # A period that is only partly in the span is named, and counts on neither side.
    part, people = await simulated(
        shop, rule_id, **{"from": "2026-03-02T00:00:00Z", "to": "2026-04-30T00:00:00Z"}
    )
    assert (part["outcome"]["periods"], part["outcome"]["periods_left_out"]) == ([], MONTHS)
    assert side(people, "was") == await booked(shop, None)

    await is_what_the_oracle_says(shop, monkeypatch, book)
    await has_no_periods(shop, book)
    await goes_on_after_a_kill(shop, rule_id, found)
    after = await written(shop.system)
    assert after.pop("outbox") >= before.pop("outbox")
    assert after == before


async def is_what_the_oracle_says(shop: Shop, monkeypatch: pytest.MonkeyPatch, book: dict[int, int]) -> None:
    """Another plan, by the week and by the month: each period as the oracle closes it, with what it carries."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "unit" / "engine")
    oracle = importlib.import_module("oracle_periods")
    document = parse_plan(
        {"name": "plan", "currency": "CNY", "components": DRAFT, "rewards": [ABOVE]}
    ).document()
    draft = await shop.call("POST", "/api/rules", document, want=201)
    found, people = await simulated(shop, draft["rule_id"])

    orders = await shop.system.apis.orders.orders_after(cursor=OrderId(0), limit=100)
    expected: dict[int, int] = defaultdict(int)
    parts: dict[tuple[str, int], int] = defaultdict(int)
    for order in orders:
        if order.upline:
            direct = int(left_of(order) * Fraction("0.12") + Fraction(1, 2))
            expected[order.upline[0].distributor_id] += direct
            parts["direct", 1] += direct
    carries: dict[str, list[Any]] = {"month": [], "week": []}
    for period in (*map(month, MONTHS), *map(week, WEEKS)):
        world = a_world(shop, orders, period, carries[period.kind])
        paid, carries[period.kind], _ = oracle.close(document, world)
        for (component, level, who), amount in paid.items():
            expected[who] += amount
            parts[component, level] += amount
    assert side(people, "would") == {who: amount for who, amount in expected.items() if amount}
    told = {(one["component"], one["level"]): money(one["would"]) for one in found["outcome"]["components"]}
    assert {key: amount for key, amount in told.items() if amount} == dict(parts)
    assert {component for component, _ in parts} == {one["name"] for one in DRAFT}
    assert {one["type"] for one in DRAFT} >= {name for name, kind in KINDS.items() if kind.scope == "period"}
    for who, one in people.items():
        assert money(one["difference"]) == expected[who] - book.get(who, 0)
    assert {one["period"] for one in found["outcome"]["periods"]} == {*MONTHS, *WEEKS}
    assert found["outcome"]["periods_left_out"] == ["2026-W09", "2026-W18"]
    told = {(one["reward"], one["period"]): one["would"] for one in found["outcome"]["rewards"]}
    # Of March no reward for growth was granted, and the draft has none.
    assert told == {
        ("target", "2026-03"): "17.50",
        ("target", "2026-04"): "15.00",
        ("growth", "2026-04"): "0.00",
    }
    losers = [one["distributor_id"] for one in found["outcome"]["losers"]]
    assert set(losers) == {who for who in expected if expected[who] < book.get(who, 0)}


def month(key: str) -> Period:
    return period_of(datetime.fromisoformat(f"{key}-15").replace(tzinfo=UTC), "month", UTC)


def week(key: str) -> Period:
    return period_of(datetime.fromisoformat(f"{key}-3").replace(tzinfo=UTC), "week", UTC)


def a_world(shop: Shop, orders: Iterable[OrderHistory], period: Period, carries: list[Any]) -> dict[str, Any]:
    """What was sold in a period, person by person; everybody sponsors the next."""
    own: dict[str, int] = defaultdict(int)
    names = {number: name for name, number in shop.chain.items()}
    for order in orders:
        if order.completed_at and period.start <= order.completed_at < period.end:
            own[names[order.seller.distributor_id]] += left_of(order)
    members = {}
    for index, (name, number) in enumerate(shop.chain.items()):
        parent, position = PLACES[name]
        members[number] = {
            "rank": 3 if name == "B" else None,
            "active": True,
            "facts": {},
            "personal": own[name],
            "team": sum(own[below] for below in shop.people[index:]),
            "sponsor": shop.chain[shop.people[index - 1]] if index else None,
            "parent": shop.chain[parent] if parent else None,
            "position": position,
        }
    return {"kind": period.kind, "sales": sum(own.values()), "members": members, "carries": carries}


async def has_no_periods(shop: Shop, book: dict[int, int]) -> None:
    """A plan that pays by order alone loses all that the book's periods paid."""
    draft = {"name": "alone", "currency": "CNY", "components": [UNILEVEL]}
    rule = await shop.call("POST", "/api/rules", draft, want=201)
    found, people = await simulated(shop, rule["rule_id"])
    assert side(people, "was") == book
    assert side(people, "would") == await booked(shop, None)
    assert [(one["period"], one["sales"], one["would"]) for one in found["outcome"]["periods"]] == [
        ("2026-03", "650.00", "0.00"),
        ("2026-04", "400.00", "0.00"),
    ]


class Dying:
    """The orders, until so many periods have been asked about."""

    def __init__(self, orders: Any, periods: int) -> None:
        self._orders, self._left = orders, periods

    def __getattr__(self, name: str) -> Any:
        return getattr(self._orders, name)

    async def recorded_until(self) -> datetime:
        if not self._left:
            raise Killed
        self._left -= 1
        return await self._orders.recorded_until()  # type: ignore[no-any-return]


def steps(system: TestedSystem, periods: int) -> dict[str, Any]:
    """The run, killed when it comes to the period behind so many."""
    db, apis = system.databases["commission"], system.apis
    orders, network = guard(Dying(apis.orders, periods)), guard(apis.network)
    facts = Facts(db, orders, network, Plans(guard(apis.rules)))
    closed = SimulatedPeriods(db, UTC, orders, network)
    rewarded = SimulatedRewards(db, UTC, orders, Gathering(orders, network, UTC))
    run = SimulationRuns(db, system.clock, orders, facts, periods=closed, rewards=rewarded)
    return {"simulation": run.simulate_chunk}


async def goes_on_after_a_kill(shop: Shop, rule_id: int, straight: dict[str, Any]) -> None:
    """Killed between two periods it comes to the same; it stops before the next where somebody asks for that."""
    db = shop.system.databases["commission"]

    async def found(simulation_id: int) -> dict[str, Any]:
        shop.admin = await shop.login("admin", ADMIN_PASSWORD)
        return dict(await shop.call("GET", f"/api/simulations/{simulation_id}"))

    async def killed(periods: int) -> int:
        queued = await shop.call("POST", "/api/simulations", {"rule_id": rule_id, **SPAN}, want=202)
        with pytest.raises(Killed):
            await runs.work(db, steps(shop.system, periods))
        shop.system.clock.advance(runs.LEASE * 2)
        return int(queued["simulation_id"])

    resumed = await killed(1)
    half = await found(resumed)
    assert (half["status"], half["progress"], half["outcome"]) == ("running", {"done": 6, "total": 9}, None)
    assert await runs.work(db, steps(shop.system, 9)) == 3
    whole = await found(resumed)
    for name in ("status", "outcome", "input_hash", "output_hash", "progress"):
        assert whole[name] == straight[name]

    stopped = await killed(0)
    await shop.call("POST", f"/api/simulations/{stopped}/cancel", {})
    assert await runs.work(db, steps(shop.system, 9)) == 0
    assert (await found(stopped))["status"] == "cancelled"
