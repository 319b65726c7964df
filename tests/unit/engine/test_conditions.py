"""Conditions: what is refused, the texts, the form, the facts they need, and who earns under them."""

import json

import pytest
from hypothesis import given, settings
from pydantic import TypeAdapter
from worlds import amounts, conditions, differential, fixed, graded, order, party, plan, unilevel

from fenxiao.engine.conditions.form import form, json_schema
from fenxiao.engine.conditions.subjects import SUBJECTS, FactMissing, Need
from fenxiao.engine.conditions.tree import ConditionField, as_document
from fenxiao.engine.conditions.wording import told
from fenxiao.engine.evaluate import evaluate, steps
from fenxiao.engine.explain import explain, render, why_nothing
from fenxiao.engine.faults import FAULTS, InvalidPlan
from fenxiao.engine.plan import needed_facts

READER = TypeAdapter(ConditionField)
RANK = {"field": "rank", "value": 2}
ACTIVE = {"field": "active", "within_days": 30}
SALES = {"field": "personal_sales", "within_days": 30, "value": "100.00"}
ORDERS = {"field": "paid_orders", "value": 3}
DAYS = {"field": "days_registered", "value": 90}


def read(document):
    return READER.validate_python(document, context={"currency": "CNY"})


def who_earns(condition, *people):
    """The places that a rate of 1 % for everybody reaches."""
    made = plan(unilevel(["0.01"] * len(people), self_rate="0.01", when=condition))
    facts = order(seller=people[0], upline=people[1:])
    return [award.level for award in evaluate(made, facts, 0).awards]


# What is refused


@pytest.mark.parametrize(
    ("condition", "field", "words"),
    [
        (7, "", "Send an object."),
        ([], "", "Send an object."),
        ({}, "", 'no condition on ""; compare one of rank, active, paid_orders'),
        ({"field": "colour"}, "", 'no condition on "colour"'),
        ({"field": ["rank"]}, "", "no condition on"),
        ({"all": []}, "all", "not empty"),
        ({"any": {}}, "any", "Send a list."),
        ({"all": [RANK], "any": [RANK]}, "any", "known are all."),
        ({"not": None}, "not", "Send an object."),
        ({"not": [RANK]}, "not", "Send an object."),
        ({"all": [RANK, {"field": "rank"}]}, "all.1.value", "required"),
        ({"any": [{"not": {"field": "nothing"}}]}, "any.0.not", 'no condition on "nothing"'),
        ({"field": "rank", "value": 0}, "value", "whole number from 1"),
        ({"field": "rank", "value": "gold"}, "value", "whole number"),
        ({"field": "rank", "value": 2, "within_days": 3}, "within_days", "known are op, field, value."),
        ({"field": "rank", "value": 2, "op": "is"}, "op", "one of at_least, at_most."),
        ({"field": "active"}, "within_days", "required"),
        ({"field": "active", "within_days": 0}, "within_days", "whole number from 1 to 3650"),
        ({"field": "active", "within_days": 30, "value": 2}, "value", "no such field"),
        ({**SALES, "value": 0.5}, "value", "not exact"),
        ({**SALES, "value": "0.001"}, "value", "in CNY with at most 2 decimals"),
        ({**SALES, "value": "-1"}, "value", "0 or more"),
        ({**ORDERS, "value": -1}, "value", "whole number from 0"),
        ({**DAYS, "value": True}, "value", "whole number"),
    ],
)
def test_a_broken_condition_is_refused_when_the_plan_is_read(condition, field, words) -> None:
    with pytest.raises(InvalidPlan) as refusal:
        plan(unilevel(), unilevel(name="b", when=condition))
    (error,) = refusal.value.errors
    assert error.field == f"components.1.when.{field}".rstrip(".")
    assert words in error.message.format_map(error.params or {})
    assert error.message in FAULTS.values()


def nested(times):
    return RANK if not times else {"not": nested(times - 1)}


@pytest.mark.parametrize(
    "condition",
    [
        nested(7),
        nested(5000 // 10),
        {"all": [RANK] * 51},
        {"any": [RANK] * 26 + [{"all": [RANK] * 26}]},
        {"any": [{"all": [RANK] * 30}] * 2},
    ],
)
def test_a_tree_too_large_is_refused(condition) -> None:
    with pytest.raises(InvalidPlan) as refusal:
        plan(unilevel(when=condition))
    assert [(error.field, error.params) for error in refusal.value.errors] == [
        ("components.0.when", {"most": 50, "deep": 6})
    ]


def test_the_largest_tree_is_accepted() -> None:
    assert plan(unilevel(when=nested(6))).components[0].when is not None
    assert plan(unilevel(when={"any": [{"all": [RANK] * 25}] * 2})).components[0].when is not None


# Round trips


@settings(max_examples=200, deadline=None)
@given(conditions)
def test_a_condition_reads_back_to_itself(condition) -> None:
    made = read(condition)
    document = json.loads(json.dumps(as_document(made, "CNY")))
    assert read(document) == made
    assert hash(read(document)) == hash(made)
    for language in ("en", "zh"):
        assert "{" not in told(made, "CNY", language)


def test_defaults_are_written_out() -> None:
    assert as_document(read(RANK), "CNY") == {"field": "rank", "op": "at_least", "value": 2}
    assert as_document(read({"not": ACTIVE}), "CNY") == {"not": ACTIVE}
    assert as_document(read({**SALES, "value": 100}), "CNY") == {**SALES, "op": "at_least"}


# Texts and form


@pytest.mark.parametrize(
    ("condition", "english", "chinese"),
    [
        (RANK, "the rank of the grade at least 2", "等级序号不低于 2"),
        (ACTIVE, "an own paid order within the last 30 days", "最近 30 天内有本人已付款订单"),
        (
            SALES,
            "personal sales of the last 30 days at least 100.00 CNY",
            "最近 30 天的个人销售额不低于 100.00 CNY",
        ),
        (
            {**ORDERS, "op": "at_most"},
            "the number of own paid orders at most 3",
            "本人已付款订单数不高于 3",
        ),
        (
            {"all": [{"any": [RANK, DAYS]}, {"not": ACTIVE}]},
            "(the rank of the grade at least 2 or the days since registration at least 90) and not (an own paid order within the last 30 days)",
            "（等级序号不低于 2 或 注册天数不低于 90） 且 并非（最近 30 天内有本人已付款订单）",
        ),
    ],
)
def test_a_condition_in_words(condition, english, chinese) -> None:
    assert told(read(condition), "CNY", "en") == english
    assert told(read(condition), "CNY", "zh") == chinese


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_form_has_every_field(language) -> None:
    found = form(language)
    json.dumps(found)
    assert {one["field"]: (one["unit"], one["window"]) for one in found["fields"]} == {
        "rank": ("rank", "none"),
        "active": (None, "required"),
        "paid_orders": ("orders", "optional"),
        "personal_sales": ("amount", "optional"),
        "days_registered": ("days", "none"),
    }
    everything = form(language, "period")["fields"]
    assert everything[: len(found["fields"])] == found["fields"]
    assert set(SUBJECTS) == {one["field"] for one in everything}
    assert {one["field"] for one in everything[5:]} == {"period_personal_sales", "period_team_sales"}
    assert len({one["label"] for one in everything}) == len(everything)
    assert len({one["label"] for one in found["fields"]}) == len(found["fields"])
    assert [one["name"] for one in found["groups"]] == ["all", "any", "not"]
    assert found["limits"] == {"comparisons": 50, "nested": 6}


def test_the_schema_is_json_and_refers_to_itself() -> None:
    text = json.dumps(json_schema())
    assert all(f'"{field}"' in text for field in SUBJECTS)
    assert '"#/$defs/' in text


# Facts


def test_needed_facts_are_what_all_conditions_ask_for_once() -> None:
    condition = {"any": [RANK, ACTIVE, {"not": SALES}]}
    made = plan(
        unilevel(when=condition),
        fixed(["1"], when={"all": [SALES, DAYS, {"field": "paid_orders", "within_days": 30, "value": 2}]}),
        unilevel(name="free"),
    )
    assert needed_facts(made) == [
        Need("days_registered", None),
        Need("paid_orders", 30),
        Need("personal_sales", 30),
    ]
    assert [need.name for need in needed_facts(made)] == [
        "days_registered",
        "paid_orders/30",
        "personal_sales/30",
    ]
    assert needed_facts(plan(unilevel(), differential(when=RANK))) == []
    both = plan(unilevel(when={"any": [{"field": "paid_orders", "within_days": 7, "value": 1}, ORDERS]}))
    assert [need.within_days for need in needed_facts(both)] == [None, 7]
    # Also where the shortest window stands beside none; seven plans, because a set has its own order.
    for sales in range(1, 8):
        day = {"field": "personal_sales", "within_days": 1, "value": sales}
        order = {"field": "paid_orders", "within_days": 1, "value": sales}
        everything = {"any": [day, {**day, "within_days": None}, order, {**order, "within_days": None}]}
        found = needed_facts(plan(unilevel(when=everything)))
        assert [need.within_days for need in found] == [None, 1, None, 1]


@pytest.mark.parametrize("facts", [None, {}, {"personal_sales": 10**6}, {"personal_sales/7": 10**6}])
def test_a_fact_that_is_missing_is_an_error_and_never_0(facts) -> None:
    with pytest.raises(FactMissing, match="no fact personal_sales/30 of distributor 5") as missing:
        who_earns(SALES, party(5, facts=facts))
    assert isinstance(missing.value, ValueError)
    # Also where the other conditions have decided, and in the history.
    made = plan(unilevel(["0.1"], when={"any": [RANK, SALES]}))
    for chain in ([party(1), party(5, grade="gold", facts=facts)], [party(5, facts=facts)] * 2):
        with pytest.raises(FactMissing):
            steps(made, order(seller=chain[0], upline=chain[1:]))


def test_the_suspended_and_those_not_reached_are_not_asked() -> None:
    able = {"personal_sales/30": 10000}
    assert who_earns(SALES, party(1, False), party(2, facts=able)) == [1]
    made = plan(unilevel(["0.1"], when=SALES))
    facts = order(seller=party(1, facts=able), upline=[party(2, facts=able), party(3)])
    assert amounts(evaluate(made, facts, 0)) == {("direct", 1, 2): 5000}


# Who earns


@pytest.mark.parametrize(
    ("condition", "places"),
    [
        (RANK, [1, 2]),
        ({**RANK, "op": "at_most"}, [0, 1, 3]),
        ({"not": RANK}, [0, 3]),
        (ACTIVE, [0, 2]),
        (SALES, [2, 3]),
        ({**SALES, "value": "100.01"}, [3]),
        ({**SALES, "op": "at_most"}, [0, 1, 2]),
        ({"all": [RANK, SALES]}, [2]),
        ({"any": [RANK, SALES]}, [1, 2, 3]),
        ({"not": {"any": [RANK, SALES]}}, [0]),
        ({"all": [{"any": [RANK, ACTIVE]}, {"not": SALES}]}, [0, 1]),
    ],
)
def test_who_meets_a_condition(condition, places) -> None:
    people = [
        party(1, grade=None, facts={"paid_orders/30": 1, "personal_sales/30": 0}),
        party(2, grade="silver", facts={"paid_orders/30": 0, "personal_sales/30": 9999}),
        party(3, grade="gold", facts={"paid_orders/30": 2, "personal_sales/30": 10000}),
        party(4, grade="bronze", facts={"paid_orders/30": 0, "personal_sales/30": 10001}),
    ]
    assert who_earns(condition, *people) == places


def test_own_activity_as_a_condition() -> None:
    """Pay on the team's sales only for who sells 100.00 himself in 30 days."""
    sold = {1: 0, 2: 9999, 3: 10000, 4: 20000}
    facts = {who: {"personal_sales/30": amount} for who, amount in sold.items()}
    chain = graded(None, None, None, None, facts=facts)
    gate = {"when": SALES}
    plain = plan(unilevel(**gate))
    assert amounts(evaluate(plain, chain, 0)) == {("direct", 2, 3): 2500}
    assert amounts(evaluate(plan(unilevel(compress=True, **gate)), chain, 0)) == {
        ("direct", 1, 3): 5000,
        ("direct", 2, 4): 2500,
    }


def test_the_example_of_the_docs() -> None:
    active = {"all": [RANK, ACTIVE]}
    gate = {"when": {"any": [SALES, active]}}
    sold = {1: 0, 2: 9999, 3: 10000, 4: 10000}
    facts = {who: {"personal_sales/30": amount, "paid_orders/30": 1} for who, amount in sold.items()}
    chain = graded(None, None, None, None, facts=facts)
    assert amounts(evaluate(plan(unilevel(**gate)), chain, 0)) == {("direct", 2, 3): 2500}
    assert amounts(evaluate(plan(unilevel(compress=True, **gate)), chain, 0)) == {
        ("direct", 1, 3): 5000,
        ("direct", 2, 4): 2500,
    }


def test_each_component_has_its_own_condition() -> None:
    chain = graded("gold", "silver", "gold")
    made = plan(unilevel(when={"field": "rank", "value": 3}), unilevel(["0.01"], name="all"))
    assert amounts(evaluate(made, chain, 0)) == {("direct", 2, 3): 2500, ("all", 1, 2): 500}


# Explanations


def test_a_condition_is_told_to_who_met_it_and_to_who_did_not() -> None:
    facts = {who: {"personal_sales/30": amount} for who, amount in {1: 0, 2: 9999, 3: 10000}.items()}
    made = plan(unilevel(when={"any": [SALES, {"field": "rank", "value": 4}]}))
    trace = explain(made, graded(None, None, "gold", facts=facts), 0)
    condition = "personal sales of the last 30 days at least 100.00 CNY or the rank of the grade at least 4"
    assert render(trace, 3, "en")[:4] == (
        "You get 25.00 CNY from order 1001 by component direct, level 2.",
        "You stand at place 2 above the seller, distributor 1.",
        "Distributor 2 at place 1 did not meet the condition of component direct; level 1 was paid to nobody.",
        f"The condition was met: {condition}. Your figures: personal sales of the last 30 days: 100.00 CNY, the rank of the grade: 3.",
    )
    assert render(trace, 2, "en")[1:] == (
        f"Component direct asks for a condition that you did not meet: {condition}. Your figures: personal sales of the last 30 days: 99.99 CNY, the rank of the grade: no grade.",
    )
    assert render(trace, 2, "zh")[1:] == (
        "组件 direct 要求的条件您未满足：最近 30 天的个人销售额不低于 100.00 CNY 或 等级序号不低于 4。您的数据：最近 30 天的个人销售额：99.99 CNY，等级序号：无等级。",
    )
    (reason,) = why_nothing(trace, 2)
    assert reason.code == "unmet"
    assert reason.params["facts"] == {"personal_sales/30": 9999}
    json.dumps(dict(reason.params))
    document = trace.document()["components"][0]
    assert document["when"]["any"][0] == {**SALES, "op": "at_least"}
    assert [stop["outcome"] for stop in document["chain"][0]["walked"]] == ["unmet", "unmet", "qualified"]
