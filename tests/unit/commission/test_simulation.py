"""Sums of a simulation, its ratios, the hashes of runs, exposure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.commission.domain import hashes, proofs
from fenxiao.commission.domain.exposure import Exposure, basis, level_in_tree
from fenxiao.commission.domain.simulation import (
    WAS,
    WOULD,
    Outcome,
    Pay,
    PeriodSums,
    RewardSums,
    Share,
    periods_of,
    ratio,
    stand,
    too_long,
)
from fenxiao.engine.facts import Party
from fenxiao.engine.periods import PeriodKind
from fenxiao.engine.plan import parse_plan

CHAIN = (
    Party(40, "bronze", 1, active=True),
    Party(30, "silver", 2, active=True),
    Party(20, None, None, active=False),
    Party(10, "gold", 3, active=True),
)


def test_pay_is_counted_by_component_place_and_grade() -> None:
    outcome, people = Outcome(), dict[int, Share]()
    # With compression level 2 is paid at place 3.
    outcome.add(CHAIN, WOULD, [("up", 1, 30, 500), ("up", 2, 10, 300), ("more", 0, 40, 7)], people)
    outcome.add(CHAIN, WAS, [("up", 1, 30, 200)], people)
    outcome.add(CHAIN, WAS, [], people)
    assert outcome.paying == [1, 1]
    assert outcome.by_component() == {("more", 0): [7, 0], ("up", 1): [500, 200], ("up", 2): [300, 0]}
    assert outcome.by_place() == {0: [7, 0], 1: [500, 200], 3: [300, 0]}
    assert outcome.by_grade() == {"bronze": [7, 0], "gold": [300, 0], "silver": [500, 200]}
    assert (outcome.total_minor(WOULD), outcome.total_minor(WAS)) == (807, 200)
    assert {who: (one.would_minor, one.was_minor) for who, one in people.items()} == {
        30: (500, 200),
        10: (300, 0),
        40: (7, 0),
    }


def test_whoever_is_paid_stands_in_the_chain() -> None:
    assert stand(CHAIN, 2, 20) == (2, None)
    assert stand(CHAIN, 1, 10) == (3, "gold")
    assert stand(CHAIN, 9, 30) == (1, "silver")
    with pytest.raises(ValueError, match="50 is paid"):
        stand(CHAIN, 1, 50)


def test_what_a_period_pays_stands_at_its_level_or_above_what_it_matches() -> None:
    components = [
        {"type": "matrix", "name": "matrix", "width": 2, "levels": ["0.1", "0.05"]},
        {"type": "periodmatch", "name": "match", "of": "matrix", "levels": ["0.1"]},
    ]
    plan = parse_plan({"name": "p", "currency": "CNY", "components": components})
    outcome, people = Outcome(), dict[int, Share]()
    pay = [("matrix", 2, 10, 300, "gold"), ("matrix", 1, 10, 50, "gold"), ("match", 1, 30, 35, None)]
    assert outcome.add_period(plan, WOULD, pay, people) == 385
    # Of a component that the plan does not have only the level is known.
    assert outcome.add_period(plan, WAS, [("gone", 1, 30, 7, "silver")], people) == 7
    assert outcome.by_place() == {1: [50, 7], 2: [300, 0], 3: [35, 0]}
    assert outcome.by_grade() == {None: [35, 0], "gold": [350, 0], "silver": [0, 7]}
    assert {who: (one.would_minor, one.was_minor) for who, one in people.items()} == {
        10: (350, 0),
        30: (35, 7),
    }
    other = Outcome(
        periods=[PeriodSums("month", "2026-03", 900, 385, 7)],
        rewards=[RewardSums("target", "2026-03", 900, 0, 2, 0)],
        left_out=["2026-04"],
    )
    outcome.merge(other)
    assert Outcome.of(outcome.document()) == outcome
    assert (outcome.periods, outcome.rewards) == (other.periods, other.rewards)
    assert outcome.total_minor(WOULD) == 385, "rewards stand alone"
    # A result from before there were periods can still be read.
    older = {
        name: value
        for name, value in outcome.document().items()
        if name in ("orders", "paying", "sales_minor", "cells")
    }
    assert Outcome.of(older).periods == []


def test_periods_lie_in_a_span_whole_or_with_a_part() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")

    def keys(kind: PeriodKind, start: datetime, end: datetime) -> tuple[list[str], list[str]]:
        whole, parts = periods_of(kind, start, end, shanghai)
        return [one.key for one in whole], [one.key for one in parts]

    march, may = datetime(2026, 3, 1, tzinfo=shanghai), datetime(2026, 5, 1, tzinfo=shanghai)
    assert keys("month", march, may) == (["2026-03", "2026-04"], [])
    # In UTC the months begin eight hours later.
    assert keys("month", march.replace(tzinfo=UTC), may.replace(tzinfo=UTC)) == (
        ["2026-04"],
        ["2026-03", "2026-05"],
    )
    moment = timedelta(microseconds=1)
    assert keys("month", march + moment, may) == (["2026-04"], ["2026-03"])
    assert keys("month", march, may - moment) == (["2026-03"], ["2026-04"])
    assert keys("month", march - moment, may) == (["2026-03", "2026-04"], ["2026-02"])
    assert keys("quarter", march, may) == ([], ["2026-Q1", "2026-Q2"])
    assert keys("day", march + moment, march + 2 * moment) == ([], ["2026-03-01"])
    assert not too_long("day", march, march + timedelta(days=4000))
    assert too_long("day", march, march + timedelta(days=4001))
    assert not too_long("quarter", march, march + timedelta(days=4001))


_pays = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]), st.integers(0, 3), st.sampled_from([10, 20, 30, 40]), st.integers(1, 99)
    ),
    max_size=6,
)


@settings(max_examples=40)
@given(st.lists(st.tuples(_pays, _pays), max_size=6), st.integers(0, 6))
def test_parts_add_up_to_the_whole_through_json(orders: list[tuple[list[Pay], list[Pay]]], at: int) -> None:
    def over(some: list[tuple[list[Pay], list[Pay]]]) -> Outcome:
        outcome = Outcome()
        for would, was in some:
            outcome.orders += 1
            outcome.sales_minor += 100
            outcome.add(CHAIN, WOULD, would, {})
            outcome.add(CHAIN, WAS, was, {})
        return Outcome.of(outcome.document())

    whole, parts = over(orders), over(orders[:at])
    parts.merge(over(orders[at:]))
    assert parts.document() == whole.document()


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 3, "0.3333"),
        (2, 3, "0.6667"),
        (15, 100, "0.1500"),
        (0, 5, "0.0000"),
        (7, 0, "0.0000"),
        (-1, 8, "-0.1250"),
        (5, 4, "1.2500"),
        (1, 20_000, "0.0001"),
        (-1, 1_000_000, "0.0000"),
    ],
)
def test_ratios(part: int, whole: int, text: str) -> None:
    assert ratio(part, whole) == text


def test_a_hash_is_the_same_however_it_was_cut_and_another_for_any_change() -> None:
    begin = hashes.first({"b": 1, "a": "值"})
    assert begin == hashes.first({"a": "值", "b": 1}) != hashes.first({"a": "值", "b": 2})
    pages = [hashes.page(b"one", b"two"), hashes.page(b"three")]
    whole = hashes.folded(begin, pages)
    assert hashes.folded(hashes.folded(begin, pages[:1]), pages[1:]) == whole
    assert hashes.folded(begin, pages[::-1]) != whole
    # Parts cannot run into each other.
    assert hashes.page(b"onet", b"wo") != pages[0] != hashes.page(b"onetwo")


def test_a_settlement_run_again_has_its_hashes() -> None:
    cutoff = datetime(2026, 3, 1, tzinfo=UTC)
    begun = proofs.begun(cutoff)
    assert begun.input_hash != begun.output_hash
    chunks = begun.after([b"a"], [b"x"]).after([b"b", b"c"], [])
    assert proofs.again(cutoff, [b"a", b"b", b"c"], [b"x"]) == chunks
    assert proofs.again(cutoff, [b"a", b"b"], [b"x"]).output_hash == chunks.output_hash
    assert proofs.again(cutoff, [b"a", b"b"], [b"x"]).input_hash != chunks.input_hash


def test_two_paid_uplines_are_three_levels() -> None:
    nobody = Exposure({}, 0, 0)
    assert (nobody.depth, nobody.levels, nobody.over_the_line) == (0, 0, False)
    alone = Exposure({0: 500, 1: 0}, 40, 40)
    assert (alone.depth, alone.levels, alone.over_the_line) == (0, 1, False)
    two = Exposure({0: 0, 1: 500, 2: 250}, 29, 29)
    assert (two.depth, two.levels, two.total_minor, two.over_the_line) == (2, 3, 750, False)
    assert Exposure(two.pay, 2, 30).over_the_line
    assert [basis(level) for level in (0, 1, 9)] == ["own_sales", "downline_sales", "downline_sales"]


def test_matching_reaches_as_far_as_what_it_rests_on_and_its_own_levels() -> None:
    plan = parse_plan(
        {
            "name": "p",
            "currency": "CNY",
            "components": [
                {"type": "unilevel", "name": "up", "levels": ["0.1", "0.05"]},
                {"type": "matching", "name": "match", "of": "up", "levels": ["0.1"]},
                {"type": "matching", "name": "again", "of": "match", "levels": ["0.1"]},
            ],
        }
    )
    deepest = {"up": 2, "match": 1, "again": 1}
    assert [level_in_tree(plan, name, 1, deepest) for name in ("up", "match", "again")] == [1, 3, 4]
