"""The scene that commission's tests play on."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio
from tests.integration.commission.scene import (
    PlayedNetwork,
    PlayedOrders,
    PlayedPayments,
    PlayedRules,
    Scene,
)

from fenxiao.commission import wiring
from fenxiao.infra.db.connections import Access
from fenxiao.infra.db.database import open_database
from fenxiao.infra.http.ports import guard
from fenxiao.infra.settings import Settings
from fenxiao.infra.wiring import Tools


@pytest_asyncio.fixture
async def scene(dsn: str) -> AsyncIterator[Scene]:
    """Two workers on a fresh database; when a test ends, every check must still hold."""
    orders, rules, people = PlayedOrders(), PlayedRules(), PlayedNetwork()
    async with AsyncExitStack() as stack:
        databases = []
        for _ in range(2):
            access = Access(dsn=dsn, schema="commission", role="fenxiao_commission")
            databases.append(await open_database(access))
            stack.push_async_callback(databases[-1].close)
        scene = Scene(databases[0], [], orders, rules, people)
        for db in databases:
            db.clock = scene.clock
            tools = Tools(db=db, clock=scene.clock, cipher=None, settings=Settings())
            scene.offers.append(
                wiring.offer(
                    tools,
                    orders=guard(orders),
                    rules=guard(rules),
                    network=guard(people),
                    payments=guard(PlayedPayments()),
                )
            )
        yield scene
        if not scene.spoiled:
            assert await scene.findings() == []
