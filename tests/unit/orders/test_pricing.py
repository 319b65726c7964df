"""What lines cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.kernel.errors import Invalid
from fenxiao.orders.api import PriceMismatch, PriceMissing
from fenxiao.orders.domain.pricing import AskedLine, PricedLine, price_lines


def line(quantity: int, *, listed: int | None = None, sent: int | None = None, product: int = 1) -> AskedLine:
    return AskedLine(product, quantity, sent, listed)


def priced(*lines: AskedLine, total: int | None = None, trusted: bool = False) -> list[tuple[int, int, int]]:
    found = price_lines(lines, total_minor=total, may_set_price=trusted, currency="CNY")
    return [(one.unit_price_minor, one.discount_minor, one.amount_minor) for one in found]


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("total", [None, 50_000])
def test_by_the_price_list(trusted: bool, total: int | None) -> None:
    assert priced(line(10, listed=5000), total=total, trusted=trusted) == [(5000, 0, 50_000)]


def test_a_wrong_total_is_told_the_right_one() -> None:
    with pytest.raises(PriceMismatch) as refused:
        priced(line(10, listed=5000), total=49_999)
    assert refused.value.params == {"expected": "500.00", "given": "499.99"}
    assert [error.field for error in refused.value.errors] == ["total_price"]


def test_a_sent_price_must_be_the_lists() -> None:
    assert priced(line(2, listed=100, sent=100)) == [(100, 0, 200)]
    with pytest.raises(PriceMismatch):
        priced(line(2, listed=100, sent=99))


def test_two_wrong_prices_that_add_up_are_still_wrong() -> None:
    with pytest.raises(PriceMismatch):
        priced(line(1, listed=100, sent=90), line(1, listed=100, sent=110), total=200)


def test_a_product_without_a_price() -> None:
    for asked in (line(1, product=9), line(1, product=9, sent=5)):
        with pytest.raises(PriceMissing) as refused:
            priced(asked, total=5)
        assert refused.value.params == {"product_id": 9}
    assert priced(line(3, product=9), total=1000, trusted=True) == [(334, 2, 1000)]
    assert priced(line(3, product=9, sent=7), trusted=True) == [(7, 0, 21)]
    with pytest.raises(PriceMissing):
        priced(line(1, product=9), line(1, listed=5), total=20, trusted=True)


def test_a_trusted_channel_sets_the_price_of_a_single_line() -> None:
    assert priced(line(10, listed=6000), total=50_000, trusted=True) == [(5000, 0, 50_000)]
    assert priced(line(10, listed=6000), total=0, trusted=True) == [(0, 0, 0)]


def test_another_total_of_a_trusted_channel_is_a_discount_over_the_lines() -> None:
    # 250 off 300 and 200: shares of 250 by largest remainder are 150 and 100.
    assert priced(line(3, listed=100), line(1, listed=200), total=250, trusted=True) == [
        (100, 150, 150),
        (200, 100, 100),
    ]


def test_a_total_above_the_lines_raises_the_unit_price() -> None:
    assert priced(line(3, listed=100), line(1, listed=200), total=1000, trusted=True) == [
        (200, 0, 600),
        (400, 0, 400),
    ]


def test_nothing_can_be_spread_over_free_lines() -> None:
    assert priced(line(3, listed=0), line(1, listed=0), total=0, trusted=True) == [(0, 0, 0), (0, 0, 0)]
    with pytest.raises(PriceMismatch):
        priced(line(3, listed=0), line(1, listed=0), total=1, trusted=True)


@pytest.mark.parametrize("trusted", [False, True])
def test_amounts_beyond_all_bounds(trusted: bool) -> None:
    with pytest.raises(Invalid):
        priced(line(2**31 - 1, listed=10**15), trusted=trusted)
    with pytest.raises(Invalid):
        # The total is small, yet the lines before the discount are not.
        priced(line(2**31 - 1, sent=10**15), line(1, sent=1), total=1, trusted=True)


@given(
    st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 100_000)), min_size=1, max_size=8),
    st.integers(0, 10**9),
)
def test_lines_always_add_up_to_the_total(lines: list[tuple[int, int]], total: int) -> None:
    asked = [line(quantity, listed=price) for quantity, price in lines]
    if len(lines) > 1 and not any(price for _, price in lines) and total:
        return
    found: list[PricedLine] = price_lines(asked, total_minor=total, may_set_price=True, currency="CNY")
    assert sum(one.amount_minor for one in found) == total
    for one, (quantity, _) in zip(found, lines, strict=True):
        assert one.amount_minor == one.unit_price_minor * quantity - one.discount_minor
        assert min(one.amount_minor, one.unit_price_minor, one.discount_minor) >= 0
