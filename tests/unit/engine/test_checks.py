"""Law and worst case: what a publication is refused for, and what its author is told."""

from datetime import date
from fractions import Fraction

import pytest
from worlds import breakaway, differential, fixed, generation, infinity, matching, plan, unilevel

from fenxiao.engine.bounds import warnings, worst_case, worst_rate
from fenxiao.engine.faults import FAULTS, InvalidPlan
from fenxiao.engine.law import LEVEL_LIMITS, TYPES_OFF, LawProfile, check, default_profile, depths, notes
from fenxiao.infra.i18n import catalogue

CHINA = default_profile("CN", date(2026, 11, 22))
ANYWHERE = default_profile("none", date(2026, 11, 22))
DEEP = [{"match": {"product_id": 7}, "levels": ["0", "0", "0.01"]}]


def test_profiles_of_the_jurisdictions() -> None:
    assert LawProfile("CN", 2) == CHINA
    assert LawProfile("none", None) == ANYWHERE
    assert default_profile("CN", date(2005, 10, 31)).max_upline_levels is None
    assert default_profile("CN", date(2005, 11, 1)).max_upline_levels == 2
    assert all(limit.source for limit in LEVEL_LIMITS)


@pytest.mark.parametrize(
    ("component", "levels"),
    [
        (unilevel(["0.10", "0.05"]), 2),
        (unilevel(["0.10", "0.05", "0"]), 2),
        (unilevel(["0", "0", "0.01"]), 3),
        (unilevel([], self_rate="0.10"), 0),
        (unilevel(["0", "0", "0"]), 0),
        (unilevel(["0.10"], overrides=DEEP), 3),
        (fixed(["1", "1", "1", "0.01"]), 4),
        (fixed(["1"], overrides=[{"match": {"tag": "x"}, "amounts": ["0", "1"]}]), 2),
    ],
)
def test_depth_counts_paid_upline_levels_overrides_included(component, levels) -> None:
    made = plan(component)
    assert list(depths(made).values()) == [levels]
    found = check(made, CHINA)
    assert [finding.code for finding in found] == (["too-many-upline-levels"] if levels > 2 else [])
    assert check(made, ANYWHERE) == ()
    assert check(made, LawProfile("CN", 4)) == ()


TWO = unilevel(["0.10", "0.05"])


@pytest.mark.parametrize(
    ("components", "levels"),
    [
        ([differential()], None),
        ([differential(depth=2)], 2),
        ([differential(depth=0)], 0),
        ([differential({"gold": "0"}, depth=9)], 0),
        ([differential({"gold": "0", "silver": "0.1"}, depth=9)], 9),
        ([differential({}, overrides=[{"match": {"tag": "x"}, "rates": {"gold": "0.1"}}])], None),
        ([differential(depth=1, overrides=[{"match": {"tag": "x"}, "depth": 4}])], 4),
        ([TWO, matching(["0.1"])], 3),
        ([unilevel(["0.10"]), matching(["0.1"])], 2),
        ([unilevel([], self_rate="0.1"), matching(["0.1", "0.1"])], 2),
        ([TWO, matching(["0.1"]), matching(["0", "0.1"], of="match", name="again")], 5),
        ([TWO, matching(["0", "0"])], 0),
        ([differential(name="direct"), matching()], None),
        ([generation()], None),
        ([generation(depth=3)], 3),
        ([generation(["0"], depth=3)], 0),
        ([breakaway()], None),
        ([breakaway(depth=1)], 1),
        ([breakaway({}, depth=1)], 0),
        ([infinity()], None),
        ([infinity("0")], 0),
    ],
)
def test_depth_of_the_types_by_grade_and_of_matching(components, levels) -> None:
    assert list(depths(plan(*components)).values())[-1] == levels


def test_under_cn_differences_and_matches_follow_the_limit_of_levels() -> None:
    assert check(plan(differential(depth=2)), CHINA) == ()
    assert check(plan(unilevel(["0.10"]), matching(["0.1"])), CHINA) == ()
    found = check(plan(differential(), unilevel(["0.1"] * 2), matching(["0.1"])), CHINA)
    assert [(finding.code, finding.params["component"]) for finding in found] == [
        ("endless-upline-levels", "grades"),
        ("too-many-upline-levels", "match"),
    ]


@pytest.mark.parametrize("component", [generation(["0.1"], depth=1), breakaway(depth=0), infinity("0")])
def test_under_cn_the_wider_field_is_off_whatever_the_limit(component) -> None:
    for profile in (CHINA, LawProfile("CN", 9), LawProfile("CN", None)):
        (finding,) = check(plan(component), profile)
        assert finding.code == "type-off"
        assert finding.params["type"] in finding.text("en")
        assert "停用" in finding.text("zh")
        assert notes(plan(component), profile) == ()
    assert check(plan(component), ANYWHERE) == ()
    assert all(off.source for off in TYPES_OFF)


def test_a_finding_gives_the_reason_and_how_the_law_counts() -> None:
    found = check(plan(unilevel(), unilevel(["0.1"] * 3, name="deep")), CHINA)
    assert [finding.params for finding in found] == [{"component": "deep", "levels": 3, "limit": 2}]
    assert found[0].text("en") == (
        "Component deep can pay 3 upline levels of one sale; at most 2 are allowed here. "
        "In the law's count the seller and two paid uplines already are three levels."
    )
    assert "三级" in found[0].text("zh")


def test_within_the_limit_is_no_safe_harbour() -> None:
    assert [note.code for note in notes(plan(unilevel()), CHINA)] == ["no-safe-harbour"]
    assert "no safe harbour" in notes(plan(unilevel()), CHINA)[0].text("en")
    deeper = notes(plan(unilevel(["0.10"], name="one"), unilevel(name="two")), CHINA)
    assert [note.params for note in deeper] == [{"levels": 2}]
    assert notes(plan(unilevel(["0.10"])), CHINA) == ()
    assert notes(plan(unilevel()), ANYWHERE) == ()
    assert notes(plan(unilevel(["0.1"] * 3)), CHINA) == (), "it is refused anyway"


@pytest.mark.parametrize(
    ("components", "rate", "per_unit"),
    [
        ([unilevel()], "0.15", 0),
        ([unilevel(self_rate="0.02"), unilevel(["0.01"], name="b")], "0.18", 0),
        ([unilevel(overrides=[{"match": {"product_id": 7}, "levels": ["0.5"]}])], "0.5", 0),
        ([unilevel(overrides=[{"match": {"product_id": 7}, "levels": ["0.01"]}])], "0.15", 0),
        ([unilevel(overrides=[{"match": {"category_id": 7}, "levels": ["0.3", "0.4"]}])], "0.7", 0),
        (
            [
                unilevel(
                    overrides=[
                        {"match": {"tag": "a"}, "levels": ["0.3"]},
                        {"match": {"tag": "b"}, "levels": ["0", "0.3"]},
                    ]
                )
            ],
            "0.6",
            0,
        ),
        (
            [
                unilevel(
                    overrides=[
                        {"match": {"tag": "a"}, "levels": ["0.3"]},
                        {"match": {"tag": "b"}, "self_rate": "0.3"},
                    ]
                )
            ],
            "0.6",
            0,
        ),
        ([unilevel(), fixed(["1.50", "0.25"], self_amount="1")], "0.15", 275),
        ([], "0", 0),
        ([differential()], "0.09", 0),
        ([differential({}, same_grade_rate="0.01")], "0", 0),
        ([differential(overrides=[{"match": {"tag": "a"}, "rates": {"gold": "0.5"}}])], "0.5", 0),
        ([differential({}, overrides=[{"match": {"tag": "a"}, "rates": {}}])], "0", 0),
        ([breakaway({})], "0", 0),
        # Gold at the bottom, his bonus; or bronze, bronze, silver, silver, gold, gold.
        ([differential(same_grade_rate="0.01")], "0.12", 0),
        ([differential(same_grade_rate="0.01", same_grade_depth=2)], "0.15", 0),
        ([differential(same_grade_rate="0.01", same_grade_depth=9, depth=3)], "0.12", 0),
        ([differential(same_grade_rate="0.01", depth=2)], "0.10", 0),
        ([differential(same_grade_rate="0.01", depth=0)], "0.09", 0),
        ([differential({"silver": "0.05", "gold": "0.05"}, same_grade_rate="0.01")], "0.06", 0),
        (
            [
                differential(
                    overrides=[
                        {"match": {"tag": "a"}, "rates": {"gold": "0.01"}},
                        {"match": {"tag": "b"}, "same_grade_rate": "0.01"},
                        {"match": {"product_id": 1}, "rates": {"gold": "0.08"}},
                    ]
                )
            ],
            "0.12",
            0,
        ),
        (
            [
                differential(
                    {"gold": "0.1"},
                    same_grade_rate="0.01",
                    overrides=[
                        {"match": {"tag": "a"}, "same_grade_depth": 5, "depth": 9},
                        {"match": {"tag": "b"}, "same_grade_depth": 2, "depth": 4},
                        {"match": {"category_id": 1}, "rates": {}},
                    ],
                    depth=2,
                )
            ],
            "0.15",
            0,
        ),
        ([unilevel(), matching(["0.5", "0.5"])], "0.30", 0),
        ([fixed(["1.50"], name="direct"), matching(["0.333"])], "0", 200),
        ([generation()], "0.08", 0),
        ([generation(overrides=[{"match": {"tag": "a"}, "rates": ["0", "0.06"]}])], "0.11", 0),
        ([breakaway(generation_rates=["0.04", "0.02"])], "0.15", 0),
        ([breakaway(overrides=[{"match": {"product_id": 7}, "rates": {"gold": "0.5"}}])], "0.5", 0),
        ([infinity(overrides=[{"match": {"tag": "a"}, "rate": "0.02"}])], "0.02", 0),
    ],
)
def test_worst_case(components, rate, per_unit) -> None:
    found = worst_case(plan(*components))
    assert (found.rate, found.per_unit_minor) == (Fraction(rate), per_unit)
    assert worst_rate(plan(*components)) == Fraction(rate)


@pytest.mark.parametrize(
    ("components", "limit", "words"),
    [
        ([unilevel()], "0.15", []),
        (
            [unilevel()],
            "0.149",
            ["the components pay 15 % of the base; max_payout_rate cuts that to 14.9 %."],
        ),
        ([unilevel(), fixed(["1.50"])], "0.55", ["base below 3.75 CNY"]),
        ([unilevel(), fixed(["1.00"])], "0.45", ["base below 3.34 CNY"]),
        ([unilevel(), fixed(["1.50"])], "0.15", ["amounts per unit of up to 1.50 CNY are cut"]),
        ([unilevel(), fixed(["1.50"])], "0.10", ["15 % of the base"]),
    ],
)
def test_warnings_about_the_limit(components, limit, words) -> None:
    made = plan(*components, max_payout_rate=limit)
    found = [one for one in warnings(made) if one.code != "worst-case-example"]
    assert len(found) == len(words)
    for finding, word in zip(found, words, strict=True):
        assert word in finding.text("en")
        assert "{" not in finding.text("zh")


def test_every_fault_has_its_chinese() -> None:
    for text in (*FAULTS.values(), InvalidPlan.template()):
        assert catalogue("zh")[text]
