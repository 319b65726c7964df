"""Golden cases of a share of what a period paid to others; docs/plans.md tells most of them."""

from dataclasses import replace

import pytest
from closes import amounts, binary, facts, matched, member, placed, plan, pool, unpaid

from fenxiao.engine.close import evaluate_period


def paid(made, *members):
    return amounts(evaluate_period(made, facts(*members)))


MATCHED = (
    member(1),
    member(2, 1000, sponsor_id=1),
    member(3, 2000, sponsor_id=2),
    member(4, 3000, sponsor_id=3),
)


def test_a_share_of_what_a_period_paid_to_those_below() -> None:
    """Of 6,000.00 a pool of 120.00: 30.00 for each of four. Everybody above one of them gets 10 %, then 5 %."""
    outcome = evaluate_period(plan(pool(), matched()), facts(*MATCHED))
    assert {key: amount for key, amount in amounts(outcome).items() if key[0] == "match"} == {
        ("match", 1, 1): "3.00",
        ("match", 1, 2): "3.00",
        ("match", 1, 3): "3.00",
        ("match", 2, 1): "1.50",
        ("match", 2, 2): "1.50",
    }
    # Of the first 10 % and 5 %, of the second 5 % have nobody above them.
    assert unpaid(outcome) == [("match", 1, "nobody", 3_00), ("match", 2, "nobody", 3_00)]
    # A share of shares, and of what a leg paid: the weaker one of 1 sold 500.00.
    again = paid(plan(pool(), matched(["0.10"]), matched(["0.5"], "match", "top")), *MATCHED)
    assert {key: one for key, one in again.items() if key[0] == "top"} == {
        ("top", 1, 1): "1.50",
        ("top", 1, 2): "1.50",
    }
    legs = (
        placed(9),
        placed(1, under=9, sponsor_id=9),
        placed(2, 500, under=1),
        placed(3, 700, under=1, position=2),
    )
    assert paid(plan(binary(), matched(["0.2"], "pairs")), *legs) == {
        ("pairs", 0, 1): "50.00",
        ("match", 1, 9): "10.00",
    }


@pytest.mark.parametrize(
    ("params", "settings", "expected"),
    [
        ({}, {}, {("match", 2, 1): "2.00", ("match", 1, 3): "4.00"}),
        (
            {},
            {"unclaimed": "roll_up"},
            {("match", 1, 1): "4.00", ("match", 2, 1): "4.00", ("match", 1, 3): "4.00"},
        ),
        ({"compress": True}, {}, {("match", 1, 1): "4.00", ("match", 2, 1): "2.00", ("match", 1, 3): "4.00"}),
    ],
)
def test_an_unqualified_one_above_who_earned(params, settings, expected) -> None:
    """The suspended second has no share of the pool of 120.00; his place above the third and fourth is what it says."""
    members = (MATCHED[0], replace(MATCHED[1], active=False), *MATCHED[2:])
    found = paid(plan(pool(), matched(**params), **settings), *members)
    assert {key: one for key, one in found.items() if key[0] == "match"} == expected


def test_what_is_matched_is_rounded_and_before_any_cap() -> None:
    capped = pool("0.0000333", cap_per_entry="0.01", cap_per_period="0.01")
    found = evaluate_period(plan(capped, matched(["1"], cap_per_entry="0.04")), facts(*MATCHED))
    # The pool is 19.98 cents, so 20: 5 for each, of which a cap leaves 1; 5 are matched, of which a cap leaves 4.
    assert {award.amount_minor for award in found.awards if award.component == "match"} == {4}
    assert {award.amount_minor for award in found.awards if award.component == "pool"} == {1}
    other = plan(pool(period="week"), pool("0.5", name="mine"), matched(["1"], "mine"))
    assert paid(other, *MATCHED)["match", 1, 1] == "750.00"
