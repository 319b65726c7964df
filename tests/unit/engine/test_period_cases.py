"""Golden cases of what pays when a period closes; docs/plans.md tells most of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from closes import (
    amounts,
    binary,
    carries,
    facts,
    matched,
    matrix,
    member,
    placed,
    plan,
    pool,
    stairstep,
    unpaid,
)
from worlds import matching, unilevel

from fenxiao.engine.close import evaluate_period
from fenxiao.engine.conditions.subjects import FactMissing
from fenxiao.engine.evaluate import evaluate
from fenxiao.engine.faults import InvalidPlan
from fenxiao.engine.periods import PERIOD_KINDS, Carry, period_after, period_before, period_of, read_period
from fenxiao.engine.plan import cap_needed, needed_facts, needed_period_facts, needed_periods, parse_plan

SHANGHAI = ZoneInfo("Asia/Shanghai")


def paid(made, *members, **more):
    return amounts(evaluate_period(made, facts(*members, **more)))


# Periods


@pytest.mark.parametrize(
    ("kind", "key", "start", "end"),
    [
        ("day", "2026-01-01", "2025-12-31T16:00", "2026-01-01T16:00"),
        ("week", "2026-W01", "2025-12-28T16:00", "2026-01-04T16:00"),
        ("month", "2026-01", "2025-12-31T16:00", "2026-01-31T16:00"),
        ("quarter", "2026-Q1", "2025-12-31T16:00", "2026-03-31T16:00"),
    ],
)
def test_a_period_runs_from_midnight_to_midnight_in_its_zone(kind, key, start, end) -> None:
    """In Shanghai the year begins eight hours before it does in UTC; ISO week 1 begins in December."""
    found = period_of(datetime(2025, 12, 31, 16, tzinfo=UTC), kind, SHANGHAI)
    assert (found.key, found.start, found.end) == (
        key,
        *(datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end)),
    )
    assert read_period(key, SHANGHAI) == found
    assert period_of(found.start, kind, SHANGHAI) == found
    assert period_after(found, SHANGHAI).start == found.end
    assert period_before(period_after(found, SHANGHAI), SHANGHAI) == found
    assert period_of(found.start - timedelta(minutes=1), kind, SHANGHAI).end == found.start


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "Asia/Kathmandu"])
@pytest.mark.parametrize("kind", PERIOD_KINDS)
def test_periods_follow_each_other_without_a_gap_through_the_year(zone, kind) -> None:
    """Also where clocks are set, in Havana at midnight."""
    there = ZoneInfo(zone)
    found = period_of(datetime(2025, 12, 30, tzinfo=UTC), kind, there)
    for _ in range(380 if kind == "day" else 60):
        after = period_after(found, there)
        assert (after.start, after.kind) == (found.end, kind)
        assert after.key > found.key or kind == "week"
        assert period_before(after, there) == found
        assert read_period(after.key, there) == after
        found = after


@pytest.mark.parametrize(
    "key", ["", "x", "2026", "2026-13", "2026-3", "20260305", "2026-Q5", "2026-W54", "9999-12"]
)
def test_a_key_that_names_no_period_is_refused(key) -> None:
    with pytest.raises(ValueError, match="no period"):
        read_period(key, UTC)


def test_a_plan_says_which_periods_and_facts_it_needs() -> None:
    sold = {"field": "personal_sales", "within_days": 30, "value": "100.00"}
    made = plan(
        unilevel(when={"field": "active", "within_days": 7}),
        pool(qualify=sold),
        pool(name="week", period="week", qualify={"field": "days_registered", "value": 3}),
    )
    assert needed_periods(made) == ("week", "month")
    assert [need.name for need in needed_facts(made)] == ["paid_orders/7"]
    assert [need.name for need in needed_period_facts(made, "month")] == ["personal_sales/30"]
    assert [need.name for need in needed_period_facts(made, "week")] == ["days_registered"]
    assert needed_period_facts(made, "day") == []
    assert [one.condition_field for one in made.components] == ["when", "qualify", "qualify"]
    assert not cap_needed(made)
    assert cap_needed(plan(unilevel(cap_per_period="9")))
    assert cap_needed(plan(unilevel(cap_per_period="9"), unilevel(name="without")))
    assert cap_needed(plan(max_payout_rate_per_period="0.5"))
    assert not cap_needed(plan(pool(cap_per_period="9"))), "its own close cuts it already"


# pool


THREE = (member(1, 1000, team=9), member(2, 2000, team=6), member(3, 4000, team=3))


def test_a_pool_is_divided_without_losing_a_cent() -> None:
    made = plan(pool())
    assert paid(made, *THREE, sales=10_000) == {
        ("pool", 0, 1): "66.67",
        ("pool", 0, 2): "66.67",
        ("pool", 0, 3): "66.66",
    }
    assert paid(plan(pool(share_by="personal_sales")), *THREE, sales=10_000) == {
        ("pool", 0, 1): "28.57",
        ("pool", 0, 2): "57.14",
        ("pool", 0, 3): "114.29",
    }
    assert list(paid(plan(pool(share_by="team_sales")), *THREE, sales=10_000).values()) == [
        "100.00",
        "66.67",
        "33.33",
    ]


def test_only_the_qualified_share_a_pool_and_without_them_it_is_breakage() -> None:
    silver = plan(pool(qualify={"field": "rank", "value": 2}), unclaimed="roll_up")
    members = (member(1, rank=2), member(2, rank=3, active=False), member(3, rank=1))
    assert paid(silver, *members, sales=10) == {("pool", 0, 1): "0.20"}
    outcome = evaluate_period(silver, facts(*members[1:], sales=10))
    assert outcome.awards == ()
    assert unpaid(outcome) == [("pool", 0, "nobody", 20)]
    nobody_sold = evaluate_period(plan(pool(share_by="personal_sales")), facts(member(1), sales=10))
    assert unpaid(nobody_sold) == [("pool", 0, "nobody", 20)]
    assert evaluate_period(plan(pool()), facts(sales=0)).unpaid == ()


def test_sales_of_the_period_may_be_a_condition_of_the_period_alone() -> None:
    sold = {"field": "period_personal_sales", "value": "2000.00"}
    team = {"field": "period_team_sales", "op": "at_most", "value": "6.00"}
    assert list(paid(plan(pool(qualify=sold)), *THREE, sales=10)) == [("pool", 0, 2), ("pool", 0, 3)]
    assert list(paid(plan(pool(qualify={"all": [sold, team]})), *THREE, sales=10)) == [
        ("pool", 0, 2),
        ("pool", 0, 3),
    ]
    assert list(paid(plan(pool(qualify={"not": team})), *THREE, sales=10)) == [("pool", 0, 1)]
    with pytest.raises(InvalidPlan, match="not valid") as refusal:
        plan(unilevel(when={"not": sold}))
    (error,) = refusal.value.errors
    assert error.field == "components.0.when"
    assert 'No order knows "period_personal_sales"' in error.message.format_map(error.params or {})


def test_a_pool_is_rounded_once_and_caps_leave_the_rest_with_the_platform() -> None:
    odd = replace(facts(member(1)), sales_minor=25)
    assert evaluate_period(plan(pool()), odd).awards[0].amount_minor == 1
    assert evaluate_period(plan(pool(), rounding="down"), odd).awards == ()
    capped = evaluate_period(plan(pool(cap_per_entry="50")), facts(*THREE, sales=10_000))
    assert [award.amount_minor for award in capped.awards] == [5000] * 3
    assert unpaid(capped) == [("pool", 0, "capped", 5000)]


# binary


def legs(left, right, **more):
    return (placed(1), placed(2, left, under=1), placed(3, right, under=1, position=2, **more))


def test_the_weaker_leg_is_paid_and_the_rest_carries() -> None:
    march = evaluate_period(plan(binary()), facts(*legs(1000, 600)))
    assert amounts(march) == {("pairs", 0, 1): "60.00"}
    assert carries(march) == [(1, 1, 1, 400)]
    april = evaluate_period(plan(binary()), replace(facts(*legs(100, 700)), carries=march.carries))
    assert amounts(april) == {("pairs", 0, 1): "50.00"}
    assert carries(april) == [(1, 2, 1, 200)]
    assert unpaid(april) == []


PAIRS = {"rate": None, "pair_volume": "250", "amount_per_pair": "20"}


@pytest.mark.parametrize(
    ("params", "amount", "carried", "flushed"),
    [
        ({"ratio": "2:1"}, "50.00", [(1, 2, 1, 100)], 0),
        (PAIRS, "40.00", [(1, 1, 1, 500), (1, 2, 1, 100)], 0),
        ({**PAIRS, "carry": "stronger"}, "40.00", [(1, 1, 1, 500)], 100),
        ({**PAIRS, "carry": "none"}, "40.00", [], 600),
        ({**PAIRS, "max_pairs": 1}, "20.00", [(1, 1, 1, 500), (1, 2, 1, 100)], 500),
        (
            {**PAIRS, "max_pairs": 1, "beyond_max_pairs": "carry"},
            "20.00",
            [(1, 1, 1, 750), (1, 2, 1, 350)],
            0,
        ),
        ({"carry_cap": "150"}, "60.00", [(1, 1, 1, 150)], 250),
        ({"cap_per_entry": "10"}, "10.00", [(1, 1, 1, 400)], 0),
    ],
)
def test_what_the_settings_of_a_binary_do(params, amount, carried, flushed) -> None:
    outcome = evaluate_period(plan(binary(**params)), facts(*legs(1000, 600)))
    assert amounts(outcome) == {("pairs", 0, 1): amount}
    assert carries(outcome) == carried
    assert sum(one.amount_minor for one in outcome.unpaid if one.why == "flushed") == 100 * flushed


@pytest.mark.parametrize(
    ("params", "march", "april"),
    [
        ({}, "60.00", "50.00"),
        ({"ratio": "2:1"}, "50.00", "10.00"),
        (PAIRS, "40.00", "40.00"),
        ({**PAIRS, "max_pairs": 1}, "20.00", "20.00"),
        ({"carry_cap": "150.00"}, "60.00", "25.00"),
    ],
)
def test_the_table_of_the_docs(params, march, april) -> None:
    made = plan(binary(**params))
    first = evaluate_period(made, facts(*legs(1000, 600)))
    second = evaluate_period(made, replace(facts(*legs(100, 700)), carries=first.carries))
    assert [amounts(one)["pairs", 0, 1] for one in (first, second)] == [march, april]


def test_carried_volume_is_used_oldest_first_and_expires() -> None:
    before = [("pairs", 1, 1, 2, 300_00), ("pairs", 1, 1, 1, 200_00), ("other", 1, 1, 1, 999_00)]
    made = plan(binary(carry_periods=2))
    used = evaluate_period(made, facts(*legs(100, 250), carries=before))
    assert amounts(used) == {("pairs", 0, 1): "25.00"}
    # Of the oldest 50.00 were left; they have outlived two closes. The 200.00 have one more.
    assert carries(used) == [(1, 1, 2, 200), (1, 1, 1, 100)]
    assert unpaid(used) == [("pairs", 0, "flushed", 50_00)]


def test_whoever_does_not_qualify_passes_volume_up_and_loses_or_keeps_his_own() -> None:
    """2 stands under 1 and has both legs himself; 2 is suspended."""
    members = (
        placed(1),
        placed(2, 10, under=1, active=False),
        placed(3, 40, under=2),
        placed(4, 60, under=2, position=2),
        placed(5, 50, under=1, position=2),
    )
    gone = evaluate_period(plan(binary()), facts(*members))
    assert amounts(gone) == {("pairs", 0, 1): "5.00"}
    assert carries(gone) == [(1, 1, 1, 60)]
    assert unpaid(gone) == [("pairs", 0, "flushed", 100_00)]
    kept = evaluate_period(plan(binary(unqualified="keep")), facts(*members))
    assert carries(kept) == [(1, 1, 1, 60), (2, 1, 1, 40), (2, 2, 1, 60)]


def test_a_third_position_is_no_leg() -> None:
    members = (*legs(10, 10), placed(4, 99, under=1, position=3))
    assert evaluate_period(plan(binary()), facts(*members)).carries == ()


# matrix


MATRIX = (
    placed(1),
    placed(2, 100, under=1),
    placed(3, 200, under=1, position=2),
    placed(4, 300, under=2),
    placed(5, 0, under=2, position=2),
)


def test_each_level_of_a_matrix_is_paid() -> None:
    outcome = evaluate_period(plan(matrix()), facts(*MATRIX))
    assert amounts(outcome) == {
        ("matrix", 1, 1): "15.00",
        ("matrix", 1, 2): "15.00",
        ("matrix", 2, 1): "9.00",
    }
    # Levels above the top are nobody's: of 2 and 3 the second.
    assert unpaid(outcome) == [("matrix", 2, "nobody", 9_00)]


@pytest.mark.parametrize(
    ("params", "settings", "expected"),
    [
        ({}, {}, {("matrix", 1, 1): "5.00", ("matrix", 2, 1): "9.00"}),
        ({}, {"unclaimed": "roll_up"}, {("matrix", 1, 1): "20.00", ("matrix", 2, 1): "9.00"}),
        ({"compress": True}, {}, {("matrix", 1, 1): "20.00"}),
    ],
)
def test_an_unqualified_place_in_a_matrix(params, settings, expected) -> None:
    members = (placed(1), placed(2, 100, under=1, active=False), placed(4, 300, under=2))
    assert paid(plan(matrix(**params), **settings), *members) == expected


def test_an_unqualified_place_in_the_matrix_of_the_docs() -> None:
    members = (MATRIX[0], replace(MATRIX[1], active=False), *MATRIX[2:])
    lost = evaluate_period(plan(matrix()), facts(*members))
    assert amounts(lost) == {("matrix", 1, 1): "15.00", ("matrix", 2, 1): "9.00"}
    assert unpaid(lost)[0] == ("matrix", 1, "nobody", 15_00)
    assert paid(plan(matrix(), unclaimed="roll_up"), *members)["matrix", 1, 1] == "30.00"


def test_what_stands_beyond_the_width_counts_for_nobody_above() -> None:
    members = (placed(1), placed(2, 100, under=1, position=3), placed(3, 100, under=2))
    assert paid(plan(matrix()), *members) == {("matrix", 1, 2): "5.00"}
    assert paid(plan(matrix(width=3)), *members)["matrix", 2, 1] == "3.00"


# stairstep


def test_groups_earn_differences_and_leaders_generations() -> None:
    """B and C are below A; C reaches 10,000 and breaks away."""

    def group(own):
        return (member(1, own), member(2, 6000, sponsor_id=1), member(3, 12_000, sponsor_id=1))

    assert paid(plan(stairstep()), *group(1000)) == {
        ("group", 0, 1): "100.00",
        ("group", 0, 2): "600.00",
        ("group", 0, 3): "1800.00",
    }
    leads = paid(plan(stairstep()), *group(5000))
    assert leads["group", 0, 1] == "1050.00", "5000 × 15 % and 6000 × (15 % − 10 %)"
    assert leads["group", 1, 1] == "480.00", "12000 × 4 %"
    included = paid(plan(stairstep(breakaway_volume="included")), *group(1000))
    assert included["group", 0, 1] == "450.00", "1000 × 15 % and 6000 × 5 %; C has 15 % himself"
    assert included["group", 1, 1] == "480.00"
    never = paid(plan(stairstep(breakaway_at=None)), *group(1000))
    assert ("group", 1, 1) not in never
    assert never["group", 0, 1] == "450.00"


def test_an_unqualified_member_reaches_no_step_and_breaks_nothing_away() -> None:
    members = (member(1), member(2, 12_000, sponsor_id=1, active=False))
    assert paid(plan(stairstep()), *members) == {("group", 0, 1): "1800.00"}


def test_generations_above_the_top_are_breakage() -> None:
    outcome = evaluate_period(plan(stairstep(generation_rates=["0.04", "0.01"])), facts(member(1, 10_000)))
    assert unpaid(outcome) == [("group", 1, "nobody", 400_00), ("group", 2, "nobody", 100_00)]


# All of them


def test_only_components_of_that_kind_of_period_close() -> None:
    made = plan(pool(), pool("0.01", name="week", period="week"), unilevel())
    assert paid(made, member(1), sales=100) == {("pool", 0, 1): "2.00"}
    week = period_of(datetime(2026, 3, 5, tzinfo=UTC), "week", UTC)
    assert paid(made, member(1), sales=100, period=week) == {("week", 0, 1): "1.00"}


def test_one_earner_gets_no_more_than_the_cap_of_a_period() -> None:
    made = plan(matrix(cap_per_period="12.00"))
    outcome = evaluate_period(made, facts(*MATRIX))
    assert amounts(outcome) == {
        ("matrix", 1, 1): "7.50",
        ("matrix", 1, 2): "12.00",
        ("matrix", 2, 1): "4.50",
    }
    first = paid(plan(matrix(cap_per_period="12.00"), cut="priority"), *MATRIX)
    assert (first["matrix", 1, 1], first.get(("matrix", 2, 1))) == ("12.00", None)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (replace(facts(), currency="USD"), "is in USD"),
        (facts(member(1), member(1)), "twice"),
        (replace(facts(), sales_minor=-1), "below 0"),
        (facts(member(1, -1), sales=0), "below 0"),
        (facts(member(1, sponsor_id=2)), "no member"),
        (facts(member(1, sponsor_id=2), member(2, sponsor_id=1)), "loop"),
        (facts(placed(1), placed(2, under=1), placed(3, under=1)), "one position"),
        (facts(placed(1), placed(2, under=1, position=None)), "on none"),
        (replace(facts(), carries=(Carry("pairs", 1, 1, 1, 0),)), "below 0"),
        (replace(facts(), carries=(Carry("pairs", 1, 1, 1, 5), Carry("pairs", 1, 1, 1, 6))), "twice"),
    ],
)
def test_facts_that_cannot_be_are_an_error(broken, words) -> None:
    with pytest.raises(ValueError, match=words):
        evaluate_period(plan(binary(), stairstep(), pool()), broken)


def test_a_fact_that_was_not_gathered_is_an_error() -> None:
    made = plan(pool(qualify={"field": "paid_orders", "value": 1}))
    with pytest.raises(FactMissing):
        evaluate_period(made, facts(member(1)))


def test_an_order_is_paid_as_if_there_were_no_component_of_a_period() -> None:
    from worlds import order

    assert evaluate(plan(pool("1"), unilevel(), matrix()), order(), 0) == evaluate(
        plan(unilevel()), order(), 0
    )


# Documents


@pytest.mark.parametrize(
    ("component", "field", "words"),
    [
        (pool("2"), "rate", "between 0 and 1"),
        (pool(period="year"), "period", "Choose one of"),
        (pool(cap_per_order="1"), "cap_per_order", "no such field"),
        (pool(when={"field": "rank", "value": 1}), "when", "no such field"),
        (pool(qualify={"field": "heads", "value": 1}), "qualify", "no condition"),
        (binary(None), "", "Give either rate"),
        (binary("0.1", pair_volume="1", amount_per_pair="1"), "", "Give either rate"),
        (binary("0.1", max_pairs=1), "", "Give either rate"),
        (binary(None, pair_volume="1"), "", "Give either rate"),
        (binary(None, pair_volume="0", amount_per_pair="1"), "", "above 0"),
        (binary(carry_periods=0), "carry_periods", "from 1"),
        (matrix(width=0), "width", "from 1"),
        (stairstep([("5", "0.1"), ("5", "0.2")]), "steps", "higher volume"),
        (stairstep([("5", "x")]), "steps.0.rate", "rate such as"),
        (matching(of="pool"), "of", "pays when a period closes"),
        (matched(of="direct"), "of", "pays per order"),
        (matched(of="pool", period="week"), "of", "whose period is week too"),
        (matched(of="nobody"), "of", "no component nobody before this one"),
    ],
)
def test_a_faulty_component_is_refused_at_its_field(component, field, words) -> None:
    with pytest.raises(InvalidPlan) as refusal:
        plan(*([pool(), unilevel()] if "of" in component else []), component)
    (error,) = refusal.value.errors
    assert error.field.partition(".")[2].partition(".")[2] == field
    assert words in error.message.format_map(error.params or {})


def test_the_settings_of_a_period_stand_in_the_document_only_where_they_are_set() -> None:
    plain, set_ = plan(), plan(max_payout_rate_per_period="0.3", cap_period="week")
    assert not {"max_payout_rate_per_period", "cap_period"} & plain.document().keys()
    assert plain.cap_period == "month"
    assert set_.document()["max_payout_rate_per_period"] == "0.30"
    assert set_.document()["cap_period"] == "week"
    assert parse_plan(set_.document()) == set_
    full = plan(pool(), binary(None, pair_volume="1", amount_per_pair="0.5"), matrix(), stairstep())
    assert parse_plan(full.document()) == full
    assert full.document()["components"][3]["steps"][0] == {"volume": "1000.00", "rate": "0.05"}
