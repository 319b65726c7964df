"""Where a publication stands in time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.kernel.ids import RuleId
from fenxiao.rules.domain.timeline import Interval, earliest_start, place


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


OLD = Interval(RuleId(1), day(5), day(10))
NEW = Interval(RuleId(2), day(10), None)


@pytest.mark.parametrize(
    ("start", "effective_to", "cut"),
    [
        (day(20), None, NEW),
        (day(10), None, NEW),
        (day(7), day(10), OLD),
        (day(5), day(10), OLD),
        (day(2), day(5), None),
    ],
    ids=["after all", "at the moment of the last", "inside an earlier one", "at its moment", "before all"],
)
def test_a_publication_cuts_the_one_in_effect_and_ends_at_the_next(
    start: datetime, effective_to: datetime | None, cut: Interval | None
) -> None:
    placement = place([OLD, NEW], start)
    assert (placement.effective_to, placement.cut) == (effective_to, cut)


def test_one_that_was_replaced_before_it_began_is_nowhere() -> None:
    replaced = Interval(RuleId(3), day(20), day(20))
    assert place([replaced], day(20)).cut is None
    assert place([replaced], day(15)).effective_to is None


def test_in_a_gap_nothing_is_cut() -> None:
    gapped = [Interval(RuleId(1), day(1), day(3)), Interval(RuleId(2), day(8), None)]
    placement = place(gapped, day(5))
    assert (placement.effective_to, placement.cut) == (day(8), None)


def test_notice_is_counted_in_days_of_24_hours() -> None:
    assert earliest_start(day(1), 0) == day(1)
    assert earliest_start(day(1), 7) == day(8)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12))
def test_whatever_is_published_in_whatever_order_nothing_overlaps_and_nothing_is_left_open(
    starts: list[int],
) -> None:
    origin = day(1)
    timeline: dict[int, Interval] = {}
    for number, hours in enumerate(starts):
        start = origin + timedelta(hours=hours)
        placement = place(timeline.values(), start)
        if placement.cut is not None:
            old = timeline[placement.cut.rule_id]
            timeline[placement.cut.rule_id] = Interval(old.rule_id, old.effective_from, start)
        timeline[number] = Interval(RuleId(number), start, placement.effective_to)
    for hours in range(52):
        moment = origin + timedelta(hours=hours)
        in_effect = [one for one in timeline.values() if one.holds(moment)]
        assert len(in_effect) == (1 if hours >= min(starts) else 0)
        # The one in effect is the last published of those that begin latest.
        if in_effect:
            begun = max(h for h in starts if h <= hours)
            last = max(number for number, h in enumerate(starts) if h == begun)
            assert in_effect[0].rule_id == last
