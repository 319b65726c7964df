"""What a distributor is told of a period."""

import json

import pytest
from closes import REASONS, binary, facts, matched, matrix, member, placed, plan, pool, stairstep
from worlds import order, unilevel

from fenxiao.engine.close_trace import explain_period, render_period, why_nothing_for
from fenxiao.engine.explain import explain, render

SILVER = {"field": "rank", "value": 2}
LEGS = (placed(1, rank=2), placed(2, 1000, under=1), placed(3, 600, under=1, position=2))


def told(made, facts_, who=1, language="en"):
    return list(render_period(explain_period(made, facts_, who), language))


def test_a_share_of_a_pool_is_told() -> None:
    three = facts(member(1, 1000, rank=2), member(2, 2000, rank=2), member(3, 4000, rank=2), sales=10_000)
    assert told(plan(pool(qualify=SILVER)), three, 3) == [
        "You get 66.66 CNY for the period 2026-03 by component pool, level 0.",
        "The condition was met: the rank of the grade at least 2. Your figures: the rank of the grade: 2.",
        "2 % of the sales of 10000.00 make a pool of 200.00; 3 share it equally: 200/3",
        "Single cents of what is divided go to the largest remainders: 66.66.",
    ]
    assert told(plan(pool(share_by="personal_sales")), three, 3, "zh")[1:] == [
        "销售额 10000.00 的 2% 构成分红池 200.00；按您的 4000.00 占 7000.00 分得 800/7",
        "分配时零头归余数最大者：114.29。",
    ]


def test_a_matched_leg_is_told() -> None:
    assert told(plan(binary()), facts(*LEGS))[1:] == [
        "Your legs had 1000.00 and 600.00: 600.00 matched × 10 % = 60.00"
    ]
    pairs = binary(None, pair_volume="250", amount_per_pair="20", cap_per_period="15")
    assert told(plan(pairs), facts(*LEGS))[1:] == [
        "Your legs had 1000.00 and 600.00: 2 pairs of 250.00 × 20.00 = 40.00",
        "One earner gets at most 15.00 of this component in a period, so yours was cut to 15.00.",
    ]
    assert told(plan(binary()), facts(*LEGS), 2) == [
        "You get nothing for the period 2026-03.",
        "Component pairs pays on what both of your legs sold; they had 0.00 and 0.00.",
    ]


def test_levels_and_steps_are_told() -> None:
    assert told(plan(matrix(["0.055"], cap_per_entry="5")), facts(*LEGS))[1:] == [
        "Level 1 of your matrix sold 1600.00 × 5.5 % = 88.00",
        "One entry of the component is at most 5.00, so yours was cut to that.",
    ]
    group = facts(member(1, 5000), member(2, 6000, sponsor_id=1), member(3, 12_000, sponsor_id=1))
    assert told(plan(stairstep()), group)[1:] == [
        "Your group sold 11000.00, which is the step of 15 %: 5000.00 × (15 % − 0 %) = 750.00",
        "Your group sold 11000.00, which is the step of 15 %: 6000.00 × (15 % − 10 %) = 300.00",
        "Together that is 1050.00.",
        "You get 480.00 CNY for the period 2026-03 by component group, level 1.",
        "Generation 1 of the legs that broke away below you: 12000.00 × 4 % = 480.00",
    ]


def test_a_share_of_what_others_earned_is_told_by_level_and_names_nobody() -> None:
    below = facts(
        member(7), member(8, 40, sponsor_id=7), member(9, 60, sponsor_id=7), member(10, 0, sponsor_id=8)
    )
    made = plan(pool("0.1", share_by="personal_sales"), matched(["0.5"]))
    sentences = told(made, below, 7)
    assert sentences == [
        "You get 5.00 CNY for the period 2026-03 by component match, level 1.",
        "Level 1 below you earned 10.00 by the component that is matched × 50 % = 5.00",
    ]
    assert told(made, below, 7, "zh")[1] == "您下方第 1 层由被匹配的组件所得 10.00 × 50% = 5.00"
    document = explain_period(made, below, 7).document()["components"][1]
    assert document["awards"][0]["parts"] == [
        {"level": "1", "matched": "10.00", "percent": "50", "exact": "5.00"}
    ]
    assert told(made, below, 10) == [
        "You get nothing for the period 2026-03.",
        "Component pool divides by sales of the period; you had none that count.",
        "Component match: nobody up to level 1 below you earned anything by pool in this period.",
    ]


CASES = [
    (plan(pool()), facts(member(1)), 7, ["not-a-member"]),
    (plan(pool()), facts(member(1, active=False)), 1, ["suspended-at-close"]),
    (plan(), facts(member(1)), 1, ["no-component"]),
    (plan(pool()), facts(member(1), sales=0), 1, ["no-sales"]),
    (plan(pool(share_by="team_sales")), facts(member(1), sales=9), 1, ["no-share"]),
    (plan(pool(qualify=SILVER)), facts(member(1, rank=1), sales=9), 1, ["unmet"]),
    (plan(pool("0.000001")), facts(member(1), member(2), sales=1), 2, ["no-sales"]),
    (plan(pool(cap_per_entry="0")), facts(member(1), sales=9), 1, ["entry-capped-away"]),
    (plan(pool(cap_per_period="0")), facts(member(1), sales=9), 1, ["period-capped-away"]),
    (plan(binary("0.00001")), facts(*LEGS[:2]), 1, ["nothing-matched"]),
    (plan(matrix(["0.000001"])), facts(*LEGS), 1, ["rounded-away"]),
    (plan(matrix()), facts(*LEGS), 3, ["no-volume"]),
    (plan(stairstep()), facts(member(1, 10)), 1, ["below-step"]),
    (plan(binary(), matched(of="pairs")), facts(*LEGS), 2, ["nothing-matched", "nobody-earned"]),
    (plan(pool(), stairstep(), binary()), facts(member(1, 99)), 1, []),
    (plan(pool("0"), binary()), facts(member(1)), 1, ["no-sales", "nothing-matched"]),
    (plan(binary(qualify=SILVER)), facts(placed(1, rank=2)), 1, ["nothing-matched"]),
]


@pytest.mark.parametrize(("made", "facts_", "who", "codes"), CASES)
def test_why_somebody_gets_nothing(made, facts_, who, codes) -> None:
    trace = explain_period(made, facts_, who)
    assert [reason.code for reason in why_nothing_for(trace)] == codes
    if codes:
        for language in ("en", "zh"):
            sentences = render_period(trace, language)
            assert len(sentences) == 1 + len(codes)
            assert not any("{" in one for one in sentences)


def test_the_cap_that_took_everything_is_told() -> None:
    def told_of(made, facts_):
        (reason,) = why_nothing_for(explain_period(made, facts_, 1))
        return reason.code, reason.params["cap"], reason.params["rounded"]

    assert told_of(plan(pool("0.1", cap_per_entry="0")), facts(member(1), sales=9)) == (
        "entry-capped-away",
        "0.00",
        "0.90",
    )
    # A hard stop pays nothing from the first on that does not fit.
    stopped = plan(matrix(["0.1"], cap_per_period="7.50"), cut="hard_stop")
    assert told_of(stopped, facts(*LEGS)) == ("period-capped-away", "7.50", "160.00")


def test_every_reason_of_a_period_is_tried() -> None:
    assert {code for case in CASES for code in case[3]} >= REASONS


def test_the_document_of_a_trace_names_nobody_else() -> None:
    made = plan(binary(qualify=SILVER), pool(cap_per_entry="5"))
    document = explain_period(made, facts(*LEGS), 1).document()
    assert document["period"] == "2026-03"
    assert [one["component"] for one in document["components"]] == ["pairs", "pool"]
    pairs, shared = document["components"]
    assert pairs["qualify"] == {**SILVER, "op": "at_least"}
    assert pairs["awards"][0]["amount"] == "60.00"
    assert pairs["awards"][0]["parts"] == [
        {"left": "1000.00", "right": "600.00", "matched": "600.00", "percent": "10", "exact": "60.00"}
    ]
    assert (shared["awards"][0]["rounded"], shared["awards"][0]["amount"]) == ("10.67", "5.00")
    assert '"distributor_id": 1' in json.dumps(document)


def test_the_document_says_how_it_went() -> None:
    group = facts(member(1, 500), member(2, 12_000, sponsor_id=1), member(3, 11_000, sponsor_id=2))
    outcomes = {
        number: explain_period(plan(stairstep()), group, number).document()["components"][0]
        for number in (1, 2, 3)
    }
    assert {number: one["outcome"] for number, one in outcomes.items()} == {
        1: "below-step",
        2: "qualified",
        3: "qualified",
    }
    assert outcomes[1]["values"] == {"group": "500.00", "own_percent": "0"}


def test_an_order_says_that_a_component_pays_when_its_period_closes() -> None:
    seller = order().seller.distributor_id
    document = explain(plan(unilevel(), pool()), order(), 0).document()
    assert [one["component"] for one in document["components"]] == ["direct"]
    for made in (plan(unilevel(), pool()), plan(pool())):
        sentences = render(explain(made, order(), 0), seller, "en")
        assert sentences[-1] == (
            "Component pool pays when its period closes, for all sales of the period together."
        )
