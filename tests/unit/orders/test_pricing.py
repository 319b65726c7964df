"""What lines cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.kernel.errors import Invalid
from fenxiao.orders.api import PriceMismatch, PriceMissing
from fenxiao.orders.domain.pricing import AskedLine, PricedLine, Terms, price_lines


def line(quantity: int, *, listed: int | None = None, sent: int | None = None, product: int = 1) -> AskedLine:
    return AskedLine(product, quantity, sent, listed)


def priced(*lines: AskedLine, total: int | None = None, trusted: bool = False) -> list[tuple[int, int, int]]:
    found = price_lines(lines, terms=Terms(total_minor=total), may_set_price=trusted, currency="CNY")
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
    found: list[PricedLine] = price_lines(
        asked, terms=Terms(total_minor=total), may_set_price=True, currency="CNY"
    )
    assert sum(one.amount_minor for one in found) == total
    for one, (quantity, _) in zip(found, lines, strict=True):
        assert one.amount_minor == one.unit_price_minor * quantity - one.discount_minor
        assert min(one.amount_minor, one.unit_price_minor, one.discount_minor) >= 0


def terms(**amounts: int) -> Terms:
    return Terms(**{f"{name}_minor": amount for name, amount in amounts.items()})


def test_discounts_of_lines_and_of_the_order() -> None:
    asked = [AskedLine(1, 2, None, 5000, 1000), AskedLine(2, 3, None, 333)]
    found = price_lines(
        asked, terms=terms(discount=2000, shipping=800, tax=601), may_set_price=True, currency="CNY"
    )
    # 2000 over 9000 and 999: 1800.18 and 199.81, the missing one to the larger remainder.
    assert found == [PricedLine(5000, 2800, 7200, 1800), PricedLine(333, 200, 799, 200)]


def test_of_equal_shares_the_earlier_line_takes_the_odd_one() -> None:
    asked = [AskedLine(1, 1, None, 100), AskedLine(2, 1, None, 100)]
    found = price_lines(asked, terms=terms(discount=3), may_set_price=True, currency="CNY")
    assert [one.order_discount_minor for one in found] == [2, 1]


def test_a_total_includes_shipping_and_tax() -> None:
    asked = [AskedLine(1, 2, None, 5000), AskedLine(2, 3, None, 333)]
    agreed = terms(total=11_999, shipping=800, tax=200)
    assert [
        one.amount_minor for one in price_lines(asked, terms=agreed, may_set_price=True, currency="CNY")
    ] == [
        10_000,
        999,
    ]
    lower = terms(total=6_000, shipping=800, tax=200)
    found = price_lines(asked, terms=lower, may_set_price=True, currency="CNY")
    assert sum(one.amount_minor for one in found) == 5_000
    with pytest.raises(PriceMismatch):
        price_lines(asked, terms=terms(total=999, shipping=800, tax=200), may_set_price=True, currency="CNY")


def test_a_single_line_without_a_price_is_what_the_total_leaves() -> None:
    asked = [AskedLine(1, 2, None, None, 100)]
    found = price_lines(
        asked, terms=terms(total=1000, discount=50, shipping=150, tax=50), may_set_price=True, currency="CNY"
    )
    assert found == [PricedLine(475, 150, 800, 50)]


@pytest.mark.parametrize(
    ("discounts", "of_order", "fields"),
    [((101, 0), 0, ["lines.0.discount"]), ((0, 201), 0, ["lines.1.discount"]), ((50, 0), 251, ["discount"])],
)
def test_a_discount_is_never_more_than_there_is(
    discounts: tuple[int, int], of_order: int, fields: list[str]
) -> None:
    asked = [AskedLine(1, 1, None, 100, discounts[0]), AskedLine(2, 1, None, 200, discounts[1])]
    with pytest.raises(Invalid) as refused:
        price_lines(asked, terms=terms(discount=of_order), may_set_price=True, currency="CNY")
    assert [error.field for error in refused.value.errors] == fields


@given(
    st.lists(
        st.tuples(st.integers(1, 1000), st.integers(0, 100_000), st.integers(0, 5000)), min_size=1, max_size=8
    ),
    st.integers(0, 10**6),
    st.none() | st.integers(0, 10**9),
    st.integers(0, 5000),
)
def test_every_amount_adds_up_whatever_is_said(
    lines: list[tuple[int, int, int]], discount: int, total: int | None, shipping: int
) -> None:
    asked = [AskedLine(1, quantity, None, price, off) for quantity, price, off in lines]
    said = Terms(total_minor=total, discount_minor=discount, shipping_minor=shipping)
    try:
        found = price_lines(asked, terms=said, may_set_price=True, currency="CNY")
    except Invalid:
        return
    assert sum(one.order_discount_minor for one in found) == discount
    if total is not None:
        assert sum(one.amount_minor for one in found) + shipping == total
    for one, line in zip(found, asked, strict=True):
        assert one.amount_minor == one.unit_price_minor * line.quantity - one.discount_minor >= 0
        assert one.discount_minor >= line.discount_minor + one.order_discount_minor
        assert min(one.unit_price_minor, one.order_discount_minor) >= 0
