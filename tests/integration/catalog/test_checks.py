"""A number that somebody changed by hand is found, and its row is named."""

import asyncpg
import pytest


async def scene(shop) -> None:
    """Order 1 shipped and partly returned, 2 waits, 3 written off in part, 4 cancelled; one hold is open."""
    await shop.sells("milk", (5, "soon", "2026-04-01"), (50, "late", "2026-09-01"))
    await shop.sells("tea", (20, "T", None))
    await shop.shipped(1, ("milk", 7), ("tea", 1))
    await shop.hear(shop.refunded(1, ("milk", 1), restock=True, shipped=True))
    await shop.ordered(2, ("milk", 3), ("tea", 2))
    await shop.ordered(3, ("tea", 4))
    await shop.hear(shop.refunded(3, ("tea", 1), restock=False, shipped=False))
    await shop.hear(shop.refunded(3, ("tea", 1), restock=True, shipped=False, sequence=2))
    await shop.ordered(4, ("tea", 1))
    await shop.hear(shop.changed(4, "cancelled"))
    await shop.hold(("milk", 1))
    # Salt is low, one of its batches recalled after it was shipped from, and it was counted.
    salt = await shop.sells("salt", (9, "S", None), (3, "R", "2026-05-01"), alert_threshold=10)
    await shop.shipped(5, ("salt", 2))
    await shop.post(f"/api/inventory/{salt}/batches/R/recall", {"reason": "lead"})
    await shop.post("/api/inventory/counts", {"items": [{"product_id": salt, "batch_id": "S"}]})
    figure = {"product_id": salt, "batch_id": "S", "counted": 8}
    await shop.put("/api/inventory/counts/1/lines", {"items": [figure]})
    await shop.post("/api/inventory/counts/1/close", None)


async def test_a_sound_warehouse_has_only_the_open_hold_in_flight(bare) -> None:
    await scene(bare)
    assert await bare.findings() == []
    assert await bare.findings(in_flight=True) == [("catalog.unsettled", "hold 5")]


RECALLED = "inventory 5 (product 3, batch R)"
SOON, STOCK, ORDER = (
    "inventory 1 (product 1, batch soon)",
    "stock of product {}",
    "hold {} (order {}, product {})",
)


CHANGES = [
    (
        "update inventory set stock = stock + 1 where inventory_id = 1",
        [("batches", SOON), ("on_hand", STOCK.format(1))],
    ),
    (
        "update stock_movement set delta = delta - 1 where movement_id = 1",
        [("batches", SOON)],
    ),
    (
        "update stock_movement set delta = delta - 1 where order_id = 1 and reason = 'shipped' and inventory_id = 1",
        [("batches", SOON), ("allocations", "hold of order 1, inventory 1")],
    ),
    (
        "delete from stock_movement where order_id = 3",
        [
            ("batches", "inventory 3 (product 2, batch T)"),
            ("written_off", "order_fact of order 3, product 2"),
        ],
    ),
    ("update stock set on_hand = on_hand + 1 where product_id = 2", [("on_hand", STOCK.format(2))]),
    ("update stock set reserved = reserved + 1 where product_id = 2", [("reserved", STOCK.format(2))]),
    (
        "update hold set reserved = '{3,1}' where order_id = 2",
        [("reserved", STOCK.format(2)), ("holds", ORDER.format(2, 2, 2))],
    ),
    ("update hold set quantities = '{4,2}' where order_id = 2", [("holds", ORDER.format(2, 2, 1))]),
    (
        "update hold set shipped = '{8,1}' where order_id = 1",
        [("holds", ORDER.format(1, 1, 1)), ("taken", ORDER.format(1, 1, 1))],
    ),
    (
        "update hold set taken = '{4,1,1}' where order_id = 1",
        [("taken", ORDER.format(1, 1, 1)), ("allocations", "hold of order 1, inventory 1")],
    ),
    ("update hold set state = 'confirmed' where order_id = 4", [("holds", ORDER.format(4, 4, 2))]),
    (
        "update order_fact set quantities = '{2}' where order_id = 3 and sequence = 2",
        [("holds", ORDER.format(3, 3, 2))],
    ),
    (
        "update order_fact set quantities = '{2}' where order_id = 1",
        [("taken", ORDER.format(1, 1, 1))],
    ),
    (
        "update order_fact set restock = false where order_id = 3 and sequence = 2",
        [("written_off", "order_fact of order 3, product 2")],
    ),
    (
        "update order_fact set settled = false where order_id = 4",
        [("order_facts", "order_fact cancelled 0 of order 4")],
    ),
    ("delete from hold where hold_id = 5", [("reserved", STOCK.format(1))]),
    ("update stock set low = false where product_id = 3", [("low", STOCK.format(3))]),
    ("update stock set perishable = false where product_id = 1", [("perishable", STOCK.format(1))]),
    (
        "update stock set alert_threshold = 5 where product_id = 3",
        [("thresholds", STOCK.format(3)), ("low", STOCK.format(3))],
    ),
    (
        "update product set alert_threshold = 11 where product_id = 3",
        [("thresholds", STOCK.format(3))],
    ),
    (
        "update stock_count_line set counted = 7 where count_id = 1",
        [("counted", "stock_count_line 1 of count 1")],
    ),
    (
        "update stock_count set state = 'cancelled' where count_id = 1",
        [("counted", "stock_count_line 1 of count 1")],
    ),
    (
        "update stock_count_line set open = true where count_id = 1",
        [("counted", "stock_count_line 1 of count 1")],
    ),
    ("update batch_recall set after_movement = 0", [("recalled", RECALLED)]),
    ("update inventory set recalled = false where batch_id = 'R'", [("recalled", RECALLED)]),
    ("delete from batch_recall", [("recalled", RECALLED)]),
]
UNITS = (
    "product",
    "stock",
    "inventory",
    "stock_movement",
    "hold",
    "order_fact",
    "batch_recall",
    "stock_count",
    "stock_count_line",
)


async def test_a_changed_value_is_found_and_its_row_named(bare) -> None:
    await scene(bare)
    await bare.owner.execute("set search_path to catalog")
    # Without triggers, so that rows can be put back in any order.
    await bare.owner.execute("set session_replication_role to replica")
    for table in UNITS:
        await bare.owner.execute(f"create temp table saved_{table} as table {table}")
    for change, findings in CHANGES:
        assert int((await bare.owner.execute(change)).rsplit(" ", 1)[1]) == 1, change
        assert await bare.findings() == [(f"catalog.{check}", subject) for check, subject in findings], change
        for table in UNITS:
            await bare.owner.execute(f"delete from {table}; insert into {table} select * from saved_{table}")
        assert await bare.findings() == []


BELOW_ZERO = [
    ("update inventory set stock = -1 where inventory_id = 1", "inventory", "ck_inventory_stock", SOON),
    (
        "update stock set reserved = -1 where product_id = 1",
        "stock",
        "ck_stock_reserved",
        STOCK.format(1),
    ),
    ("update stock set on_hand = 0 where product_id = 2", "stock", "ck_stock_on_hand", STOCK.format(2)),
    ("update hold set reserved = '{-1,0}' where order_id = 1", "hold", "ck_hold_units", "hold 1"),
]


async def test_nothing_is_below_zero(bare) -> None:
    await scene(bare)
    await bare.owner.execute("set search_path to catalog")
    for change, table, constraint, subject in BELOW_ZERO:
        with pytest.raises(asyncpg.CheckViolationError, match=constraint):
            await bare.owner.execute(change)
        await bare.owner.execute(f"alter table {table} drop constraint {constraint}")
        await bare.owner.execute(change)
        assert ("catalog.negative", subject) in await bare.findings()
