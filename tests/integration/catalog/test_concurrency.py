"""Many at once, over several connections."""

import asyncio
import random

import pytest

from fenxiao.catalog.api import HeldStock, OutOfStock, Shipped
from fenxiao.catalog.service.holding import Holding


@pytest.fixture
def undisguised(monkeypatch) -> None:
    """A deadlock is not tried again in silence: it becomes the answer."""
    monkeypatch.setattr(Holding, "_hold", Holding._hold.__wrapped__)


@pytest.mark.usefixtures("undisguised")
async def test_of_fifty_units_two_hundred_orders_get_exactly_fifty(shop) -> None:
    await shop.sells("milk", (30, "soon", "2026-04-01"), (20, "late", None))
    answers = await asyncio.gather(*(shop.hold(("milk", 1)) for _ in range(200)))
    held = [answer for answer in answers if isinstance(answer, HeldStock)]
    assert len(held) == 50
    assert {type(answer) for answer in answers} == {HeldStock, OutOfStock}
    assert len({one.hold_id for one in held}) == 50
    assert await shop.inventory("milk") == (0, 50, {"soon": 30, "late": 20})


@pytest.mark.usefixtures("undisguised")
async def test_baskets_in_any_order_of_lines_never_wait_for_each_other_forever(shop) -> None:
    chance = random.Random(7)
    names = [f"p{n}" for n in range(8)]
    for name in names:
        await shop.sells(name, (40, "B", None))
    baskets = [[(name, chance.randint(1, 3)) for name in chance.sample(names, 4)] for _ in range(200)]
    # In batches, as several processes send them, so that several transactions hold several rows at once.
    batches = [baskets[n : n + 5] for n in range(0, 200, 5)]
    answers = await asyncio.gather(
        *(shop.api.hold_stock(requests=[shop.request(*basket) for basket in batch]) for batch in batches)
    )
    flat = [answer for batch in answers for answer in batch]
    assert {type(answer) for answer in flat} == {HeldStock, OutOfStock}
    for name in names:
        stock, reserved, _ = await shop.inventory(name)
        accepted = [
            quantity
            for basket, answer in zip(baskets, flat, strict=True)
            if isinstance(answer, HeldStock)
            for product, quantity in basket
            if product == name
        ]
        assert (reserved, stock) == (sum(accepted), 40 - sum(accepted))


async def test_one_key_used_by_many_at_once_is_one_hold(shop) -> None:
    await shop.sells("milk", (50, "B", None))
    answers = await asyncio.gather(*(shop.hold(("milk", 2), key="k") for _ in range(20)))
    assert len({answer.hold_id for answer in answers}) == 1
    assert await shop.inventory("milk") == (48, 2, {"B": 50})


async def test_everything_at_once_ends_in_numbers_that_agree(shop) -> None:
    chance = random.Random(11)
    names = [f"p{n}" for n in range(5)]
    for name in names:
        await shop.sells(name, (60, "soon", "2026-04-01"), (60, "late", None))

    async def life(order_id: int) -> None:
        basket = [(name, chance.randint(1, 4)) for name in chance.sample(names, 3)]
        held = await shop.hold(*basket)
        if not isinstance(held, HeldStock):
            assert isinstance(held, OutOfStock)
            return
        end = chance.choice(["release", "cancel", "ship", "unship", "refund"])
        if end == "release":
            await shop.api.release_holds(holds=[held.hold_id])
            return
        created = shop.created(order_id, held.hold_id)
        if end == "cancel":
            await asyncio.gather(shop.hear(created), shop.hear(shop.changed(order_id, "cancelled")))
            return
        await shop.hear(created)
        if end == "refund":
            await shop.hear(
                shop.refunded(order_id, (basket[0][0], 1), restock=chance.random() < 0.5, shipped=False)
            )
            return
        assert isinstance(await shop.ship(order_id, held.hold_id, *basket), Shipped)
        if end == "unship":
            await shop.api.unship(orders=[order_id])
            return
        await shop.hear(shop.changed(order_id, "shipped"))
        await shop.hear(shop.refunded(order_id, (basket[1][0], 1), restock=True, shipped=True))

    await asyncio.gather(*(life(order_id) for order_id in range(1, 121)))
    assert await shop.findings() == []
    assert await shop.findings(in_flight=True) == []
