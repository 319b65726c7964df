"""The storm: everything at once and at random, while process and PostgreSQL are killed; in the end the book is right.

    FENXIAO_STORM=100000 ./test tests/e2e/test_storm.py -n0 -s

is a storm of so many events, a quarter of an hour on two processors. `FENXIAO_KILL_SEED` repeats the moments of a run.
Clients and kills race, so the same seed is the same storm only nearly.
"""

import asyncio
import os
import random
import sys
import time

import asyncpg
import pytest
from tests.e2e.instance import ROOT, Instance
from tests.e2e.kills import drawn, victims
from tests.e2e.later import OFFSET
from tests.e2e.storm import CLIENTS, CONTEXTS, Storm

from fenxiao.infra.db import embedded

EVENTS = int(os.environ.get("FENXIAO_STORM", "800"))
"""How many events at least."""
BEGINS = -300.0
"""Days: the storm begins so long ago, and each process that is started after a kill lives later."""

ALL_MET = 5_000
"""So many events have met every kind of posting; fewer need not."""

LONGEST = 300
"""Days that a storm may go through."""


class Later(Instance):
    """An instance whose clock is off, and with it that of its commands."""

    days = BEGINS

    def environment(self) -> dict[str, str]:
        offset = {OFFSET: str(self.days * 86_400), "FENXIAO_JURISDICTION": "none"}
        return super().environment() | offset | {"PYTHONPATH": str(ROOT)}

    def program(self) -> list[str]:
        return [sys.executable, "-m", "tests.e2e.later"]


@pytest.fixture
def later(instance: Instance) -> Later:
    """The instance that every end-to-end test has, on another day; what was started on it is gone afterwards."""
    instance.__class__ = Later
    assert isinstance(instance, Later)
    return instance


@pytest.mark.timeout(400 + EVENTS // 10)
def test_a_storm_with_kills_ends_with_a_right_book(later: Later) -> None:
    began = time.monotonic()
    chance = drawn()
    later.start()
    with embedded.running(later.folder) as dsn:
        asyncio.run(raging(later, chance, dsn))
        checked = later.run("verify", timeout=60 + EVENTS // 20)
        print(f"{time.monotonic() - began:.0f} s with verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert " in flight" not in checked.stdout, checked.stdout


async def raging(later: Later, chance: random.Random, dsn: str) -> None:
    """The whole storm until all is still, and what must be so then."""
    began = time.monotonic()
    async with Storm(later.url, chance, EVENTS, dsn) as storm:
        storm.days = later.days
        await storm.prepare()
        print(f"prepared after {time.monotonic() - began:.0f} s")
        clients = asyncio.gather(*(storm.client() for _ in range(CLIENTS)))
        await killing(later, storm, chance, clients)
        await clients
        seconds = time.monotonic() - began
        print(f"{storm.events} events, {storm.kills} kills, {seconds:.0f} s: {dict(storm.done)}")
        print(f"refused: {dict(storm.refused)}")
        # Held commission matures, months end, and whoever was killed has lost its lease.
        await again(later, storm, days=40)
        await storm.close_all(LONGEST)
        await still(dsn)
        await storm.ask("POST", "/api/settlements", {}, key="the-last")
        await still(dsn)
        # A short storm may have been too early for money to come as far as the bank.
        for _ in range(6):
            await asyncio.gather(*(storm.withdraw() for _ in range(9)))
            await storm.decide_all()
            await still(dsn)
            await storm.bank_day(final=True)
            await still(dsn)
            if len(amounts(storm)) > 1:
                break
        print(f"still after {time.monotonic() - began:.0f} s")
        await right(storm, dsn)


def amounts(storm: Storm) -> set[str]:
    """What the bank has paid."""
    return {one for one in storm.bank.values() if one != "0.00"}


async def killing(
    later: Later, storm: Storm, chance: random.Random, clients: "asyncio.Future[list[None]]"
) -> None:
    """Kill the process, PostgreSQL or both at random moments while the clients are at it."""
    while not clients.done():
        await asyncio.wait([clients], timeout=chance.uniform(2, 6 + min(14, EVENTS // 5000)))
        if clients.done():
            return
        the_process, postgresql = victims(chance)
        if postgresql:
            later.kill_postgresql()
        if the_process:
            days = chance.choice((0.0, 0.1, 1.0, 2.0)) * -(later.days + 60) / 12
            await again(later, storm, days=days)
        storm.kills += 1


async def again(later: Later, storm: Storm, *, days: float) -> None:
    """The process is killed, and the next one lives so many days later."""
    later.kill_server()
    later.days += days
    storm.days = later.days
    await asyncio.to_thread(later.start)


async def still(dsn: str) -> None:
    """Wait until no event is on the way, none is set aside, no run is open, no hold and no payout waits for a step."""
    open_ = [f"select count(*) from {one}.outbox where published_at is null" for one in CONTEXTS]
    open_ += [f"select count(*) from {one}.inbox where state = 'parked'" for one in CONTEXTS]
    open_ += [f"select count(*) from {one}.run where state in ('queued', 'running')" for one in CONTEXTS]
    open_ += ["select count(*) from catalog.hold where state = 'held'"]
    left: list[tuple[int, str]] = []
    for _ in range(120 + EVENTS // 50):
        connection = await asyncpg.connect(dsn)
        try:
            counts = [(await connection.fetchval(one), one) for one in open_]
        finally:
            await connection.close()
        left = [one for one in counts if one[0]]
        if not left:
            return
        await asyncio.sleep(0.5)
    message = f"it never gets still: {left}"
    raise AssertionError(message)


OVERDRAWN = """
select count(*) from (
  select event, debit, sum(case when credit = 'available' then amount_minor when debit = 'available' then -amount_minor
    else 0 end) over (partition by distributor_id, currency order by posting_id) as available
  from commission.posting
) as running where event = 'withdrawal' and available < 0
"""
"""Withdrawals that took more than there was."""


async def right(storm: Storm, dsn: str) -> None:
    """What must be so when all is still, seen from outside and by the clients' own account."""
    trial = (await storm.ask("GET", "/api/ledger/trial-balance")).json()
    assert trial["balanced"]
    assert [one["currency"] for one in trial["totals"]] == ["CNY"]
    assert all(one["debit"] == one["credit"] != "0.00" for one in trial["totals"])
    connection = await asyncpg.connect(dsn)
    try:
        value = connection.fetchval
        assert await value("select count(*) from orders.orders") == len(storm.orders)
        known = sorted(one["order_id"] for one in storm.orders.values())
        assert await value("select array_agg(order_id order by order_id) from orders.orders") == known
        paid = "select order_id from orders.order_history where to_status = 'paid' and from_status is distinct from 'paid'"
        assert await value(f"select count(*) from ({paid} group by 1 having count(*) > 1) as twice") == 0
        assert await value(OVERDRAWN) == 0
        lacking = "select count(*) from commission.balance where least(pending_minor, withdrawing_minor, paid_minor) < 0"
        assert await value(lacking) == 0
        left = await value("select sum(amount_minor)::bigint from commission.posting where credit = 'cash'")
        assert left == sum(int(amount.replace(".", "")) for amount in storm.bank.values())
        assert amounts(storm), "somebody must have been paid"
        if EVENTS < ALL_MET:
            return
        for kind in ("clawback", "reward", "release", "return", "payout"):
            assert await value("select count(*) from commission.posting where event = $1", kind), kind
        assert await value("select count(*) from commission.commission where order_id is null"), (
            "no period was paid"
        )
    finally:
        await connection.close()
