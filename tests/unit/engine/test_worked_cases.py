"""The worked cases of the domain page, to the cent, and golden cases of every rule of an evaluation."""

import pytest
from worlds import A, B, C, D, amounts, fixed, line, order, plan, refund, unilevel

from fenxiao.engine.evaluate import evaluate, steps


def paid(made_plan, facts, refunds=0):
    return amounts(evaluate(made_plan, facts, refunds))


def test_case_1_two_levels() -> None:
    assert paid(plan(unilevel()), order()) == {("direct", 1, C): 5000, ("direct", 2, B): 2500}


def test_case_2_with_compression_the_suspended_is_passed_over() -> None:
    assert paid(plan(unilevel(compress=True)), order(suspended=[C])) == {
        ("direct", 1, B): 5000,
        ("direct", 2, A): 2500,
    }


def test_case_2_without_compression_his_level_is_breakage() -> None:
    assert paid(plan(unilevel()), order(suspended=[C])) == {("direct", 2, B): 2500}


def test_case_4_a_refund_takes_its_part() -> None:
    accrual, after = steps(plan(unilevel()), order(refunds=[refund((1, 4, 20000))]))
    assert accrual.target == {("direct", 1, C): 5000, ("direct", 2, B): 2500}
    assert after.target == {("direct", 1, C): 3000, ("direct", 2, B): 1500}


def test_case_4_refunds_of_the_whole_leave_exactly_nothing() -> None:
    taken = [refund((1, 0, amount), seq=seq) for seq, amount in enumerate([1, 16665, 3333, 30000, 1], 1)]
    *_, last = steps(plan(unilevel(["0.055", "0.033"])), order(refunds=taken))
    assert (last.step, last.refunds_applied, last.target) == (5, 5, {})


def test_case_5_the_payout_limit_scales_all() -> None:
    assert paid(plan(unilevel(), max_payout_rate="0.12"), order()) == {
        ("direct", 1, C): 4000,
        ("direct", 2, B): 2000,
    }


@pytest.mark.parametrize(("rounding", "cents"), [("half_up", {("direct", 1, C): 1}), ("down", {})])
def test_case_6_rounding(rounding: str, cents: dict) -> None:
    assert paid(plan(unilevel(["0.10"]), rounding=rounding), order(line(5))) == cents


@pytest.mark.parametrize(
    ("base_minor", "half_up", "down"),
    [(100, 6, 5), (90, 5, 4), (10, 1, 0), (9, 0, 0), (1000, 55, 55), (99999, 5500, 5499)],
)
def test_rates_of_half_percents_are_exact(base_minor: int, half_up: int, down: int) -> None:
    for rounding, expected in (("half_up", half_up), ("down", down)):
        found = paid(plan(unilevel(["0.055"]), rounding=rounding), order(line(base_minor)))
        assert found.get(("direct", 1, C), 0) == expected


def test_nothing_is_added_to_an_exact_amount_just_below_a_half() -> None:
    assert paid(plan(unilevel(["0.499999999999"])), order(line(1))) == {}
    assert paid(plan(unilevel(["0.5"])), order(line(1))) == {("direct", 1, C): 1}


def test_lines_are_added_before_the_one_rounding() -> None:
    three = [line(3, line_id=number) for number in (1, 2, 3)]
    assert paid(plan(unilevel(["0.10"])), order(*three)) == {("direct", 1, C): 1}
    assert paid(
        plan(unilevel(["0.10"], overrides=[{"match": {"product_id": 8}, "levels": ["0.20"]}])), order(*three)
    ) == {("direct", 1, C): 1}


def test_the_seller_is_level_0() -> None:
    assert paid(plan(unilevel(["0.10"], self_rate="0.02")), order()) == {
        ("direct", 0, D): 1000,
        ("direct", 1, C): 5000,
    }
    assert paid(plan(unilevel(["0.10"], self_rate="0.02")), order(suspended=[D])) == {("direct", 1, C): 5000}


def test_a_short_upline_pays_whom_there_is() -> None:
    assert paid(plan(unilevel()), order(upline=[C])) == {("direct", 1, C): 5000}
    assert paid(plan(unilevel()), order(upline=[])) == {}


def test_a_level_of_rate_0_keeps_its_place() -> None:
    assert paid(plan(unilevel(["0", "0.05"])), order()) == {("direct", 2, B): 2500}


# fixed


def test_fixed_pays_for_every_unit() -> None:
    found = paid(plan(fixed(["1.50", "0.25"], self_amount="0.10")), order())
    assert found == {("unit", 0, D): 100, ("unit", 1, C): 1500, ("unit", 2, B): 250}


def test_fixed_counts_units_not_returned() -> None:
    by_units, by_amount = refund((1, 3, 15000)), refund((1, 0, 15000))
    assert paid(plan(fixed(["1.50"])), order(refunds=[by_units]), 1) == {("unit", 1, C): 1050}
    assert paid(plan(fixed(["1.50"])), order(refunds=[by_amount]), 1) == {("unit", 1, C): 1500}


def test_fixed_counts_no_unit_of_a_line_of_which_no_amount_is_left() -> None:
    facts = order(line(50000), line(40000, line_id=2, quantity=2), refunds=[refund((1, 0, 50000))])
    assert paid(plan(fixed(["1.50"])), facts, 1) == {("unit", 1, C): 300}


def test_fixed_compresses_too() -> None:
    assert paid(plan(fixed(["1", "0.5"], compress=True)), order(suspended=[C])) == {
        ("unit", 1, B): 1000,
        ("unit", 2, A): 500,
    }


# The three bases


def test_profit_is_what_was_paid_less_the_cost_and_never_below_0() -> None:
    gain, loss, unknown = (
        line(50000, unit_cost=3000),
        line(100, line_id=2, unit_cost=3000),
        line(700, line_id=3),
    )
    made = plan(unilevel(["0.10"]), base="profit")
    assert paid(made, order(gain, loss, unknown)) == {("direct", 1, C): 2000}
    assert evaluate(made, order(gain, loss, unknown), 0).base_minor == 20000


def test_profit_after_a_refund_takes_the_cost_of_the_units_not_returned() -> None:
    made = plan(unilevel(["0.10"]), base="profit")
    assert paid(made, order(line(unit_cost=3000), refunds=[refund((1, 5, 25000))]), 1) == {
        ("direct", 1, C): 1000
    }
    assert paid(made, order(line(unit_cost=3000), refunds=[refund((1, 0, 15000))]), 1) == {
        ("direct", 1, C): 500
    }


def test_list_price_takes_the_units_not_returned_while_something_of_the_line_is_left() -> None:
    made = plan(unilevel(["0.10"]), base="list_price", max_payout_rate="1")
    facts = order(line(unit_list=6000), refunds=[refund((1, 4, 20000)), refund((1, 0, 30000), seq=2)])
    assert [paid(made, facts, n).get(("direct", 1, C)) for n in (0, 1, 2)] == [6000, 3600, None]


# Overrides

LEVELS = ["0.10", "0.05"]


def on_line(overrides: list, **facts: object) -> dict:
    return paid(plan(unilevel(LEVELS, overrides=overrides)), order(line(10000, **facts)))


PRODUCT = {"match": {"product_id": 7}, "levels": ["0.01"]}
NEAR = {"match": {"category_id": 3}, "levels": ["0.02"]}
FAR = {"match": {"category_id": 2}, "levels": ["0.03"]}
HOT = {"match": {"tag": "热销"}, "levels": ["0.04", "0.07"]}
FOOD = {"match": {"tag": "食品"}, "levels": ["0.06"]}


@pytest.mark.parametrize(
    ("overrides", "facts", "first", "second"),
    [
        ([HOT, FAR, NEAR, PRODUCT], {"category_path": (3, 2), "tags": ("热销",)}, 100, None),
        ([HOT, FAR, NEAR], {"category_path": (3, 2), "tags": ("热销",)}, 200, None),
        ([HOT, FAR], {"category_path": (3, 2), "tags": ("热销",)}, 300, None),
        ([HOT], {"category_path": (3, 2), "tags": ("热销",)}, 400, 700),
        ([HOT, FOOD], {"tags": ("热销", "食品")}, 600, 700),
        ([FOOD, HOT], {"tags": ("食品", "热销")}, 600, 700),
        ([HOT, FOOD, NEAR, PRODUCT], {"product_id": 77, "category_path": (33,), "tags": ("热",)}, 1000, 500),
    ],
)
def test_the_most_specific_override_counts(
    overrides: list, facts: dict, first: int, second: int | None
) -> None:
    found = on_line(overrides, **facts)
    assert (found.get(("direct", 1, C)), found.get(("direct", 2, B))) == (first, second)


def test_an_override_replaces_what_it_names_and_nothing_else() -> None:
    component = unilevel(
        LEVELS, self_rate="0.01", overrides=[{"match": {"product_id": 7}, "self_rate": "0.03"}]
    )
    assert paid(plan(component), order(line(10000))) == {
        ("direct", 0, D): 300,
        ("direct", 1, C): 1000,
        ("direct", 2, B): 500,
    }


def test_a_shorter_list_pays_nothing_deeper_on_that_line_only() -> None:
    component = unilevel(LEVELS, overrides=[{"match": {"product_id": 8}, "levels": ["0.20"]}])
    facts = order(line(10000), line(10000, line_id=2, product_id=8))
    assert paid(plan(component), facts) == {("direct", 1, C): 3000, ("direct", 2, B): 500}


def test_tags_compete_only_for_what_they_name() -> None:
    own = {"match": {"tag": "食品"}, "self_rate": "0.02"}
    assert on_line([HOT, own], tags=("热销", "食品")) == {
        ("direct", 0, D): 200,
        ("direct", 1, C): 400,
        ("direct", 2, B): 700,
    }


def test_an_override_that_names_nothing_shields_from_less_specific_ones() -> None:
    assert on_line([{"match": {"product_id": 7}}, HOT], tags=("热销",)) == {
        ("direct", 1, C): 1000,
        ("direct", 2, B): 500,
    }


def test_an_override_can_compress() -> None:
    component = unilevel(LEVELS, overrides=[{"match": {"product_id": 8}, "compress": True}])
    facts = order(line(10000), line(10000, line_id=2, product_id=8), suspended=[C])
    assert paid(plan(component), facts) == {
        ("direct", 1, B): 1000,
        ("direct", 2, A): 500,
        ("direct", 2, B): 500,
    }


def test_forgetting_which_overrides_apply_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(unilevel(LEVELS, overrides=[PRODUCT, HOT]))
    facts = order(*(line(1000, line_id=n, product_id=n, tags=("热销",) * (n % 2)) for n in range(1, 12)))
    whole = evaluate(made, facts, 0)
    monkeypatch.setattr("fenxiao.engine.plan._KEPT_LINES", 2)
    assert evaluate(plan(unilevel(LEVELS, overrides=[PRODUCT, HOT])), facts, 0) == whole


def test_of_two_tags_one_that_compresses_is_enough() -> None:
    tags = [{"match": {"tag": "热销"}, "compress": True}, {"match": {"tag": "食品"}, "compress": False}]
    facts = order(line(10000, tags=("食品", "热销")), suspended=[C])
    for overrides in (tags, tags[::-1]):
        found = paid(plan(unilevel(LEVELS, overrides=overrides)), facts)
        assert found == {("direct", 1, B): 1000, ("direct", 2, A): 500}


def test_overrides_of_fixed_are_chosen_alike() -> None:
    component = fixed(["1.00"], overrides=[{"match": {"category_id": 3}, "amounts": ["2.00", "0.50"]}])
    facts = order(line(10000, category_path=(5, 3)), line(10000, line_id=2, product_id=9, quantity=1))
    assert paid(plan(component), facts) == {("unit", 1, C): 2100, ("unit", 2, B): 500}


# Caps and ties


def test_a_cap_cuts_its_component_alone() -> None:
    made = plan(unilevel(["0.10", "0.05"], cap_per_order="30"), unilevel(["0.01"], name="more"))
    assert paid(made, order()) == {("direct", 1, C): 2000, ("direct", 2, B): 1000, ("more", 1, C): 500}


def test_a_cap_that_is_not_exceeded_changes_nothing() -> None:
    assert paid(plan(unilevel(cap_per_order="75.00")), order()) == {
        ("direct", 1, C): 5000,
        ("direct", 2, B): 2500,
    }


def test_missing_cents_go_to_the_largest_remainders() -> None:
    made = plan(unilevel(["0.02", "0.03", "0.06"], cap_per_order="0.10"))
    # 10 × 2, 3, 6 ÷ 11 = 1.82, 2.73, 5.45: the two missing cents go to the first two.
    assert paid(made, order(line(100))) == {("direct", 1, C): 2, ("direct", 2, B): 3, ("direct", 3, A): 5}


def test_ties_go_to_the_lower_level() -> None:
    made = plan(unilevel(["0.10", "0.10", "0.10"], cap_per_order="0.11"))
    assert paid(made, order(line(100))) == {("direct", 1, C): 4, ("direct", 2, B): 4, ("direct", 3, A): 3}


def test_ties_go_to_the_first_component_before_the_lower_level() -> None:
    made = plan(unilevel(["0", "0.10"], name="z"), unilevel(["0.10"], name="a"), max_payout_rate="0.11")
    assert paid(made, order(line(100))) == {("z", 2, B): 6, ("a", 1, C): 5}


def test_the_same_level_can_go_to_two_people_and_a_tie_to_the_lower_id() -> None:
    overrides = [{"match": {"product_id": 8}, "compress": True, "levels": ["0", "0.10"]}]
    component = unilevel(["0", "0.10"], cap_per_order="0.11", overrides=overrides)
    facts = order(line(100), line(100, line_id=2, product_id=8), upline=[5, 9, 8], suspended=[5])
    assert paid(plan(component), facts) == {("direct", 2, 8): 6, ("direct", 2, 9): 5}


def test_an_amount_cut_to_0_is_no_entry() -> None:
    assert paid(plan(unilevel(["0.10", "0.01"], cap_per_order="0.01")), order(line(100))) == {
        ("direct", 1, C): 1
    }
    assert paid(plan(unilevel(cap_per_order="0")), order()) == {}
    assert paid(plan(unilevel(), max_payout_rate="0"), order()) == {}


def test_the_limit_is_rounded_down_and_taken_of_what_is_left() -> None:
    made = plan(unilevel(["0.5"]), max_payout_rate="0.333")
    facts = order(line(1000), refunds=[refund((1, 0, 1))])
    assert [evaluate(made, facts, n).max_payout_minor for n in (0, 1)] == [333, 332]
    assert [paid(made, facts, n) for n in (0, 1)] == [{("direct", 1, C): 333}, {("direct", 1, C): 332}]


def test_a_refund_can_raise_an_amount_where_a_cap_binds_less() -> None:
    made = plan(
        unilevel(
            ["0.10"],
            name="a",
            overrides=[{"match": {"product_id": 8}, "levels": ["0", "0.10"]}],
            cap_per_order="5",
        )
    )
    facts = order(line(10000), line(10000, line_id=2, product_id=8), refunds=[refund((2, 10, 10000))])
    assert [paid(made, facts, n) for n in (0, 1)] == [
        {("a", 1, C): 250, ("a", 2, B): 250},
        {("a", 1, C): 500},
    ]


def test_awards_come_in_canonical_order() -> None:
    made = plan(unilevel(["0.10", "0.05"], name="z"), fixed(["0.10"], name="a"))
    keys = [award.key for award in evaluate(made, order(), 0).awards]
    assert keys == [("z", 1, C), ("z", 2, B), ("a", 1, C)]


def test_other_currencies_have_other_decimals() -> None:
    yen = plan(fixed(["15"]), currency="JPY")
    assert paid(yen, order(currency="JPY")) == {("unit", 1, C): 150}
    dinar = plan(fixed(["0.015"]), currency="KWD")
    assert paid(dinar, order(currency="KWD")) == {("unit", 1, C): 150}
