"""Golden cases of matching: a share of what another earned, on rounded amounts, before any cap."""

import pytest
from worlds import A, B, C, D, amounts, differential, graded, line, matching, order, plan, refund, unilevel

from fenxiao.engine.evaluate import evaluate, steps
from fenxiao.engine.faults import InvalidPlan


def matched(*components, facts=None, name="match", **settings):
    found = amounts(evaluate(plan(*components, **settings), facts or order(), 0))
    return {key[1:]: amount for key, amount in found.items() if key[0] == name}


def test_case_7() -> None:
    assert matched(unilevel(), matching()) == {(1, B): 500, (1, A): 250}


def test_every_level_above_the_one_matched() -> None:
    # C earned 50.00 and B 25.00; A stands two above C and one above B.
    assert matched(unilevel(), matching(["0.10", "0.02"])) == {(1, B): 500, (1, A): 250, (2, A): 100}


def test_the_seller_is_matched_for_what_he_earned_himself() -> None:
    assert matched(unilevel([], self_rate="0.10"), matching()) == {(1, C): 500}


def test_one_person_is_matched_for_all_that_he_earned() -> None:
    own = unilevel(["0.10"], self_rate="0.02")
    facts = order(upline=[C])
    assert matched(own, matching(), facts=facts) == {(1, C): 100}
    rolled = order(suspended=[D], upline=[C, B])
    assert matched(own, matching(), facts=rolled, unclaimed="roll_up") == {(1, B): 600}


@pytest.mark.parametrize(("compress", "expected"), [(False, {(1, A): 250}), (True, {(1, A): 500 + 250})])
def test_without_compression_an_unqualified_one_uses_up_the_level(compress, expected) -> None:
    # B is qualified for `direct` and not for `match`.
    component = matching(compress=compress, when={"field": "rank", "value": 3})
    facts = graded(None, None, "silver", "gold")
    found = matched(unilevel(), component, facts=facts)
    assert found == {(level, {A: 4}[who]): amount for (level, who), amount in expected.items()}


def test_what_the_unqualified_lose_rolls_up_where_the_plan_says_so() -> None:
    facts = graded(None, None, "silver", "gold")
    component = matching(when={"field": "rank", "value": 3})
    assert matched(unilevel(), component, facts=facts, unclaimed="roll_up") == {(1, 4): 750}


def test_it_takes_rounded_amounts_before_every_cap() -> None:
    capped = unilevel(cap_per_order="0.01", cap_per_entry="0.01")
    assert matched(capped, matching()) == {(1, B): 500, (1, A): 250}
    # 0.05 of the 1.50 cents is 0.08 cents, of the 2 cents that they round to 0.10.
    assert matched(unilevel(["0.015"]), matching(["0.25"]), facts=order(line(100))) == {(1, B): 1}


def test_a_match_of_a_match() -> None:
    parts = (unilevel(), matching(), matching(["0.50"], of="match", name="again"))
    assert matched(*parts, name="again") == {(1, A): 250}


def test_a_match_of_differences() -> None:
    facts = graded("bronze", "silver", "gold")
    assert matched(differential(), matching(of="grades"), facts=facts) == {(1, 2): 100, (1, 3): 150}


def test_it_follows_refunds() -> None:
    facts = order(refunds=[refund((1, 4, 20000)), refund((1, 6, 30000), seq=2)])
    found = [step.target.get(("match", 1, B), 0) for step in steps(plan(unilevel(), matching()), facts)]
    assert found == [500, 300, 0]


@pytest.mark.parametrize(
    "components",
    [
        [matching(), unilevel()],
        [matching(of="match")],
        [unilevel(), matching(of="other")],
    ],
)
def test_of_names_an_earlier_component(components) -> None:
    with pytest.raises(InvalidPlan) as refusal:
        plan(*components)
    assert [error.field.split(".")[-1] for error in refusal.value.errors] == ["of"]


def test_it_has_no_overrides() -> None:
    with pytest.raises(InvalidPlan) as refusal:
        plan(unilevel(), matching(overrides=[]))
    assert [error.field for error in refusal.value.errors] == ["components.1.overrides"]
