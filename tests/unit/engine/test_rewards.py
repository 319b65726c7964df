"""Rewards: what tiers pay, on what, how it grows over a season, what refunds do to it, and which grade follows."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.engine.faults import InvalidPlan
from fenxiao.engine.law import LawProfile, check, notes
from fenxiao.engine.periods import read_period
from fenxiao.engine.plan import Plan, parse_plan
from fenxiao.engine.reward_trace import explain_reward, render_reward
from fenxiao.engine.rewards import REWARDS
from fenxiao.engine.rewards.grant import NOTHING, Standing, graded, result, stand
from fenxiao.engine.rewards.kind import Figures

SHANGHAI = ZoneInfo("Asia/Shanghai")
TIERS = [
    {"threshold": "100", "rate": "0.01"},
    {"threshold": "500", "amount": "20"},
    {"threshold": "1000", "rate": "0.05"},
]


def plan(*rewards: dict[str, Any], **fields: Any) -> Plan:
    return parse_plan({"name": "p", "currency": "CNY", "components": [], "rewards": list(rewards), **fields})


def target(**fields: Any) -> dict[str, Any]:
    return {"type": "sales_target", "name": "target", "tiers": TIERS, **fields}


def growth(*tiers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "team_growth", "name": "growth", "tiers": list(tiers), **fields}


def paid(reward: dict[str, Any], sales: int, before: int = 0, **fields: Any) -> tuple[int | None, int]:
    """(tier, amount) in minor units."""
    made = plan(reward, **fields)
    found = result(made.rewards[0], Figures(sales, before), made.rounding)
    return found.tier, found.amount_minor


@pytest.mark.parametrize(
    ("sales", "whole", "marginal"),
    [
        (0, (None, 0), (None, 0)),
        (99_99, (None, 0), (None, 0)),
        (100_00, (0, 1_00), (0, 0)),
        (499_99, (0, 5_00), (0, 4_00)),
        (500_00, (1, 20_00), (1, 24_00)),
        (999_99, (1, 20_00), (1, 24_00)),
        (1000_00, (2, 50_00), (2, 24_00)),
        (1000_30, (2, 50_02), (2, 24_02)),
        (3000_00, (2, 150_00), (2, 124_00)),
    ],
)
def test_the_highest_tier_pays_on_all_or_each_on_its_part(sales: int, whole: Any, marginal: Any) -> None:
    assert paid(target(), sales) == whole
    assert paid(target(mode="marginal"), sales) == marginal


def test_a_reward_is_rounded_once_by_the_plan() -> None:
    half = target(tiers=[{"threshold": "0.01", "rate": "0.10"}])
    assert paid(half, 5) == (0, 1)
    assert paid(half, 5, rounding="down") == (0, 0)
    # 0.4 and 0.4 of two tiers are 0.8 together, and one cent.
    two = target(
        mode="marginal", tiers=[{"threshold": "0.01", "rate": "0.10"}, {"threshold": "0.05", "rate": "0.10"}]
    )
    assert paid(two, 9) == (1, 1)


def test_growth_is_of_amounts_or_of_rates_and_never_from_nothing() -> None:
    by_amount = growth({"threshold": "100", "amount": "5"}, {"threshold": "300", "rate": "0.1"})
    assert paid(by_amount, 500_00, 400_01) == (None, 0)
    assert paid(by_amount, 500_00, 400_00) == (0, 5_00)
    assert paid(by_amount, 500_00, 200_00) == (1, 30_00)
    assert paid(by_amount, 500_00, 0) == (None, 0)
    assert paid(by_amount, 100_00, 400_00) == (None, 0)
    by_rate = growth({"threshold_rate": "0.2", "rate": "0.1"}, {"threshold_rate": "1.5", "amount": "99"})
    assert paid(by_rate, 119_99, 100_00) == (None, 0)
    assert paid(by_rate, 120_00, 100_00) == (0, 2_00)
    assert paid(by_rate, 250_00, 100_00) == (1, 99_00)
    # Each tier on its part: a tenth of what lies between 20 % and 150 %, and the amount.
    assert paid({**by_rate, "mode": "marginal"}, 250_00, 100_00) == (1, 13_00 + 99_00)


@given(st.lists(st.integers(0, 2000_00), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_what_a_season_pays_period_by_period_is_what_its_sales_pay(sales: list[int]) -> None:
    season = target(
        mode="marginal",
        season={"start_month": 4},
        tiers=[{"threshold": "100", "rate": "0.0333"}, {"threshold": "700", "amount": "9"}],
    )
    total = sum(paid(season, sum(sales[: n + 1]), sum(sales[:n]))[1] for n in range(len(sales)))
    without = {key: value for key, value in season.items() if key != "season"}
    assert total == paid(without, sum(sales))[1]


def test_a_season_begins_in_its_month_and_a_growth_looks_one_period_back() -> None:
    made = plan(target(season={"start_month": 4}), growth({"threshold": "1", "amount": "1"}))
    season, grown = made.rewards

    def spans(reward: Any, key: str) -> list[str]:
        found = REWARDS[reward.type].spans(reward, read_period(key, SHANGHAI), SHANGHAI)
        stretches = (found.sales, found.before)
        return [f"{one.start:%y-%m-%d %H} {one.end:%y-%m-%d %H}" for one in stretches if one is not None]

    # Midnight in Shanghai is 16:00 UTC of the day before.
    assert spans(season, "2026-04") == ["26-03-31 16 26-04-30 16"]
    assert spans(season, "2026-05") == ["26-03-31 16 26-05-31 16", "26-03-31 16 26-04-30 16"]
    assert spans(season, "2027-03") == ["26-03-31 16 27-03-31 16", "26-03-31 16 27-02-28 16"]
    assert spans(grown, "2027-01") == ["26-12-31 16 27-01-31 16", "26-11-30 16 26-12-31 16"]
    assert read_period("2026-04", SHANGHAI).start == datetime(2026, 3, 31, 16, tzinfo=UTC)


def test_the_scope_says_whose_sales_count_and_the_text_names_the_team() -> None:
    tiers = {"threshold_rate": "0.5", "amount": "1"}
    made = plan(
        target(scope="team"),
        target(name="season", scope="team", season={"start_month": 4}),
        growth(tiers, scope="team"),
        target(name="own"),
        growth(tiers, name="chain"),
    )
    march = read_period("2026-03", SHANGHAI)
    whose = [REWARDS[one.type].spans(one, march, SHANGHAI).whose for one in made.rewards]
    assert whose == ["led", "led", "led", "personal", "team"]
    # A document that says nothing of it is stored as it always was.
    assert [one.get("scope") for one in made.document()["rewards"]] == [
        "team",
        "team",
        "team",
        None,
        "downline",
    ]
    for reward, before in zip(made.rewards, (0, 0, 100_00, 0, 100_00), strict=True):
        trace = explain_reward(made, reward, "2026-03", Figures(200_00, before, 7), NOTHING)
        english, chinese = ("\n".join(render_reward(trace, language)) for language in ("en", "zh"))
        led = reward.name in {"target", "season", "growth"}
        assert ("team 7" in english, "团队 7" in chinese) == (led, led)
        assert "200.00" in english
        assert "200.00" in chinese
    fallen, nothing = [
        explain_reward(made, made.rewards[2], "2026-03", Figures(1, before, 7), NOTHING) for before in (2, 0)
    ]
    assert "they have not grown" in render_reward(fallen, "en")[1]
    assert "from nothing there is no growth" in render_reward(nothing, "en")[1]


def test_what_refunds_do_is_the_rules_word() -> None:
    taking, keeping = plan(target(), target(name="kept", on_refund="keep")).rewards
    high, low = (result(taking, Figures(sales), "half_up") for sales in (1000_00, 100_00))
    first = stand(taking, high, NOTHING)
    assert first == stand(keeping, high, NOTHING) == Standing(2, 50_00)
    assert stand(taking, low, first) == Standing(0, 1_00)
    assert stand(keeping, low, first) == first
    # A lower amount of a higher tier does not pull down what was kept either.
    assert stand(keeping, high, Standing(1, 60_00)) == Standing(2, 60_00)


def test_a_grade_lasts_for_its_periods() -> None:
    (made,) = plan(
        target(
            tiers=[
                {"threshold": "1", "grade": "bronze"},
                {"threshold": "2", "amount": "1", "grade": "silver", "keep_periods": 2},
                {"threshold": "3", "amount": "2"},
                {"threshold": "4", "amount": "2", "grade": "gold", "keep_periods": 1},
            ]
        )
    ).rewards
    for reached, grade in (
        ([3], "gold"), ([None, 3], "silver"), ([None, None, 3], "bronze"), ([None] * 30 + [0], "bronze"),
        ([2], "silver"), ([0, 1], "silver"), ([0, 0, 1], "bronze"), ([None], None), ([], None),
    ):  # fmt: skip
        assert graded(made, reached) == grade, reached


def test_the_explanation_arrives_at_the_amount_in_both_languages() -> None:
    made = plan(target(mode="marginal", on_refund="keep"), growth({"threshold_rate": "0.333", "rate": "0.1"}))
    trace = explain_reward(made, made.rewards[0], "2026-03", Figures(1000_30), Standing(2, 30_00))
    english, chinese = (render_reward(trace, language) for language in ("en", "zh"))
    assert trace.after.amount_minor == 30_00
    text = "\n".join(english)
    for part in (
        "tier 1: 400.00 × 1 % = 4.00; tier 2: 20.00; tier 3: 0.30 × 5 % = 0.015",
        "Rounded half up: 24.02 CNY",
        "granted 30.00 CNY before",
    ):
        assert part in text, text
    assert "四舍五入：24.02 CNY。" in chinese
    assert len(english) == len(chinese)
    document = trace.document()
    assert (document["result"], document["tier"], document["paid"][2]["exact"]) == ("24.02", 3, "0.015")
    nothing = explain_reward(made, made.rewards[1], "2026-03", Figures(1, 0), NOTHING)
    assert (
        render_reward(nothing, "en")[1]
        == "Your team had no sales in the period before, and from nothing there is no growth."
    )
    below = explain_reward(made, made.rewards[1], "2026-03", Figures(101, 100), NOTHING)
    assert "The first tier begins at 0.333 CNY" in render_reward(below, "en")[2]


@pytest.mark.parametrize(
    ("reward", "field", "message"),
    [
        (target(tiers=[]), "tiers", "not empty"),
        (target(tiers=[{"threshold": "0", "amount": "1"}]), "tiers", "above 0"),
        (target(tiers=[TIERS[1], TIERS[0]]), "tiers", "above the one before"),
        (target(tiers=[{"threshold": "1"}]), "tiers.0", "either amount or rate"),
        (target(tiers=[{"threshold": "1", "amount": "1", "rate": "0.1"}]), "tiers.0", "either amount or rate"),
        (target(tiers=[{"threshold": "1", "amount": "1", "rate": "0.1", "grade": "gold"}]), "tiers.0", "either amount or rate"),
        (target(tiers=[{"threshold": "1", "amount": "1", "keep_periods": 2}]), "tiers.0", "name the grade"),
        (target(tiers=[{"threshold": 1.5, "amount": "1"}]), "tiers.0.threshold", "not exact"),
        (target(tiers=[{"threshold": "1", "amount": "1", "recruits": 3}]), "tiers.0.recruits", "no such field"),
        (target(recruits=3), "recruits", "no such field"),
        (target(period="week"), "period", "month, quarter"),
        (target(scope="downline"), "scope", "team"),
        (growth({"threshold": "1", "amount": "1"}, scope="all"), "scope", "downline, team"),
        (target(season={"start_month": 13}), "season.start_month", "from 1 to 12"),
        (target(period="quarter", season={"start_month": 2}), "", "month 1, 4, 7 or 10"),
        (growth({"amount": "1"}), "tiers.0", "either threshold"),
        (growth({"threshold": "1", "threshold_rate": "1", "amount": "1"}), "tiers.0", "either threshold"),
        (growth({"threshold": "1", "amount": "1"}, {"threshold_rate": "1", "amount": "1"}), "tiers", "all at rates"),
        (growth({"threshold_rate": "0", "amount": "1"}), "tiers.0.threshold_rate", "above 0"),
        (growth({"threshold_rate": 0.5, "amount": "1"}), "tiers.0.threshold_rate", "not exact"),
        (growth({"threshold_rate": [], "amount": "1"}), "tiers.0.threshold_rate", "Send a rate"),
        ({"type": "head_count", "name": "x"}, "type", "no reward type head_count"),
        ({"name": "x"}, "type", "required"),
    ],
)  # fmt: skip
def test_faults_name_their_field(reward: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidPlan) as refused:
        plan(reward)
    (error,) = refused.value.errors
    assert error.field == f"rewards.0.{field}".rstrip(".")
    assert message in error.message.format(**(error.params or {}))


def test_every_reward_has_a_name_of_its_own_and_all_faults_are_told() -> None:
    with pytest.raises(InvalidPlan) as refused:
        plan(target(), target(), target(name="x", tiers=[]), currency="CN")
    assert [error.field for error in refused.value.errors] == [
        "currency",
        "rewards.2.tiers",
        "rewards.1.name",
    ]


def test_growth_of_a_team_may_be_published_and_is_noted() -> None:
    made, law = plan(target(), growth({"threshold": "1", "amount": "1"})), LawProfile("CN", 2)
    assert check(made, law) == ()
    (note,) = notes(made, law)
    assert (note.code, note.params) == ("team-reward", {"reward": "growth"})
    assert "奖励 growth" in note.text("zh")
    assert notes(plan(target()), law) == ()
    # Who leads a team is paid for the sales of others as well, and they stand in no chain.
    for led in (target(scope="team"), growth({"threshold": "1", "amount": "1"}, scope="team")):
        (note,) = notes(plan(led), law)
        assert (note.code, note.params) == ("team-reward", {"reward": led["name"]})
        assert "leads a team by the sales of its members" in note.text("en")
        assert "团队负责人" in note.text("zh")


def test_documents_are_canonical() -> None:
    made = plan(
        target(season={"start_month": 1}, hold_days=3), growth({"threshold_rate": "1.5", "rate": "0.125"})
    )
    assert parse_plan(made.document()) == made
    assert made.document()["rewards"][1]["tiers"] == [{"rate": "0.125", "threshold_rate": "1.50"}]
    assert made.rewards[1].tier_list()[0].threshold_rate == Fraction(3, 2)  # type: ignore[attr-defined]
    assert {name for kind in REWARDS.values() for name in kind.Params.model_json_schema()["properties"]} >= {
        "tiers",
        "season",
        "scope",
    }
