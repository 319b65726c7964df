"""What is kept for a while goes when its time is over, a few rows at a time; what waits, and the book, stay."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from tests.conftest import Server, TestedSystem, place
from tests.integration.commission.test_cases import Login, Shop

from fenxiao.commission.service import simulation_retention
from fenxiao.entrypoints.compose import composed
from fenxiao.infra.db import forgetting
from fenxiao.orders.service import retention


@pytest_asyncio.fixture
async def system(server: Server, dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestedSystem]:
    """All contexts, with something to forget; two rows to a transaction."""
    for module in (forgetting, retention, simulation_retention):
        monkeypatch.setattr(module, "CHUNK", 2)
    kept = {"keep_simulations_days": 10, "keep_buyers_years": 3, "keep_events_days": 20, "keep_keys_days": 5}
    async with composed(place(server, dsn, **kept)) as whole:
        whole.__class__ = TestedSystem
        await whole.start()
        yield whole


async def run(system: TestedSystem, *names: str) -> list[int]:
    """How much each of these jobs deletes, and that it finds nothing the next time."""
    jobs = {
        job.name: job.work for job in [*system.housekeeping(), *(j for o in system.offers for j in o.jobs)]
    }
    found: list[Any] = [await jobs[name]() for name in names]
    assert [await jobs[name]() for name in names if not name.startswith("forget")] == [
        0 for name in names if not name.startswith("forget")
    ]
    return found


async def counts(owner: asyncpg.Connection) -> dict[str, int]:
    asked = {
        "keys": "select count(*) from orders.idempotency",
        "events": "select count(*) from orders.outbox where type <> 'audit.recorded'",
        "marks": "select count(*) from commission.inbox where consumer = 'commission.accrual'",
        "buyers": "select count(*) from orders.orders where num_nonnulls(buyer, buyer_index, payment_reference) > 0",
        "simulations": "select count(*) from commission.simulation",
        "simulated": "select count(*) from commission.simulation_distributor",
        "orders": "select count(*) from orders.orders",
        "entries": "select count(*) from commission.commission",
        "postings": "select count(*) from commission.posting",
    }
    return {name: await owner.fetchval(question) for name, question in asked.items()}


async def test_what_is_kept_for_a_while_goes_and_the_book_stays(
    system: TestedSystem,
    client: httpx.AsyncClient,
    login: Login,
    admin: dict[str, str],
    owner: asyncpg.Connection,
) -> None:
    shop = Shop(system, client, login, admin)
    await shop.open()
    rule = await shop.publish(hold_days=0)
    for number in range(5):
        body = {
            "distributor_id": shop.chain["D"],
            "product_id": shop.product_id,
            "quantity": 1,
            "buyer": "王小明",
        }
        order = await shop.call("POST", "/api/orders", body, want=201, **{"Idempotency-Key": f"k{number}"})
        for step in ("pay", "ship", "complete")[: 3 if number else 1]:
            await shop.call("POST", f"/api/orders/{order['order_id']}/{step}", {})
    await shop.later(hours=1)
    span = {"rule_id": rule, "from": "2026-01-01T00:00:00Z", "to": system.clock.now.isoformat()}
    await shop.call("POST", "/api/simulations", span, want=202)
    await system.drain()
    full = await counts(owner)
    assert (full["keys"], full["buyers"], full["simulations"], full["orders"]) == (5, 5, 1, 5)
    assert full["simulated"] > 2  # more than one transaction
    names = ("forget orders", "forget commission", "commission forget simulations", "orders forget buyers")
    await run(system, *names)
    assert await counts(owner) == full

    # By now nothing but what nobody has delivered is left of what passes; the database's own clock has had its days too.
    await shop.later(days=365)
    await shop.sell("pay", seller="C")
    waiting = await counts(owner)
    await owner.execute(
        "update orders.outbox set published_at = null where seq = (select min(seq) from orders.outbox)"
    )
    await run(system, *names)
    left = await counts(owner)
    assert (left["keys"], left["simulations"], left["simulated"]) == (0, 0, 0)
    assert left["events"] == 1 + waiting["events"] - full["events"]
    assert left["marks"] == waiting["marks"] - full["marks"]
    stay = ("buyers", "orders", "entries", "postings")
    assert [left[name] for name in stay] == [waiting[name] for name in stay]

    await shop.later(days=2 * 366)
    last = (await shop.call("GET", "/api/orders"))["items"][-1]["order_id"]
    await shop.call("POST", f"/api/orders/{last}/ship", {})
    assert await run(system, "orders forget buyers") == [0]
    await shop.later(days=2)
    assert await run(system, "orders forget buyers") == [4]
    # Of one of them something has happened since.
    assert (await counts(owner))["buyers"] == 1
    found = (await shop.call("GET", f"/api/orders/{last}"))["buyer"]
    assert found == "王小明"
    await system.drain()
    audit = (await shop.call("GET", "/api/audit-log?action=buyers.forgotten"))["items"]
    assert sum(one["after"]["orders"] for one in audit) == 4
    assert (await shop.call("GET", "/api/audit-log?action=simulation.forgotten"))["items"]
    checks = [check for offer in system.offers for check in offer.checks]
    assert [one for check in checks async for one in check.findings() if not one.in_flight] == []
