"""The checks find a value that was changed by hand, in every table that holds money, units or frozen facts."""

import re

import asyncpg
import pytest
import pytest_asyncio

# Table, row, what is changed. The row is found by its place in the scene below; what the database itself
# refuses to take stands in REFUSED.
CHANGES = [
    ("orders.orders", "order_id", "total_minor = total_minor + 1"),
    ("orders.orders", "order_id", "refunded_minor = refunded_minor + 1"),
    ("orders.orders", "order_id", "refunded_minor = refunded_minor - 1"),
    ("orders.orders", "order_id", "currency = 'USD'"),
    ("orders.orders", "order_id", "distributor_id = distributor_id - 1"),
    ("orders.orders", "order_id", "upline_ids[1] = 77"),
    (
        "orders.orders",
        "order_id",
        "upline_ids = '{}', upline_grades = '{}', upline_ranks = '{}', upline_active = '{}'",
    ),
    ("orders.orders", "order_id", "upline_active[1] = false"),
    ("orders.orders", "order_id", "upline_grades[1] = 'gold'"),
    ("orders.orders", "order_id", "seller_grade = 'gold'"),
    ("orders.orders", "order_id", "tree_version = tree_version - 1"),
    ("orders.orders", "order_id", "hold_id = hold_id + 100"),
    ("orders.orders", "order_id", "rule_id = 77"),
    ("orders.orders", "order_id", "created_at = created_at - interval '1 day'"),
    ("orders.orders", "order_id", "paid_at = paid_at - interval '1 day'"),
    ("orders.orders", "order_id", "shipped_at = shipped_at - interval '1 day'"),
    ("orders.orders", "order_id", "completed_at = completed_at - interval '1 day'"),
    ("orders.orders", "order_id", "status = 'paid', shipped_at = null, completed_at = null"),
    ("orders.orders", "order_id", "version = version + 1"),
    ("orders.orders", "order_id", "product_id = 1, quantity = 1"),
    (
        "orders.order_line",
        "line_id",
        "unit_price_minor = unit_price_minor + 1, amount_minor = amount_minor + quantity",
    ),
    ("orders.order_line", "line_id", "amount_minor = amount_minor + 1, discount_minor = discount_minor - 1"),
    ("orders.order_line", "line_id", "quantity = quantity / 2, unit_price_minor = unit_price_minor * 2"),
    ("orders.product_facts", "facts_id", "cost_minor = cost_minor + 1"),
    ("orders.product_facts", "facts_id", "list_minor = list_minor + 1"),
    ("orders.product_facts", "facts_id", "category_path = '{1}'"),
    ("orders.product_facts", "facts_id", "tags = '{}'"),
    ("orders.refund", "refund_id", "amount_minor = amount_minor + 1"),
    ("orders.refund", "refund_id", "sequence = sequence + 1"),
    ("orders.refund", "refund_id", "kind = 'amount'"),
    ("orders.refund_line", "refund_id", "amount_minor = amount_minor + 1"),
    ("orders.refund_line", "refund_id", "quantity = quantity - 1"),
    ("orders.order_history", "order_id", "to_status = 'shipped'"),
    ("orders.order_history", "order_id", "at = at + interval '1 day'"),
    ("orders.hold_outcome", "hold_id", "outcome = 'fenced'"),
]
WHERE = {
    "orders.orders": "order_id = (select max(order_id) from orders.orders)",
    "orders.order_line": "line_id = (select max(line_id) from orders.order_line)",
    "orders.product_facts": "product_id = (select max(product_id) from orders.product_facts)",
    "orders.refund": "refund_id = (select max(refund_id) from orders.refund)",
    "orders.refund_line": "quantity = 2",
    "orders.order_history": "to_status = 'completed'",
    "orders.hold_outcome": "hold_id = (select max(hold_id) from orders.hold_outcome)",
}
# They are marks and not values: what contradicts them is the order.
JUDGED_BY_ORDER = {"orders.hold_outcome", "orders.order_history"}
REFUSED = [
    "update orders.order_line set amount_minor = amount_minor + 1",
    "update orders.order_line set unit_price_minor = unit_price_minor + 1",
    "update orders.order_line set quantity = quantity + 1",
    "update orders.orders set refunded_minor = total_minor + 1",
    "update orders.orders set quantity = 1",
    "update orders.orders set upline_ids = '{}' where cardinality(upline_ids) > 0",
    "update orders.orders set status = 'refunded'",
    "update orders.orders set paid_at = null",
    "update orders.refund_line set amount_minor = -1",
    "delete from orders.order_line",
    "update orders.refund_line set line_id = 77",
    "update orders.order_line set product_id = 77",
]


@pytest_asyncio.fixture
async def busy(shop):
    """A shop with orders in several states and refunds of both kinds; nothing is wrong with it."""
    await shop.place((shop.flour, 1))
    placed = await shop.paid((shop.flour, 4), (shop.rice, 6), total_minor=21_000, external_id="E")
    flour, rice = placed.lines
    assert await shop.ship(placed.order_id) is None
    await shop.refund(placed.order_id, amount=1_000)
    assert await shop.complete(placed.order_id) is None
    await shop.refund(placed.order_id, (flour.line_id, 1), (rice.line_id, 2))
    await shop.system.drain()
    assert await shop.findings() == []
    assert placed.order_id == 2
    return shop


async def test_a_value_changed_by_hand_is_named_with_its_table_and_row(busy):
    for table, key, change in CHANGES:
        transaction = busy.owner.transaction()
        await transaction.start()
        try:
            row = await busy.owner.fetch(f"update {table} set {change} where {WHERE[table]} returning {key}")
            assert len(row) == 1, (table, change)
            findings = await seen_inside(busy)
        finally:
            await transaction.rollback()
        subjects = {finding.subject for finding in findings}
        number = row[0][key]
        if table == "orders.order_line":
            assert any(re.fullmatch(rf"{table}/\d+/{number}", subject) for subject in subjects), (
                change,
                subjects,
            )
        elif table in JUDGED_BY_ORDER:
            assert "orders.orders/2" in subjects, (table, change, subjects)
        else:
            pattern = rf"{table}/{number}(/\d+)?"
            assert any(re.fullmatch(pattern, subject) for subject in subjects), (table, change, subjects)
        assert all(finding.expected != finding.found for finding in findings)
    assert await busy.findings() == []


async def seen_inside(shop):
    """What the checks find on the owner's connection, which alone sees its own open transaction."""
    (offer,) = [offer for offer in shop.system.offers if offer.name == "orders"]
    database = shop.system.databases["orders"]
    await shop.owner.execute("set local search_path = orders; set local timezone = 'UTC'")
    asked = database.fetch
    database.fetch = shop.owner.fetch
    try:
        return [finding for check in offer.checks async for finding in check.findings()]
    finally:
        database.fetch = asked


async def test_what_the_database_itself_refuses(busy):
    for statement in REFUSED:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            async with busy.owner.transaction():
                await busy.owner.execute(statement)
                pytest.fail(statement)


async def test_the_service_itself_cannot_change_what_is_append_only(busy):
    database = busy.system.databases["orders"]
    for table in ("order_line", "product_facts", "refund", "refund_line", "order_history"):
        column = {"product_facts": "name", "order_history": "actor", "refund": "actor"}.get(table, "quantity")
        for statement in (f"delete from {table}", f"update {table} set {column} = {column}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await database.fetch(statement)


async def test_a_missing_line_a_missing_refund_a_strange_refund(busy):
    cases = [
        ("delete from orders.refund_line where quantity = 2", "orders.refund/"),
        ("delete from orders.order_history where to_status = 'completed'", "orders.orders/"),
        (
            "insert into orders.hold_outcome (holder, hold_id, outcome) values ('catalog', 77, 'committed')",
            "orders.hold_outcome/77",
        ),
    ]
    for statement, subject in cases:
        transaction = busy.owner.transaction()
        await transaction.start()
        try:
            await busy.owner.execute(statement)
            subjects = [finding.subject for finding in await seen_inside(busy)]
        finally:
            await transaction.rollback()
        assert any(one.startswith(subject) for one in subjects), (statement, subjects)
