"""What the rows of a file come to, product by product and batch by batch."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.catalog.domain import product_rows, stock_rows
from fenxiao.catalog.domain.batches import Batch, Shelf
from fenxiao.catalog.domain.images import Image
from fenxiao.catalog.domain.product_rows import COLUMNS, Existing, Known, headings
from fenxiao.catalog.domain.products import ProductContent
from fenxiao.catalog.domain.sheets import Row, read

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
FLOUR = ProductContent(
    name=" flour ", currency="CNY", sku="F", price_minor=500, cost_minor=100, category_id=2, tags=("a ", "b")
)
CATEGORIES = {1: "food", 2: "food > flour", 3: "drinks > flour", 4: "twice", 5: "twice"}


def known(**contents: ProductContent) -> Known:
    existing = [Existing(number, content) for number, content in enumerate(contents.values(), 1)]
    return Known(
        by_id={one.product_id: one for one in existing},
        by_sku={one.content.sku: one for one in existing if one.content.sku},
        categories=CATEGORIES,
        currency="CNY",
    )


def decided(known: Known, *contents: dict[str, Any]) -> list[tuple[str, list[str]]]:
    rows = [Row(number, content) for number, content in enumerate(contents, 2)]
    return [
        (decision.action, [fault.field for fault in decision.faults])
        for decision in product_rows.decide(rows, known)
    ]


@pytest.mark.parametrize(
    ("content", "action", "faults"),
    [
        ({"product_id": 1}, "unchanged", []),
        ({"sku": "F"}, "unchanged", []),
        ({"sku": "F", "name": "flour", "tags": ["a", "b"]}, "unchanged", []),
        ({"sku": "F", "name": "Flour"}, "changed", []),
        ({"sku": "F", "tags": ["b", "a"]}, "changed", []),
        ({"sku": "F", "tags": None}, "changed", []),
        ({"sku": "F", "name": None}, "refused", ["name"]),
        ({"sku": "F", "price": "5", "cost": "1.00"}, "unchanged", []),
        ({"sku": "F", "price": None}, "changed", []),
        ({"sku": "F", "price": "5.001"}, "refused", ["price"]),
        ({"sku": "F", "price": "1" * 16}, "refused", ["price"]),
        ({"sku": "F", "currency": None, "status": None}, "unchanged", []),
        ({"sku": "F", "currency": "JPY"}, "refused", ["price", "cost"]),
        ({"sku": "F", "currency": "JPY", "price": "5", "cost": None}, "changed", []),
        ({"sku": "F", "currency": "JPY", "price": "5.5", "cost": None}, "refused", ["price"]),
        ({"product_id": 1, "sku": None}, "changed", []),
        ({"product_id": 1, "sku": "G"}, "changed", []),
        ({"product_id": 9, "name": "x"}, "refused", ["product_id"]),
        ({"name": "x"}, "refused", ["sku"]),
        ({"sku": "N"}, "refused", ["name"]),
        ({"sku": "N", "name": "new"}, "created", []),
        ({"sku": "F", "category": "food > flour"}, "unchanged", []),
        ({"sku": "F", "category_id": 2, "category": "food > flour"}, "unchanged", []),
        ({"sku": "F", "category_id": 3, "category": "food > flour"}, "refused", ["category"]),
        ({"sku": "F", "category_id": None, "category": "drinks > flour"}, "changed", []),
        ({"sku": "F", "category_id": None, "category": None}, "changed", []),
        ({"sku": "F", "category": "flour"}, "refused", ["category"]),
        ({"sku": "F", "category": "twice"}, "refused", ["category"]),
        ({"sku": "F", "category_id": 9}, "refused", ["category_id"]),
    ],
)
def test_a_row_against_what_there_is(content: dict[str, Any], action: str, faults: list[str]) -> None:
    assert decided(known(flour=FLOUR), content) == [(action, faults)]


def test_rows_about_one_product_and_taken_skus() -> None:
    a, b = (ProductContent(name=name, currency="CNY", sku=name) for name in "AB")
    there = known(a=a, b=b)
    assert decided(there, {"sku": "A"}, {"product_id": 1}) == [("unchanged", []), ("refused", ["product_id"])]
    new = {"sku": "N", "name": "n"}
    assert decided(there, new, new) == [("created", []), ("refused", ["sku"])]
    assert decided(there, {"product_id": 1, "sku": "B"}) == [("refused", ["sku"])]
    both = ({"product_id": 1, "sku": "B"}, {"product_id": 2, "sku": "A"})
    assert decided(there, *both) == [("changed", []), ("changed", [])]
    # The second row is refused, so it gives nothing up, and the first cannot have it either.
    chain = ({"product_id": 1, "sku": "B"}, {"product_id": 2, "sku": "C", "name": None})
    assert decided(there, *chain) == [("refused", ["sku"]), ("refused", ["name"])]


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=30)
STRIPPED = TEXTS.map(str.strip).filter(bool)


@given(
    st.builds(
        ProductContent,
        name=STRIPPED,
        currency=st.sampled_from(["CNY", "JPY", "KWD"]),
        sku=st.none() | STRIPPED,
        tags=st.lists(STRIPPED, max_size=4, unique=True).map(tuple),
        images=st.lists(
            st.builds(
                Image,
                url=st.integers(0, 9).map("https://e.example/{}".format),
                alt=st.none() | STRIPPED,
            ),
            max_size=3,
            unique_by=lambda image: image.url,
        ).map(tuple),
        price_minor=st.none() | st.integers(0, 10**15),
        cost_minor=st.none() | st.integers(0, 10**15),
        status=st.sampled_from(["available", "unavailable", "pending"]),
        category_id=st.none() | st.sampled_from(sorted(CATEGORIES)),
        alert_threshold=st.none() | st.integers(0, 2**31 - 1),
    )
)
def test_whatever_a_product_is_its_row_leaves_it_as_it_is(content: ProductContent) -> None:
    there = known(only=content)
    cells = product_rows.cells_of(1, content, CATEGORIES.get(content.category_id or 0), with_cost=True)
    sheet = read(
        [headings(with_cost=True), [None if c is None else str(c) for c in cells]], COLUMNS, ("sku",), 10
    )
    assert sheet.faults == []
    (decision,) = product_rows.decide(sheet.rows, there)
    assert (decision.action, decision.faults) == ("unchanged", ())


# Stock


def shelf(reserved: int = 0, **batches: tuple[int, date | None]) -> Shelf:
    return Shelf(
        product_id=1,
        reserved=reserved,
        batches=[
            Batch(inventory_id=n, product_id=1, batch_id=name, stock=stock, expiry_date=expiry)
            for n, (name, (stock, expiry)) in enumerate(batches.items(), 1)
        ],
    )


def stock(place: Shelf, *contents: dict[str, Any]) -> tuple[list[str], list[tuple[str, int]]]:
    rows = [Row(number, {"product_id": 1, **content}) for number, content in enumerate(contents, 2)]
    plan = stock_rows.decide(rows, {"F": 1}, {1: place}, NOW)
    assert [outcome.row for outcome in plan.outcomes] == [row.number for row in rows]
    moved = [(movement.batch.batch_id, movement.delta) for movement in plan.changes.movements]
    return [outcome.action for outcome in plan.outcomes], moved


def test_a_batch_is_set_and_only_the_difference_moves() -> None:
    day = date(2027, 1, 1)
    place = shelf(A=(5, None), B=(3, day))
    rows = (
        {"batch_id": "A", "stock": 8},
        {"batch_id": "B", "stock": 3, "expiry_date": "2027-01-01"},
        {"batch_id": "C", "stock": 2, "expiry_date": "2027-01-01"},
        {"batch_id": "D", "stock": 0},
        {"batch_id": None, "stock": None},
    )
    assert stock(place, *rows) == (
        ["changed", "unchanged", "created", "unchanged", "unchanged"],
        [("A", 3), ("C", 2)],
    )
    assert [(batch.batch_id, batch.stock) for batch in place.batches] == [("A", 8), ("B", 3), ("C", 2)]


def test_what_is_reserved_stays_yet_may_move_between_batches() -> None:
    assert stock(shelf(4, A=(5, None)), {"batch_id": "A", "stock": 3}) == (["refused"], [])
    assert stock(shelf(4, A=(5, None)), {"batch_id": "A", "stock": 0}, {"batch_id": "B", "stock": 4}) == (
        ["changed", "created"],
        [("B", 4), ("A", -5)],
    )


def test_a_refused_row_changes_nothing() -> None:
    place = shelf(4, A=(5, None))
    rows = [Row(2, {"product_id": 1, "batch_id": "A", "stock": 0, "expiry_date": "2020-01-01"})]
    plan = stock_rows.decide(rows, {}, {1: place}, NOW)
    assert (plan.changes.movements, plan.expiries, plan.opened) == ([], [], [])
    assert (place.batches[0].stock, place.batches[0].expiry_date) == (5, None)


def test_an_expiry_may_change_alone() -> None:
    place = shelf(A=(5, None))
    rows = [Row(2, {"sku": "F", "batch_id": "A", "expiry_date": "2027-01-01"})]
    plan = stock_rows.decide(rows, {"F": 1}, {1: place}, NOW)
    assert [(batch.batch_id, batch.expiry_date) for batch in plan.expiries] == [("A", date(2027, 1, 1))]
    assert plan.outcomes[0].changes == {"expiry_date": (None, "2027-01-01")}
