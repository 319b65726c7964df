"""Holds on stock, as orders take them."""

from datetime import UTC, datetime, timedelta

import pytest

from fenxiao.catalog.api import HeldStock, HoldGone, OpenHold, OutOfStock, ProductMissing, ProductUnavailable
from fenxiao.kernel.errors import Invalid


async def test_a_hold_reserves_and_answers_what_counts_of_each_line(shop) -> None:
    top = (await shop.post("/api/categories", {"name": "top"})).json()["category_id"]
    low = (await shop.post("/api/categories", {"name": "low", "parent_id": top})).json()["category_id"]
    flour = await shop.sells(
        "flour", (10, "B", None), category_id=low, tags=["hot", "food"], price="3.50", cost="1.00"
    )
    tea = await shop.sells("tea", (10, "T", None), price=None)
    held = await shop.hold(("tea", 1), ("flour", 2), ("tea", 3))
    assert isinstance(held, HeldStock)
    assert [facts.product_id for facts in held.facts] == [tea, flour, tea]
    facts = held.facts[1]
    assert (facts.name, facts.currency, facts.price_minor, facts.cost_minor) == ("flour", "CNY", 350, 100)
    assert (facts.category_path, facts.tags, facts.version) == ((low, top), ("hot", "food"), 1)
    assert held.facts[0].price_minor is None
    assert await shop.inventory("tea") == (6, 4, {"T": 10})
    assert await shop.inventory("flour") == (8, 2, {"B": 10})


async def test_a_refusal_stands_in_its_place_and_changes_nothing(shop) -> None:
    flour = await shop.sells("flour", (5, "B", None))
    gone = await shop.sells("gone", (5, "G", None), status="unavailable")
    asked = [
        shop.request(("flour", 2), (99, 1)),
        shop.request(("flour", 2), ("gone", 1)),
        shop.request(("flour", 6)),
        shop.request(),
        shop.request(("flour", 0)),
    ]
    before = await shop.everything()
    answers = await shop.api.hold_stock(requests=asked)
    kinds = [ProductMissing, ProductUnavailable, OutOfStock, Invalid, Invalid]
    assert [type(answer) for answer in answers] == kinds
    assert [answer.params for answer in answers[:3]] == [
        {"product_id": 99},
        {"product_id": gone},
        {"product_id": flour, "available": 5, "wanted": 6},
    ]
    assert await shop.everything() == before


async def test_one_behind_a_bigger_refused_one_is_served(shop) -> None:
    await shop.sells("flour", (5, "B", None))
    answers = await shop.api.hold_stock(
        requests=[shop.request(("flour", n)) for n in (3, 4, 2, 1)],
    )
    assert [isinstance(answer, HeldStock) for answer in answers] == [True, False, True, False]
    assert await shop.inventory("flour") == (0, 5, {"B": 5})


async def test_a_retry_adopts_the_open_hold_and_its_deadline(shop) -> None:
    await shop.sells("flour", (5, "B", None))
    first = await shop.hold(("flour", 3), key="k")
    shop.system.clock.advance(timedelta(seconds=50))
    again = await shop.hold(("flour", 1), ("flour", 2), key="k")
    assert again.hold_id == first.hold_id
    assert len(again.facts) == 2
    assert await shop.inventory("flour") == (2, 3, {"B": 5})
    shop.system.clock.advance(timedelta(seconds=30))
    assert await shop.api.overdue_holds(before=shop.now, limit=9) == []


async def test_other_lines_under_a_key_are_another_attempt(shop) -> None:
    await shop.sells("flour", (5, "B", None))
    first = await shop.hold(("flour", 3), key="k")
    other = await shop.hold(("flour", 2), key="k")
    assert other.hold_id != first.hold_id
    assert await shop.inventory("flour") == (0, 5, {"B": 5})
    # The first is of an attempt that is no longer the last: the sweep gives it up.
    assert (await shop.hold(("flour", 3), key="k")).code == "out-of-stock"
    await shop.api.release_holds(holds=[first.hold_id])
    assert await shop.inventory("flour") == (3, 2, {"B": 5})


async def test_a_key_that_was_given_up_opens_the_next_attempt(shop) -> None:
    await shop.sells("flour", (5, "B", None))
    first = await shop.hold(("flour", 3), key="k")
    await shop.api.release_holds(holds=[first.hold_id])
    await shop.api.release_holds(holds=[first.hold_id])
    assert await shop.inventory("flour") == (5, 0, {"B": 5})
    second = await shop.hold(("flour", 3), key="k")
    assert second.hold_id != first.hold_id
    assert await shop.inventory("flour") == (2, 3, {"B": 5})


async def test_a_key_that_stands_twice_in_one_call_is_one_hold(shop) -> None:
    await shop.sells("flour", (5, "B", None))
    same, other = shop.request(("flour", 2), key="k"), shop.request(("flour", 1), key="k")
    first, second, third = await shop.api.hold_stock(requests=[same, same, other])
    assert first == second
    assert third.hold_id != first.hold_id
    assert await shop.inventory("flour") == (2, 3, {"B": 5})


async def test_what_cannot_be_stored_fails_alone(shop) -> None:
    await shop.sells("flour", (50, "B", None))
    asked = [shop.request(("flour", 1)) for _ in range(9)]
    asked[4] = shop.request(("flour", 1), key="half \ud800 a pair")
    answers = await shop.api.hold_stock(requests=asked)
    assert [isinstance(answer, HeldStock) for answer in answers] == [n != 4 for n in range(9)]
    assert await shop.inventory("flour") == (42, 8, {"B": 50})


async def test_a_confirmed_hold_is_never_released_and_a_released_one_never_confirmed(shop) -> None:
    await shop.sells("flour", (5, "B", None))
    hold_id = await shop.ordered(1, ("flour", 3))
    await shop.api.confirm_holds(holds=[(hold_id, 1)])
    await shop.api.release_holds(holds=[hold_id, 99])
    assert (await shop.state(hold_id), await shop.inventory("flour")) == ("confirmed", (2, 3, {"B": 5}))
    given_up = await shop.hold(("flour", 1))
    await shop.api.release_holds(holds=[given_up.hold_id])
    before = await shop.everything()
    with pytest.raises(HoldGone):
        await shop.api.confirm_holds(holds=[(given_up.hold_id, 2)])
    assert await shop.everything() == before


async def test_only_holds_past_their_deadline_are_for_the_sweep(shop) -> None:
    await shop.sells("flour", (9, "B", None))
    lost = await shop.hold(("flour", 1))
    shop.system.clock.advance(timedelta(seconds=30))
    younger = await shop.hold(("flour", 1))
    shipping = await shop.ordered(7, ("flour", 1))
    await shop.ordered(8, ("flour", 1))
    await shop.ship(7, shipping, ("flour", 1))
    assert await shop.api.overdue_holds(before=shop.now, limit=9) == []
    shop.system.clock.advance(timedelta(seconds=31))
    first = OpenHold(hold_id=lost.hold_id, order_id=None, state="open")
    assert await shop.api.overdue_holds(before=shop.now, limit=9) == [first]
    shop.system.clock.advance(timedelta(minutes=5))
    every = await shop.api.overdue_holds(before=shop.now, limit=9)
    assert every == [
        first,
        OpenHold(hold_id=younger.hold_id, order_id=None, state="open"),
        OpenHold(hold_id=shipping, order_id=7, state="shipping"),
    ]
    assert await shop.api.overdue_holds(before=shop.now, limit=1) == [first]


async def test_a_past_fact_is_judged_by_its_own_day(shop) -> None:
    await shop.sells("milk", (5, "M", "2009-12-01"))
    past = datetime(2009, 12, 1, 23, tzinfo=UTC)
    (held,) = await shop.api.hold_stock(requests=[shop.request(("milk", 5), at=past)])
    assert isinstance(held, HeldStock)
    (late,) = await shop.api.hold_stock(requests=[shop.request(("milk", 1), at=past + timedelta(hours=1))])
    assert late.code == "out-of-stock"


async def test_the_catalogue_never_ends_a_hold_by_its_own_clock(shop) -> None:
    await shop.sells("flour", (10, "B", None))
    held = await shop.hold(("flour", 4))
    await shop.turn(shop.now + timedelta(days=400))
    for job in shop.offer.jobs:
        await job.work()
    assert await shop.state(held.hold_id) == "open"
    assert await shop.inventory("flour") == (6, 4, {"B": 10})
    # The caller alone decides, however late: it was committed after all.
    await shop.api.confirm_holds(holds=[(held.hold_id, 1)])
    assert await shop.inventory("flour") == (6, 4, {"B": 10})
