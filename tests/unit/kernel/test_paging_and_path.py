"""Cursors and tree paths."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.kernel import path
from fenxiao.kernel.errors import Invalid
from fenxiao.kernel.i18n import preferred
from fenxiao.kernel.paging import decode_cursor, encode_cursor

IDS = st.lists(st.integers(min_value=1, max_value=2**32 - 2), min_size=1, max_size=60)


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_a_cursor_is_url_safe_and_comes_back(number: int, text: str) -> None:
    cursor = encode_cursor(number, text)
    assert re.fullmatch(r"[A-Za-z0-9_-]*", cursor)
    assert decode_cursor(cursor, int, str) == (number, text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_in_a_cursor_comes_back_to_the_microsecond(moment: datetime) -> None:
    assert decode_cursor(encode_cursor(moment, 1), datetime, int) == (moment, 1)


@pytest.mark.parametrize("cursor", [encode_cursor(2**62), encode_cursor("2026-01-01"), encode_cursor(1, 2)])
def test_what_is_no_time_is_no_cursor_of_a_list_by_time(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(cursor, datetime)


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "abc", encode_cursor("x"), encode_cursor(1, 2), encode_cursor(True), encode_cursor(2**63)],
)
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_cursor(cursor, int)
    assert refused.value.errors[0].field == "cursor"


@given(IDS)
def test_a_path_holds_its_ids(ids: list[int]) -> None:
    whole = b""
    for one in ids:
        whole = path.join(whole, one)
    assert list(path.split(whole)) == ids
    assert path.depth(whole) == len(ids) - 1


@given(IDS, IDS)
def test_a_subtree_is_a_range(above: list[int], other: list[int]) -> None:
    def whole(ids: list[int]) -> bytes:
        return b"".join(path.join(b"", one) for one in ids)

    low, high = path.subtree(whole(above))
    below = whole(above) + whole(other)
    assert low <= whole(above) < high
    assert low <= below < high
    outside = whole(other)
    assert (low <= outside < high) == (other[: len(above)] == above)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB", "en"),
        ("fr, zh;q=0.2", "zh"),
        ("", "en"),
        ("zh;q=0, en", "en"),
        ("fr", "en"),
    ],
)
def test_the_reader_gets_the_best_language_we_have(header: str, language: str) -> None:
    assert preferred(header) == language
