"""Closing a period: what a step lacks, what caps take back, and how far what is kept may deviate."""

from datetime import UTC, datetime
from itertools import count

from fenxiao.commission.domain.booking import Book, Root, entries
from fenxiao.commission.domain.closing import (
    Close,
    Evaluation,
    compare_carries,
    compare_members,
    lacking,
    next_claim,
    taken_back,
    totals,
)
from fenxiao.commission.domain.figures import compare_figures, windows
from fenxiao.engine.ceilings import Correction
from fenxiao.engine.conditions.subjects import Need
from fenxiao.engine.periods import Carry, Member

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
LATER = datetime(2026, 4, 9, tzinfo=UTC)
A, B = ("pool", 0, 10), ("pool", 0, 20)
CLOSE = Close(
    close_id=5, rule_id=9, currency="CNY", kind="month", period="2026-03", purpose="pay", since=START, until=END,
    release_at=LATER, steps=1, stage="booking", booked_minor=300, position=0, known_until=END, closed_at=END,
)  # fmt: skip
STEP = Evaluation(
    close_id=5, step=1, at=LATER, known_until=LATER, sales_minor=1000, carried_from=None, carried_step=None
)


def test_a_step_lacks_what_it_says_beyond_what_is_booked_and_finds_the_rest_the_next_time() -> None:
    book = Book(
        1,
        {A: 200, B: 100},
        {A: Root(1, released=True, release_at=LATER), B: Root(2, released=False, release_at=LATER)},
    )
    claim = next_claim(CLOSE, STEP, {A: 150})
    found = lacking(claim, book)
    assert [(one.step, one.key, one.amount_minor, one.at) for one in found] == [
        (1, A, -50, LATER),
        (1, B, -100, LATER),
    ]
    assert lacking(claim, book) == found, "the book stays as it is"
    first, second = entries(found, book.roots, count(3), LATER)
    # Each stands where the first entry of its key stands.
    assert (first.status, first.corrects, first.released_at) == ("released", 1, LATER)
    assert (second.status, second.corrects, second.release_at) == ("pending", 2, LATER)
    book.amounts[A] = 150
    assert [one.key for one in lacking(claim, book)] == [B]


def test_what_caps_take_back_stands_on_what_is_available_at_once() -> None:
    taken = totals([Correction(*A, -30, "cap_per_period"), Correction(*A, -5, "max_payout_rate_per_period")])
    assert taken == {A: -35}
    book = Book()
    (first,) = taken_back(lacking(next_claim(CLOSE, STEP, taken), book), book.roots, count(7), LATER)
    assert (first.commission_id, first.status, first.corrects, first.difference.kind) == (
        7,
        "released",
        None,
        "clawback",
    )
    book.amounts[A] = -35
    (back,) = taken_back(lacking(next_claim(CLOSE, STEP, {A: -20}), book), book.roots, count(8), LATER)
    assert (back.status, back.corrects, back.difference.amount_minor) == ("released", 7, 15)


def test_deviations_of_what_a_step_rests_on_are_named() -> None:
    kept = Member(10, "gold", 3, True, {"paid_orders": 2}, personal_minor=100)
    assert list(compare_members("s", {10: kept, 20: kept}, [kept])) == [], "20 was brought in later"
    (odd,) = compare_members(
        "s", {10: Member(10, "gold", 3, True, {"paid_orders": 1}, personal_minor=100)}, [kept]
    )
    assert (odd.subject, odd.expected, odd.found) == (
        "s, distributor 10.facts",
        "{'paid_orders': 1}",
        "{'paid_orders': 2}",
    )
    (gone,) = compare_members("s", {}, [kept])
    assert gone.expected == "no such member"
    one, other = Carry("legs", 10, 1, 1, 500), Carry("legs", 10, 1, 1, 400)
    assert list(compare_carries("s", [one], [one])) == []
    assert [odd.expected for odd in compare_carries("s", [one], [other])] in (
        ["no such carry", "500 of legs, distributor 10, leg 1, age 1"],
        ["500 of legs, distributor 10, leg 1, age 1", "no such carry"],
    )


def test_figures_that_differ_are_named_by_their_row() -> None:
    assert list(compare_figures(5, None, None)) == []
    assert list(compare_figures(5, {10: {"active/7": 1}}, {10: {"active/7": 1}})) == []
    told = [
        (odd.subject, odd.expected, odd.found)
        for odd in compare_figures(5, {10: {"a": 1, "b": 2}}, {10: {"b": 3}})
    ]
    assert told == [("order_fact (5, 10, a)", "1", "no such row"), ("order_fact (5, 10, b)", "2", "3")]
    needs = [
        Need("personal_sales", 30),
        Need("paid_orders", 30),
        Need("paid_orders", None),
        Need("days_registered", None),
    ]
    assert windows(needs) == [None, 30]
