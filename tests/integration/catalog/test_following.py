"""The warehouse follows what events tell of orders, in whatever order and however often they come."""

import asyncio
from itertools import permutations

import pytest

from fenxiao.infra.db.inbox import Delivery


async def test_a_placed_order_confirms_its_hold(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    held = await shop.hold(("milk", 2))
    await shop.hear(shop.created(7, held.hold_id))
    assert await shop.state(held.hold_id) == "confirmed"
    assert await shop.inventory("milk") == (7, 2, {"M": 9})


async def test_a_cancelled_order_gives_its_units_back(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    hold_id = await shop.ordered(7, ("milk", 2))
    await shop.hear(shop.changed(7, "cancelled"))
    assert (await shop.state(hold_id), await shop.inventory("milk")) == ("cancelled", (9, 0, {"M": 9}))
    assert [m for m in await shop.movements("milk") if m[2] != "counted"] == []


async def test_a_paid_or_completed_order_changes_nothing(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    await shop.ordered(7, ("milk", 2))
    await shop.hear(shop.changed(7, "paid"), shop.changed(7, "completed"))
    assert await shop.inventory("milk") == (7, 2, {"M": 9})


@pytest.mark.parametrize(
    ("restock", "after"),
    [(True, (8, 1, {"M": 9})), (False, (6, 1, {"M": 7}))],
    ids=["restocked", "written off"],
)
async def test_units_refunded_before_shipping(shop, restock, after) -> None:
    await shop.sells("milk", (9, "M", None))
    await shop.ordered(7, ("milk", 3))
    await shop.hear(shop.refunded(7, ("milk", 2), restock=restock, shipped=False))
    assert await shop.inventory("milk") == after
    last = (await shop.movements("milk"))[1:]
    assert last == ([] if restock else [("M", -2, "written-off")])
    if not restock:
        found = await shop.get(f"/api/inventory/{shop.ids['milk']}/movements", limit=1)
        assert (found["items"][0]["actor"], found["items"][0]["order_id"]) == ("account:9", 7)


@pytest.mark.parametrize("restock", [True, False])
async def test_units_refunded_after_shipping(shop, restock) -> None:
    await shop.sells("milk", (2, "soon", "2026-04-01"), (9, "late", "2026-09-01"))
    await shop.shipped(7, ("milk", 4))
    await shop.hear(shop.refunded(7, ("milk", 3), restock=restock, shipped=True))
    expected = (10, 0, {"soon": 1, "late": 9}) if restock else (7, 0, {"soon": 0, "late": 7})
    assert await shop.inventory("milk") == expected
    if restock:
        assert (await shop.movements("milk"))[-2:] == [("late", 2, "returned"), ("soon", 1, "returned")]


async def test_a_refund_of_money_alone_changes_nothing(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    await shop.ordered(7, ("milk", 3))
    await shop.hear(shop.refunded(7, restock=True, shipped=False))
    assert await shop.inventory("milk") == (6, 3, {"M": 9})


async def test_what_is_left_of_an_order_refunded_in_full_can_be_sold_again(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    hold_id = await shop.ordered(7, ("milk", 3))
    await shop.hear(shop.refunded(7, restock=False, shipped=False), shop.changed(7, "refunded"))
    assert (await shop.state(hold_id), await shop.inventory("milk")) == ("refunded", (9, 0, {"M": 9}))


async def test_events_in_any_order_one_by_one_lead_to_the_same(shop) -> None:
    for order_id, order in enumerate(permutations(range(4)), 1):
        name = f"milk {order}"
        await shop.sells(name, (2, "soon", "2026-04-01"), (9, "late", "2026-09-01"))
        held = await shop.hold((name, 5))
        events = [
            shop.created(order_id, held.hold_id),
            shop.refunded(order_id, (name, 2), restock=True, shipped=False),
            shop.refunded(order_id, (name, 3), restock=False, shipped=False, sequence=2),
            shop.changed(order_id, "refunded"),
        ]
        for place in order:
            await shop.hear(events[place])
        assert await shop.inventory(name) == (8, 0, {"soon": 0, "late": 8}), order
    assert await shop.findings(in_flight=True) == []


async def test_events_in_one_batch_lead_to_the_same(shop) -> None:
    await shop.sells("milk", (2, "soon", "2026-04-01"), (9, "late", "2026-09-01"))
    held = await shop.hold(("milk", 5))
    await shop.hear(
        shop.changed(7, "refunded"),
        shop.refunded(7, ("milk", 3), restock=False, shipped=False, sequence=2),
        shop.refunded(7, ("milk", 2), restock=True, shipped=False),
        shop.created(7, held.hold_id),
    )
    assert await shop.inventory("milk") == (8, 0, {"soon": 0, "late": 8})


async def test_a_cancel_that_comes_first_waits_for_its_order(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    held = await shop.hold(("milk", 5))
    await shop.hear(shop.changed(7, "cancelled"))
    assert await shop.inventory("milk") == (4, 5, {"M": 9})
    assert ("catalog.order_facts", "order_fact cancelled 0 of order 7") in await shop.findings(in_flight=True)
    await shop.api.confirm_holds(holds=[(held.hold_id, 7)])
    assert (await shop.state(held.hold_id), await shop.inventory("milk")) == ("cancelled", (9, 0, {"M": 9}))


async def test_an_order_and_its_cancel_told_at_once_by_two_workers(shop) -> None:
    await shop.sells("milk", (90, "M", None))
    (consumer,) = shop.offer.consumers
    for order_id in range(1, 16):
        held = await shop.hold(("milk", 2))
        told = (shop.created(order_id, held.hold_id), shop.changed(order_id, "cancelled"))
        await asyncio.gather(
            *(consumer.handle(Delivery(consumer.name, (event,))) for event in told),
            *(consumer.handle(Delivery(consumer.name, (event,))) for event in reversed(told)),
        )
        assert await shop.state(held.hold_id) == "cancelled"
    assert await shop.inventory("milk") == (90, 0, {"M": 90})


async def test_a_contradiction_waits_and_the_checks_name_it(bare) -> None:
    await bare.sells("milk", (9, "M", None))
    await bare.shipped(7, ("milk", 5))
    await bare.hear(bare.refunded(7, ("milk", 6), restock=True, shipped=True), bare.changed(7, "cancelled"))
    assert await bare.inventory("milk") == (4, 0, {"M": 4})
    assert await bare.findings() == [
        ("catalog.order_facts", "order_fact cancelled 0 of order 7"),
        ("catalog.order_facts", "order_fact returned 1 of order 7"),
    ]
