"""Booking: target − booked, step by step."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from fenxiao.commission.domain.booking import Book, Claim, Entry, Root, differences, entries
from fenxiao.engine.evaluate import AwardKey, Step

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MATURE = NOON + timedelta(days=7)
C, B = ("direct", 1, 30), ("direct", 2, 20)


def claim(*targets: Mapping[AwardKey, int], release_at: datetime | None = MATURE) -> Claim:
    steps = tuple(Step(n, NOON + timedelta(days=n), n, target) for n, target in enumerate(targets))
    sequences = tuple(n or None for n in range(len(targets)))
    return Claim(1, 9, "CNY", steps, sequences, release_at)


def booked(history: Claim, book: Book, *, now: datetime = NOON) -> list[Entry]:
    return list(entries(differences(history, book), book.roots, count(101), now))


def amounts(made: list[Entry]) -> list[tuple[int, AwardKey, int]]:
    return [(one.difference.step, one.difference.key, one.difference.amount_minor) for one in made]


def test_an_accrual_books_every_target() -> None:
    made = booked(claim({C: 5000, B: 2500}), Book())
    assert amounts(made) == [(0, C, 5000), (0, B, 2500)]
    assert [one.difference.kind for one in made] == ["accrual", "accrual"]
    assert {(one.status, one.release_at, one.released_at, one.corrects) for one in made} == {
        ("pending", MATURE, None, None)
    }


def test_a_refund_books_the_difference_and_names_the_first_entry() -> None:
    made = booked(claim({C: 5000, B: 2500}, {C: 3000, B: 1500}, {}), Book())
    assert amounts(made) == [
        (0, C, 5000),
        (0, B, 2500),
        (1, C, -2000),
        (1, B, -1000),
        (2, C, -3000),
        (2, B, -1500),
    ]
    assert [one.corrects for one in made] == [None, None, 101, 102, 101, 102]
    assert [one.difference.kind for one in made[2:]] == ["clawback"] * 4
    assert [one.difference.at for one in made] == [NOON + timedelta(days=one.difference.step) for one in made]
    assert [one.difference.refund_sequence for one in made] == [None, None, 1, 1, 2, 2]


def test_a_cap_that_binds_less_gives_more_even_to_someone_new() -> None:
    made = booked(claim({C: 10}, {C: 12, B: 1}), Book())
    assert amounts(made) == [(0, C, 10), (1, C, 2), (1, B, 1)]
    assert [one.difference.kind for one in made] == ["accrual"] * 3
    assert [one.corrects for one in made] == [None, 101, None]


def test_steps_that_are_booked_are_passed_over() -> None:
    history = claim({C: 5000}, {C: 3000})
    assert booked(history, Book(steps=2, amounts={C: 3000})) == []
    # A worker that was slower has an older history than what is booked.
    assert booked(claim({C: 5000}), Book(steps=2, amounts={C: 3000})) == []
    assert amounts(booked(history, Book(steps=1, amounts={C: 5000}, roots={C: Root(7, False, MATURE)}))) == [
        (1, C, -2000)
    ]


def test_a_correction_stands_where_the_entry_it_corrects_stands() -> None:
    history, now = (
        claim({C: 5000, B: 2500}, {C: 3000, B: 1500, ("other", 1, 30): 4}),
        NOON + timedelta(days=9),
    )
    roots = {C: Root(7, released=True, release_at=MATURE), B: Root(8, released=False, release_at=MATURE)}
    made = booked(history, Book(steps=1, amounts={C: 5000, B: 2500}, roots=roots), now=now)
    assert [(one.status, one.release_at, one.released_at, one.corrects) for one in made] == [
        ("released", MATURE, now, 7),
        ("pending", MATURE, None, 8),
        ("pending", MATURE, None, None),
    ]


def test_before_completion_nobody_knows_when_it_matures() -> None:
    (entry,) = booked(claim({C: 1}, release_at=None), Book())
    assert (entry.status, entry.release_at) == ("pending", None)


KEYS = st.sampled_from([C, B, ("other", 0, 40), ("other", 1, 30)])
TARGETS = st.lists(st.dictionaries(KEYS, st.integers(1, 10**9)), min_size=1, max_size=6)


@given(TARGETS, st.data())
def test_any_batching_of_a_history_leaves_the_same_entries(
    targets: list[dict[AwardKey, int]], data: st.DataObject
) -> None:
    at_once = booked(claim(*targets), Book())
    in_parts: list[Entry] = []
    book, ids = Book(), count(101)
    seen = [*sorted(data.draw(st.lists(st.integers(1, len(targets)), max_size=4))), len(targets)]
    for until in seen:
        found = differences(claim(*targets[:until]), book)
        in_parts += entries(found, book.roots, ids, NOON)
    assert amounts(in_parts) == amounts(at_once)
    assert [one.corrects for one in in_parts] == [one.corrects for one in at_once]
    assert book.amounts | targets[-1] == book.amounts
    assert sum(book.amounts.values()) == sum(targets[-1].values())


@given(TARGETS)
def test_what_is_refunded_whole_leaves_nothing(targets: list[dict[AwardKey, int]]) -> None:
    made = booked(claim(*targets, {}), Book())
    assert sum(one.difference.amount_minor for one in made) == 0
    for key in {one.difference.key for one in made}:
        assert sum(one.difference.amount_minor for one in made if one.difference.key == key) == 0
