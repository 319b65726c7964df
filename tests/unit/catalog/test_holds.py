"""What the facts of an order do to its hold."""

from datetime import UTC, date, datetime
from itertools import permutations

import pytest

from fenxiao.catalog.domain.batches import Batch, Shelf
from fenxiao.catalog.domain.holds import Fact, Held, settle, ship, unship
from fenxiao.catalog.domain.movements import Changes

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
SOON, LATE = date(2026, 4, 1), date(2026, 5, 1)


class Scene:
    """Product 7: batch 1 with four units that expire soon, batch 2 with six that expire late; ten are held."""

    def __init__(self, others: int = 0) -> None:
        soon = Batch(inventory_id=1, product_id=7, batch_id="soon", stock=4, expiry_date=SOON)
        late = Batch(inventory_id=2, product_id=7, batch_id="late", stock=6 + others, expiry_date=LATE)
        self.shelf = Shelf(product_id=7, reserved=10 + others, batches=[soon, late])
        self.changes = Changes()
        self.held = Held(
            hold_id=3,
            order_id=5,
            state="confirmed",
            product_ids=[7],
            quantities=[10],
            reserved=[10],
            shipped=[0],
            inventory_ids=[],
            taken=[],
        )

    def ship(self, units: int = 10) -> None:
        ship(self.held, ((7, units),), NOW, {7: self.shelf}, self.changes)

    def settle(self, fact: Fact) -> bool:
        return settle(self.held, fact, {7: self.shelf}, self.changes)

    def stands(self) -> tuple[object, ...]:
        return (
            self.held.state,
            self.held.reserved[0],
            self.shelf.reserved,
            [b.stock for b in self.shelf.batches],
        )


def returned(units: int, *, restock: bool, shipped: bool, sequence: int = 1) -> Fact:
    return Fact(
        order_id=5,
        fact="returned",
        sequence=sequence,
        units=((7, units),),
        restock=restock,
        shipped=shipped,
        at=NOW,
        actor="account:1",
    )


def ended(how: str) -> Fact:
    return Fact(order_id=5, fact=how, at=NOW, actor="account:1")


def test_shipping_takes_the_soonest_first_and_can_be_taken_back() -> None:
    scene = Scene()
    scene.ship()
    assert scene.stands() == ("shipping", 0, 0, [0, 0])
    assert (scene.held.inventory_ids, scene.held.taken, scene.held.shipped) == ([1, 2], [4, 6], [10])
    unship(scene.held, {7: scene.shelf}, scene.changes, NOW)
    assert scene.stands() == ("confirmed", 10, 10, [4, 6])
    assert (scene.held.inventory_ids, scene.held.taken, scene.held.shipped) == ([], [], [0])
    assert scene.changes.per_product() == {7: (0, 0)}


@pytest.mark.parametrize("how", ["cancelled", "refunded"])
def test_an_order_that_ends_unshipped_reserves_nothing_more(how) -> None:
    scene = Scene(others=2)
    assert scene.settle(ended(how))
    assert scene.stands() == (how, 0, 2, [4, 8])
    assert scene.settle(ended(how))
    assert scene.stands() == (how, 0, 2, [4, 8])


def test_units_given_back_unshipped_can_be_sold_again() -> None:
    scene = Scene()
    assert scene.settle(returned(3, restock=True, shipped=False))
    assert scene.stands() == ("confirmed", 7, 7, [4, 6])
    assert scene.changes.movements == []


def test_units_given_back_unshipped_without_restock_are_written_off() -> None:
    scene = Scene()
    assert scene.settle(returned(5, restock=False, shipped=False))
    assert scene.stands() == ("confirmed", 5, 5, [0, 5])
    assert [(m.batch.batch_id, m.delta, m.cause.reason, m.cause.actor) for m in scene.changes.movements] == [
        ("soon", -4, "written-off", "account:1"),
        ("late", -1, "written-off", "account:1"),
    ]


def test_shipped_units_go_back_to_the_batch_that_was_opened_last() -> None:
    scene = Scene()
    scene.ship()
    assert scene.settle(returned(7, restock=True, shipped=True))
    assert [b.stock for b in scene.shelf.batches] == [1, 6]
    assert scene.held.taken == [3, 0]
    assert scene.settle(returned(3, restock=True, shipped=True, sequence=2))
    assert [b.stock for b in scene.shelf.batches] == [4, 6]
    assert not scene.settle(returned(1, restock=True, shipped=True, sequence=3))
    assert [b.stock for b in scene.shelf.batches] == [4, 6]


def test_shipped_units_that_are_not_restocked_stay_away() -> None:
    scene = Scene()
    scene.ship()
    assert scene.settle(returned(7, restock=False, shipped=True))
    assert [b.stock for b in scene.shelf.batches] == [0, 0]


def test_what_came_while_a_shipment_was_under_way_waits_for_its_outcome() -> None:
    for fact in (ended("refunded"), ended("cancelled"), returned(2, restock=True, shipped=False)):
        scene = Scene()
        scene.ship()
        before = scene.stands()
        assert not scene.settle(fact)
        assert scene.stands() == before
        unship(scene.held, {7: scene.shelf}, scene.changes, NOW)
        assert scene.settle(fact)


def test_units_that_were_left_behind_leave_the_reservation_after_the_rest_was_shipped() -> None:
    scene = Scene()
    scene.ship(8)
    assert scene.stands() == ("shipping", 2, 2, [0, 2])
    assert scene.settle(returned(2, restock=False, shipped=False))
    assert scene.stands() == ("shipping", 0, 0, [0, 0])


def test_a_contradiction_changes_nothing() -> None:
    scene = Scene()
    scene.ship()
    scene.held.state = "shipped"
    before = scene.stands()
    assert not scene.settle(ended("cancelled"))
    assert not scene.settle(returned(1, restock=True, shipped=False))
    assert scene.stands() == before


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_facts_does_not_matter(order) -> None:
    facts = [
        returned(3, restock=True, shipped=False),
        returned(2, restock=False, shipped=False, sequence=2),
        returned(5, restock=True, shipped=False, sequence=3),
        ended("refunded"),
    ]
    scene = Scene()
    for place in order:
        assert scene.settle(facts[place])
    assert scene.stands() == ("refunded", 0, 0, [2, 6])


def test_a_late_write_off_never_takes_what_others_have_reserved() -> None:
    scene = Scene()
    assert scene.settle(ended("refunded"))
    scene.shelf.reserved = 9
    before = scene.stands()
    assert not scene.settle(returned(2, restock=False, shipped=False))
    assert scene.stands() == before
    scene.shelf.reserved = 8
    assert scene.settle(returned(2, restock=False, shipped=False))
