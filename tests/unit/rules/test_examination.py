"""What a check says of a plan, and what the plan exposes its operator to."""

from typing import Any

import pytest

from fenxiao.engine import texts
from fenxiao.engine.law import LawProfile
from fenxiao.engine.names import Known
from fenxiao.engine.plan import Plan, parse_plan
from fenxiao.infra import i18n
from fenxiao.rules.domain.examination import examine
from fenxiao.rules.domain.exposure import exposure

CN, NONE = LawProfile("CN", 2), LawProfile("none", None)
UP = {"type": "unilevel", "name": "up", "levels": ["0.10", "0.05"]}
DEEP = {"type": "unilevel", "name": "deep", "levels": ["0.1"] * 3}
LEADERS = {"type": "infinity", "name": "leaders", "rate": "0.01", "min_rank": 3}
POOL = {"type": "pool", "name": "pool", "rate": "0.02", "period": "month", "share_by": "equal"}
PAIRS = {
    "type": "binary",
    "name": "pairs",
    "period": "week",
    "pair_volume": "100.00",
    "amount_per_pair": "10.00",
}
GROWTH = {"type": "team_growth", "name": "grow", "tiers": [{"threshold": "1.00", "amount": "5.00"}]}


def plan(*components: dict[str, Any], **settings: Any) -> Plan:
    return parse_plan({"name": "p", "currency": "CNY", "components": list(components), **settings})


@pytest.mark.parametrize(
    ("made", "limits", "found"),
    [
        (plan(UP), CN, [("note", "no-safe-harbour", None)]),
        (plan(UP), NONE, []),
        (plan(UP, DEEP), CN, [("refused", "too-many-upline-levels", "components.1")]),
        (plan(UP, LEADERS), CN, [("refused", "type-off", "components.1")]),
        (plan(rewards=[GROWTH]), CN, [("note", "team-reward", "rewards.0")]),
        (plan(PAIRS), CN, [("refused", "type-off", "components.0")]),
        (
            plan(UP, max_payout_rate="0.12"),
            CN,
            [("warning", "worst-case-above-limit", None), ("note", "no-safe-harbour", None)],
        ),
    ],
)
def test_what_is_refused_comes_first(made: Plan, limits: LawProfile, found: list[Any]) -> None:
    examination = examine(made, limits, Known())
    told = [(remark.severity, remark.code, remark.field) for remark in examination.remarks]
    assert [one for one in told if one in found] == found
    assert [one for one in told if one[0] == "refused"] == [one for one in found if one[0] == "refused"]
    assert examination.passed is not any(severity == "refused" for severity, _, _ in found)


def test_the_exposure_of_levels_and_of_periods() -> None:
    order = exposure(plan(UP))
    assert (order.depth, order.law_levels, order.people, order.rate) == (2, 3, 3, "0.15")
    # A pool pays no level of a sale, and as many people as take part.
    pool = exposure(plan(UP, POOL))
    assert (pool.depth, pool.law_levels, pool.people, pool.rate) == (2, 3, None, "0.17")
    pairs = exposure(plan(PAIRS))
    assert (pairs.depth, pairs.law_levels, pairs.people, pairs.rate) == (None, None, None, None)
    nothing = exposure(plan())
    assert (nothing.components, nothing.worst_case) == ((), None)


def test_every_reason_of_the_law_has_its_chinese_where_a_refusal_is_rendered() -> None:
    reasons = [text for name, text in vars(texts).items() if name.startswith("UNLAWFUL_")]
    assert len(reasons) >= 4
    assert [i18n.catalogue("zh").get(text) for text in reasons] == [texts.ZH[text] for text in reasons]


def test_special_terms_for_what_does_not_exist_are_refused_and_what_may_still_come_is_a_warning() -> None:
    terms = [
        {"match": {"tag": "热销"}, "levels": ["0.2"]},
        {"match": {"product_id": 8}, "levels": ["0.3"]},
        {"match": {"category_id": 3}, "levels": ["0.4"]},
        {"match": {"product_id": 7}, "levels": ["0.5"]},
    ]
    made = plan(UP, {**UP, "name": "special", "overrides": terms}, currency="CNX")
    known = Known(products={7: "CNY"}, category_ids=(4,))
    found = [(one.severity, one.code, one.field) for one in examine(made, NONE, known).remarks]
    assert found == [
        ("refused", "names-missing", "components.1.overrides.1.match.product_id"),
        ("refused", "names-missing", "components.1.overrides.2.match.category_id"),
        ("warning", "currency-unknown", None),
        ("warning", "tag-unknown", "components.1"),
        ("warning", "product-currency", "components.1"),
    ]
    all_there = Known(products={7: "CNX", 8: "CNX"}, category_ids=(3,), tags=("热销",))
    assert [one.code for one in examine(made, NONE, all_there).remarks] == ["currency-unknown"]
