"""Golden cases of the types that pay by grade: differential, generation, breakaway, infinity."""

import pytest
from worlds import (
    amounts,
    breakaway,
    differential,
    generation,
    graded,
    infinity,
    line,
    order,
    party,
    plan,
    refund,
)

from fenxiao.engine.evaluate import evaluate, steps
from fenxiao.engine.plan import parse_plan

A, B, C, D = (
    party(number, grade=grade) for number, grade in enumerate(["gold", "silver", "bronze", "bronze"], 1)
)
SAME = {"same_grade_rate": "0.01"}


def paid(component, *grades, refunds=0, settings=None, **facts):
    """{place: minor units} of one component on 500.00 sold at the bottom of a chain of these grades."""
    found = evaluate(plan(component, **(settings or {})), graded(*grades, **facts), refunds)
    assert all(award.level == award.distributor_id - 1 for award in found.awards), "the level is the place"
    return {award.level: award.amount_minor for award in found.awards}


# differential


def test_case_3() -> None:
    found = evaluate(plan(differential(**SAME)), order(seller=D, upline=(C, B, A)), 0)
    assert amounts(found) == {
        ("grades", 0, 4): 1000,
        ("grades", 1, 3): 500,
        ("grades", 2, 2): 1500,
        ("grades", 3, 1): 2000,
    }


@pytest.mark.parametrize(
    ("params", "chain", "expected"),
    [
        # A rate above the highest paid earns the difference; the others nothing.
        ({}, ["bronze", "silver", "gold"], {0: 1000, 1: 1500, 2: 2000}),
        ({}, ["gold", "silver", "bronze"], {0: 4500}),
        ({}, ["silver", "bronze", "gold"], {0: 2500, 2: 2000}),
        ({}, [None, None, "gold"], {2: 4500}),
        # A grade without a rate, and none at all, is 0.
        ({}, ["diamond", None, "bronze"], {2: 1000}),
        # The bonus goes to the grade of the last one who earned a difference, …
        (SAME, ["gold", "gold"], {0: 4500, 1: 500}),
        (SAME, ["gold", "silver", "silver"], {0: 4500}),
        (SAME, [None, None], {}),
        # … also with lower grades in between, …
        (SAME, ["silver", "bronze", None, "silver"], {0: 2500, 3: 500}),
        # … but not once a higher grade has earned, …
        (SAME, ["silver", "gold", "silver"], {0: 2500, 1: 2000}),
        # … for the first of them.
        (SAME, ["gold", "gold", "gold"], {0: 4500, 1: 500}),
        ({**SAME, "same_grade_depth": 2}, ["gold", "gold", "bronze", "gold", "gold"], {0: 4500, 1: 500, 3: 500}),
        ({**SAME, "same_grade_depth": 0}, ["gold", "gold"], {0: 4500}),
        # Each grade that earns has a bonus of its own.
        (SAME, ["bronze", "bronze", "silver", "silver", "gold", "gold"], {0: 1000, 1: 500, 2: 1500, 3: 500, 4: 2000, 5: 500}),
        # The bonus does not raise what counts as paid.
        ({"same_grade_rate": "0.06"}, ["bronze", "bronze", "silver"], {0: 1000, 1: 3000, 2: 1500}),
        # Only so many places are walked.
        ({"depth": 1}, ["bronze", "silver", "gold"], {0: 1000, 1: 1500}),
        ({"depth": 0}, ["bronze", "silver"], {0: 1000}),
        # The examples of the docs.
        (SAME, ["silver", "bronze", "silver", "silver"], {0: 2500, 2: 500}),
    ],
)  # fmt: skip
def test_differential(params, chain, expected) -> None:
    assert paid(differential(**params), *chain) == expected


def test_two_grades_of_one_rate_are_two_grades() -> None:
    component = differential({"silver": "0.05", "gold": "0.05"}, **SAME)
    assert paid(component, "silver", "gold", "silver") == {0: 2500, 2: 500}


def test_the_unqualified_are_passed_over_and_their_difference_goes_up() -> None:
    assert paid(differential(), "bronze", "silver", "gold", suspended=[2]) == {0: 1000, 2: 3500}
    assert paid(differential(**SAME), "silver", "silver", "silver", suspended=[2]) == {0: 2500, 2: 500}


def test_the_unqualified_count_as_places() -> None:
    assert paid(differential(depth=1), "bronze", "silver", "gold", suspended=[2]) == {0: 1000}


def test_each_line_is_walked_under_its_own_parameters() -> None:
    override = {"match": {"product_id": 8}, "rates": {"bronze": "0.10"}}
    component = differential(overrides=[override], **SAME)
    lines = [line(10000), line(10000, line_id=2, product_id=8)]
    # On product 8 silver and gold have no rate; the other parameters stay the component's own.
    assert paid(component, "bronze", "silver", "bronze", "gold", lines=lines) == {
        0: 200 + 1000,
        1: 300,
        2: 100,
        3: 400,
    }


def test_of_two_tags_each_grade_takes_the_higher_rate() -> None:
    same = [
        {"match": {"tag": "热销"}, "same_grade_rate": "0.01", "same_grade_depth": 2, "depth": 1},
        {"match": {"tag": "食品"}, "same_grade_rate": "0.02", "same_grade_depth": 1, "depth": 3},
    ]
    both = [line(10000, tags=("食品", "热销"))]
    for overrides in (same, same[::-1]):
        component = differential({"gold": "0.1"}, overrides=overrides)
        assert paid(component, *["gold"] * 5, lines=both) == {0: 1000, 1: 200, 2: 200}
        component = differential(
            {"gold": "0.1"}, overrides=[{**one, "same_grade_depth": 9} for one in overrides]
        )
        assert paid(component, *["gold"] * 5, lines=both) == {0: 1000, 1: 200, 2: 200, 3: 200}
    tags = [
        {"match": {"tag": "热销"}, "rates": {"bronze": "0.01", "silver": "0.08"}},
        {"match": {"tag": "食品"}, "rates": {"bronze": "0.04"}, "depth": 1},
        {"match": {"tag": "x"}, "depth": 2},
    ]
    component = differential(overrides=tags)
    hot = [line(10000, tags=("食品", "热销", "x"))]
    assert paid(component, "bronze", "silver", "gold", "silver", lines=hot) == {0: 400, 1: 400}


def test_rates_of_half_percents_are_exact() -> None:
    component = differential({"bronze": "0.055", "silver": "0.11"})
    assert paid(component, "bronze", "silver", lines=[line(90)]) == {0: 5, 1: 5}


def test_after_a_refund_the_differences_are_those_of_what_is_left() -> None:
    facts = graded("bronze", "gold", refunds=[refund((1, 4, 20000)), refund((1, 6, 30000), seq=2)])
    assert [sum(step.target.values()) for step in steps(plan(differential()), facts)] == [4500, 2700, 0]


# generation


@pytest.mark.parametrize(
    ("params", "chain", "expected"),
    [
        # Gold ends a generation; the seller himself does not.
        ({}, ["gold", "bronze", "gold", "silver", "gold", "gold"], {2: 2500, 4: 1500}),
        ({}, [None, "diamond"], {1: 2500}),
        ({}, ["bronze", "silver"], {}),
        ({"seller_boundary": True}, ["gold", "bronze", "gold"], {0: 2500, 2: 1500}),
        # An empty generation counts, unless it does not.
        ({}, ["bronze", "gold", "gold"], {1: 2500, 2: 1500}),
        (
            {"empty_generations": False},
            ["bronze", "gold", "gold", "gold", "bronze", "gold"],
            {1: 2500, 5: 1500},
        ),
        ({"depth": 2}, ["bronze", "gold", "silver", "gold"], {1: 2500}),
        ({"rates": ["0", "0.03"]}, ["bronze", "gold", "gold"], {2: 1500}),
        # The examples of the docs.
        ({}, ["bronze", "silver", "gold", "bronze", "gold", "gold"], {2: 2500, 4: 1500}),
        ({"empty_generations": False}, ["bronze", "gold", "gold", "silver", "gold"], {1: 2500, 4: 1500}),
    ],
)
def test_generation(params, chain, expected) -> None:
    assert paid(generation(**params), *chain) == expected


def test_an_ineligible_leader_is_a_boundary_only_if_the_plan_says_so() -> None:
    chain, out = ["bronze", "gold", "silver", "gold"], {"suspended": [2]}
    assert paid(generation(), *chain, **out) == {3: 2500}
    assert paid(generation(ineligible_boundary=True), *chain, **out) == {3: 1500}
    rolled = {"unclaimed": "roll_up"}
    assert paid(generation(ineligible_boundary=True), *chain, **out, settings=rolled) == {3: 4000}
    # Passed over he stands in the generation of the next one, so that one is not empty.
    between = ["bronze", "gold", "gold", "gold"]
    assert paid(generation(empty_generations=False), *between, suspended=[3]) == {1: 2500, 3: 1500}
    assert paid(generation(empty_generations=False, ineligible_boundary=True), *between, suspended=[3]) == {
        1: 2500
    }


def test_overrides_of_generations() -> None:
    component = generation(overrides=[{"match": {"product_id": 7}, "rates": ["0.01"]}])
    assert paid(component, "bronze", "gold", "gold") == {1: 500}


# Stair-step

STAIRS = {"generation_rates": ["0.04", "0.02"]}


@pytest.mark.parametrize(
    ("params", "chain", "expected"),
    [
        # Up to the first gold there are differences; the golds above him have generations of the leg.
        (STAIRS, ["bronze", "silver", "gold", "bronze", "gold", "gold", "gold"], {0: 1000, 1: 1500, 2: 2000, 4: 2000, 5: 1000}),
        (STAIRS, ["gold", "silver", "gold"], {0: 4500, 2: 2000}),
        (STAIRS, ["bronze", "silver"], {0: 1000, 1: 1500}),
        ({}, ["bronze", "gold", "gold"], {0: 1000, 1: 3500}),
        # The example of the docs.
        (STAIRS, ["bronze", "silver", "gold", "bronze", "gold", "gold"], {0: 1000, 1: 1500, 2: 2000, 4: 2000, 5: 1000}),
        ({**STAIRS, "depth": 2}, ["bronze", "gold", "bronze", "gold"], {0: 1000, 1: 3500}),
    ],
)  # fmt: skip
def test_breakaway(params, chain, expected) -> None:
    assert paid(breakaway(**params), *chain) == expected


def test_volume_of_a_broken_away_leg_counts_above_only_if_the_plan_says_so() -> None:
    rates = {"bronze": "0.02", "gold": "0.09", "diamond": "0.12"}
    chain = ["bronze", "gold", "diamond", "gold"]
    assert paid(breakaway(rates, **STAIRS), *chain) == {0: 1000, 1: 3500, 2: 2000, 3: 1000}
    included = breakaway(rates, breakaway_volume="included", **STAIRS)
    assert paid(included, *chain) == {0: 1000, 1: 3500, 2: 2000 + 1500, 3: 1000}
    # Nobody at all need break away for that: a lower grade with a higher rate.
    odd = breakaway({"silver": "0.12", "gold": "0.09"}, breakaway_volume="included", **STAIRS)
    assert paid(odd, "gold", "silver", "gold") == {0: 4500, 1: 1500, 2: 2000}


def test_an_ineligible_leader_above_a_broken_away_leg() -> None:
    chain, out = ["gold", "gold", "gold"], {"suspended": [2]}
    assert paid(breakaway(**STAIRS), *chain, **out) == {0: 4500, 2: 2000}
    component = breakaway(ineligible_boundary=True, **STAIRS)
    assert paid(component, *chain, **out) == {0: 4500, 2: 1000}
    assert paid(component, *chain, **out, settings={"unclaimed": "roll_up"}) == {0: 4500, 2: 3000}
    # The leg breaks away with the first who qualifies.
    assert paid(breakaway(**STAIRS), "bronze", "gold", "gold", **out) == {0: 1000, 2: 3500}


# infinity


@pytest.mark.parametrize(
    ("params", "chain", "expected"),
    [
        ({}, ["gold", "silver", "bronze", "gold", "gold"], {3: 500}),
        ({"beyond": 3}, ["bronze", "gold", "gold", "gold", "gold"], {4: 500}),
        ({"beyond": 9}, ["bronze", "gold"], {}),
        ({"next_leader": "shared"}, ["bronze", "gold", "silver", "diamond", "gold"], {1: 250, 3: 250}),
        # The next must be of the same or a higher grade.
        ({"next_leader": "shared"}, ["bronze", "diamond", "gold", "diamond"], {1: 250, 3: 250}),
        ({"next_leader": "shared"}, ["bronze", "diamond", "gold"], {1: 500}),
        ({"rate": "0"}, ["bronze", "gold"], {}),
        # The examples of the docs.
        ({}, ["bronze", "gold", "silver", "gold"], {1: 500}),
        ({"next_leader": "shared"}, ["bronze", "gold", "silver", "gold"], {1: 250, 3: 250}),
        ({"beyond": 2}, ["bronze", "gold", "silver", "gold"], {3: 500}),
        ({"overrides": [{"match": {"product_id": 7}, "rate": "0.02"}]}, ["bronze", "gold"], {1: 1000}),
    ],
)
def test_infinity(params, chain, expected) -> None:
    assert paid(infinity(**params), *chain) == expected


def test_without_a_grade_one_is_below_the_lowest_rank() -> None:
    chain = [None, None, "bronze", "gold"]
    assert paid(generation(["0.05"], boundary_rank=1), *chain) == {2: 2500}
    assert paid(breakaway(breakaway_rank=1, generation_rates=["0.04"]), *chain) == {2: 1000, 3: 2000}
    assert paid(infinity(min_rank=1), *chain) == {2: 500}


def test_infinity_goes_to_the_first_who_qualifies() -> None:
    assert paid(infinity(), "bronze", "gold", "gold", suspended=[2]) == {2: 500}


def test_half_of_an_odd_rate_is_exact() -> None:
    component = infinity("0.000000000001", next_leader="shared")
    chain = graded("bronze", "gold", "gold", lines=[line(10**12)])
    assert amounts(evaluate(plan(component), chain, 0)) == {("endless", 1, 2): 1, ("endless", 2, 3): 1}
    down = parse_plan({**plan(component).document(), "rounding": "down"})
    assert amounts(evaluate(down, chain, 0)) == {}
