"""Which sale a return goes back to."""

from datetime import UTC, datetime, timedelta

from fenxiao.commands.import_retail.matching import Shelf, SoldLine, wanted
from fenxiao.commands.import_retail.rows import Return

DAY = datetime(2010, 1, 1, tzinfo=UTC)
KEY = ("13085", "85048", 695)


def back(
    quantity: int, *, day: int = 9, customer: str | None = "13085", code: str = "85048", price: int = 695
) -> Return:
    return Return(0, "C1", 1, DAY + timedelta(days=day), customer, code, quantity, price)


def sold(
    line_id: int, left: int, *, day: int = 0, invoice: int = 500000, place: int = 1, order: int | None = None
) -> SoldLine:
    return SoldLine(DAY + timedelta(days=day), invoice, place, order or invoice, line_id, left)


def shelf(*lines: SoldLine) -> Shelf:
    one = Shelf({KEY})
    for line in lines:
        one.put(KEY, line)
    return one


def found(one: Shelf, wanted_back: Return) -> list[tuple[int, int]]:
    return [(match.line_id, match.quantity) for match in one.match(wanted_back, wanted_back.quantity)]


def test_the_latest_earlier_order_comes_first() -> None:
    one = shelf(sold(1, 5, day=1), sold(2, 5, day=3), sold(3, 5, day=10))
    assert found(one, back(7)) == [(2, 5), (1, 2)]
    assert found(one, back(9)) == [(1, 3)], "what is taken is gone; later sales do not count"


def test_a_sale_at_the_same_time_counts() -> None:
    assert found(shelf(sold(1, 5, day=9)), back(2)) == [(1, 2)]


def test_on_a_tie_the_higher_invoice_number_comes_first_as_a_number() -> None:
    assert found(shelf(sold(1, 5, invoice=99999), sold(2, 5, invoice=100000)), back(6)) == [(2, 5), (1, 1)]


def test_within_an_order_the_earlier_line_comes_first() -> None:
    assert found(shelf(sold(1, 2, place=1), sold(2, 2, place=5)), back(3)) == [(1, 2), (2, 1)]


def test_customer_code_and_price_must_agree() -> None:
    one = shelf(sold(1, 5))
    assert found(one, back(1, customer="13086")) == []
    assert found(one, back(1, code="85048A")) == []
    assert found(one, back(1, price=694)) == []
    assert found(one, back(1, customer=None)) == []
    assert found(one, back(1)) == [(1, 1)]


def test_only_lines_that_a_return_may_want_are_kept() -> None:
    assert wanted([back(1), back(2), back(1, customer=None)]) == {KEY}
    one = Shelf(set())
    one.put(KEY, sold(1, 5))
    assert found(one, back(1)) == []
