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
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from fenxiao.infra.db import tables

METADATA = tables.schema("catalog")

category = Table(
    "category",
    METADATA,
    Column("category_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, CheckConstraint("length(name) between 1 and 255", name="name"), nullable=False),
    Column("parent_id", BigInteger, ForeignKey("catalog.category.category_id")),
    tables.time("created_at"),
    CheckConstraint("parent_id <> category_id", name="parent"),
    # Two roots of one name are as confusing as two sisters.
    UniqueConstraint("parent_id", "name", postgresql_nulls_not_distinct=True),
    Index("ix_category_parent_id_category_id", "parent_id", "category_id"),
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

FOLDED_TAG = func.catalog.folded(tags.c.name)
TAG_GRAMS = func.catalog.grams(FOLDED_TAG)
Index("ix_tags_grams", TAG_GRAMS, postgresql_using="gin")

product = Table(
    "product",
    METADATA,
    Column("product_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, CheckConstraint("length(name) between 1 and 255", name="name"), nullable=False),
    Column("image_url", Text),
    Column("category_id", BigInteger, ForeignKey(category.c.category_id)),
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
    # [{"url", "alt"}], the first is what lists show; `image_url` names it once more, as the original design has it.
    Column("images", JSONB, nullable=False, server_default="[]"),
    CheckConstraint("jsonb_typeof(images) = 'array' and jsonb_array_length(images) <= 20", name="images"),
    CheckConstraint("image_url is not distinct from images -> 0 ->> 'url'", name="image_url"),
)
# Each order and each filter of the list walks one of these from the cursor on.
Index("ix_product_category", product.c.category_id, product.c.product_id)
Index("ix_product_status", product.c.status, product.c.product_id)
Index("ix_product_name", product.c.name, product.c.product_id)
Index("ix_product_price", product.c.currency, product.c.price_minor, product.c.product_id)
Index("ix_product_updated_at", product.c.updated_at, product.c.product_id)
# Every character, pair of neighbours, and three of ASCII in name and SKU: Chinese has words of one character, no spaces.
SEARCHED = func.catalog.searched(product.c.name, product.c.sku)
GRAMS = func.catalog.grams(SEARCHED)
Index("ix_product_grams", GRAMS, postgresql_using="gin")

product_tag = Table(
    "product_tag",
    METADATA,
    Column("product_id", BigInteger, ForeignKey(product.c.product_id, ondelete="CASCADE"), primary_key=True),
    Column("tag_id", BigInteger, ForeignKey(tags.c.tag_id, ondelete="CASCADE"), primary_key=True),
    # Tags come back in the order in which they were given.
    Column("position", Integer, nullable=False),
    Index("ix_product_tag_tag", "tag_id", "product_id"),
)

stock = Table(
    "stock",
    METADATA,
    # One row per product, and whoever changes a product's units in any way locks it first, in product order.
    Column("product_id", BigInteger, ForeignKey(product.c.product_id), primary_key=True, autoincrement=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    # The product's own, copied under the lock of this row: whoever changes units needs nothing else to see a crossing.
    Column("alert_threshold", BigInteger, CheckConstraint("alert_threshold >= 0", name="alert_threshold")),
    # A batch of it ends some day or was recalled, now or once: what can be sold is not just what lies there. Set by the
    # database itself when such a batch is written, and never taken back.
    Column("perishable", Boolean, nullable=False, server_default="false"),
    # What can be sold has fallen below the threshold, and that was told.
    Column("low", Boolean, nullable=False, server_default="false"),
    CheckConstraint("reserved >= 0", name="reserved"),
    CheckConstraint("alert_threshold is not null or not low", name="low"),
    # Also of a product whose batches have expired: what is reserved still lies there.
    CheckConstraint("on_hand >= reserved", name="on_hand"),
    # Room beside each row keeps its many updates off the index.
    postgresql_with={"fillfactor": "50"},
)
# Neither index mentions what orders change, so that their updates stay off every index.
Index("ix_stock_low", stock.c.product_id, postgresql_where=stock.c.low)
Index("ix_stock_watched", stock.c.product_id, postgresql_where=stock.c.alert_threshold.is_not(None))

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
    # A recalled batch is not sold, whatever its expiry; `batch_recall` says since when and why.
    Column("recalled", Boolean, nullable=False, server_default="false"),
    tables.time("updated_at"),
    UniqueConstraint("product_id", "batch_id"),
    # What a movement refers to, so that its product is the batch's.
    UniqueConstraint("inventory_id", "product_id"),
    postgresql_with={"fillfactor": "70"},
)
Index(
    "ix_inventory_expiry_date",
    inventory.c.expiry_date,
    inventory.c.product_id,
    postgresql_where=inventory.c.expiry_date.is_not(None),
)

batch_recall = Table(
    "batch_recall",
    METADATA,
    Column("recall_id", BigInteger, Identity(), primary_key=True),
    Column("inventory_id", BigInteger, ForeignKey(inventory.c.inventory_id), nullable=False, index=True),
    Column(
        "reason", Text, CheckConstraint("length(reason) between 1 and 255", name="reason"), nullable=False
    ),
    Column("actor", Text, nullable=False),
    tables.time("recalled_at"),
    # The last movement of the product before the recall, and before it was lifted: both are written under the lock of
    # its stock, so that whatever moved between them has a number between them.
    Column("after_movement", BigInteger, nullable=False),
    tables.time("lifted_at", nullable=True),
    Column("lifted_by", Text),
    Column("lifted_reason", Text),
    Column("until_movement", BigInteger),
    CheckConstraint(
        "(lifted_at is null) = (until_movement is null) and (lifted_at is null) = (lifted_by is null)"
        " and (lifted_at is null) = (lifted_reason is null)",
        name="lifted",
    ),
)
Index(
    "uq_batch_recall_standing",
    batch_recall.c.inventory_id,
    unique=True,
    postgresql_where=batch_recall.c.lifted_at.is_(None),
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
    # The list of a product walks it backwards from the cursor on.
    Index("ix_stock_movement_product_id_at", "product_id", "at", "movement_id"),
    # What people ask for by its reason; shipments are nearly everything, and pay nothing for this one.
    Index(
        "ix_stock_movement_not_shipped",
        "product_id",
        "at",
        "movement_id",
        postgresql_where=text("reason <> 'shipped'"),
    ),
    # Which orders got units of a batch.
    Index("ix_stock_movement_inventory_id", "inventory_id", "order_id"),
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

stock_count = Table(
    "stock_count",
    METADATA,
    Column("count_id", BigInteger, Identity(), primary_key=True),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('open', 'closed', 'cancelled')", name="state"),
        nullable=False,
    ),
    Column("note", Text),
    Column("actor", Text, nullable=False),
    tables.time("created_at"),
    tables.time("ended_at", nullable=True),
    Column("ended_by", Text),
    CheckConstraint(
        "(state = 'open') = (ended_at is null) and (state = 'open') = (ended_by is null)", name="ended"
    ),
    Index("ix_stock_count_state", "state", "count_id"),
)

stock_count_line = Table(
    "stock_count_line",
    METADATA,
    Column("count_id", BigInteger, ForeignKey(stock_count.c.count_id), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("product_id", BigInteger, ForeignKey(stock.c.product_id), nullable=False),
    # By its number: a batch that was found by counting comes into being when the count is closed.
    Column(
        "batch_id",
        Text,
        CheckConstraint("length(batch_id) between 1 and 64", name="batch_id"),
        nullable=False,
    ),
    Column("expiry_date", Date),
    # What the book said when the count was opened, and when somebody counted.
    Column("snapshot", BigInteger, CheckConstraint("snapshot >= 0", name="snapshot"), nullable=False),
    Column("counted", BigInteger, CheckConstraint("counted >= 0", name="counted")),
    Column("book", BigInteger, CheckConstraint("book >= 0", name="book")),
    tables.time("counted_at", nullable=True),
    Column("counted_by", Text),
    # Whether the count is open still: a batch is in one open count at most, or its difference would be booked twice.
    Column("open", Boolean, nullable=False),
    UniqueConstraint("count_id", "product_id", "batch_id"),
    CheckConstraint(
        "(counted is null) = (book is null) and (counted is null) = (counted_at is null)"
        " and (counted is null) = (counted_by is null)",
        name="entered",
    ),
)
Index(
    "uq_stock_count_line_open",
    stock_count_line.c.product_id,
    stock_count_line.c.batch_id,
    unique=True,
    postgresql_where=stock_count_line.c.open,
)

import_file = Table(
    "import_file",
    METADATA,
    # A file of products or of stock that was taken: what has become of its rows.
    Column("import_id", BigInteger, Identity(), primary_key=True),
    Column("noun", Text, CheckConstraint("noun in ('products', 'stock')", name="noun"), nullable=False),
    # Null: it was small, and applied by the request that brought it.
    Column("run_id", BigInteger, ForeignKey("catalog.run.run_id"), unique=True),
    Column("rows", Integer, CheckConstraint("rows >= 0", name="rows"), nullable=False),
    Column("created", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    tables.time("created_at"),
    CheckConstraint(
        "0 <= all (array[created, changed, unchanged, refused])"
        " and created + changed + unchanged + refused <= rows",
        name="outcomes",
    ),
)

import_row = Table(
    "import_row",
    METADATA,
    # What is still to be applied of a large file, and what was refused of it. Applied rows are taken away.
    Column(
        "import_id", BigInteger, ForeignKey(import_file.c.import_id, ondelete="CASCADE"), primary_key=True
    ),
    # Where it stood in the file, counted from 1, which is the heading.
    Column("row", Integer, CheckConstraint("row >= 2", name="row"), primary_key=True, autoincrement=False),
    Column("content", JSONB, nullable=False),
    # [{"field", "message", "params"}] of a row that could no longer be applied when its turn came.
    Column("faults", JSONB),
)
