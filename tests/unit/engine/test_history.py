"""Steps of an order's history, and facts that contradict themselves."""

from datetime import timedelta

import pytest
from worlds import COMPLETED, LATER, PAID, C, line, order, plan, refund, unilevel

from fenxiao.engine.evaluate import accrued_at, evaluate, release_at, steps

SECOND = timedelta(seconds=1)
ONE = plan(unilevel(["0.10"]))
AT_PAYMENT = plan(unilevel(["0.10"]), accrue_on="paid", hold_days=7)


def told(made_plan, facts):
    return [
        (step.step, step.at, step.refunds_applied, step.target.get(("direct", 1, C), 0))
        for step in steps(made_plan, facts)
    ]


def test_nothing_before_accrual() -> None:
    assert steps(ONE, order(completed_at=None)) == ()
    assert steps(AT_PAYMENT, order(paid_at=None, completed_at=None)) == ()
    assert steps(AT_PAYMENT, order(completed_at=None))[0].at == PAID


def test_refunds_before_accrual_only_lower_the_base() -> None:
    taken = [refund((1, 0, 10000), at=PAID + SECOND), refund((1, 0, 10000), seq=2, at=LATER)]
    assert told(ONE, order(refunds=taken)) == [(0, COMPLETED, 1, 4000), (1, LATER, 2, 3000)]
    assert told(AT_PAYMENT, order(refunds=taken)) == [
        (0, PAID, 0, 5000),
        (1, PAID + SECOND, 1, 4000),
        (2, LATER, 2, 3000),
    ]


@pytest.mark.parametrize(("at", "count"), [(COMPLETED - SECOND, 1), (COMPLETED, 2), (COMPLETED + SECOND, 2)])
def test_a_refund_at_the_instant_of_completion_follows_it(at, count) -> None:
    assert len(steps(ONE, order(refunds=[refund((1, 0, 1), at=at)]))) == count


def test_a_refund_at_the_instant_of_payment_follows_it() -> None:
    assert told(AT_PAYMENT, order(refunds=[refund((1, 0, 10000), at=PAID)])) == [
        (0, PAID, 0, 5000),
        (1, PAID, 1, 4000),
    ]


def test_what_follows_a_later_refund_is_later_whatever_its_clock_said() -> None:
    taken = [refund((1, 0, 10000), at=LATER), refund((1, 0, 10000), seq=2, at=COMPLETED - SECOND)]
    assert [step.refunds_applied for step in steps(ONE, order(refunds=taken))] == [0, 1, 2]


def test_an_order_refunded_before_accrual_pays_nothing() -> None:
    assert told(ONE, order(refunds=[refund((1, 10, 50000), at=PAID)])) == [(0, COMPLETED, 1, 0)]


def test_release_counts_from_completion_whatever_accrues() -> None:
    assert release_at(AT_PAYMENT, order()) == COMPLETED + timedelta(days=7)
    assert release_at(AT_PAYMENT, order(completed_at=None)) is None
    assert release_at(ONE, order()) == COMPLETED
    assert (accrued_at(AT_PAYMENT, order()), accrued_at(ONE, order())) == (PAID, COMPLETED)


@pytest.mark.parametrize(
    ("facts", "refunds", "words"),
    [
        (order(currency="USD"), 0, "is in USD"),
        (order(), 1, "has 0 refunds"),
        (order(), -1, "has 0 refunds"),
        (order(refunds=[refund((1, 0, 50001))]), 1, "does not fit line 1"),
        (order(refunds=[refund((1, 11, 50000))]), 1, "does not fit line 1"),
        (order(refunds=[refund((1, 0, -1))]), 1, "does not fit line 1"),
        (order(refunds=[refund((1, -1, 0))]), 1, "does not fit line 1"),
        (order(refunds=[refund((2, 0, 1))]), 1, "does not fit line 2"),
        (order(refunds=[refund((1, 0, 1)), refund((1, 0, 1))]), 0, "not in the order of their history"),
        (order(line(), line(), refunds=[refund((1, 0, 1))]), 1, "two lines of one id"),
    ],
)
def test_facts_that_contradict_themselves_are_a_fault(facts, refunds, words) -> None:
    with pytest.raises(ValueError, match=words):
        evaluate(ONE, facts, refunds)
