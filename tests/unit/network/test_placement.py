"""Paths and positions of the placement tree."""

import pytest

from fenxiao.network.domain import placement
from fenxiao.network.domain.placement import child_path, first_free, is_below, leg, levels, root_path

ROOT = root_path(12)


@pytest.mark.parametrize(
    ("taken", "width", "free"),
    [
        ((), 2, 1),
        ((1,), 2, 2),
        ((2,), 2, 1),
        ((1, 2), 2, None),
        ((1, 2), 3, 3),
        ((3,), 2, 1),
        ((1,), 1, None),
    ],
)
def test_the_leftmost_free_position(taken: tuple[int, ...], width: int, free: int | None) -> None:
    assert first_free(taken, width) == free


def test_a_subtree_is_a_range_and_a_level_is_in_order() -> None:
    left, right = (child_path(ROOT, position) for position in (1, 2))
    below = [child_path(left, 1), child_path(left, placement.MAX_WIDTH), child_path(right, 1)]
    assert below == sorted(below)
    assert [levels(path) for path in (ROOT, left, below[0])] == [0, 1, 2]
    assert [path < left + b"\xff" for path in below] == [True, True, False]
    assert [is_below(path, left) for path in (left, *below, ROOT)] == [True, True, True, False, False]
    # 112 ends as 12 does, and is another root.
    assert not is_below(child_path(root_path(112), 1), ROOT)


def test_an_outer_leg_keeps_to_one_side() -> None:
    assert [leg("outer_left", 3), leg("outer_right", 3)] == [1, 3]
    assert placement.levels_to_look_at(1) == placement.MAX_LEVELS
    assert placement.levels_to_look_at(2) < placement.MAX_LEVELS


@pytest.mark.parametrize(("position", "fine"), [(0, False), (1, True), (3, True), (4, False)])
def test_a_position_is_within_the_width(position: int, fine: bool) -> None:
    assert (placement.position_faults(position, 3) == ()) is fine
