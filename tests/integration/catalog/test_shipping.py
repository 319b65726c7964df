"""Shipments out of batches, and shipments that were taken back."""

import pytest

from fenxiao.catalog.api import Allocation, HoldGone, OutOfStock, Shipped
from fenxiao.catalog.domain.refusals import Contradiction, StockFailed


async def test_the_batch_that_expires_first_goes_first(shop) -> None:
    milk = await shop.sells(
        "milk",
        (9, "undated", None),
        (4, "late", "2026-09-01"),
        (3, "soon", "2026-04-01"),
        (5, "past", "2026-03-01"),
    )
    hold_id = await shop.ordered(1, ("milk", 8))
    answer = await shop.ship(1, hold_id, ("milk", 8))
    assert answer == Shipped(
        order_id=1,
        allocations=tuple(
            Allocation(product_id=milk, batch_id=batch_id, quantity=units)
            for batch_id, units in (("soon", 3), ("late", 4), ("undated", 1))
        ),
    )
    assert await shop.inventory("milk") == (8, 0, {"past": 5, "soon": 0, "late": 0, "undated": 8})
    assert await shop.state(hold_id) == "shipping"
    before = await shop.everything()
    assert await shop.ship(1, hold_id, ("milk", 8)) == answer
    assert await shop.everything() == before
    await shop.hear(shop.changed(1, "shipped"))
    assert await shop.state(hold_id) == "shipped"
    assert await shop.ship(1, hold_id, ("milk", 8)) == answer


async def test_an_order_that_nobody_has_told_of_yet_can_be_shipped(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    held = await shop.hold(("milk", 2))
    assert isinstance(await shop.ship(5, held.hold_id, ("milk", 2)), Shipped)
    await shop.hear(shop.changed(5, "shipped"), shop.created(5, held.hold_id))
    assert await shop.state(held.hold_id) == "shipped"
    assert await shop.inventory("milk") == (7, 0, {"M": 7})


async def test_what_cannot_be_shipped_is_refused_alone(shop) -> None:
    milk = await shop.sells("milk", (9, "M", "2026-03-15"), (9, "N", "2026-03-16"))
    whole, more, other, gone = (
        await shop.ordered(1, ("milk", 12)),
        await shop.ordered(2, ("milk", 1)),
        await shop.ordered(3, ("milk", 1)),
        (await shop.hold(("milk", 1))).hold_id,
    )
    await shop.api.release_holds(holds=[gone])
    await shop.turn(shop.now.replace(day=16))
    answers = await shop.api.ship(
        shipments=[
            shop.shipment(1, whole, ("milk", 12)),
            shop.shipment(2, more, ("milk", 2)),
            shop.shipment(9, other, ("milk", 1)),
            shop.shipment(4, gone, ("milk", 1)),
            shop.shipment(5, 99, ("milk", 1)),
            shop.shipment(2, more, ("milk", 1)),
        ]
    )
    assert [type(answer) for answer in answers] == [
        OutOfStock,
        HoldGone,
        HoldGone,
        HoldGone,
        HoldGone,
        Shipped,
    ]
    assert answers[0].params == {"product_id": milk, "available": 9, "wanted": 12}
    assert await shop.inventory("milk") == (0, 13, {"M": 9, "N": 8})


async def test_a_shipment_that_was_taken_back_leaves_no_trace_but_its_movements(shop) -> None:
    await shop.sells("milk", (3, "soon", "2026-04-01"), (9, "late", "2026-09-01"))
    hold_id = await shop.ordered(1, ("milk", 5))
    first = await shop.ship(1, hold_id, ("milk", 5))
    await shop.api.unship(orders=[1])
    await shop.api.unship(orders=[1, 99])
    assert await shop.state(hold_id) == "confirmed"
    assert await shop.inventory("milk") == (7, 5, {"soon": 3, "late": 9})
    assert [m for m in await shop.movements("milk") if m[2] != "counted"] == [
        ("soon", -3, "shipped"),
        ("late", -2, "shipped"),
        ("soon", 3, "unshipped"),
        ("late", 2, "unshipped"),
    ]
    assert await shop.ship(1, hold_id, ("milk", 5)) == first
    await shop.hear(shop.changed(1, "shipped"))
    before = await shop.everything()
    await shop.api.unship(orders=[1])
    assert await shop.everything() == before


async def test_refunds_that_came_during_a_shipment_count_when_it_was_taken_back(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    hold_id = await shop.ordered(1, ("milk", 5))
    await shop.ship(1, hold_id, ("milk", 5))
    await shop.hear(shop.refunded(1, ("milk", 2), restock=True, shipped=False))
    assert await shop.inventory("milk") == (4, 0, {"M": 4})
    assert ("catalog.order_facts", "order_fact returned 1 of order 1") in await shop.findings(in_flight=True)
    await shop.api.unship(orders=[1])
    assert await shop.inventory("milk") == (6, 3, {"M": 9})
    assert isinstance(await shop.ship(1, hold_id, ("milk", 3)), Shipped)
    assert await shop.inventory("milk") == (6, 0, {"M": 6})


async def test_an_order_refunded_during_a_shipment_reserves_nothing_when_it_was_taken_back(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    hold_id = await shop.ordered(1, ("milk", 5))
    await shop.ship(1, hold_id, ("milk", 5))
    await shop.hear(shop.changed(1, "refunded"))
    await shop.api.unship(orders=[1])
    assert await shop.inventory("milk") == (9, 0, {"M": 9})
    assert isinstance(await shop.ship(1, hold_id, ("milk", 5)), HoldGone)


async def test_the_shipment_of_an_unshipped_order_is_an_alarm(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    await shop.ordered(1, ("milk", 5))
    before = await shop.everything()
    for order_id in (1, 2):
        with pytest.raises(Contradiction, match=f"order {order_id} was shipped"):
            await shop.hear(shop.changed(order_id, "shipped"))
    assert await shop.everything() == before


async def test_a_shipment_that_breaks_in_the_database_fails_alone(shop) -> None:
    await shop.sells("milk", (9, "M", None))
    holds = [await shop.hold(("milk", 1)) for _ in range(5)]
    # The third claims to be of the order that the second is of.
    orders = (1, 2, 2, 4, 5)
    answers = await shop.api.ship(
        shipments=[
            shop.shipment(order_id, held.hold_id, ("milk", 1))
            for order_id, held in zip(orders, holds, strict=True)
        ]
    )
    assert [type(answer) for answer in answers] == [Shipped, Shipped, StockFailed, Shipped, Shipped]
    assert await shop.inventory("milk") == (4, 1, {"M": 5})
