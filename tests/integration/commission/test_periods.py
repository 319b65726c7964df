"""Periods from the plan to the settlement over HTTP: what they pay, what is told later, and that nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from tests.conftest import ADMIN_PASSWORD, LAWLESS
from tests.integration.commission.test_cases import DONE, Shop

from fenxiao.commission.service.periods import closing, gathering
from fenxiao.infra.db import runs

Login = Callable[[str, str], Awaitable[dict[str, str]]]
POOL = {"type": "pool", "name": "pool", "rate": "0.02", "share_by": "personal_sales",
        "qualify": {"field": "paid_orders", "within_days": 31, "value": 1}}  # fmt: skip
EQUAL = {"type": "pool", "name": "all", "rate": "0.01"}


@pytest.fixture
def settings() -> Mapping[str, object]:
    return LAWLESS


@pytest_asyncio.fixture
async def shop(
    system: Any, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> AsyncIterator[Shop]:
    shop = Shop(system, client, login, admin)
    await shop.open()
    yield shop
    await shop.verified()


async def turn(shop: Shop, day: int, month: int = 4) -> None:
    """It is noon of a day of 2026."""
    shop.system.clock.now = datetime(2026, month, day, 12, tzinfo=UTC)
    shop.admin = await shop.login("admin", ADMIN_PASSWORD)


async def close(shop: Shop, period: str) -> dict[str, Any]:
    queued = await shop.call("POST", "/api/commission/periods", {"period": period}, want=202)
    assert queued["status"] == "queued"
    await shop.system.drain()
    return await shop.call("GET", f"/api/commission/periods/{queued['closing_id']}")


async def daily(shop: Shop) -> object:
    """What the job of the day has queued, None if it has done so before."""
    (job,) = [
        job for offer in shop.system.offers for job in offer.jobs if job.name == "commission daily periods"
    ]
    return await job.work()


async def test_a_pool_from_the_plan_to_the_settlement(shop: Shop, owner: asyncpg.Connection) -> None:
    rule_id = await shop.publish(POOL, EQUAL, hold_days=7)
    own = {
        name: await shop.sell(*DONE, quantity=units, seller=name)
        for name, units in zip("BCD", (4, 6, 10), strict=True)
    }
    refused = await shop.call("POST", "/api/commission/periods", {"period": "2026-03"}, want=409)
    assert refused["code"] == "period-not-over"
    assert "from 2026-04-01T00:00:00+00:00 on" in refused["detail"]
    for wrong in ("2026-13", "march", "2026-3"):
        answer = await shop.call("POST", "/api/commission/periods", {"period": wrong}, want=422)
        assert answer["errors"][0]["field"] == "period"
    assert await owner.fetchval("select count(*) from commission.closing") == 0

    # 1000.00 sold: 20.00 by own sales, 10.00 equally among four.
    await turn(shop, 1)
    done = await close(shop, "2026-03")
    assert (done["status"], done["progress"]) == ("done", {"done": 2, "total": 2})
    assert await shop.amounts() == {
        "A": ["2.50"],
        "B": ["4.00", "2.50"],
        "C": ["6.00", "2.50"],
        "D": ["10.00", "2.50"],
    }
    entry = (await shop.account("D"))["items"][1]
    assert (entry["order_id"], entry["period"], entry["level"], entry["status"]) == (
        None,
        "2026-03",
        0,
        "pending",
    )
    assert (entry["created_at"], entry["release_at"]) == ("2026-04-01T00:00:00Z", "2026-04-08T00:00:00Z")

    # Again, nothing changes; after a refund it is looked at again, and the difference is booked.
    await close(shop, "2026-03")
    assert (await shop.amounts())["D"] == ["10.00", "2.50"]
    await shop.refund(own["D"], {"amount": 300})
    await close(shop, "2026-03")
    after = {
        "A": ["2.50", "-0.75"],
        "B": ["4.00", "2.50", "-0.75"],
        "C": ["6.00", "2.50", "-0.75"],
        "D": ["10.00", "2.50", "-6.00", "-0.75"],
    }
    assert await shop.amounts() == after
    await told(shop)
    (listed,) = (await shop.call("GET", "/api/commission/periods"))["items"]
    assert (listed["period"], listed["kind"], listed["rule_id"], listed["steps"]) == (
        "2026-03",
        "month",
        rule_id,
        2,
    )
    assert (listed["sales"], listed["commission"], listed["status"]) == ("700.00", "21.00", "closed")

    # Released with what corrects it; a later refund is booked on what is available.
    await turn(shop, 9)
    assert (await shop.settle("D"))["released"][0] == {
        "currency": "CNY",
        "amount": "5.75",
        "entries": 4,
        "statements": 1,
    }
    await shop.refund(own["D"], {"amount": 200})
    # The day's run finds what has changed by itself.
    assert await daily(shop) is not None
    await shop.system.drain()
    assert [e["status"] for e in (await shop.account("D"))["items"]] == ["released"] * 6
    assert (await shop.account("D"))["available"] == "1.25"
    assert await daily(shop) is None
    await planted(shop, owner)


async def told(shop: Shop) -> None:
    correction, *_, share = [e for e in (await shop.account("D"))["items"] if e["component"] == "pool"]
    path = f"/api/commission/entries/{share['commission_id']}/explanation"
    one = await shop.call("GET", path)
    assert (one["before"], one["after"], one["period"]) == ("0.00", "10.00", "2026-03")
    for part in ("at the end of the period 2026-03", "2 % of the sales of 1000.00", "500.00 of 1000.00"):
        assert part in one["text"], one["text"]
    zh = await shop.call("GET", path, **{"Accept-Language": "zh"})
    assert "销售额 1000.00 的 2% 构成分红池 20.00" in zh["text"]
    path = f"/api/commission/entries/{correction['commission_id']}/explanation"
    one = await shop.call("GET", path)
    assert (one["before"], one["after"], one["commission_amount"]) == ("10.00", "4.00", "-6.00")
    assert "changed this commission from 10.00 to 4.00 CNY; that is -6.00" in one["text"]
    zh = await shop.call("GET", path, **{"Accept-Language": "zh"})
    assert "周期" in zh["text"]
    assert "Rule" not in zh["text"]


async def planted(shop: Shop, owner: asyncpg.Connection) -> None:
    """What a step rests on and what it booked are both proven."""
    checks = [check for offer in shop.system.offers if offer.name == "commission" for check in offer.checks]

    async def found() -> list[str]:
        return [finding.subject for check in checks async for finding in check.findings()]

    assert await found() == []
    await owner.execute("update commission.period_member set personal_minor = personal_minor + 100 where step = 0 and distributor_id = $1", shop.chain["B"])  # fmt: skip
    subjects = await found()
    assert f"period_close 1 (2026-03 CNY), step 0, distributor {shop.chain['B']}.personal_minor" in subjects
    assert len(subjects) > 1, "what follows from it is not what was booked"
    await owner.execute("update commission.period_member set personal_minor = personal_minor - 100 where step = 0 and distributor_id = $1", shop.chain["B"])  # fmt: skip
    await owner.execute("update commission.period_step set sales_minor = sales_minor + 1 where step = 1")
    assert await found() == ["period_close 1 (2026-03 CNY), step 1.sales_minor"]
    await owner.execute("update commission.period_step set sales_minor = sales_minor - 1 where step = 1")


BINARY = {"type": "binary", "name": "legs", "rate": "0.10", "carry": "both"}


async def seated(shop: Shop) -> None:
    """A above B and C, and D below B."""
    for name, parent, position in (("A", None, None), ("B", "A", 1), ("C", "A", 2), ("D", "B", 1)):
        where = {"parent_id": shop.chain[parent] if parent else None, "position": position}
        body = {key: value for key, value in where.items() if value is not None or key == "parent_id"}
        await shop.call("PUT", f"/api/distributors/{shop.chain[name]}/placement", body)


async def test_a_matrix_and_steps_of_groups_from_the_plan_to_the_settlement(shop: Shop) -> None:
    await seated(shop)
    steps = [{"volume": "200", "rate": "0.05"}, {"volume": "800", "rate": "0.10"}]
    await shop.publish(
        {"type": "matrix", "name": "matrix", "width": 2, "levels": ["0.10", "0.05"]},
        {"type": "stairstep", "name": "stairs", "steps": steps},
        {"type": "periodmatch", "name": "match", "of": "stairs", "levels": ["0.10", "0.05"]},
    )
    sold = {
        name: await shop.sell(*DONE, quantity=units, seller=name)
        for name, units in (("B", 4), ("C", 10), ("D", 2))
    }
    await turn(shop, 2)
    await close(shop, "2026-03")
    # Matrix: 700.00 and 100.00 below A, 100.00 below B. Groups: C 600.00 at 5 %, B 800.00 at 10 % less those 5 %.
    # Match: of the 50.00 of B's group and the 30.00 of C's to A, of C's to B.
    first = {"A": ["70.00", "5.00", "5.00", "1.50"], "B": ["10.00", "50.00", "3.00"], "C": ["30.00"], "D": []}
    assert await shop.amounts() == first
    match_of_b, steps_of_b, matrix_of_b = (await shop.account("B"))["items"]
    for entry, words in (
        (
            match_of_b,
            ("earned 30.00 by the component that is matched × 10 % = 3.00", "所得 30.00 × 10% = 3.00"),
        ),
        (matrix_of_b, ("Level 1 of your matrix sold 100.00 × 10 % = 10.00", "矩阵的第 1 层销售 100.00")),
        (
            steps_of_b,
            ("Your group sold 800.00, which is the step of 10 %", "您的小组销售 800.00，对应 10% 档"),
        ),
    ):
        path = f"/api/commission/entries/{entry['commission_id']}/explanation"
        for language, text in zip(("en", "zh-CN"), words, strict=True):
            assert text in (await shop.call("GET", path, **{"Accept-Language": language}))["text"]
    assert (await shop.settle("B"))["released"][0]["amount"] == "63.00"

    # Without 400.00 of C's, B's group is on the step below, and what rests on it follows.
    await shop.refund(sold["C"], {"amount": 400})
    await close(shop, "2026-03")
    assert await shop.amounts() == {
        "A": ["70.00", "5.00", "5.00", "1.50", "-40.00", "-4.00", "-1.00"],
        "B": ["10.00", "50.00", "3.00", "-40.00", "-2.00"],
        "C": ["30.00", "-20.00"],
        "D": [],
    }
    assert (await shop.account("B"))["available"] == "21.00"


async def test_two_legs_whose_carries_follow_a_refund_of_the_month_before(shop: Shop) -> None:
    await seated(shop)
    await shop.publish(BINARY)
    sold = {
        name: await shop.sell(*DONE, quantity=units, seller=name)
        for name, units in (("B", 4), ("C", 10), ("D", 2))
    }
    await turn(shop, 2)
    await close(shop, "2026-03")
    # 300.00 on the left, 500.00 on the right: 200.00 count on.
    assert await shop.amounts() == {"A": ["30.00"], "B": [], "C": [], "D": []}
    await shop.sell(*DONE, quantity=2, seller="B")
    await turn(shop, 3, month=5)
    assert await daily(shop) is not None
    await shop.system.drain()
    assert await shop.amounts() == {"A": ["30.00", "10.00"], "B": [], "C": [], "D": []}
    # Without 400.00 on the right 100.00 match in March; April then has nothing on the right.
    await shop.refund(sold["C"], {"amount": 400})
    await close(shop, "2026-03")
    assert await shop.amounts() == {"A": ["30.00", "10.00", "-20.00", "-10.00"], "B": [], "C": [], "D": []}
    items = (await shop.account("A"))["items"]
    assert [entry["period"] for entry in items] == ["2026-04", "2026-03", "2026-04", "2026-03"]
    text = (await shop.call("GET", f"/api/commission/entries/{items[2]['commission_id']}/explanation"))[
        "text"
    ]
    assert "Your legs had 100.00 and 200.00: 100.00 matched" in text


async def test_workers_at_once_and_kills_before_every_commit_book_a_period_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PAGE", 2)
    monkeypatch.setattr(closing, "ENTRIES", 2)
    await shop.publish(POOL, EQUAL)
    order = {
        name: await shop.sell(*DONE, quantity=units, seller=name) for name, units in (("B", 4), ("D", 16))
    }["D"]
    await turn(shop, 1)
    (offer,) = [offer for offer in shop.system.offers if offer.name == "commission"]
    db = shop.system.databases["commission"]
    for _ in range(2):
        await shop.call("POST", "/api/commission/periods", {"period": "2026-03"}, want=202)
    once = {"Idempotency-Key": "close"}
    first, again = [
        await shop.call("POST", "/api/commission/periods", {"period": "2026-03"}, want=202, **once)
        for _ in range(2)
    ]
    assert first == again
    while await db.fetchval(
        "select count(*) from run where kind = 'periods' and state in ('queued', 'running')"
    ):
        await asyncio.gather(*(runs.work(db, offer.runs) for _ in range(4)))
        shop.system.clock.advance(runs.LEASE + timedelta(seconds=1))
    assert (
        await db.fetchval("select array_agg(state || ' ' || done) from run where kind = 'periods'")
        == ["done 2"] * 3
    )
    booked = {"A": ["2.50"], "B": ["4.00", "2.50"], "C": ["2.50"], "D": ["16.00", "2.50"]}
    assert await shop.amounts() == booked

    await shop.refund(order, {"amount": 400})
    await shop.call("POST", "/api/commission/periods", {"period": "2026-03"}, want=202)
    kills = await killed(shop, offer, monkeypatch)
    assert kills > 8, "one before the commit of every chunk"
    assert await shop.amounts() == {
        "A": ["2.50", "-1.00"], "B": ["4.00", "2.50", "-1.00"], "C": ["2.50", "-1.00"], "D": ["16.00", "2.50", "-8.00", "-1.00"],
    }  # fmt: skip


async def killed(shop: Shop, offer: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """Do the open run, killed before the commit of every chunk once; how many kills there were."""
    advance, finish, kills, dead = runs.advance, runs.finish, 0, set()

    def dying(real: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def once(tx: Any, run: Any, **values: Any) -> None:
            nonlocal kills
            place = str(run.cursor)
            if place not in dead:
                dead.add(place)
                kills += 1
                raise asyncio.CancelledError
            await real(tx, run, **values)

        return once

    monkeypatch.setattr(runs, "advance", dying(advance))
    monkeypatch.setattr(runs, "finish", dying(finish))
    db = shop.system.databases["commission"]
    while await db.fetchval("select count(*) from run where state in ('queued', 'running')"):
        try:
            await runs.work(db, offer.runs)
        except asyncio.CancelledError:
            shop.system.clock.advance(runs.LEASE + timedelta(seconds=1))
    shop.admin = await shop.login("admin", ADMIN_PASSWORD)
    return kills


async def test_caps_of_a_period_take_back_what_orders_paid_beyond_them(shop: Shop) -> None:
    capped = {"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"], "cap_per_period": "60.00"}
    await shop.publish(capped, EQUAL, max_payout_rate_per_period="0.10", hold_days=7)
    first = await shop.sell(*DONE)
    await shop.sell(*DONE)
    assert await shop.amounts() == {"A": [], "B": ["25.00", "25.00"], "C": ["50.00", "50.00"], "D": []}
    await turn(shop, 1)
    await close(shop, "2026-03")
    # C is cut to 60.00. With 10.00 of the pool 120.00 stand against 100.00: everything is cut by a sixth.
    account = {name: await shop.account(name) for name in shop.chain}
    assert {name: sums(one) for name, one in account.items()} == {
        "A": 209,
        "B": 4167 + 208,
        "C": 5000 + 208,
        "D": 208,
    }
    taken = account["C"]["items"][1]
    assert (taken["kind"], taken["status"], taken["period"], taken["corrects"]) == (
        "clawback",
        "released",
        "2026-03",
        None,
    )
    assert (taken["commission_amount"], account["C"]["debt"]) == ("-50.00", "50.42")
    path = f"/api/commission/entries/{taken['commission_id']}/explanation"
    one = await shop.call("GET", path)
    assert (one["before"], one["after"]) == ("0.00", taken["commission_amount"])
    zh = await shop.call("GET", path, **{"Accept-Language": "zh"})
    assert "每人每周期最多 60.00 CNY。您在第 1 级已获得 100.00；为不超过上限，记账 -40.00。" in zh["text"]
    assert "周期销售额 1000.00 CNY 中最多按 0.10 的比例发放" in zh["text"]

    # Less was sold: less is taken back from some, more from others, and again it comes to a tenth.
    await shop.refund(first, {"amount": 500})
    await close(shop, "2026-03")
    assert {name: sums(await shop.account(name)) for name in shop.chain} == {
        "A": 78,
        "B": 1563 + 78,
        "C": 3125 + 78,
        "D": 78,
    }
    await turn(shop, 9)
    await shop.call("POST", "/api/settlements", {}, want=202)
    await shop.system.drain()
    assert (await shop.account("C"))["available"] == "32.03"


def sums(account: dict[str, Any]) -> int:
    return sum(int(entry["commission_amount"].replace(".", "")) for entry in account["items"])
