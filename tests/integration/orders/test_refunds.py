"""Refunds through the api: units and amounts, stock, states, repetition, races."""

import asyncio
from datetime import timedelta

from fenxiao.kernel.errors import Invalid, Refusal
from fenxiao.orders.api import NewRefund, OrderMissing, Refund, RefundTooLarge, RefundUnits, WrongState


async def test_units_take_their_share_and_the_rest_leaves_nothing(shop):
    placed = await shop.paid((shop.flour, 3), total_minor=100)
    (line,) = placed.lines
    taken = []
    for _ in range(3):
        refund = await shop.refund(placed.order_id, (line.line_id, 1))
        taken.append((refund.sequence, refund.amount_minor))
    assert taken == [(1, 33), (2, 34), (3, 33)]
    history = await shop.history(placed.order_id)
    assert (history.status, [refund.amount_minor for refund in history.refunds]) == ("refunded", [33, 34, 33])
    assert isinstance(await shop.refund(placed.order_id, (line.line_id, 1)), WrongState)
    await shop.system.drain()
    assert await shop.findings() == []


async def test_an_amount_is_spread_over_the_lines(shop):
    placed = await shop.paid((shop.flour, 6), (shop.rice, 3))
    flour, rice = placed.lines
    first = await shop.refund(placed.order_id, amount=10_000)
    # 300.00 and 9.99 are left: 9677.7… and 322.2…; the missing cent goes to the larger remainder.
    assert [(line.line_id, line.quantity, line.amount_minor) for line in first.lines] == [
        (flour.line_id, 0, 9_678),
        (rice.line_id, 0, 322),
    ]
    second = await shop.refund(placed.order_id, (rice.line_id, 2))
    # 6.77 is left of three units.
    assert second.amount_minor == 451
    third = await shop.refund(placed.order_id, amount=20_548)
    assert third.amount_minor == 20_548
    assert (await shop.history(placed.order_id)).status == "refunded"
    await shop.system.drain()
    assert await shop.findings() == []


async def test_stock_comes_back_where_the_refund_says_so(shop):
    unshipped = await shop.paid((shop.flour, 10))
    shipped = await shop.paid((shop.flour, 20))
    assert await shop.ship(shipped.order_id) is None
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (80, 10)
    await shop.refund(unshipped.order_id, (unshipped.lines[0].line_id, 4), restock=True)
    await shop.refund(shipped.order_id, (shipped.lines[0].line_id, 5), restock=True)
    await shop.refund(shipped.order_id, (shipped.lines[0].line_id, 6), restock=False)
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (85, 6)
    await shop.system.redeliver()
    assert await shop.stock(shop.flour) == (85, 6)
    assert await shop.ship(unshipped.order_id) is None
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (79, 0)
    assert await shop.findings() == []


async def test_an_order_refunded_in_full_before_it_left_frees_its_stock(shop):
    placed = await shop.paid((shop.flour, 10))
    await shop.refund(placed.order_id, amount=50_000)
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 0)
    assert isinstance(await shop.ship(placed.order_id), WrongState)


async def test_refunds_come_at_any_time_after_payment(shop):
    placed = await shop.paid((shop.flour, 4))
    then = shop.system.clock.now + timedelta(hours=1)
    for step in (None, shop.ship, shop.complete):
        if step is not None:
            assert await step(placed.order_id) is None
        refund = await shop.refund(placed.order_id, (placed.lines[0].line_id, 1), at=then)
        assert (refund.amount_minor, refund.at) == (5_000, then)
    history = await shop.history(placed.order_id)
    assert (history.status, history.version) == ("completed", 7)
    events = await shop.owner.fetch(
        "select data->>'shipped' as shipped, data->>'sequence' as sequence, data->>'version' as version, time"
        " from orders.outbox where type = 'order.refunded' order by seq"
    )
    assert [tuple(event) for event in events] == [
        ("false", "1", "3", then),
        ("true", "2", "5", then),
        ("true", "3", "7", then),
    ]
    await shop.refund(placed.order_id, (placed.lines[0].line_id, 1))
    assert (await shop.history(placed.order_id)).status == "refunded"
    await shop.system.drain()
    assert await shop.findings() == []


async def test_an_order_that_cost_nothing_is_refunded_when_all_units_are_back(shop):
    placed = await shop.paid((shop.flour, 2), total_minor=0)
    (line,) = placed.lines
    assert (await shop.refund(placed.order_id, (line.line_id, 1))).amount_minor == 0
    assert (await shop.history(placed.order_id)).status == "paid"
    await shop.refund(placed.order_id, (line.line_id, 1))
    assert (await shop.history(placed.order_id)).status == "refunded"
    await shop.system.drain()
    assert await shop.findings() == []


async def test_a_refusal_changes_nothing(shop):
    placed, other = await shop.paid((shop.flour, 3), (shop.rice, 1)), await shop.paid()
    flour, rice = placed.lines
    before = (await shop.rows(), await shop.history(placed.order_id))
    cases = [
        (await shop.refund(placed.order_id, (flour.line_id, 4)), RefundTooLarge, {"left": 3, "wanted": 4}),
        (
            await shop.refund(placed.order_id, (rice.line_id, 1), (flour.line_id, 4)),
            RefundTooLarge,
            {"left": 3},
        ),
        (
            await shop.refund(placed.order_id, amount=15_334),
            RefundTooLarge,
            {"left": "153.33", "wanted": "153.34"},
        ),
        (await shop.refund(placed.order_id, amount=0), Invalid, {}),
        (await shop.refund(placed.order_id, amount=-1), Invalid, {}),
        (await shop.refund(placed.order_id), Invalid, {}),
        (await shop.refund(placed.order_id, (flour.line_id, 1), amount=1), Invalid, {}),
        (await shop.refund(placed.order_id, (flour.line_id, 0)), Invalid, {}),
        (await shop.refund(placed.order_id, (flour.line_id, 1), (flour.line_id, 1)), Invalid, {}),
        (await shop.refund(placed.order_id, (other.lines[0].line_id, 1)), Invalid, {}),
        (await shop.refund(999_999, amount=1), OrderMissing, {}),
    ]
    for refused, kind, params in cases:
        assert type(refused) is kind, (refused, kind)
        assert params.items() <= refused.params.items()
    assert (await shop.rows(), await shop.history(placed.order_id)) == before


async def test_a_key_makes_a_refund_happen_once(shop):
    placed = await shop.paid((shop.flour, 4))
    (line,) = placed.lines
    new = NewRefund(
        order_id=placed.order_id, lines=(RefundUnits(line_id=line.line_id, quantity=1),), key="credit 1"
    )
    first, same, other, refused = await shop.orders.refund_orders(
        refunds=[
            new,
            new,
            NewRefund(order_id=placed.order_id, amount_minor=1_000, key="credit 2"),
            NewRefund(order_id=placed.order_id, amount_minor=99_999, key="credit 3"),
        ]
    )
    assert first == same
    assert (first.sequence, other.sequence) == (1, 2)
    assert isinstance(refused, RefundTooLarge)
    again, late = await shop.orders.refund_orders(
        refunds=[new, NewRefund(order_id=placed.order_id, amount_minor=5_000, key="credit 3")]
    )
    assert again == first
    # A refusal frees its key.
    assert isinstance(late, Refund)
    history = await shop.history(placed.order_id)
    assert [refund.amount_minor for refund in history.refunds] == [5_000, 1_000, 5_000]
    await shop.system.drain()
    assert await shop.findings() == []


async def test_many_at_once_never_give_back_more_than_there_is(shop):
    placed = await shop.paid((shop.flour, 10))
    (line,) = placed.lines

    async def one(number: int) -> Refund | Refusal:
        if number % 2:
            return await shop.refund(placed.order_id, amount=7_001)
        return await shop.refund(placed.order_id, (line.line_id, 2))

    answers = await asyncio.gather(*(one(number) for number in range(14)))
    done = [answer for answer in answers if isinstance(answer, Refund)]
    assert {type(answer) for answer in answers if answer not in done} <= {RefundTooLarge, WrongState}
    assert sorted(refund.sequence for refund in done) == list(range(1, len(done) + 1))
    history = await shop.history(placed.order_id)
    assert sum(refund.amount_minor for refund in history.refunds) <= 50_000
    assert list(history.refunds) == sorted(done, key=lambda refund: refund.sequence)
    await shop.system.drain()
    assert await shop.findings() == []


async def test_refunds_at_once_never_go_back_in_time(shop):
    placed = await shop.paid((shop.flour, 10))
    now = shop.system.clock.now
    times = [now + timedelta(minutes=minutes) for minutes in (9, 3, 7, 1, 8, 2)]
    await asyncio.gather(*(shop.refund(placed.order_id, amount=100, at=at) for at in times))
    history = await shop.history(placed.order_id)
    stored = [refund.at for refund in history.refunds]
    assert stored == sorted(stored)
    assert len(stored) == len(times)
    assert await shop.ship(placed.order_id) is None
    assert (await shop.history(placed.order_id)).shipped_at == now + timedelta(minutes=9)
