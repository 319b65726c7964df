"""The tables of the catalogue. `product`, `inventory`, `category` and `tags` bear the names of the original design."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY

from fenxiao.infra.db import tables

METADATA = tables.schema("catalog")

category = Table(
    "category",
    METADATA,
    Column("category_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, CheckConstraint("length(name) between 1 and 255", name="name"), nullable=False),
    Column("parent_id", BigInteger, ForeignKey("catalog.category.category_id"), index=True),
    tables.time("created_at"),
    CheckConstraint("parent_id <> category_id", name="parent"),
    # Two roots of one name are as confusing as two sisters.
    UniqueConstraint("parent_id", "name", postgresql_nulls_not_distinct=True),
)

tags = Table(
    "tags",
    METADATA,
    Column("tag_id", BigInteger, Identity(), primary_key=True),
    Column(
        "name",
        Text,
        CheckConstraint("length(name) between 1 and 64", name="name"),
        nullable=False,
        unique=True,
    ),
    tables.time("created_at"),
)

product = Table(
    "product",
    METADATA,
    Column("product_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, CheckConstraint("length(name) between 1 and 255", name="name"), nullable=False),
    Column("image_url", Text),
    Column("category_id", BigInteger, ForeignKey(category.c.category_id), index=True),
    Column(
        "status",
        Text,
        CheckConstraint("status in ('available', 'unavailable', 'pending')", name="status"),
        nullable=False,
    ),
    Column("price_minor", BigInteger, CheckConstraint("price_minor >= 0", name="price")),
    Column("cost_minor", BigInteger, CheckConstraint("cost_minor >= 0", name="cost")),
    Column("currency", Text, CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"), nullable=False),
    Column("sku", Text, unique=True),
    Column("alert_threshold", BigInteger, CheckConstraint("alert_threshold >= 0", name="alert_threshold")),
    Column("version", Integer, CheckConstraint("version >= 1", name="version"), nullable=False),
    tables.time("created_at"),
    tables.time("updated_at"),
)

product_tag = Table(
    "product_tag",
    METADATA,
    Column("product_id", BigInteger, ForeignKey(product.c.product_id, ondelete="CASCADE"), primary_key=True),
    Column("tag_id", BigInteger, ForeignKey(tags.c.tag_id, ondelete="CASCADE"), primary_key=True, index=True),
    # Tags come back in the order in which they were given.
    Column("position", Integer, nullable=False),
)

stock = Table(
    "stock",
    METADATA,
    # One row per product, and whoever changes a product's units in any way locks it first, in product order.
    Column("product_id", BigInteger, ForeignKey(product.c.product_id), primary_key=True, autoincrement=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    CheckConstraint("reserved >= 0", name="reserved"),
    # Also of a product whose batches have expired: what is reserved still lies there.
    CheckConstraint("on_hand >= reserved", name="on_hand"),
    # Room beside each row keeps its many updates off the index.
    postgresql_with={"fillfactor": "50"},
)

inventory = Table(
    "inventory",
    METADATA,
    Column("inventory_id", BigInteger, Identity(), primary_key=True),
    Column("product_id", BigInteger, ForeignKey(stock.c.product_id), nullable=False),
    Column(
        "batch_id",
        Text,
        CheckConstraint("length(batch_id) between 1 and 64", name="batch_id"),
        nullable=False,
    ),
    Column("stock", BigInteger, CheckConstraint("stock >= 0", name="stock"), nullable=False),
    Column("expiry_date", Date),
    tables.time("updated_at"),
    UniqueConstraint("product_id", "batch_id"),
    # What a movement refers to, so that its product is the batch's.
    UniqueConstraint("inventory_id", "product_id"),
    postgresql_with={"fillfactor": "70"},
)

stock_movement = Table(
    "stock_movement",
    METADATA,
    Column("movement_id", BigInteger, Identity(), primary_key=True),
    Column("inventory_id", BigInteger, nullable=False),
    Column("product_id", BigInteger, nullable=False),
    Column("delta", BigInteger, CheckConstraint("delta <> 0", name="delta"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    tables.time("at"),
    Column("order_id", BigInteger),
    Column("reference", Text),
    ForeignKeyConstraint(["inventory_id", "product_id"], [inventory.c.inventory_id, inventory.c.product_id]),
    Index("ix_stock_movement_product_id", "product_id", "movement_id"),
    comment=tables.APPEND_ONLY + ": every unit that came or went",
)


def _units(name: str) -> "Column[object]":
    return Column(name, ARRAY(BigInteger), nullable=False)


hold = Table(
    "hold",
    METADATA,
    Column("hold_id", BigInteger, Identity(), primary_key=True),
    Column("caller", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("attempt", Integer, CheckConstraint("attempt >= 1", name="attempt"), nullable=False),
    Column("state", Text, nullable=False),
    Column("order_id", BigInteger),
    # One place per product, in product order: arrays keep an order of a hundred lines one row.
    _units("product_ids"),
    _units("quantities"),
    _units("reserved"),
    _units("shipped"),
    # One place per batch that a shipment took from, in the order in which it did.
    _units("inventory_ids"),
    _units("taken"),
    tables.time("deadline"),
    tables.time("created_at"),
    UniqueConstraint("caller", "key", "attempt"),
    CheckConstraint(
        "state in ('open', 'confirmed', 'shipping', 'shipped', 'released', 'cancelled', 'refunded')",
        name="state",
    ),
    CheckConstraint("(order_id is null) = (state in ('open', 'released'))", name="order_id"),
    CheckConstraint(
        "cardinality(product_ids) >= 1 and cardinality(quantities) = cardinality(product_ids)"
        " and cardinality(reserved) = cardinality(product_ids) and cardinality(shipped) = cardinality(product_ids)",
        name="lines",
    ),
    CheckConstraint("0 < all (quantities) and 0 <= all (reserved) and 0 <= all (shipped)", name="units"),
    CheckConstraint("cardinality(inventory_ids) = cardinality(taken) and 0 <= all (taken)", name="taken"),
    CheckConstraint("state not in ('released', 'cancelled', 'refunded') or 0 = all (reserved)", name="ended"),
    postgresql_with={"fillfactor": "70"},
)
Index("uq_hold_order_id", hold.c.order_id, unique=True, postgresql_where=hold.c.order_id.is_not(None))
Index("ix_hold_unsettled", hold.c.deadline, postgresql_where=hold.c.state.in_(("open", "shipping")))

order_fact = Table(
    "order_fact",
    METADATA,
    # What events tell of an order after its hold. It stays: told again, it is known; told too early, it waits.
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "fact",
        Text,
        CheckConstraint("fact in ('cancelled', 'refunded', 'returned')", name="fact"),
        primary_key=True,
    ),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    _units("product_ids"),
    _units("quantities"),
    Column("restock", Boolean, nullable=False),
    Column("shipped", Boolean, nullable=False),
    tables.time("at"),
    Column("actor", Text, nullable=False),
    Column("settled", Boolean, nullable=False),
    CheckConstraint(
        "cardinality(product_ids) = cardinality(quantities) and 0 < all (quantities)", name="units"
    ),
)
Index("ix_order_fact_waiting", order_fact.c.order_id, postgresql_where=~order_fact.c.settled)
