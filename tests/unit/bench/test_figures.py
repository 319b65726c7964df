"""Percentiles, spreads, ratios and targets."""

import pytest
from bench.rig.figures import Spread, Target, percentile, ratios
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 1), (0.01, 1), (0.07, 7), (0.5, 50), (0.99, 99), (0.991, 100), (1, 100)]
)
def test_a_percentile_is_the_value_at_its_rank(share: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_a_value_that_its_share_does_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


def test_one_value_is_every_percentile() -> None:
    assert [percentile([7.0], share) for share in (0, 0.5, 0.99, 1)] == [7.0] * 4


def test_without_values_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="no rounds"):
        Spread.of([])


def test_a_spread_has_the_median_and_the_ends() -> None:
    assert Spread.of([3, 1, 10]) == Spread(middle=3, low=1, high=10)
    assert Spread.of([1, 2]) == Spread(middle=1.5, low=1, high=2)


def test_a_ratio_is_taken_within_a_round_and_void_rounds_give_none() -> None:
    assert ratios([10, None, 30, 40], [20, 20, None, 50]) == [0.5, 0.8]
    assert ratios([1], [0]) == []


def test_a_target_is_met_on_its_bound() -> None:
    assert Target(0.55).met(0.55)
    assert not Target(0.55).met(0.549)
    assert Target(1.5, at_least=False).met(1.5)
    assert not Target(1.5, at_least=False).met(1.51)
