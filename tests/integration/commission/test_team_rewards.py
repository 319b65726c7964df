"""Rewards for the sales of a team, from making the team to taking the reward back, over HTTP: whose orders count, and for whom."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from tests.integration.commission.test_cases import Shop
from tests.integration.commission.test_rewards import Login, found, grant, granted, turn, why

from fenxiao.commission.service.rewards import gathering
from fenxiao.commission.service.rewards.gathering import question
from fenxiao.engine.periods import Period
from fenxiao.kernel.ids import DistributorId
from fenxiao.orders.api import SellingStretch

TARGET = {
    "type": "sales_target",
    "name": "shared",
    "scope": "team",
    "tiers": [{"threshold": "500.00", "rate": "0.02"}, {"threshold": "1000.00", "amount": "50.00"}],
}
GROWTH = {
    "type": "team_growth",
    "name": "growth",
    "scope": "team",
    "hold_days": 7,
    "tiers": [{"threshold_rate": "0.5", "rate": "0.1"}],
}
OWN = {"type": "sales_target", "name": "own", "tiers": [{"threshold": "900.00", "amount": "1.00"}]}


@pytest_asyncio.fixture
async def shop(
    system: Any, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> AsyncIterator[Shop]:
    shop = Shop(system, client, login, admin)
    await shop.open()
    yield shop
    await shop.verified()


async def team(shop: Shop, leader: str, *members: str) -> str:
    """A team; answers its address."""
    made = await shop.call("POST", "/api/teams", {"name": leader, "leader_id": shop.chain[leader]}, want=201)
    path = f"/api/teams/{made['team_id']}"
    for name in members:
        await shop.call("POST", f"{path}/members", {"distributor_id": shop.chain[name]}, want=201)
    return path


async def leave(shop: Shop, path: str, name: str) -> None:
    gone = await shop.http.delete(f"{path}/members/{shop.chain[name]}", headers=shop.admin)
    assert gone.status_code == 204, gone.text


async def test_a_leader_is_granted_for_what_members_sold_while_they_were_in_the_team(
    shop: Shop, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "STRETCHES", 2)
    rule_id = await shop.publish(rewards=[TARGET, GROWTH, OWN])
    before = await shop.sell("pay", quantity=4, seller="C")
    await shop.later(hours=1)
    path = await team(shop, "A", "C", "D")
    # Of A, C and D, while they are in it: 100.00, 400.00 and 300.00.
    await shop.sell("pay", quantity=2, seller="A")
    mine = await shop.sell("pay", quantity=8, seller="C")
    ours = await shop.sell("pay", quantity=6, seller="D")
    # Ordered in it and paid outside it does not count, nor what came before it or after it, nor anybody else's.
    late = await shop.sell(quantity=20, seller="D")
    await shop.later(hours=1)
    await leave(shop, path, "D")
    await shop.call("POST", f"/api/orders/{late['order_id']}/pay", {})
    await shop.sell("pay", quantity=3, seller="B")

    await turn(shop, 4)
    await grant(shop, "2026-03")
    # 800.00 × 2 %. From nothing the team has not grown; what D sold in all is above the target of his own.
    expected = {"A": [("shared", "16.00")], "D": [("own", "1.00")]}
    assert await granted(shop) == expected
    (reward,) = (await shop.call("GET", f"/api/rewards?distributor_id={shop.chain['A']}"))["items"]
    one = await why(shop, reward["reward_id"])
    assert (one["rule_id"], one["trace"]["team_id"], one["trace"]["sales"]) == (rule_id, 1, "800.00")
    assert (
        "members of team 1, which you led at the end of the period, less refunds, were 800.00 CNY"
        in one["text"]
    )
    assert "800.00 × 2 % = 16.00" in one["text"]
    assert (
        "团队 1 的成员销售额（扣除退款）为 800.00 CNY" in (await why(shop, reward["reward_id"], "zh"))["text"]
    )
    # Again, nothing. A refund of an order that does not count changes nothing; of one that does, the difference.
    await grant(shop, "2026-03")
    await shop.refund(before, {"amount": 100})
    await grant(shop, "2026-03")
    assert await granted(shop) == expected
    await shop.refund(ours, {"amount": 200})
    await grant(shop, "2026-03")
    assert (await granted(shop))["A"] == [("shared", "16.00"), ("shared", "-4.00")]
    await shop.refund(mine, {"amount": 200})
    await grant(shop, "2026-03")
    assert (await granted(shop))["A"] == [("shared", "16.00"), ("shared", "-4.00"), ("shared", "-12.00")]
    assert (await shop.account("A"))["available"] == "0.00"
    await grown(shop, path)
    await alike(shop)
    await planted(shop, owner)


async def grown(shop: Shop, path: str) -> None:
    """In April another leads: the team is compared with itself, and whoever leads at the end gets it."""
    await turn(shop, 4, 2)
    # 400.00 were left of March; D is in another team now.
    await team(shop, "D")
    await shop.sell("pay", quantity=10, seller="C")
    await shop.sell("pay", quantity=10, seller="D")
    await shop.call("PATCH", path, {"leader_id": shop.chain["C"]})
    await leave(shop, path, "A")
    await turn(shop, 5)
    # What changes after the period is over changes nothing of it, whenever it is looked at.
    assert (await shop.http.delete(path, headers=shop.admin)).status_code == 204
    await grant(shop, "2026-04")
    after = await granted(shop)
    assert after["C"] == [("shared", "10.00")]
    assert after["D"][1:] == [("shared", "10.00")]
    assert len(after["A"]) == 3
    await turn(shop, 5, 2)
    sold = await shop.call("GET", f"/api/distributors/{shop.chain['C']}/teams")
    assert [one["leads"] for one in sold["items"]] == [False, True]
    # A team that came to more than half as much again as the month before.
    await shop.sell("pay", quantity=19, seller="D")
    await turn(shop, 6)
    await grant(shop, "2026-05")
    assert (await granted(shop))["D"][2:] == [("shared", "19.00"), ("growth", "45.00"), ("own", "1.00")]
    assert (await shop.account("D"))["pending"] == "45.00"
    page = await shop.call("GET", f"/api/rewards?distributor_id={shop.chain['D']}")
    (reward,) = [one for one in page["items"] if one["reward"] == "growth"]
    text = (await why(shop, reward["reward_id"]))["text"]
    assert "were 950.00 CNY, and 500.00 CNY in the period before: 450.00 CNY more" in text


async def alike(shop: Shop) -> None:
    """Over whole months, stretches say what the orders say of everybody's own sales."""
    orders, everybody = shop.system.apis.orders, list(shop.chain.values())
    known = await orders.recorded_until()
    for month in (3, 4):
        since, until = datetime(2026, month, 1, tzinfo=UTC), datetime(2026, month + 1, 1, tzinfo=UTC)
        asked = question("CNY", Period("month", "", since, until), known)
        by = (await orders.sold(asked=asked, distributor_ids=everybody)).by
        stretches = [
            SellingStretch(distributor_id=DistributorId(one), since=since, until=until) for one in everybody
        ]
        found = await orders.sold_in(currency="CNY", recorded_until=known, stretches=stretches)
        own = {one.distributor_id: one.personal_minor for one in by}
        assert found == [own.get(one, 0) for one in everybody]
        assert sum(found) > 0


async def planted(shop: Shop, owner: asyncpg.Connection) -> None:
    """Another team than was led, and sales that a team did not have, are found."""
    assert await found(shop) == []
    for spoil, heal in (("team_id = 2", "team_id = 1"), ("sales_minor = 1", "sales_minor = 80000")):
        row = "where reward = 'shared' and step = 0 and period = '2026-03'"
        update = "update commission.reward_standing s set {} from commission.reward_period p {} and p.reward_period_id = s.reward_period_id"
        await owner.execute(update.format(spoil, row))
        assert [subject.split(", ")[1:3] for subject in await found(shop)] == [["step 0", "shared"]]
        await owner.execute(update.format(heal, row))
