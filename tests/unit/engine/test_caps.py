"""Settings of a plan about caps, cuts and what nobody earned."""

import pytest
from worlds import A, B, C, D, amounts, fixed, line, order, plan, refund, unilevel

from fenxiao.engine.cuts import cut
from fenxiao.engine.evaluate import evaluate
from fenxiao.engine.explain import explain, render


def paid(*components, facts=None, refunds=0, **settings):
    return amounts(evaluate(plan(*components, **settings), facts or order(), refunds))


# Cap of an entry


def test_a_cap_of_an_entry_bounds_each_amount_by_itself() -> None:
    assert paid(unilevel(cap_per_entry="30")) == {("direct", 1, C): 3000, ("direct", 2, B): 2500}
    assert paid(unilevel(cap_per_entry="50")) == {("direct", 1, C): 5000, ("direct", 2, B): 2500}
    assert paid(unilevel(cap_per_entry="0")) == {}


def test_the_cap_of_an_entry_comes_before_that_of_the_order() -> None:
    # 30.00 and 25.00 are cut to 11.00 in proportion.
    assert paid(unilevel(cap_per_entry="30", cap_per_order="11")) == {
        ("direct", 1, C): 600,
        ("direct", 2, B): 500,
    }


def test_the_cap_of_an_entry_after_a_refund_is_taken_of_what_is_left() -> None:
    facts = order(refunds=[refund((1, 4, 20000))])
    component = unilevel(["0.10"], cap_per_entry="40")
    assert [paid(component, facts=facts, refunds=n) for n in (0, 1)] == [
        {("direct", 1, C): 4000},
        {("direct", 1, C): 3000},
    ]


# How amounts are cut


@pytest.mark.parametrize(
    ("how", "limit", "expected"),
    [
        ("pro_rata", 7, [3, 1, 0, 3]),
        ("priority", 7, [5, 2, 0, 0]),
        ("hard_stop", 7, [5, 0, 0, 0]),
        ("priority", 5, [5, 0, 0, 0]),
        ("hard_stop", 5, [5, 0, 0, 0]),
        ("hard_stop", 4, [0, 0, 0, 0]),
        ("priority", 0, [0, 0, 0, 0]),
        ("hard_stop", 8, [5, 3, 0, 0]),
        *((how, 13, [5, 3, 0, 5]) for how in ("pro_rata", "priority", "hard_stop")),
    ],
)
def test_cuts(how, limit, expected) -> None:
    assert cut([5, 3, 0, 5], limit, how) == expected


def test_after_a_hard_stop_nothing_smaller_slips_through() -> None:
    assert cut([5, 3, 1], 6, "hard_stop") == [5, 0, 0]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("pro_rata", {("a", 1, C): 2500, ("a", 2, B): 1250, ("b", 1, C): 1250}),
        ("priority", {("a", 1, C): 5000}),
        ("hard_stop", {("a", 1, C): 5000}),
    ],
)
def test_the_payout_limit_is_kept_as_the_plan_says(how, expected) -> None:
    parts = (unilevel(["0.10", "0.05"], name="a"), unilevel(["0.05"], name="b"))
    assert paid(*parts, max_payout_rate="0.10", cut=how) == expected


@pytest.mark.parametrize(("how", "second"), [("priority", 1000), ("hard_stop", None)])
def test_the_cap_of_an_order_is_kept_as_the_plan_says(how, second) -> None:
    found = paid(unilevel(cap_per_order="60"), cut=how)
    assert (found.get(("direct", 1, C)), found.get(("direct", 2, B))) == (5000, second)


def test_who_was_cut_is_told_how() -> None:
    made = plan(unilevel(cap_per_order="60", cap_per_entry="49"), max_payout_rate="0.10", cut="priority")
    trace = explain(made, order(), 0)
    assert (
        render(trace, C, "en")[-1] == "One entry of the component is at most 49.00, so yours was cut to that."
    )
    assert render(trace, B, "en")[-2:] == (
        "The component pays at most 60.00 for one order; its amounts came to 74.00 and were paid in order until that was used up, so yours was cut to 11.00.",
        "An order pays at most 10 % of its base, 50.00; all amounts came to 60.00 and were paid in the plan's order until that was used up, so yours was cut to 1.00.",
    )
    assert "按方案顺序发放至用尽" in render(trace, B, "zh")[-1]
    document = trace.document()
    assert (document["cut"], document["unclaimed"]) == ("priority", "breakage")
    assert document["components"][0]["total_before_cap"] == "74.00"
    assert document["components"][0]["awards"][0]["after_entry_cap"] == "49.00"


# What nobody earned


def rolled(component, **facts):
    return paid(component, facts=order(**facts), unclaimed="roll_up")


def test_a_level_that_nobody_earned_rolls_up_to_the_next_who_qualifies() -> None:
    assert rolled(unilevel(), suspended=[C]) == {("direct", 1, B): 5000, ("direct", 2, B): 2500}
    assert rolled(unilevel(), suspended=[C, B]) == {("direct", 1, A): 5000, ("direct", 2, A): 2500}
    assert rolled(fixed(["1.00"]), suspended=[C]) == {("unit", 1, B): 1000}
    assert rolled(unilevel(["0.10"], self_rate="0.02"), suspended=[D]) == {
        ("direct", 0, C): 1000,
        ("direct", 1, C): 5000,
    }


def test_where_nobody_above_qualifies_it_is_breakage_all_the_same() -> None:
    assert rolled(unilevel(), suspended=[C, B, A]) == {}
    assert rolled(unilevel(["0.1"] * 5)) == {
        ("direct", 1, C): 5000,
        ("direct", 2, B): 5000,
        ("direct", 3, A): 5000,
    }
    trace = explain(plan(unilevel(), unclaimed="roll_up"), order(suspended=[C, B, A]), 0)
    assert [(one.level, one.amount_minor) for one in trace.components[0].breakage] == [(1, 5000), (2, 2500)]


def test_with_compression_there_is_nothing_to_roll_up() -> None:
    found = rolled(unilevel(compress=True), suspended=[C])
    assert found == {("direct", 1, B): 5000, ("direct", 2, A): 2500}


def test_what_rolled_up_is_told() -> None:
    trace = explain(plan(unilevel(), unclaimed="roll_up"), order(suspended=[C]), 0)
    told = render(trace, ("direct", 1, B), "en")
    assert told[2] == (
        "Distributor 3 at place 1 was suspended when the order was created; level 1 rolled up to the next above who qualified."
    )
    assert "第 1 级上移给上方下一位合格者" in render(trace, ("direct", 1, B), "zh")[2]
    assert trace.components[0].breakage == ()


def test_the_default_is_breakage_and_pro_rata() -> None:
    made = plan(unilevel())
    assert (made.cut, made.unclaimed) == ("pro_rata", "breakage")
    assert paid(unilevel(), facts=order(line(50000), suspended=[C])) == {("direct", 2, B): 2500}
