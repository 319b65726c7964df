"""Stock in awkward moments: kills between hold and commit, late commits, refunds while shipping, the sweep."""

import asyncio
from datetime import timedelta

import pytest

from fenxiao.kernel.errors import Unavailable
from fenxiao.orders.api import NewRefund, PriceMismatch, RefundUnits, WrongState

OVERDUE = timedelta(minutes=2)


async def hold_states(shop) -> list[str]:
    rows = await shop.owner.fetch("select state from catalog.hold order by hold_id")
    return [row["state"] for row in rows]


def interrupt(kind):
    async def now() -> None:
        raise kind

    return now


async def test_a_kill_after_the_hold_leaves_it_to_the_sweep(shop, warehouse, interrupted):
    warehouse.after["hold_stock"] = interrupt(interrupted)
    with pytest.raises(interrupted):
        await shop.place((shop.flour, 10))
    assert await shop.stock(shop.flour) == (100, 10)
    assert await shop.orders.sweep() == 0
    assert await shop.stock(shop.flour) == (100, 10)
    shop.system.clock.advance(OVERDUE)
    assert await shop.orders.sweep() == 1
    assert await shop.stock(shop.flour) == (100, 0)
    assert (await shop.rows())["orders"] == 0
    assert await shop.orders.sweep() == 0
    assert await shop.findings() == []


async def test_a_retry_after_a_kill_adopts_the_hold(shop, warehouse, interrupted):
    order = shop.new((shop.flour, 10))
    warehouse.after["hold_stock"] = interrupt(interrupted)
    with pytest.raises(interrupted):
        await shop.orders.place_orders(orders=[order])
    (placed,) = await shop.orders.place_orders(orders=[order])
    assert placed.total_minor == 50_000
    assert await shop.stock(shop.flour) == (100, 10)
    assert await hold_states(shop) == ["open"]
    await shop.system.drain()
    assert await hold_states(shop) == ["confirmed"]


async def test_the_sweep_confirms_what_was_committed(shop):
    await shop.place((shop.flour, 10))
    shop.system.clock.advance(OVERDUE)
    assert await hold_states(shop) == ["open"]
    assert await shop.orders.sweep() == 1
    assert await hold_states(shop) == ["confirmed"]
    assert await shop.stock(shop.flour) == (100, 10)
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 10)


async def test_a_late_commit_finds_the_fence_and_starts_over(shop, warehouse):
    async def swept() -> None:
        shop.system.clock.advance(OVERDUE)
        assert await shop.orders.sweep() == 1
        # Back again: only the fence, not the deadline, stands between the late commit and stock that is gone.
        shop.system.clock.advance(-OVERDUE)

    warehouse.after["hold_stock"] = swept
    placed = await shop.place((shop.flour, 10))
    assert await hold_states(shop) == ["released", "open"]
    assert await shop.stock(shop.flour) == (100, 10)
    await shop.system.drain()
    assert await hold_states(shop) == ["released", "confirmed"]
    assert (await shop.history(placed.order_id)).total_minor == 50_000
    assert await shop.findings() == []


async def test_nothing_is_committed_behind_the_deadline(shop, warehouse):
    async def late() -> None:
        shop.system.clock.advance(OVERDUE)

    warehouse.after["hold_stock"] = late
    placed = await shop.place((shop.flour, 10))
    assert placed.created_at == shop.system.clock.now
    assert await shop.stock(shop.flour) == (100, 10)
    await shop.system.drain()
    assert await shop.findings() == []


async def test_a_refund_while_shipping_ships_what_is_left(shop, warehouse):
    placed = await shop.paid((shop.flour, 10), (shop.rice, 4))
    await shop.system.drain()
    flour, rice = placed.lines

    async def refunded() -> None:
        await shop.refund(placed.order_id, (flour.line_id, 3), (rice.line_id, 4), restock=True)

    warehouse.after["ship"] = refunded
    assert await shop.ship(placed.order_id) is None
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (93, 0)
    assert await shop.stock(shop.rice) == (100, 0)
    assert (await shop.rows())["shipping"] == 0
    assert await shop.findings() == []


async def test_a_full_refund_while_shipping_stops_the_shipment(shop, warehouse):
    placed = await shop.paid((shop.flour, 10))
    await shop.system.drain()

    async def refunded() -> None:
        await shop.refund(placed.order_id, amount=50_000)

    warehouse.after["ship"] = refunded
    answer = await shop.ship(placed.order_id)
    assert isinstance(answer, WrongState)
    assert answer.params["status"] == "refunded"
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 0)
    assert (await shop.rows())["shipping"] == 0
    assert await shop.findings() == []


async def test_a_kill_while_shipping_is_taken_back_by_the_sweep(shop, warehouse, interrupted):
    placed = await shop.paid((shop.flour, 10))
    await shop.system.drain()
    warehouse.after["ship"] = interrupt(interrupted)
    with pytest.raises(interrupted):
        await shop.ship(placed.order_id)
    assert await shop.stock(shop.flour) == (90, 0)
    shop.system.clock.advance(OVERDUE)
    assert await shop.orders.sweep() == 1
    assert await shop.stock(shop.flour) == (100, 10)
    assert (await shop.history(placed.order_id)).status == "paid"
    assert await shop.ship(placed.order_id) is None
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (90, 0)
    assert await shop.findings() == []


async def test_a_shipment_of_a_killed_try_is_adopted_when_it_still_fits(shop, warehouse, interrupted):
    placed = await shop.paid((shop.flour, 10))
    await shop.system.drain()
    warehouse.after["ship"] = interrupt(interrupted)
    with pytest.raises(interrupted):
        await shop.ship(placed.order_id)
    shop.system.clock.advance(OVERDUE)
    assert await shop.ship(placed.order_id) is None
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (90, 0)
    assert await shop.findings() == []


async def test_a_shipment_of_a_killed_try_that_fits_no_more_is_made_anew(shop, warehouse, interrupted):
    placed = await shop.paid((shop.flour, 10))
    await shop.system.drain()
    warehouse.after["ship"] = interrupt(interrupted)
    with pytest.raises(interrupted):
        await shop.ship(placed.order_id)
    await shop.refund(placed.order_id, (placed.lines[0].line_id, 4), restock=True)
    shop.system.clock.advance(OVERDUE)
    assert await shop.ship(placed.order_id) is None
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (94, 0)
    assert await shop.findings() == []


async def test_the_sweep_leaves_a_shipment_alone_that_was_committed(shop):
    placed = await shop.paid((shop.flour, 10))
    assert await shop.ship(placed.order_id) is None
    shop.system.clock.advance(OVERDUE)
    await shop.orders.sweep()
    assert await shop.stock(shop.flour) == (90, 0)
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (90, 0)
    assert await shop.findings() == []


async def test_a_late_shipper_whose_claim_was_taken_over_commits_nothing(shop, warehouse):
    placed = await shop.paid((shop.flour, 10))
    await shop.system.drain()

    async def taken_over() -> None:
        shop.system.clock.advance(OVERDUE)
        assert await shop.orders.sweep() == 1
        shop.system.clock.advance(-OVERDUE)

    warehouse.after["ship"] = taken_over
    assert await shop.ship(placed.order_id) is None
    await shop.system.drain()
    history = await shop.history(placed.order_id)
    assert (history.status, history.version) == ("shipped", 3)
    assert await shop.stock(shop.flour) == (90, 0)
    assert await shop.findings() == []


async def test_shipping_refunding_and_sweeping_at_once(shop):
    placed = [await shop.paid((shop.flour, 5)) for _ in range(6)]
    await shop.system.drain()

    def refund(order):
        return NewRefund(
            order_id=order.order_id,
            lines=(RefundUnits(line_id=order.lines[0].line_id, quantity=2),),
            restock=True,
        )

    async def refunds() -> None:
        for order in placed:
            await shop.orders.refund_orders(refunds=[refund(order)])

    async def sweeps() -> None:
        for _ in range(4):
            await shop.orders.sweep()

    answers = await asyncio.gather(*(shop.ship(order.order_id) for order in placed), refunds(), sweeps())
    assert answers[: len(placed)] == [None] * len(placed)
    await shop.system.drain()
    # Each order refunded two of five units, before it left (three leave) or after (two come back).
    assert await shop.stock(shop.flour) == (100 - 3 * len(placed), 0)
    assert await shop.findings() == []


async def test_a_refusal_behind_the_hold_gives_it_back_even_when_that_has_to_wait(shop, warehouse):
    async def away() -> None:
        raise Unavailable

    warehouse.before["release_holds"] = away
    with pytest.raises(PriceMismatch):
        await shop.place((shop.flour, 10), total_minor=1)
    assert await shop.stock(shop.flour) == (100, 10)
    shop.system.clock.advance(OVERDUE)
    assert await shop.orders.sweep() == 1
    assert await shop.stock(shop.flour) == (100, 0)


async def test_when_the_rules_do_not_answer_the_stock_goes_back(shop):
    class Failing:
        """Answers what is asked before the hold; the currency was guessed wrong, so behind it is asked again."""

        asked = 0

        async def active(self, *, asked):
            self.asked += 1
            if self.asked > 1:
                raise Unavailable
            return [None for _ in asked]

    shop.orders._placing._currency = "USD"
    shop.orders._placing._rules = failing = Failing()
    with pytest.raises(Unavailable):
        await shop.paid((shop.flour, 10))
    assert failing.asked == 2
    assert await shop.stock(shop.flour) == (100, 0)
    assert (await shop.rows())["orders"] == 0
