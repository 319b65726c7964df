"""Comparison: each kind of deviation is named by its row."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from fenxiao.commission.domain.booking import Book, Claim, differences, entries
from fenxiao.commission.domain.comparison import Booked, compare_books, compare_entries
from fenxiao.engine.evaluate import Step

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C, B = ("direct", 1, 30), ("direct", 2, 20)
CLAIM = Claim(
    5,
    9,
    "CNY",
    (Step(0, NOON, 0, {C: 5000, B: 2500}), Step(1, NOON + timedelta(1), 1, {C: 3000, B: 2500})),
    (None, 1),
    NOON,
)
BOOK = {"rule_id": 9, "currency": "CNY", "steps": 2, "release_at": NOON}


def stored() -> list[Booked]:
    return [
        Booked(
            commission_id=one.commission_id,
            step=one.difference.step,
            key=one.difference.key,
            kind=one.difference.kind,
            commission_amount_minor=one.difference.amount_minor,
            currency="CNY",
            rule_id=9,
            refund_sequence=one.difference.refund_sequence,
            created_at=one.difference.at,
            release_at=one.release_at,
            corrects=one.corrects,
        )
        for one in entries(differences(CLAIM, Book()), {}, count(101), NOON)
    ]


def test_what_is_booked_right_is_no_finding() -> None:
    assert [one.commission_id for one in stored()] == [101, 102, 103]
    assert list(compare_entries(5, CLAIM, stored())) == []
    assert list(compare_books(5, CLAIM, BOOK)) == []
    assert list(compare_entries(5, None, [])) == list(compare_books(5, None, None)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("commission_amount_minor", 5001),
        ("kind", "clawback"),
        ("rule_id", 8),
        ("currency", "USD"),
        ("refund_sequence", 4),
        ("created_at", NOON + timedelta(seconds=1)),
        ("release_at", None),
    ],
)
def test_every_field_is_compared(field: str, value: object) -> None:
    first, *rest = stored()
    (odd,) = compare_entries(5, CLAIM, [replace(first, **{field: value}), *rest])
    assert (odd.subject, odd.expected, odd.found) == (
        f"commission 101.{field}",
        str(getattr(first, field)),
        str(value),
    )


def test_a_correction_must_name_the_first_entry_of_its_key() -> None:
    *rest, last = stored()
    (odd,) = compare_entries(5, CLAIM, [*rest, replace(last, corrects=102)])
    assert (odd.subject, odd.expected, odd.found) == ("commission 103.corrects", "101", "102")


def test_missing_and_extra_entries_are_named() -> None:
    first, second, third = stored()
    (missing,) = compare_entries(5, CLAIM, [first, third])
    assert missing.subject == "commission of order 5, step 0, direct level 2, distributor 20"
    assert missing.expected == "25.00 CNY (accrual)"
    stray = replace(second, commission_id=104, key=("direct", 3, 10))
    (extra,) = compare_entries(5, CLAIM, [first, second, third, stray])
    assert (extra.subject, extra.found) == ("commission 104", "25.00 CNY from order 5")
    assert len(list(compare_entries(5, None, stored()))) == 3


@pytest.mark.parametrize(
    ("field", "value"), [("rule_id", 8), ("currency", "USD"), ("steps", 1), ("release_at", None)]
)
def test_the_book_is_compared_too(field: str, value: object) -> None:
    (odd,) = compare_books(5, CLAIM, BOOK | {field: value})
    assert odd.subject == f"order_book 5.{field}"
    (missing,) = compare_books(5, CLAIM, None)
    assert (missing.subject, missing.found) == ("order_book 5", "no such row")
    (extra,) = compare_books(5, None, BOOK)
    assert (extra.subject, extra.expected) == ("order_book 5", "no such row")
