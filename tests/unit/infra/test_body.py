"""Bodies are read exactly, and what could be read in two ways is not read."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.infra.http.body import MAX_DEPTH, parse
from fenxiao.infra.http.problem import MalformedBody


def test_numbers_keep_every_digit() -> None:
    read = parse(b'{"a": 500.00, "b": 0.1, "c": 1e400, "d": 12345678901234567890123, "e": -0.0, "f": 7}')
    assert read == {
        "a": Decimal("500.00"),
        "b": Decimal("0.1"),
        "c": Decimal("1E+400"),
        "d": 12345678901234567890123,
        "e": Decimal("-0.0"),
        "f": 7,
    }
    assert str(read["a"]) == "500.00"
    assert type(read["f"]) is int


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Not JSON"),
        (b"{", "Not JSON"),
        (b'{"a": 1,}', "Not JSON"),
        (b"{'a': 1}", "Not JSON"),
        (b"1 2", "Not JSON"),
        (b'{"a": NaN}', "{name} is no JSON number"),
        (b'{"a": Infinity}', "{name}"),
        (b'{"a": -Infinity}', "{name}"),
        (b'{"price": 1, "price": 100}', "stands twice"),
        (b'[{"a": {"b": 1, "b": 1}}]', "stands twice"),
        (b"\xff", "UTF-8"),
        ('{"a": "é"}'.encode("latin-1"), "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "Not JSON"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\uDFFF": 1}', "surrogate"),
        (b'{"a": "x\\u0000"}', "U+0000"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a": 1e99999999999999999999}', "out of every range"),
        (b"[" * 200 + b"]" * 200, "Nested"),
        (b"[" * 100_000, "Nested"),
        (b'{"a":' * 100_000, "Nested"),
    ],
)
def test_doubtful_bodies_are_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse(body)
    assert reason in caught.value.errors[0].message


def test_what_only_looks_doubtful_is_read() -> None:
    assert parse(b'{"a": "C:\\\\u0000", "b": "\\ud83d\\ude00", "c": "NaN"}') == {
        "a": "C:\\u0000",
        "b": "😀",
        "c": "NaN",
    }
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert parse(b"[" + b"[]," * 5000 + b"[]]")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(MalformedBody):
        parse(body)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_any_decimal_survives(value: Decimal) -> None:
    assert parse(f'{{"a": {value:f}}}'.encode())["a"] == value
