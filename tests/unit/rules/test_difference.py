"""What a version changes, in words."""

import copy
from typing import Any

import pytest

from fenxiao.engine.plan import parse_plan
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
    return [tell(change, lambda text: text) for change in changes(before, after)]


def with_components(edit: Any) -> dict[str, Any]:
    plan = copy.deepcopy(document())
    plan["components"] = edit(plan["components"])
    return parse_plan(plan).document()


def edited(index: int, **fields: Any) -> dict[str, Any]:
    def edit(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
        components[index].update(fields)
        return components

    return with_components(edit)


CASES = [
    (document(hold_days=14), ["The hold in days changes from 7 to 14."]),
    (
        document(max_payout_rate="0.5", rounding="down"),
        [
            "The rounding changes from half_up to down.",
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


def test_equal_documents_do_not_differ() -> None:
    assert changes(document(), document()) == []


def test_every_word_has_its_chinese() -> None:
    words = [*difference.SETTINGS.values(), *difference.PARAMETERS.values(), *difference.SENTENCES.values()]
    words += [*difference.MATCHES.values(), difference.YES, difference.NO, difference.NOTHING]
    assert [word for word in words if word not in i18n.catalogue("zh")] == []


def test_the_hash_is_that_of_the_meaning() -> None:
    plan = document()
    shuffled = dict(reversed(plan.items()))
    assert digest(plan) == digest(shuffled)
    assert digest(plan) != digest(document(hold_days=8))
