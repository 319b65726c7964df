"""What a version changes, in words."""

import copy
from typing import Any

import pytest

from fenxiao.engine.components import KINDS
from fenxiao.engine.document import PlanDocument
from fenxiao.engine.plan import parse_plan
from fenxiao.engine.rewards import REWARDS
from fenxiao.infra import i18n
from fenxiao.rules.domain import difference
from fenxiao.rules.domain.difference import changes, tell
from fenxiao.rules.domain.documents import digest


def document(**changed: Any) -> dict[str, Any]:
    plan = {
        "name": "standard",
        "currency": "CNY",
        "hold_days": 7,
        "components": [
            {
                "type": "unilevel",
                "name": "direct",
                "levels": ["0.10", "0.05"],
                "overrides": [{"match": {"tag": "热销"}, "levels": ["0.2"]}],
            },
            {"type": "fixed", "name": "bonus", "amounts": ["1.00"]},
        ],
    }
    return parse_plan({**plan, **changed}).document()


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [tell(change, "en", i18n.translate) for change in changes(before, after)]


def with_components(edit: Any) -> dict[str, Any]:
    plan = copy.deepcopy(document())
    plan["components"] = edit(plan["components"])
    return parse_plan(plan).document()


def edited(index: int, **fields: Any) -> dict[str, Any]:
    def edit(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
        components[index].update(fields)
        return components

    return with_components(edit)


SALES = {"field": "personal_sales", "within_days": 30, "value": "100.00"}
CASES = [
    (document(hold_days=14), ["The hold in days changes from 7 to 14."]),
    (
        document(max_payout_rate="0.5", rounding="down"),
        [
            "The rounding changes from half up to always down.",
            "The highest payout rate changes from 1.00 to 0.50.",
        ],
    ),
    (
        edited(0, levels=["0.08"], compress=True),
        [
            "Component direct: rates by level changes from 0.10, 0.05 to 0.08.",
            "Component direct: dynamic compression changes from no to yes.",
        ],
    ),
    (
        edited(0, cap_per_order="9.00"),
        ["Component direct: cap per order is now 9.00; before, nothing was set."],
    ),
    (
        edited(0, overrides=[{"match": {"tag": "热销"}, "levels": ["0.3"]}]),
        ["Component direct, special terms for tag 热销: rates by level changes from 0.20 to 0.30."],
    ),
    (
        edited(0, overrides=[{"match": {"product_id": 7}, "levels": []}]),
        [
            "Component direct gets special terms for product 7: rates by level nothing.",
            "Component direct loses the special terms for tag 热销; they were: rates by level 0.20.",
        ],
    ),
    (
        document(cut="hard_stop", unclaimed="roll_up"),
        [
            "The way of cutting changes from all in proportion to in order as long as they fit whole.",
            "What becomes of amounts that nobody earned changes from it stays with the platform to it goes to the next above who qualifies.",
        ],
    ),
    (
        edited(0, cap_per_entry="3.00", when={"any": [{"field": "rank", "value": 2}, SALES]}),
        [
            "Component direct: cap per entry is now 3.00; before, nothing was set.",
            (
                "Component direct: condition on the earner is now the rank of the grade at least 2 or "
                "personal sales of the last 30 days at least 100.00 CNY; before, nothing was set."
            ),
        ],
    ),
    (
        with_components(lambda parts: parts[::-1]),
        ["The order of the components changes from direct, bonus to bonus, direct."],
    ),
]


@pytest.mark.parametrize(("after", "sentences"), CASES)
def test_every_difference_is_told(after: dict[str, Any], sentences: list[str]) -> None:
    assert told(document(), after) == sentences


def test_a_new_and_a_dropped_component_are_told() -> None:
    without = with_components(lambda parts: parts[:1])
    (new,), (dropped,) = told(without, document()), told(document(), without)
    assert new.startswith("Component bonus is new: ")
    assert "amounts by level 1.00" in new
    assert dropped.startswith("Component bonus is dropped; it was: ")


def with_type(kind: str, **fields: Any) -> dict[str, Any]:
    component = {"type": kind, "name": "leaders", **fields}
    return with_components(lambda parts: [*parts, component])


def test_every_parameter_of_every_type_has_a_label() -> None:
    def models(model: Any) -> set[str]:
        schema = model.model_json_schema()
        override = schema.get("$defs", {}).get("Override", {"properties": {}})
        return set(schema["properties"]) | set(override["properties"])

    named = {field for kind in KINDS.values() for field in models(kind.Params)}
    assert named - set(difference.PARAMETERS) == {"name", "match", "overrides"}
    rewards = [kind.Params.model_json_schema() for kind in REWARDS.values()]
    nested = [part for schema in rewards for part in (schema, *schema.get("$defs", {}).values())]
    assert {field for part in nested for field in part["properties"]} - set(difference.PARAMETERS) == {"name"}
    settings = set(PlanDocument.model_fields)
    assert settings - set(difference.SETTINGS) == {"components", "rewards"}


def test_every_choice_has_a_word() -> None:
    def choices(model: Any) -> set[tuple[str, str]]:
        schema = model.model_json_schema()
        fields = schema["properties"].items()
        alone = {(name, field["const"]) for name, field in fields if "const" in field and name != "type"}
        return alone | {(name, value) for name, field in fields for value in field.get("enum", ())}

    kinds = [kind.Params for kind in (*KINDS.values(), *REWARDS.values())]
    found = set().union(*(choices(model) for model in [PlanDocument, *kinds]))
    assert len(found) > 15
    named = {(field, value) for field, values in difference.CHOICES.items() for value in values}
    assert named == found - {("ratio", "1:1"), ("ratio", "2:1")}


def test_rewards_are_told_like_components() -> None:
    bonus = {"type": "sales_target", "name": "target", "tiers": [{"threshold": "1.00", "rate": "0.05"}]}
    before, after = document(), document(rewards=[bonus])
    (new,) = told(before, after)
    assert new.startswith("Reward target is new: type sales_target; period a month")
    assert "tiers rate 0.05; from 1.00" in new
    (dropped,) = told(after, before)
    assert dropped.startswith("Reward target is dropped; it was: ")
    later = document(rewards=[{**bonus, "period": "quarter"}])
    assert told(after, later) == ["Reward target: period changes from a month to a quarter."]


def test_rates_are_told_by_grade_and_by_generation() -> None:
    grades = with_type("differential", rates={"name": "0.02", "gold": "0.09"})
    (new,) = told(document(), grades)
    assert "rates by grade name 0.02, gold 0.09" in new
    generations = with_type("generation", rates=["0.05", "0.03"], boundary_rank=3)
    sentences = told(grades, generations)
    changed = "rates by generation changes from name 0.02, gold 0.09 to 0.05, 0.03."
    assert f"Component leaders: {changed}" in sentences


def test_a_condition_is_told_in_the_readers_language_and_its_plans_currency() -> None:
    before = edited(0, when=SALES)
    after = copy.deepcopy(before) | {"currency": "JPY"}
    after["components"][0]["when"]["value"] = "100"
    after["components"][1]["amounts"] = ["1"]
    change = next(one for one in changes(before, parse_plan(after).document()) if one.field == "when")
    assert tell(change, "zh", i18n.translate) == (
        "组件 direct：获佣条件由 最近 30 天的个人销售额不低于 100.00 CNY"
        " 改为 最近 30 天的个人销售额不低于 100 JPY。"
    )


def test_equal_documents_do_not_differ() -> None:
    assert changes(document(), document()) == []


def test_every_word_has_its_chinese() -> None:
    words = [*difference.SETTINGS.values(), *difference.PARAMETERS.values(), *difference.SENTENCES.values()]
    words += [word for choices in difference.CHOICES.values() for word in choices.values()]
    words += [*difference.MATCHES.values(), difference.YES, difference.NO, difference.NOTHING]
    assert [word for word in words if word not in i18n.catalogue("zh")] == []


def test_the_hash_is_that_of_the_meaning() -> None:
    plan = document()
    shuffled = dict(reversed(plan.items()))
    assert digest(plan) == digest(shuffled)
    assert digest(plan) != digest(document(hold_days=8))
