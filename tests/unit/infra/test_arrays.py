"""Arrays as texts: what is written is what PostgreSQL reads."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.infra.db import arrays

AT = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (arrays.numbers([]), "{}"),
        (arrays.numbers([1, None, -3]), "{1,NULL,-3}"),
        (arrays.numbers([UUID(int=7)]), "{00000000-0000-0000-0000-000000000007}"),
        (arrays.texts(["a", None, "NULL", 'q"\\', ""]), '{"a",NULL,"NULL","q\\"\\\\",""}'),
        (arrays.truths([True, False]), "{t,f}"),
        (arrays.times([AT, None]), '{"2026-11-22T10:00:00.123456+00:00",NULL}'),
        (arrays.octets([b"\x00\xff", None]), '{"\\\\x00ff",NULL}'),
    ],
)
def test_they_are_written_as_postgresql_documents_them(written: str, expected: str) -> None:
    assert written == expected


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_a_text_can_be_told_from_every_other(values: list[str | None]) -> None:
    assert len({arrays.texts([value]) for value in values}) == len(set(values))
