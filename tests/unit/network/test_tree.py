"""Loops, depths and paths."""

from hypothesis import given
from hypothesis import strategies as st

from fenxiao.kernel.path import join, split
from fenxiao.network.domain.tree import MAX_DEPTH, closes_loop, levels, too_deep

ids = st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=8, unique=True)


def path(*steps: int) -> bytes:
    made = b""
    for step in steps:
        made = join(made, step)
    return made


def test_a_loop_is_a_sponsor_at_or_below() -> None:
    assert closes_loop(path(1, 2), path(1, 2))
    assert closes_loop(path(1, 2), path(1, 2, 3))
    assert not closes_loop(path(1, 2), path(1))
    assert not closes_loop(path(1, 2), path(1, 3))


def test_ids_that_begin_alike_are_no_loop() -> None:
    # As text 1 stands inside 12 and 112; 0x01 stands inside 0x0101 and 0x01000000.
    for above, below in ((1, 12), (12, 112), (0x01, 0x0101), (0x01000000, 0x01), (0x0102, 0x01020000)):
        assert not closes_loop(path(above), path(below))
        assert not closes_loop(path(7, above), path(7, below))


@given(ids, ids)
def test_a_loop_is_found_exactly_where_the_ids_say_so(node: list[int], sponsor: list[int]) -> None:
    expected = sponsor[: len(node)] == node
    assert closes_loop(path(*node), path(*sponsor)) is expected
    assert split(path(*node)) == tuple(node)


def test_depth_is_bounded_with_everyone_below() -> None:
    deep = path(*range(1, MAX_DEPTH + 1))
    assert not too_deep(deep, 0)
    assert too_deep(deep, 1)
    assert too_deep(join(deep, 9999), 0)
    assert levels(path(1, 2), len(path(1, 2, 3, 4))) == 2
    assert levels(path(1), len(path(1))) == 0
