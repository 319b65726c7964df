"""Every pair of states: which transition happens, and what the others are told."""

from itertools import product
from typing import get_args

import pytest

from fenxiao.orders.domain.states import FOLLOWS, is_refunded, may_become, refusal
from fenxiao.orders.events import Status

ALLOWED = {
    ("pending", "paid"),
    ("pending", "cancelled"),
    ("paid", "shipped"),
    ("shipped", "completed"),
    ("paid", "refunded"),
    ("shipped", "refunded"),
    ("completed", "refunded"),
}


@pytest.mark.parametrize(("status", "wanted"), list(product(get_args(Status), repeat=2)))
def test_a_transition_is_allowed_or_names_both_states(status: Status, wanted: Status) -> None:
    refused = refusal(7, status, wanted)
    assert may_become(status, wanted) is ((status, wanted) in ALLOWED)
    if (status, wanted) in ALLOWED:
        assert refused is None
    else:
        assert refused.status == 409
        assert refused.message() == f"Order 7 is {status}; it cannot become {wanted}."


def test_every_state_is_known() -> None:
    assert set(FOLLOWS) == set(get_args(Status))


@pytest.mark.parametrize(
    ("total", "refunded", "units", "whole"),
    [(500, 499, 0, False), (500, 500, 3, True), (500, 500, 0, True), (0, 0, 1, False), (0, 0, 0, True)],
)
def test_refunds_that_reach_the_total(total: int, refunded: int, units: int, whole: bool) -> None:
    assert is_refunded(total_minor=total, refunded_minor=refunded, units_left=units) is whole
