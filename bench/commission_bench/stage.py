"""What the contenders stand on: one population, one composed system, orders of the past."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.orders_bench.population import PLAN, Population
from bench.rig.database import Ground
from fenxiao.entrypoints import ground
from fenxiao.entrypoints.compose import System, composed
from fenxiao.entrypoints.web import application
from fenxiao.infra import context, settings

YEAR = datetime(2024, 1, 1, tzinfo=UTC)
"""When the orders begin that are simulated; one every ten seconds."""
DEEP = datetime(2023, 1, 1, tzinfo=UTC)
"""When those begin whose sellers have eight people above them."""
PAYEES = (1, 2, 4, 8)


@dataclass(slots=True)
class Bench:
    """What every contender works with; `seconds` of load for the limit, `backlog` orders for the consumer."""

    ground: Ground
    system: System
    people: Population
    sellers: Sequence[int]
    deepest: Sequence[int]
    seconds: float
    backlog: int
    orders: int
    deep_orders: int
    headers: dict[str, str]
    turns: int = field(default_factory=lambda: int(time.time()))


def plan_of(payees: int) -> dict[str, Any]:
    """A plan that pays so many people above the seller, and the same in all."""
    share = {1: "0.16", 2: "0.08", 4: "0.04", 8: "0.02"}[payees]
    component = {"type": "unilevel", "name": "upline", "levels": [share] * payees}
    return {**PLAN, "name": f"{payees} payees", "components": [component]}


def end_of(start: datetime, orders: int) -> datetime:
    """When the last of so many orders has been paid."""
    return start + timedelta(seconds=10 * orders + 1)


@asynccontextmanager
async def system_of(here: Ground, folder: Path, password: str) -> AsyncIterator[System]:
    """The contexts on the data folder, with nothing in the background; more than two levels may be published."""
    chosen = settings.Settings(
        data_dir=folder, admin_password=password, jurisdiction="none", max_upline_levels=None
    )
    place, _ = await ground.prepare(ground.Ground(chosen, here.dsn, None))
    async with composed(place) as system:
        await system.start()
        with context.use(context.RequestContext(actor="bench")):
            yield system


async def signed_in(system: System, password: str) -> dict[str, str]:
    """Headers of the administrator; a token lasts a quarter of an hour, so each turn may ask for another."""
    form = {
        "grant_type": "password",
        "username": "admin",
        "password": password,
        "client_id": "fenxiao-console",
    }
    transport = httpx.ASGITransport(app=application(system))
    async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
        answer = await client.post("/oauth2/token", data=form)
    answer.raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def fill(here: Ground, orders: int, deep_orders: int) -> None:
    """Write the orders of the past that are not there yet; each kind once for a data folder."""
    connection = here.connection
    wanted = [
        (start, many, above) for start, many, above in ((YEAR, orders, 0), (DEEP, deep_orders, max(PAYEES)))
    ]
    missing = []
    for start, many, above in wanted:
        there = await connection.fetchval(
            "select count(*) from orders.orders where paid_at >= $1 and paid_at < $1 + interval '1 year'",
            start,
        )
        if there not in (0, many):
            raise RuntimeError(
                f"this data folder has {there:,} orders of {start:%Y}, not {many:,}: take another one"
            )
        if not there:
            missing.append((start, many, above))
    if not missing:
        return
    # No foreign keys and no triggers while it fills: what stands here is right by construction.
    await connection.execute("set session_replication_role = replica")
    await connection.execute(Path(__file__).with_name("past.sql").read_text(encoding="utf-8"))
    for start, many, above in missing:
        async with connection.transaction():
            await connection.execute("select pg_temp.past($1, $2, $3)", many, start, above)
    await connection.execute("set session_replication_role = origin")
    await here.tend()
