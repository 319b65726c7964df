"""Who gets stock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.catalog.api import OutOfStock, ProductMissing, ProductUnavailable, StockLine, StockRequest
from fenxiao.catalog.domain.batches import Batch, Shelf
from fenxiao.catalog.domain.reservation import Adopted, Attempt, Granted, decide, fault, gathered
from fenxiao.kernel.ids import ProductId

TODAY = date(2026, 3, 15)


def shelf(product_id: int, stock: int, reserved: int = 0) -> Shelf:
    batch = Batch(inventory_id=product_id, product_id=product_id, batch_id="B", stock=stock, expiry_date=None)
    return Shelf(product_id=product_id, reserved=reserved, batches=[batch])


def asked(*units: tuple[int, int], last: Attempt | None = None):
    return tuple(units), TODAY, last


def test_requests_are_served_in_their_order_and_a_refused_one_takes_nothing() -> None:
    shelves = {1: shelf(1, 10), 2: shelf(2, 1)}
    for_sale = {1: True, 2: True}
    first, big, both, last, none = decide(
        [asked((1, 6)), asked((1, 5)), asked((1, 4), (2, 2)), asked((1, 4)), asked((1, 1))], shelves, for_sale
    )
    assert first == Granted(1, ((1, 6),))
    assert isinstance(big, OutOfStock)
    assert big.params == {"product_id": 1, "available": 4, "wanted": 5}
    assert isinstance(both, OutOfStock)
    assert both.params["product_id"] == 2
    assert last == Granted(1, ((1, 4),))
    assert none.params == {"product_id": 1, "available": 0, "wanted": 1}
    assert shelves[1].reserved == 10
    assert shelves[2].reserved == 0


def test_what_cannot_be_sold_is_told_apart() -> None:
    outcomes = decide([asked((1, 1)), asked((2, 1))], {2: shelf(2, 5)}, {2: False})
    assert [type(outcome) for outcome in outcomes] == [ProductMissing, ProductUnavailable]


def test_reserved_units_that_have_expired_leave_nothing_to_sell() -> None:
    (outcome,) = decide([asked((1, 1))], {1: shelf(1, 2, reserved=5)}, {1: True})
    assert outcome.params["available"] == 0


def test_an_open_attempt_for_the_same_units_is_adopted() -> None:
    units = ((1, 3),)
    shelves = {1: shelf(1, 3, reserved=3)}
    opened, other, closed = (
        Attempt(9, 2, open=True, units=units),
        Attempt(9, 2, open=True, units=((1, 2),)),
        Attempt(9, 2, open=False, units=units),
    )
    assert decide([asked((1, 3), last=opened)], shelves, {1: True}) == [Adopted(9)]
    for last in (other, closed):
        shelves = {1: shelf(1, 3)}
        assert decide([asked((1, 3), last=last)], shelves, {1: True}) == [Granted(3, units)]


def test_lines_of_one_product_are_one_request_for_it() -> None:
    lines = [StockLine(product_id=ProductId(p), quantity=q) for p, q in ((2, 1), (1, 4), (2, 5))]
    assert gathered(lines) == ((1, 4), (2, 6))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lines": ()}, "lines"),
        ({"lines": ((1, 0),)}, "lines.0.quantity"),
        ({"lines": ((1, 1), (1, 2**31))}, "lines.1.quantity"),
        ({"lines": ((2**63, 1),)}, "lines.0.product_id"),
        ({"lines": ((0, 1),)}, "lines.0.product_id"),
        ({"key": ""}, "key"),
        ({"key": "a\0b"}, "key"),
        ({"caller": "x" * 1001}, "key"),
    ],
)
def test_what_the_database_could_not_digest_never_gets_there(change, field) -> None:
    values = {"caller": "1", "key": "k", "lines": ((1, 1),)} | change
    lines = tuple(StockLine(product_id=ProductId(p), quantity=q) for p, q in values.pop("lines"))
    deadline = datetime(2026, 3, 15, tzinfo=UTC) + timedelta(minutes=1)
    (error,) = fault(StockRequest(**values, lines=lines, deadline=deadline)).errors
    assert error.field == field


def test_a_sound_request_has_no_fault() -> None:
    line = StockLine(product_id=ProductId(2**63 - 1), quantity=2**31 - 1)
    assert fault(StockRequest(caller="1", key="k", lines=(line,), deadline=datetime.now(UTC))) is None


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), min_size=1, max_size=3), max_size=12),
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)),
)
def test_never_more_than_there_is_and_never_a_needless_refusal(requests, stock) -> None:
    shelves = {n: shelf(n, units) for n, units in enumerate(stock, 1)}
    units = [
        gathered([StockLine(product_id=ProductId(p), quantity=q) for p, q in lines]) for lines in requests
    ]
    outcomes = decide([(one, TODAY, None) for one in units], shelves, dict.fromkeys(shelves, True))
    left = dict(enumerate(stock, 1))
    for wanted, outcome in zip(units, outcomes, strict=True):
        fits = all(left[product] >= quantity for product, quantity in wanted)
        assert isinstance(outcome, Granted) is fits
        if fits:
            for product, quantity in wanted:
                left[product] -= quantity
    assert {n: shelves[n].sellable(TODAY) for n in shelves} == left
