"""Postings: what each event moves, and what that does to a balance."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.commission.domain import posting
from fenxiao.commission.domain.booking import Claim, Difference, Entry
from fenxiao.commission.domain.posting import Change, Posting, changes
from fenxiao.commission.domain.statement import Matured, Statement, statements
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


@pytest.mark.parametrize(
    ("amount_minor", "debit", "credit", "change"),
    [(500, "pending", "available", Change(-500, 500)), (-200, "available", "pending", Change(200, -200))],
)
def test_a_release_moves_it_to_available_and_that_of_a_clawback_back(
    amount_minor, debit, credit, change
) -> None:
    made = release(amount_minor)
    assert (made.event, made.debit, made.credit, made.amount_minor) == (
        "release",
        debit,
        credit,
        abs(amount_minor),
    )
    assert changes([made]) == {(30, "CNY"): change}


def release(amount_minor: int) -> Posting:
    return posting.released(
        commission_id=17,
        distributor_id=30,
        currency="CNY",
        amount_minor=amount_minor,
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


def test_a_statement_opens_with_what_was_available_and_may_close_below_zero() -> None:
    matured = [
        Matured(1, 30, "CNY", 500),
        Matured(2, 20, "CNY", 100),
        Matured(3, 30, "CNY", -200),
        Matured(4, 30, "USD", 7),
    ]
    made = statements(matured, {(30, "CNY"): -1000, (20, "CNY"): 0, (30, "USD"): 3})
    assert made == [
        Statement(20, "CNY", 0, 100, 1),
        Statement(30, "CNY", -1000, 300, 2),
        Statement(30, "USD", 3, 7, 1),
    ]
    assert [one.closing_minor for one in made] == [100, -700, 10]
