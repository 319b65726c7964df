"""Rewards from the plan to the settlement over HTTP: what periods grant, what is told later, and that nothing is granted twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from tests.conftest import ADMIN_PASSWORD
from tests.integration.commission.test_cases import Shop
from tests.integration.commission.test_periods import killed

from fenxiao.commission.service.rewards import gathering
from fenxiao.infra.db import runs

Login = Callable[[str, str], Awaitable[dict[str, str]]]
TARGET = {
    "type": "sales_target",
    "name": "target",
    "tiers": [{"threshold": "500.00", "rate": "0.02"}, {"threshold": "1000.00", "rate": "0.0333"}],
}
GROWTH = {
    "type": "team_growth",
    "name": "growth",
    "mode": "marginal",
    "tiers": [{"threshold_rate": "0.5", "amount": "10"}, {"threshold_rate": "1", "rate": "0.1"}],
}
Amounts = dict[str, list[tuple[str, str]]]


@pytest_asyncio.fixture
async def shop(
    system: Any, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> AsyncIterator[Shop]:
    shop = Shop(system, client, login, admin)
    await shop.open()
    yield shop
    await shop.verified()


async def turn(shop: Shop, month: int, day: int = 1) -> None:
    """It is noon of a day of 2026."""
    shop.system.clock.now = datetime(2026, month, day, 12, tzinfo=UTC)
    shop.admin = await shop.login("admin", ADMIN_PASSWORD)


async def grant(shop: Shop, period: str) -> dict[str, Any]:
    queued = await shop.call("POST", "/api/rewards/runs", {"period": period}, want=202)
    assert queued["status"] == "queued"
    await shop.system.drain()
    return await shop.call("GET", f"/api/rewards/runs/{queued['reward_run_id']}")


async def granted(shop: Shop) -> Amounts:
    """What everybody was granted and gave back: (reward, amount), the first first."""
    found: Amounts = {}
    for name, distributor_id in shop.chain.items():
        page = await shop.call("GET", f"/api/rewards?distributor_id={distributor_id}")
        found[name] = [(one["reward"], one["reward_amount"]) for one in page["items"][::-1]]
    return {name: some for name, some in found.items() if some}


async def why(shop: Shop, reward_id: int, language: str = "en") -> dict[str, Any]:
    return await shop.call("GET", f"/api/rewards/{reward_id}/explanation", **{"Accept-Language": language})


async def found(shop: Shop) -> list[str]:
    checks = [check for offer in shop.system.offers if offer.name == "commission" for check in offer.checks]
    return [finding.subject for check in checks async for finding in check.findings()]


async def test_targets_and_growth_are_granted_once_and_taken_back_after_refunds(
    shop: Shop, owner: asyncpg.Connection
) -> None:
    rule_id = await shop.publish(rewards=[TARGET, GROWTH])
    await shop.sell("pay", quantity=8, seller="C")
    refused = await shop.call("POST", "/api/rewards/runs", {"period": "2026-03"}, want=409)
    assert refused["code"] == "period-not-over"
    for wrong in ("2026-13", "march", "2026-03-01", "2026-W10"):
        answer = await shop.call("POST", "/api/rewards/runs", {"period": wrong}, want=422)
        assert answer["errors"][0]["field"] == "period"
    assert await owner.fetchval("select count(*) from commission.reward_run") == 0

    await turn(shop, 4)
    done = await grant(shop, "2026-03")
    assert (done["status"], done["progress"]) == ("done", {"done": 1, "total": 1})
    # 400.00 reach no tier, and from nothing there is no growth.
    assert await granted(shop) == {}

    orders = [await shop.sell("pay", quantity=units, seller="D") for units in (19, 1)]
    unpaid = await shop.sell(quantity=20, seller="B")
    await turn(shop, 5)
    await grant(shop, "2026-04")
    # D sold 1000.00: the highest tier pays 3.33 % of it. The team of C went from 400.00 to 1000.00, by 150 %:
    # 10.00 for the first half, and a tenth of the 200.00 beyond 400.00. A and B stand above C, D had nothing before.
    expected = {
        "A": [("growth", "30.00")],
        "B": [("growth", "30.00")],
        "C": [("growth", "30.00")],
        "D": [("target", "33.30")],
    }
    assert await granted(shop) == expected
    (reward,) = (await shop.call("GET", f"/api/rewards?distributor_id={shop.chain['D']}"))["items"]
    assert reward | {"reward_id": 0} == {
        "reward_id": 0, "distributor_id": shop.chain["D"], "reward_type": "sales_target", "reward": "target", "rule_id": rule_id,
        "period": "2026-04", "tier": 2, "kind": "grant", "reward_amount": "33.30", "currency": "CNY", "status": "released",
        "created_at": "2026-05-01T00:00:00Z", "release_at": "2026-05-01T00:00:00Z", "corrects": None,
    }  # fmt: skip
    account = await shop.account("D")
    assert (account["available"], account["pending"], account["items"]) == ("33.30", "0.00", [])
    await told(shop, reward["reward_id"])

    # Again, nothing: by hand, by the day's run, and by two at once.
    await grant(shop, "2026-04")
    job = next(j for offer in shop.system.offers for j in offer.jobs if j.name == "commission daily rewards")
    assert await job.work() is not None
    assert await job.work() is None
    await shop.system.drain()
    assert await granted(shop) == expected

    # A refund pulls D to the lower tier and the growth of the team to 125 %; paid too late, the order of B is of May.
    await shop.call("POST", f"/api/orders/{unpaid['order_id']}/pay", {})
    await shop.refund(orders[0], {"amount": 100})
    await grant(shop, "2026-04")
    after = {"A": [*expected["A"], ("growth", "-10.00")], "B": [*expected["B"], ("growth", "-10.00")],
             "C": [*expected["C"], ("growth", "-10.00")], "D": [*expected["D"], ("target", "-15.30")]}  # fmt: skip
    assert await granted(shop) == after
    (taken, first) = (await shop.call("GET", f"/api/rewards?distributor_id={shop.chain['D']}"))["items"]
    assert (taken["kind"], taken["corrects"], taken["tier"]) == ("clawback", first["reward_id"], 1)
    one = await why(shop, taken["reward_id"])
    assert (one["before"], one["after"]) == ("33.30", "18.00")
    assert "changed this reward from 33.30 to 18.00 CNY; that is -15.30" in one["text"]
    # All of it: nothing is left of what D was granted, and the day's run finds it by itself.
    await shop.refund(orders[0], {"amount": 850})
    await shop.later(days=1)
    await job.work()
    await shop.system.drain()
    assert (await granted(shop))["D"] == [*after["D"], ("target", "-18.00")]
    assert (await granted(shop))["C"] == [*after["C"], ("growth", "-20.00")]
    assert (await shop.account("D"))["available"] == "0.00"
    await owner.fetchval("select 1")
    events = await owner.fetch(
        "select data from commission.outbox where type = 'reward.granted' order by seq"
    )
    assert len(events) == await owner.fetchval("select count(*) from commission.rewards") == 12
    await planted(shop, owner)


async def told(shop: Shop, reward_id: int) -> None:
    one = await why(shop, reward_id)
    for part in ("You get 33.30 CNY for the period 2026-04 by reward target", "were 1000.00 CNY",
                 "tier 2, the highest; it begins at 1000.00 CNY", "tier 2: 1000.00 × 3.33 % = 33.30"):  # fmt: skip
        assert part in one["text"], one["text"]
    assert "第 2 档：1000.00 × 3.33% = 33.30" in (await why(shop, reward_id, "zh"))["text"]
    (growth,) = (await shop.call("GET", f"/api/rewards?distributor_id={shop.chain['A']}"))["items"]
    text = (await why(shop, growth["reward_id"]))["text"]
    assert "1000.00 CNY, and 400.00 CNY in the period before: 600.00 CNY more" in text
    assert "tier 1: 10.00; tier 2: 200.00 × 10 % = 20.00" in text
    # What is somebody else's does not exist.
    mine = await shop.login("member-C", "Pw-C-long-enough")
    listed = (await shop.http.get("/api/rewards", headers=mine)).json()["items"]
    assert [one["distributor_id"] for one in listed] == [shop.chain["C"]]
    for path in (
        f"/api/rewards/{reward_id}/explanation",
        f"/api/rewards?distributor_id={shop.chain['D']}",
        "/api/rewards/runs/1",
    ):
        assert (await shop.http.get(path, headers=mine)).status_code == 404, path
    refused = await shop.http.post("/api/rewards/runs", json={"period": "2026-03"}, headers=mine)
    assert refused.status_code == 403


async def planted(shop: Shop, owner: asyncpg.Connection) -> None:
    """A changed grant, a changed standing, and a changed posting are found."""
    assert await found(shop) == []
    await owner.execute(
        "update commission.rewards set reward_amount_minor = reward_amount_minor + 1 where reward_id = 1"
    )
    assert "reward 1.reward_amount_minor" in await found(shop)
    await owner.execute(
        "update commission.rewards set reward_amount_minor = reward_amount_minor - 1 where reward_id = 1"
    )
    await owner.execute(
        "update commission.reward_standing set sales_minor = sales_minor + 1 where reward = 'target' and step = 0"
    )
    assert [subject.split(", ")[1:3] for subject in await found(shop)] == [["step 0", "target"]]
    await owner.execute(
        "update commission.reward_standing set sales_minor = sales_minor - 1 where reward = 'target' and step = 0"
    )
    await owner.execute(
        "update commission.posting set debit = 'available', credit = 'reward_expense', event = 'clawback' where reward_id = 1"
    )
    assert await found(shop) != []
    await owner.execute(
        "update commission.posting set credit = 'available', debit = 'reward_expense', event = 'reward' where reward_id = 1"
    )


QUARTER = {
    "type": "sales_target", "name": "quarter", "period": "quarter", "mode": "marginal", "on_refund": "keep", "hold_days": 7,
    "tiers": [{"threshold": "100", "amount": "5"}, {"threshold": "500", "rate": "0.1"}],
}  # fmt: skip
SEASON = {
    "type": "sales_target", "name": "season", "season": {"start_month": 3},
    "tiers": [{"threshold": "500", "amount": "20"}, {"threshold": "1000", "amount": "100"}],
}  # fmt: skip
HELD = {
    "type": "sales_target",
    "name": "held",
    "hold_days": 7,
    "tiers": [{"threshold": "100", "rate": "0.01"}],
}


async def test_quarters_keep_seasons_accumulate_and_holds_end_with_a_settlement(shop: Shop) -> None:
    await shop.publish(rewards=[QUARTER, SEASON, HELD])
    march = await shop.sell("pay", quantity=12, seller="B")
    await turn(shop, 4)
    await grant(shop, "2026-03")
    await grant(shop, "2026-Q1")
    # 600.00: 5.00 for the first tier and a tenth of the 100.00 in the second; 20.00 of the season; 6.00.
    assert await granted(shop) == {"B": [("season", "20.00"), ("held", "6.00"), ("quarter", "15.00")]}
    account = await shop.account("B")
    assert (account["available"], account["pending"], account["next_release_at"]) == (
        "20.00",
        "21.00",
        "2026-04-08T00:00:00Z",
    )
    page = await shop.call("GET", f"/api/rewards?distributor_id={shop.chain['B']}&limit=1")
    assert (page["items"][0]["period"], page["items"][0]["status"]) == ("2026-Q1", "pending")
    page = await shop.call("GET", f"/api/rewards?limit=1&cursor={page['next_cursor']}")
    assert (page["items"][0]["reward"], page["items"][0]["release_at"]) == ("held", "2026-04-08T00:00:00Z")

    # 400.00 come back: the quarter is kept, the others follow; what is taken back is pending where the grant is.
    await turn(shop, 4, 3)
    await shop.refund(march, {"amount": 400})
    await grant(shop, "2026-03")
    await grant(shop, "2026-Q1")
    assert (await granted(shop))["B"][3:] == [("season", "-20.00"), ("held", "-4.00")]
    account = await shop.account("B")
    assert (account["available"], account["pending"]) == ("0.00", "17.00")
    assert (await shop.settle("B"))["released"] == []
    await turn(shop, 4, 9)
    settled = await shop.call("POST", "/api/settlements", {}, want=202)
    await shop.system.drain()
    settled = await shop.call("GET", f"/api/settlements/{settled['settlement_id']}")
    assert settled["progress"] == {"done": 1, "total": 1}
    assert settled["released"] == [{"currency": "CNY", "amount": "17.00", "entries": 3, "statements": 1}]
    account = await shop.account("B")
    assert (account["available"], account["pending"], account["next_release_at"]) == ("17.00", "0.00", None)

    # 500.00 more: the season stands at 700.00, of which 200.00 are from before. Next March it starts again.
    await shop.sell("pay", quantity=10, seller="B")
    await turn(shop, 5)
    await grant(shop, "2026-04")
    assert (await granted(shop))["B"][5:] == [("season", "20.00"), ("held", "5.00")]
    rewards = (await shop.call("GET", f"/api/rewards?distributor_id={shop.chain['B']}"))["items"]
    (season,) = [one for one in rewards if (one["reward"], one["period"]) == ("season", "2026-04")]
    text = (await why(shop, season["reward_id"]))["text"]
    assert "were 700.00 CNY; 200.00 CNY of them are from before it" in text
    types = (await shop.call("GET", "/api/rules/reward-types"))["items"]
    assert [one["type"] for one in types] == ["sales_target", "team_growth"]
    assert "season" in types[0]["json_schema"]["properties"]
    shop.system.clock.now = datetime(2027, 3, 5, tzinfo=UTC)
    shop.admin = await shop.login("admin", ADMIN_PASSWORD)
    await shop.sell("pay", quantity=9, seller="B")
    await turn_to(shop, 2027, 4)
    await grant(shop, "2027-03")
    assert (await granted(shop))["B"][7:] == [("held", "4.50")]


async def turn_to(shop: Shop, year: int, month: int) -> None:
    shop.system.clock.now = datetime(year, month, 1, 12, tzinfo=UTC)
    shop.admin = await shop.login("admin", ADMIN_PASSWORD)


async def test_workers_at_once_and_kills_before_every_commit_grant_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PAGE", 2)
    await shop.publish(rewards=[HELD, {**TARGET, "tiers": TARGET["tiers"][:1]}])
    orders = [await shop.sell("pay", quantity=20, seller=name) for name in "BD"]
    await turn(shop, 4)
    (offer,) = [offer for offer in shop.system.offers if offer.name == "commission"]
    db = shop.system.databases["commission"]
    for _ in range(2):
        await shop.call("POST", "/api/rewards/runs", {"period": "2026-03"}, want=202)
    first, again = [
        await shop.call(
            "POST", "/api/rewards/runs", {"period": "2026-03"}, want=202, **{"Idempotency-Key": "once"}
        )
        for _ in range(2)
    ]
    assert first == again
    while await db.fetchval("select count(*) from run where state in ('queued', 'running')"):
        await asyncio.gather(*(runs.work(db, offer.runs) for _ in range(4)))
        shop.system.clock.advance(runs.LEASE + timedelta(seconds=1))
    assert (
        await db.fetchval("select array_agg(state || ' ' || done) from run where kind = 'rewards'")
        == ["done 1"] * 3
    )
    once = {name: [("held", "10.00"), ("target", "20.00")] for name in "BD"}
    assert await granted(shop) == once

    await shop.refund(orders[1], {"amount": 600})
    await shop.call("POST", "/api/rewards/runs", {"period": "2026-03"}, want=202)
    assert await killed(shop, offer, monkeypatch) > 5, "one before the commit of every chunk"
    assert await granted(shop) == {"B": once["B"], "D": [*once["D"], ("held", "-6.00"), ("target", "-20.00")]}


GRADED = {
    "type": "sales_target", "name": "rank",
    "tiers": [
        {"threshold": "500", "grade": "silver", "keep_periods": 2},
        {"threshold": "1000", "amount": "30", "grade": "gold", "keep_periods": 1},
    ],
}  # fmt: skip


async def test_grades_follow_rewards_and_fall_back_when_the_target_is_missed(shop: Shop) -> None:
    for rank, grade in enumerate(("bronze", "silver", "gold"), start=1):
        await shop.call("POST", "/api/grades", {"grade": grade, "rank": rank}, want=201)
    await shop.call("PUT", f"/api/distributors/{shop.chain['D']}/grade", {"grade": "bronze"})
    await shop.call("PUT", f"/api/distributors/{shop.chain['C']}/grade", {"grade": "gold"})
    await shop.publish(rewards=[GRADED])

    async def grades() -> str:
        found = [await shop.call("GET", f"/api/distributors/{shop.chain[name]}") for name in "BCD"]
        return " ".join(str(one["grade"]) for one in found)

    orders = {
        name: await shop.sell("pay", quantity=units, seller=name)
        for name, units in (("B", 10), ("C", 10), ("D", 20))
    }
    await turn(shop, 4)
    await grant(shop, "2026-03")
    # A grade alone pays nothing; C, who has a higher one by hand, keeps it.
    assert await granted(shop) == {"D": [("rank", "30.00")]}
    assert await grades() == "silver gold gold"
    await grant(shop, "2026-03")
    assert await grades() == "silver gold gold"
    # Nobody sells anything in April: gold is lost, silver lasts for another month, then everybody has what he had.
    await turn(shop, 5)
    await grant(shop, "2026-04")
    assert await grades() == "silver gold silver"
    await turn(shop, 6)
    await grant(shop, "2026-05")
    assert await grades() == "None gold bronze"
    # A refund takes the grade of the month back with the reward.
    order = await shop.sell("pay", quantity=20, seller="B")
    await turn(shop, 7)
    await grant(shop, "2026-06")
    assert await grades() == "gold gold bronze"
    await shop.refund(order, {"amount": 400})
    await grant(shop, "2026-06")
    assert await grades() == "silver gold bronze"
    assert (await granted(shop))["B"] == [("rank", "30.00"), ("rank", "-30.00")]
    await shop.refund(orders["D"], {"amount": 900})
    await grant(shop, "2026-03")
    assert await grades() == "silver gold bronze"
    log = (await shop.call("GET", "/api/audit-log?limit=100"))["items"]
    changed = [
        one
        for one in log
        if one["action"] == "distributor.grade_changed" and (one["after"] or {}).get("reason")
    ]
    assert len(changed) == 7
