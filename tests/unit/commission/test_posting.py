"""Postings: what each event moves, and what that does to a balance."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.commission.domain import posting
from fenxiao.commission.domain.booking import Claim, Difference, Entry
from fenxiao.commission.domain.posting import Change, Posting, changes
from fenxiao.commission.domain.statement import Figures, Flow, figures
from fenxiao.engine.evaluate import Step

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(amount_minor: int, status: str) -> Entry:
    claim = Claim(1, 9, "CNY", (Step(0, NOON, 0, {}),), (None,), NOON)
    return Entry(17, Difference(claim, 0, ("direct", 1, 30), amount_minor), status, NOON, None, None)


@pytest.mark.parametrize(
    ("amount_minor", "status", "event", "accounts", "change"),
    [
        (500, "pending", "accrual", ("commission_expense", "pending"), Change(500, 0)),
        (500, "released", "accrual", ("commission_expense", "available"), Change(0, 500)),
        (-200, "pending", "clawback", ("pending", "commission_expense"), Change(-200, 0)),
        (-200, "released", "clawback", ("available", "commission_expense"), Change(0, -200)),
    ],
)
def test_an_entry_is_booked_where_it_stands(amount_minor, status, event, accounts, change) -> None:
    made = posting.booked(entry(amount_minor, status))
    assert (made.event, (made.debit, made.credit)) == (event, accounts)
    assert (made.amount_minor, made.distributor_id, made.currency) == (abs(amount_minor), 30, "CNY")
    assert (made.commission_id, made.settlement_id, made.at) == (17, None, NOON)
    assert changes([made]) == {(30, "CNY"): change}


def release(amount_minor: int) -> Posting:
    """As `service/ledger` writes it."""
    return Posting(
        event="release",
        debit="pending" if amount_minor > 0 else "available",
        credit="available" if amount_minor > 0 else "pending",
        distributor_id=30,
        currency="CNY",
        amount_minor=abs(amount_minor),
        commission_id=17,
        settlement_id=3,
        at=NOON,
    )


AMOUNTS = st.integers(-(10**9), 10**9).filter(bool)


@given(st.lists(st.tuples(AMOUNTS, st.sampled_from(["pending", "released"])), max_size=20))
def test_balances_come_to_what_was_earned_and_releases_change_no_sum(booked) -> None:
    postings = [posting.booked(entry(amount, status)) for amount, status in booked]
    postings += [release(amount) for amount, status in booked if status == "pending"]
    change = changes(postings).get((30, "CNY"), Change())
    assert change.pending_minor == 0
    assert change.available_minor == sum(amount for amount, _ in booked)


def test_a_statement_adds_up_to_what_lies_in_the_accounts() -> None:
    flows = [
        Flow("accrual", "commission_expense", "pending", 700),
        Flow("reward", "reward_expense", "available", 50),
        Flow("clawback", "pending", "commission_expense", 30),
        Flow("clawback", "available", "reward_expense", 5),
        Flow("release", "pending", "available", 500),
        Flow("release", "available", "pending", 40),
        Flow("withdrawal", "available", "withdrawing", 300),
        Flow("return", "withdrawing", "available", 100),
        Flow("payout", "withdrawing", "cash", 150),
        Flow("payout", "withdrawing", "tax_payable", 40),
        Flow("payout", "withdrawing", "fee_income", 10),
    ]
    found = figures((100, -20, 7), flows)
    assert found == Figures(
        opening=(100, -20, 7),
        closing=(100 + 700 - 30 - 500 + 40, -20 + 50 - 5 + 500 - 40 - 300 + 100, 7 + 300 - 100 - 200),
        accruals=700,
        rewards=50,
        clawbacks=35,
        released=460,
        requested=300,
        returned=100,
        paid=150,
        fee=10,
        tax=40,
    )
    assert sum(found.opening) + 700 + 50 - 35 - 150 - 10 - 40 == sum(found.closing)
