"""Plan documents: what is refused, with which words at which place, and the canonical form."""

import json
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from worlds import documents, fixed, order, plan, unilevel

from fenxiao.engine.components import KINDS
from fenxiao.engine.document import PlanDocument
from fenxiao.engine.evaluate import evaluate
from fenxiao.engine.faults import FAULTS, InvalidPlan
from fenxiao.engine.plan import parse_plan
from fenxiao.kernel.errors import Invalid

GOOD = {"name": "spring", "currency": "CNY", "components": [unilevel()]}


def faults(document):
    with pytest.raises(InvalidPlan) as refusal:
        parse_plan(document)
    for error in refusal.value.errors:
        assert error.message in FAULTS.values()
        text = error.message.format_map(error.params or {})
        assert "{" not in text
    return {error.field: error.message.format_map(error.params or {}) for error in refusal.value.errors}


def faults_of(component):
    return {
        field.removeprefix("components.0."): text
        for field, text in faults({**GOOD, "components": [component]}).items()
    }


def test_defaults() -> None:
    found = parse_plan(GOOD)
    assert (found.accrue_on, found.hold_days, found.rounding, found.base) == (
        "completed",
        0,
        "half_up",
        "paid_amount",
    )
    assert found.max_payout_rate == 1
    assert found.components[0].cap_minor is None


def test_the_canonical_document_has_strings_and_all_defaults() -> None:
    document = plan(
        unilevel([Decimal("0.1"), "0.0550", 0], self_rate=1, cap_per_order=5, compress=True),
        fixed(
            [Decimal("0.5"), 2],
            overrides=[{"match": {"tag": "热销"}, "amounts": ["1"]}, {"match": {"product_id": Decimal(7)}}],
        ),
        max_payout_rate=Decimal("0.50"),
        hold_days=Decimal("7.0"),
        accrue_on="paid",
    ).document()
    assert document == {
        "name": "plan",
        "currency": "CNY",
        "accrue_on": "paid",
        "hold_days": 7,
        "rounding": "half_up",
        "base": "paid_amount",
        "max_payout_rate": "0.50",
        "cut": "pro_rata",
        "unclaimed": "breakage",
        "components": [
            {
                "type": "unilevel",
                "name": "direct",
                "cap_per_order": "5.00",
                "levels": ["0.10", "0.055", "0.00"],
                "self_rate": "1.00",
                "compress": True,
                "overrides": [],
            },
            {
                "type": "fixed",
                "name": "unit",
                "amounts": ["0.50", "2.00"],
                "self_amount": "0.00",
                "compress": False,
                "overrides": [{"match": {"tag": "热销"}, "amounts": ["1.00"]}, {"match": {"product_id": 7}}],
            },
        ],
        "rewards": [],
    }
    assert list(document["components"][0])[:2] == ["type", "name"]


@settings(max_examples=150, deadline=None)
@given(documents())
def test_the_canonical_document_parses_to_an_equal_plan(document) -> None:
    first = parse_plan(document)
    second = parse_plan(json.loads(json.dumps(first.document())))
    assert second == first
    assert hash(second) == hash(first)
    assert second.document() == first.document()
    assert pickle.loads(pickle.dumps(first)) == first


def test_a_plan_that_was_used_equals_one_that_was_not() -> None:
    used, fresh = (plan(unilevel(overrides=[{"match": {"product_id": 7}, "levels": []}])) for _ in range(2))
    evaluate(used, order(), 0)
    assert used == fresh
    assert hash(used) == hash(fresh)


def test_plans_that_differ_are_not_equal() -> None:
    assert plan(unilevel(["0.10"])) != plan(unilevel(["0.11"]))
    assert plan(unilevel()) != plan(unilevel(), hold_days=1)


def test_the_smallest_rate_survives() -> None:
    assert plan(unilevel(["0.000000000001"])).document()["components"][0]["levels"] == ["0.000000000001"]
    assert plan(unilevel(["0.000000000001"])).components[0].params.levels == (Fraction(1, 10**12),)


def test_a_plan_without_components_pays_nothing_and_is_accepted() -> None:
    assert parse_plan({**GOOD, "components": []}).components == ()
    assert parse_plan({**GOOD, "rewards": []}) == parse_plan(GOOD)
    assert plan(unilevel(when=None)) == plan(unilevel())


def test_a_refusal_is_a_validation_error_that_names_everything_at_once() -> None:
    found = faults(
        {
            "name": "",
            "currency": "yuan",
            "hold_days": -1,
            "colour": 1,
            "components": [unilevel(["2"]), {"type": "zip"}],
        }
    )
    assert set(found) == {
        "name",
        "currency",
        "hold_days",
        "colour",
        "components.0.levels.0",
        "components.1.type",
    }
    assert issubclass(InvalidPlan, Invalid)
    assert InvalidPlan.status == 422


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": 7}, "name", "Send a text."),
        ({"name": " x"}, "name", "other than a space"),
        ({"name": "x" * 65}, "name", "at most 64"),
        ({"currency": "cny"}, "currency", "ISO 4217"),
        ({"currency": None}, "currency", "Send a text."),
        ({"accrue_on": "shipped"}, "accrue_on", "one of paid, completed."),
        ({"rounding": "up"}, "rounding", "one of half_up, down."),
        ({"base": "gross"}, "base", "one of paid_amount, profit, list_price."),
        ({"hold_days": 1.0}, "hold_days", "whole number from 0 to 3650"),
        ({"hold_days": True}, "hold_days", "whole number"),
        ({"hold_days": "7"}, "hold_days", "whole number"),
        ({"hold_days": 3651}, "hold_days", "whole number"),
        ({"hold_days": Decimal("1.5")}, "hold_days", "whole number"),
        ({"hold_days": Decimal("NaN")}, "hold_days", "whole number"),
        ({"hold_days": Decimal("1E+999999")}, "hold_days", "whole number"),
        ({"max_payout_rate": 0.5}, "max_payout_rate", "not exact"),
        ({"max_payout_rate": "1.01"}, "max_payout_rate", "between 0 and 1"),
        ({"rewards": [{"type": "zip"}]}, "rewards.0.type", "no reward type zip"),
        ({"rewards": {}}, "rewards", "Send a list."),
        ({"components": {}}, "components", "Send a list."),
        ({"components": [4]}, "components.0", "Send an object."),
        ({"components": [unilevel(), unilevel()]}, "components.1.name", "component 0 has this name"),
        ({"components": [unilevel(name=f"c{n}") for n in range(51)]}, "components", "at most 50"),
        ({"components": [{"name": "x"}]}, "components.0.type", "required"),
        (
            {"components": [{"type": "zip"}]},
            "components.0.type",
            "no component type zip; known are unilevel, fixed, differential, matching, generation, breakaway, infinity, pool, binary, matrix, stairstep, periodmatch.",
        ),
        ({"components": [{"type": ["fixed"]}]}, "components.0.type", "no component type"),
        ({"levels": []}, "levels", "no such field here; known are name, currency"),
    ],
)
def test_a_faulty_setting_is_named(change, field, words) -> None:
    found = faults({**GOOD, **change})
    assert list(found) == [field]
    assert words in found[field]


@pytest.mark.parametrize("missing", ["name", "currency", "components"])
def test_a_missing_setting_is_named(missing) -> None:
    assert faults({key: value for key, value in GOOD.items() if key != missing}) == {
        missing: "This field is required."
    }


@pytest.mark.parametrize("document", [[], "plan", None, 4])
def test_what_is_no_object_is_refused(document) -> None:
    assert faults(document) == {"": "Send an object."}


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.1, 'string such as "0.10"'),
        (float("nan"), "not exact"),
        ("nan", "Send a rate"),
        (Decimal("Infinity"), "Send a rate"),
        ("ten", "Send a rate"),
        ("", "Send a rate"),
        (None, "decimal number"),
        (True, "decimal number"),
        (["0.1"], "decimal number"),
        ("-0.01", "between 0 and 1"),
        (2, "between 0 and 1"),
        ("1.000000000001", "between 0 and 1"),
        ("0.0000000000001", "Send a rate"),
        ("0.1000000000001", "at most 12 decimals"),
        (Decimal("0.10000000000000000555"), "at most 12 decimals"),
    ],
)
def test_a_faulty_rate_is_named(rate, words) -> None:
    assert words in faults_of(unilevel(["0.1", rate]))["levels.1"]


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0.5, 'string such as "5.00"'),
        ("0.001", "in CNY with at most 2 decimals"),
        ("-1", "0 or more"),
        ("five", "Send an amount in CNY"),
        ("1E+30", "Send an amount"),
        (True, "decimal number"),
        (None, "decimal number"),
    ],
)
def test_a_faulty_amount_is_named(amount, words) -> None:
    assert words in faults_of(fixed([amount]))["amounts.0"]


def test_decimals_are_those_of_the_currency() -> None:
    assert faults({**GOOD, "currency": "JPY", "components": [fixed(["0.5"])]}) == {
        "components.0.amounts.0": "Send an amount in JPY with at most 0 decimals."
    }
    assert parse_plan({**GOOD, "currency": "KWD", "components": [fixed(["0.005"])]}).components[
        0
    ].params.amounts == (5,)


@pytest.mark.parametrize(
    ("component", "field", "words"),
    [
        (
            unilevel(lewels=[]),
            "lewels",
            "known are type, name, cap_per_entry, cap_per_period, cap_per_order, when, levels, self_rate, compress, overrides.",
        ),
        (unilevel(amounts=[]), "amounts", "no such field"),
        ({"type": "unilevel", "name": "x"}, "levels", "required"),
        ({"type": "unilevel", "levels": []}, "name", "required"),
        (unilevel(name=""), "name", "not empty"),
        (unilevel(compress="yes"), "compress", "true or false"),
        (unilevel(compress=1), "compress", "true or false"),
        (unilevel(self_rate="2"), "self_rate", "between 0 and 1"),
        (unilevel(cap_per_order="1.234"), "cap_per_order", "at most 2 decimals"),
        (unilevel(when={"field": "grade"}), "when", 'no condition on "grade"'),
        (unilevel(["0.1"] * 101), "levels", "at most 100"),
        (unilevel(overrides={}), "overrides", "Send a list."),
        (unilevel(overrides=[7]), "overrides.0", "Send an object."),
        (unilevel(overrides=[{"levels": []}]), "overrides.0.match", "required"),
        (unilevel(overrides=[{"match": {}}]), "overrides.0.match", "exactly one of"),
        (
            unilevel(overrides=[{"match": {"product_id": 1, "tag": "x"}}]),
            "overrides.0.match",
            "exactly one of",
        ),
        (
            unilevel(overrides=[{"match": {"sku": 1}}]),
            "overrides.0.match.sku",
            "known are product_id, category_id, tag.",
        ),
        (
            unilevel(overrides=[{"match": {"product_id": "7"}}]),
            "overrides.0.match.product_id",
            "whole number",
        ),
        (unilevel(overrides=[{"match": {"product_id": 0}}]), "overrides.0.match.product_id", "whole number"),
        (unilevel(overrides=[{"match": {"tag": ""}}]), "overrides.0.match.tag", "not empty"),
        (
            unilevel(overrides=[{"match": {"tag": "x"}, "levels": ["0.1", "7"]}]),
            "overrides.0.levels.1",
            "between 0 and 1",
        ),
        (
            unilevel(overrides=[{"match": {"tag": "x"}, "cap_per_order": "1"}]),
            "overrides.0.cap_per_order",
            "known are match, levels",
        ),
        (
            unilevel(overrides=[{"match": {"tag": "x"}}, {"match": {"tag": "x"}}]),
            "overrides.1.match",
            "override 0 matches the same",
        ),
        (fixed(["1"], self_rate="0.1"), "self_rate", "no such field"),
        (
            fixed(["1"], overrides=[{"match": {"tag": "x"}, "levels": []}]),
            "overrides.0.levels",
            "known are match, amounts",
        ),
    ],
)
def test_a_faulty_component_is_named(component, field, words) -> None:
    found = faults_of(component)
    assert list(found) == [field]
    assert words in found[field]


def test_the_same_number_of_another_kind_is_not_the_same_match() -> None:
    overrides = [{"match": {"product_id": 1}}, {"match": {"category_id": 1}}, {"match": {"tag": "1"}}]
    assert len(plan(unilevel(overrides=overrides)).components[0].params.overrides) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_has_a_schema_for_forms(kind) -> None:
    schema = KINDS[kind].Params.model_json_schema()
    assert schema["additionalProperties"] is False
    own = {"order": {"cap_per_order", "when"}, "period": {"period", "qualify"}}[KINDS[kind].scope]
    assert {"type", "name", "cap_per_entry", "cap_per_period", *own} <= set(schema["properties"])
    without = {"matching", "periodmatch", "pool", "binary", "matrix", "stairstep"}
    assert ("overrides" in schema["properties"]) == (kind not in without)
    json.dumps(schema)


def test_the_example_of_the_docs_is_a_plan() -> None:
    page = (Path(__file__).parents[3] / "docs" / "plans.md").read_text(encoding="utf-8")
    found = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert len(found) == 1
    document = json.loads(found[0])
    assert (
        document.items() <= {**parse_plan(document).document(), "components": document["components"]}.items()
    )
    for field in PlanDocument.model_fields:
        assert f"`{field}`" in page
    for kind in KINDS.values():
        for field in kind.Params.model_fields:
            assert f"`{field}`" in page
