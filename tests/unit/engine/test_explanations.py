"""What a distributor is told: how an amount came about, or why there is none."""

import json
import re

import closes
import pytest
from hypothesis import given, settings
from worlds import (
    PAID,
    A,
    B,
    C,
    D,
    breakaway,
    differential,
    documents,
    fixed,
    generation,
    graded,
    infinity,
    line,
    matching,
    order,
    orders,
    plan,
    refund,
    unilevel,
)

from fenxiao.engine.explain import explain, render, why_nothing
from fenxiao.engine.plan import parse_plan
from fenxiao.engine.texts import REASONS, ZH
from fenxiao.kernel.money import from_minor


def told(made_plan, facts, who, refunds=0, language="en"):
    return list(render(explain(made_plan, facts, refunds), who, language))


def test_an_amount_is_told_from_its_base_on() -> None:
    assert told(plan(unilevel()), order(), C) == [
        "You get 50.00 CNY from order 1001 by component direct, level 1.",
        "You stand at place 1 above the seller, distributor 4.",
        "Commission is paid on what the buyer paid: 500.00 CNY.",
        "500.00 × 10 % = 50.00",
    ]
    assert told(plan(unilevel()), order(), C, language="zh") == [
        "您从订单 1001 获得 50.00 CNY：组件 direct，第 1 级。",
        "您位于卖家（分销商 4）之上第 1 位。",
        "佣金按买家实付金额计算：500.00 CNY。",
        "500.00 × 10% = 50.00",
    ]


def test_everything_that_changed_the_amount_is_told() -> None:
    made = plan(
        unilevel(
            ["0.055", "0.055"],
            compress=True,
            cap_per_order="10",
            overrides=[
                {"match": {"tag": "热销"}, "levels": ["0.10"]},
                {"match": {"tag": "食品"}, "self_rate": "0"},
            ],
        ),
        max_payout_rate="0.03",
        base="profit",
    )
    goods = [line(10001, unit_cost=0), line(10000, line_id=2, tags=("热销", "食品"), unit_cost=0)]
    facts = order(*goods, suspended=[C], refunds=[refund((1, 0, 10))])
    assert told(made, facts, B, refunds=1) == [
        "You get 4.42 CNY from order 1001 by component direct, level 1.",
        "You stand at place 2 above the seller, distributor 4.",
        "Distributor 3 at place 1 was suspended when the order was created and was passed over, so the levels moved up.",
        "Commission is paid on the profit: 199.91 CNY.",
        "That is what is left after 1 refund(s).",
        "99.91 × 5.5 % = 5.49505",
        "Special terms for tag 热销, tag 食品: 100.00 × 10 % = 10.00",
        "Together that is 15.49505.",
        "Rounded half up: 15.50.",
        "The component pays at most 10.00 for one order; its amounts came to 21.00, so yours was cut to 7.38.",
        "An order pays at most 3 % of its base, 5.99; all amounts came to 10.00, so yours was cut to 4.42.",
    ]


def test_a_level_lost_to_a_suspended_one_is_told() -> None:
    assert (
        "Distributor 3 at place 1 was suspended when the order was created; level 1 was paid to nobody."
        in told(plan(unilevel()), order(suspended=[C]), B)
    )


def test_a_suspended_seller_is_not_told_to_his_upline() -> None:
    assert not any("suspended" in text for text in told(plan(unilevel()), order(suspended=[D]), C))


def test_units_are_told_for_fixed_and_the_own_sale_for_the_seller() -> None:
    made = plan(fixed(["1.50"], self_amount="0.25"))
    assert told(made, order(), C)[-1] == "10 units × 1.50 = 15.00"
    assert told(made, order(), C, language="zh")[-1] == "10 件 × 1.50 = 15.00"
    assert told(made, order(), D)[1] == "You are the seller of this order; that is level 0."


def test_one_award_or_all_of_a_person() -> None:
    made = plan(unilevel(), fixed(["1.00"]))
    both, one = told(made, order(), C), told(made, order(), ("unit", 1, C))
    assert [text.split(" by ")[1] for text in both if text.startswith("You get")] == [
        "component direct, level 1.",
        "component unit, level 1.",
    ]
    assert one == both[4:]


@pytest.mark.parametrize(
    ("made", "facts", "who", "reasons"),
    [
        (plan(unilevel()), order(), 77, ["not-in-chain"]),
        (plan(unilevel()), order(suspended=[C]), C, ["suspended"]),
        (plan(unilevel()), order(completed_at=None), C, ["not-completed-yet"]),
        (plan(unilevel(), accrue_on="paid"), order(paid_at=None, completed_at=None), C, ["not-paid-yet"]),
        (plan(), order(), C, ["no-component"]),
        (plan(closes.pool()), order(), C, ["paid-at-close"]),
        (plan(unilevel()), order(line(0)), C, ["nothing-left"]),
        (plan(unilevel(), base="profit"), order(line(500, unit_cost=500)), C, ["nothing-left"]),
        (plan(unilevel()), order(), D, ["seller-not-paid"]),
        (plan(unilevel()), order(), A, ["too-far"]),
        (plan(unilevel(), fixed(["1"])), order(), A, ["too-far", "too-far"]),
        (plan(unilevel(["0", "0.10"])), order(), C, ["level-not-paid"]),
        (plan(unilevel(["0.10"])), order(line(4)), C, ["rounded-away"]),
        (plan(unilevel(["0.10"], cap_per_order="0")), order(), C, ["capped-away"]),
        (plan(unilevel(["0.10"]), max_payout_rate="0"), order(), C, ["limited-away"]),
        (plan(unilevel()), order(), C, []),
        (plan(unilevel(["0.10"], cap_per_entry="0")), order(), C, ["entry-capped-away"]),
        (plan(unilevel(when={"field": "rank", "value": 1})), order(), C, ["unmet"]),
        (plan(unilevel(compress=True, when={"field": "rank", "value": 1})), order(), A, ["unmet"]),
        (plan(unilevel(), matching()), order(), C, []),
        (plan(unilevel(["0", "0.10"]), matching()), order(), C, ["level-not-paid", "nobody-to-match"]),
        (plan(unilevel(["0.10"]), matching()), order(upline=[C, B, A]), A, ["too-far", "match-too-far"]),
        (plan(unilevel(["0.10"]), matching(["0"])), order(), B, ["too-far", "level-not-paid"]),
        (plan(differential()), graded("gold", "silver"), 2, ["no-difference"]),
        (plan(differential()), graded("gold", "gold"), 2, ["no-difference"]),
        (
            plan(differential(same_grade_rate="0.01")),
            graded("gold", "gold", "gold"),
            3,
            ["same-grade-used-up"],
        ),
        (plan(differential(depth=1)), graded("bronze", "silver", "gold"), 3, ["too-far"]),
        (plan(differential()), graded("gold", lines=[line(0)]), 1, ["nothing-left"]),
        (plan(generation()), graded("gold", "silver"), 2, ["below-boundary"]),
        (plan(generation()), graded("gold", "silver"), 1, ["below-boundary"]),
        (plan(generation(["0.1"])), graded("gold", "gold", "gold"), 3, ["unpaid-generation"]),
        (plan(generation(empty_generations=False)), graded("gold", "gold", "gold"), 3, ["empty-generation"]),
        (plan(breakaway()), graded("gold", "gold"), 2, ["unpaid-generation"]),
        (plan(breakaway()), graded("gold", "silver"), 2, ["below-boundary"]),
        (plan(breakaway()), graded("silver", "bronze"), 2, ["no-difference"]),
        (plan(breakaway()), graded("silver", "silver"), 2, ["no-difference"]),
        (plan(breakaway(breakaway_volume="included")), graded("gold", "silver"), 2, ["no-difference"]),
        (plan(infinity()), graded("gold", "silver"), 2, ["below-rank"]),
        (plan(infinity()), graded("gold", "gold"), 1, ["within-depth"]),
        (plan(infinity()), graded("gold", "gold", "gold"), 3, ["blocked"]),
        (plan(infinity("0")), graded("gold", "gold"), 2, ["level-not-paid"]),
    ],
)
def test_why_someone_gets_nothing(made, facts, who, reasons) -> None:
    trace = explain(made, facts, 0)
    found = why_nothing(trace, who)
    assert [reason.code for reason in found] == reasons
    if reasons:
        for language in ("en", "zh"):
            sentences = render(trace, who, language)
            assert len(sentences) == 1 + len(reasons)
            assert not any("{" in sentence for sentence in sentences)


def test_every_reason_is_tried() -> None:
    tried = {
        code for mark in test_why_someone_gets_nothing.pytestmark for case in mark.args[1] for code in case[3]
    }
    assert tried == set(REASONS) - closes.REASONS


def test_after_a_whole_refund_nothing_is_left() -> None:
    facts = order(refunds=[refund((1, 10, 50000))])
    assert (
        told(plan(unilevel()), facts, C, refunds=1)[1] == "Nothing is left that commission could be paid on."
    )
    assert (
        told(plan(unilevel()), facts, ("direct", 1, C), refunds=1)[1]
        == "Nothing is left that commission could be paid on."
    )


def test_reasons_name_what_stood_in_the_way() -> None:
    assert (
        told(plan(unilevel()), order(), A)[1]
        == "Component direct pays up to level 2; you stand at place 3 and were not reached."
    )
    assert (
        told(plan(unilevel(["0.10"])), order(line(4)), C)[1]
        == "Component direct: your share of 0.004 rounds to nothing."
    )


@pytest.mark.parametrize(
    ("component", "who", "english", "chinese"),
    [
        (differential(), 1, "500.00 × 2 % = 10.00", "500.00 × 2% = 10.00"),
        (differential(), 4, "500.00 × (9 % − 5 %) = 20.00", "500.00 × (9% − 5%) = 20.00"),
        (
            differential(same_grade_rate="0.01"),
            5,
            "Same-grade bonus: 500.00 × 1 % = 5.00",
            "平级奖：500.00 × 1% = 5.00",
        ),
        (generation(), 5, "Generation 2: 500.00 × 3 % = 15.00", "第 2 代：500.00 × 3% = 15.00"),
        (
            breakaway(generation_rates=["0.04"]),
            5,
            "Generation 1: 500.00 × 4 % = 20.00",
            "第 1 代：500.00 × 4% = 20.00",
        ),
        (infinity(), 4, "500.00 × 1 % = 5.00", "500.00 × 1% = 5.00"),
        (
            infinity(next_leader="shared"),
            5,
            "Shared between two: 500.00 × 0.5 % = 2.50",
            "两人平分：500.00 × 0.5% = 2.50",
        ),
    ],
)
def test_each_type_tells_its_own_arithmetic(component, who, english, chinese) -> None:
    facts = graded("bronze", "silver", "bronze", "gold", "gold", suspended=[3])
    assert told(plan(component), facts, who)[-1] == english
    assert told(plan(component), facts, who, language="zh")[-1] == chinese


def test_a_match_names_whom_it_matched_and_for_what() -> None:
    made = plan(unilevel(), matching(["0.10", "0.02"]))
    sentences = told(made, order(), ("match", 1, A))
    assert not any("what the buyer paid" in sentence for sentence in sentences), "it rests on an amount"
    assert sentences[-1] == ("10 % of the 25.00 that distributor 2 earned by component direct = 2.50")
    sentences = told(made, order(), ("match", 2, A), language="zh")
    assert sentences[-1] == "分销商 3 由组件 direct 所得 50.00 的 2% = 1.00"
    document = explain(made, order(), 0).document()["components"][1]
    assert [walk["matched_id"] for walk in document["chain"]] == [C, B]
    assert document["awards"][0]["parts"][0]["matched_id"] == B


def test_who_was_passed_over_by_grade_is_told_without_levels() -> None:
    facts = graded("bronze", "silver", "gold", suspended=[2])
    assert told(plan(differential()), facts, 3)[2] == (
        "Distributor 2 at place 1 was suspended when the order was created and was passed over."
    )


@pytest.mark.parametrize(
    ("unclaimed", "words"),
    [("breakage", "generation 1 was paid to nobody"), ("roll_up", "generation 1 rolled up to the next")],
)
def test_a_lost_generation_is_told(unclaimed, words) -> None:
    made = plan(generation(ineligible_boundary=True), unclaimed=unclaimed)
    trace = explain(made, graded("bronze", "gold", "gold", suspended=[2]), 0)
    assert words in render(trace, 3, "en")[2]
    assert "第 1 代" in render(trace, 3, "zh")[2]
    lost = [(one.level, one.amount_minor) for one in trace.components[0].breakage]
    assert lost == ([(1, 2500)] if unclaimed == "breakage" else [])


def test_what_nobody_came_for_is_breakage_above_the_top() -> None:
    def broken(component, *grades, **facts):
        made = plan(component, unclaimed="roll_up")
        (traced,) = explain(made, graded(*grades, **facts), 0).components
        return [
            (one.level, one.amount_minor, [(part.values or {}).get("generation") for part in one.parts])
            for one in traced.breakage
        ]

    assert broken(generation(), "bronze", "gold", "silver") == [(3, 1500, [2])]
    assert broken(infinity(), "gold", "silver") == [(2, 500, [None])]
    stairs = breakaway(generation_rates=["0.04"], ineligible_boundary=True)
    assert broken(stairs, "gold", "gold", suspended=[2]) == [(2, 2000, [1])]


def test_a_climb_is_in_the_trace_with_what_was_seen() -> None:
    facts = graded("gold", "silver", "bronze")
    walked = explain(plan(differential()), facts, 0).document()["components"][0]["chain"][0]["walked"]
    assert walked[1] == {
        "distributor_id": 2,
        "place": 1,
        "level": 1,
        "outcome": "no-difference",
        "values": {"own_percent": "5", "paid_percent": "9"},
    }
    assert (
        len(explain(plan(differential()), facts, 0).document(2)["components"][0]["chain"][0]["walked"]) == 2
    )


def test_breakage_is_in_the_trace() -> None:
    found = explain(plan(unilevel(["0.10", "0.05", "0.02", "0.01"])), order(suspended=[C]), 0).document()[
        "components"
    ][0]["breakage"]
    assert [(one["level"], one["amount"]) for one in found] == [(1, "50.00"), (4, "5.00")]


def test_a_distributors_own_copy_shows_nobody_above_and_no_other_amount() -> None:
    trace = explain(plan(unilevel(["0.10", "0.05", "0.01"], self_rate="0.01")), order(suspended=[B]), 0)
    mine = trace.document(C)["components"][0]
    assert [award["distributor_id"] for award in mine["awards"]] == [C]
    assert [stop["distributor_id"] for walk in mine["chain"] for stop in walk["walked"]] == [D, C]
    assert "breakage" not in mine
    whole = trace.document()["components"][0]
    assert [award["distributor_id"] for award in whole["awards"]] == [D, C, A]
    assert [stop["place"] for stop in whole["chain"][0]["walked"]] == [0, 1, 2, 3]
    assert [stop["outcome"] for stop in whole["chain"][0]["walked"]] == [
        "qualified",
        "qualified",
        "suspended",
        "qualified",
    ]


@settings(max_examples=150, deadline=None)
@given(documents(), orders())
def test_everyone_is_told_something_true_in_both_languages(document, facts) -> None:
    trace = explain(parse_plan(document), facts, len(facts.refunds))
    json.dumps(trace.document())
    for party in (facts.seller, *facts.upline):
        who = party.distributor_id
        paid = [award for award in trace.evaluation.awards if award.distributor_id == who]
        assert bool(paid) != bool(why_nothing(trace, who))
        for language in ("en", "zh"):
            sentences = render(trace, who, language)
            assert sentences
            assert not any("{" in sentence for sentence in sentences)
            text = "\n".join(sentences)
            assert all(f"{from_minor(award.amount_minor, 'CNY')} CNY" in text for award in paid)
            others = {one.distributor_id for one in facts.upline[trace.place(who) :]} - {who}
            named = {int(number) for number in re.findall(r"(?:[Dd]istributor|分销商) (\d+)", text)}
            assert not named & others


def test_every_text_has_its_values_in_both_languages() -> None:
    for english, chinese in ZH.items():
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", chinese)), english


def test_a_trace_of_an_order_not_yet_accrued_says_so() -> None:
    trace = explain(plan(unilevel()), order(completed_at=None, paid_at=PAID), 0)
    assert trace.document()["accrued"] is False
    assert not trace.accrued
