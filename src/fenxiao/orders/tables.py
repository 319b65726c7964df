"""The tables of schema `orders`. `orders` bears the name of the original design and fills its columns.

Amounts are minor units. The currency of an order stands once, on the order; that of a product's facts beside them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from fenxiao.infra.db import tables

METADATA = tables.schema("orders")
STATES = "('pending', 'paid', 'shipped', 'completed', 'cancelled', 'refunded')"

product_facts = Table(
    "product_facts",
    METADATA,
    Column("facts_id", BigInteger, Identity(), primary_key=True),
    Column("product_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"), nullable=False),
    Column("list_minor", BigInteger, CheckConstraint("list_minor >= 0", name="list")),
    Column("cost_minor", BigInteger, CheckConstraint("cost_minor >= 0", name="cost")),
    Column("category_path", ARRAY(BigInteger), nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    # SHA-256 of the row's meaning: equal facts are one row, and a row that was touched shows.
    Column("digest", LargeBinary, nullable=False, unique=True),
    # What a line refers to, so that its product is that of its facts.
    UniqueConstraint("facts_id", "product_id"),
    comment=tables.APPEND_ONLY
    + ": what counted of a product when it was ordered; lines with equal facts share a row",
)

orders = Table(
    "orders",
    METADATA,
    Column("order_id", BigInteger, Identity(), primary_key=True),
    Column("distributor_id", BigInteger, nullable=False),
    # Filled for orders of one line, as in the original design.
    Column("product_id", BigInteger),
    Column("quantity", Integer),
    Column("status", Text, CheckConstraint(f"status in {STATES}", name="status"), nullable=False),
    Column("version", Integer, CheckConstraint("version >= 1", name="version"), nullable=False),
    Column("currency", Text, CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"), nullable=False),
    Column("total_minor", BigInteger, CheckConstraint("total_minor >= 0", name="total"), nullable=False),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    # total = lines after all discounts + shipping + tax. The discount of the whole order lies in those of its lines.
    Column(
        "discount_minor",
        BigInteger,
        CheckConstraint("discount_minor >= 0", name="discount"),
        nullable=False,
        server_default="0",
    ),
    Column(
        "shipping_minor",
        BigInteger,
        CheckConstraint("shipping_minor >= 0", name="shipping"),
        nullable=False,
        server_default="0",
    ),
    Column(
        "tax_minor",
        BigInteger,
        CheckConstraint("tax_minor >= 0", name="tax"),
        nullable=False,
        server_default="0",
    ),
    Column("channel", Text, nullable=False),
    Column("external_id", Text, CheckConstraint("length(external_id) between 1 and 255", name="external_id")),
    Column("buyer", LargeBinary, comment="sealed"),
    Column("buyer_index", LargeBinary, comment="blind index of the buyer"),
    Column("hold_id", BigInteger, nullable=False, unique=True),
    Column("seller_grade", Text),
    Column("seller_rank", Integer),
    Column("seller_active", Boolean, nullable=False),
    # One place per ancestor, nearest first.
    Column("upline_ids", ARRAY(BigInteger), nullable=False),
    Column("upline_grades", ARRAY(Text), nullable=False),
    Column("upline_ranks", ARRAY(Integer), nullable=False),
    Column("upline_active", ARRAY(Boolean), nullable=False),
    Column("tree_version", BigInteger, nullable=False),
    Column("rule_id", BigInteger),
    Column("payment_method", Text),
    Column("payment_reference", LargeBinary, comment="sealed"),
    tables.time("created_at"),
    # Until when a pending order waits for its payment; null: for ever.
    tables.time("pay_by", nullable=True),
    tables.time("paid_at", nullable=True),
    tables.time("shipped_at", nullable=True),
    tables.time("completed_at", nullable=True),
    tables.time("cancelled_at", nullable=True),
    # MD5 of what was frozen when the order was placed; a later change by hand shows.
    Column("seal", Uuid, nullable=False),
    CheckConstraint("refunded_minor between 0 and total_minor", name="refunded"),
    CheckConstraint("shipping_minor + tax_minor <= total_minor", name="charges"),
    CheckConstraint("pay_by > created_at", name="pay_by"),
    CheckConstraint("(product_id is null) = (quantity is null) and quantity > 0", name="one_line"),
    CheckConstraint(
        "cardinality(upline_grades) = cardinality(upline_ids) and cardinality(upline_ranks) = cardinality(upline_ids)"
        " and cardinality(upline_active) = cardinality(upline_ids)",
        name="upline",
    ),
    CheckConstraint("(status in ('pending', 'cancelled')) = (paid_at is null)", name="paid_at"),
    CheckConstraint(
        "status = 'refunded' or (status in ('shipped', 'completed')) = (shipped_at is not null)",
        name="shipped_at",
    ),
    CheckConstraint(
        "status = 'refunded' or (status = 'completed') = (completed_at is not null)", name="completed_at"
    ),
    CheckConstraint("completed_at is null or shipped_at is not null", name="completed_after_shipped"),
    CheckConstraint("(status = 'cancelled') = (cancelled_at is not null)", name="cancelled_at"),
    CheckConstraint("status <> 'refunded' or refunded_minor = total_minor", name="refunded_state"),
    CheckConstraint("paid_at is not null or (refunded_minor = 0 and rule_id is null)", name="unpaid"),
    Index("ix_orders_created_at", "created_at", "order_id"),
    Index("ix_orders_distributor_id", "distributor_id", "created_at", "order_id"),
    Index("ix_orders_status", "status", "created_at", "order_id"),
    # Each of the following costs an order nothing that has not what it is about, or that is no longer pending.
    Index(
        "ix_orders_pay_by",
        "pay_by",
        "order_id",
        postgresql_where=text("status = 'pending' AND pay_by IS NOT NULL"),
    ),
    Index(
        "uq_orders_external_id",
        "external_id",
        "channel",
        unique=True,
        postgresql_where=text("external_id IS NOT NULL"),
    ),
    # The calls of our own API are most orders and need none: they are met on the walk through the newest.
    Index(
        "ix_orders_channel",
        "channel",
        "created_at",
        "order_id",
        postgresql_where=text("channel <> 'api'"),
    ),
    Index(
        "ix_orders_buyer_index",
        "buyer_index",
        "created_at",
        "order_id",
        postgresql_where=text("buyer_index IS NOT NULL"),
    ),
    Index("ix_orders_currency_total_minor", "currency", "total_minor"),
    # A summary of blocks, not an entry per row: payments come nearly in the order in which the rows lie.
    Index(
        "ix_orders_paid_at",
        "paid_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": True},
    ),
    # As above: completions come nearly in that order too.
    Index(
        "ix_orders_completed_at",
        "completed_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": True},
    ),
    # What somebody sold before a moment.
    Index(
        "ix_orders_distributor_id_paid_at",
        "distributor_id",
        "paid_at",
        "order_id",
        postgresql_where=text("paid_at IS NOT NULL"),
    ),
    # Three of an order's updates leave its indexed columns alone but for the state; room keeps rows near.
    postgresql_with={"fillfactor": "80"},
)

order_line = Table(
    "order_line",
    METADATA,
    Column("order_id", BigInteger, ForeignKey(orders.c.order_id), primary_key=True),
    # Ascending in the order in which the lines were sent.
    Column("line_id", BigInteger, Identity(), primary_key=True),
    Column("product_id", BigInteger, nullable=False),
    Column("facts_id", BigInteger, nullable=False),
    Column("quantity", Integer, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    Column(
        "unit_price_minor",
        BigInteger,
        CheckConstraint("unit_price_minor >= 0", name="unit_price"),
        nullable=False,
    ),
    Column(
        "discount_minor", BigInteger, CheckConstraint("discount_minor >= 0", name="discount"), nullable=False
    ),
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor >= 0", name="amount"), nullable=False),
    # The line's share of the order's discount; it lies in the line's own.
    Column("order_discount_minor", BigInteger, nullable=False, server_default="0"),
    Column("seal", Uuid, nullable=False),
    CheckConstraint("order_discount_minor between 0 and discount_minor", name="order_discount"),
    CheckConstraint("amount_minor = unit_price_minor * quantity - discount_minor", name="arithmetic"),
    ForeignKeyConstraint(["facts_id", "product_id"], [product_facts.c.facts_id, product_facts.c.product_id]),
    Index("ix_order_line_product_id", "product_id", "order_id"),
    comment=tables.APPEND_ONLY + ": what was ordered, as it was accepted",
)

refund = Table(
    "refund",
    METADATA,
    Column("refund_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", BigInteger, ForeignKey(orders.c.order_id), nullable=False),
    Column("sequence", Integer, CheckConstraint("sequence >= 1", name="sequence"), nullable=False),
    Column(
        "kind", Text, CheckConstraint("kind in ('units', 'amount', 'charges')", name="kind"), nullable=False
    ),
    # Of the goods: the sum of its lines.
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor >= 0", name="amount"), nullable=False),
    Column(
        "shipping_minor",
        BigInteger,
        CheckConstraint("shipping_minor >= 0", name="shipping"),
        nullable=False,
        server_default="0",
    ),
    Column(
        "tax_minor",
        BigInteger,
        CheckConstraint("tax_minor >= 0", name="tax"),
        nullable=False,
        server_default="0",
    ),
    Column("restock", Boolean, nullable=False),
    Column("key", Text),
    Column("actor", Text, nullable=False),
    tables.time("at"),
    # What was known when is decided by it: rows of one statement were written together.
    Column(
        "recorded_at", DateTime(timezone=True), nullable=False, server_default=text("statement_timestamp()")
    ),
    UniqueConstraint("order_id", "sequence"),
    UniqueConstraint("order_id", "key"),
    # What a refund's line refers to, so that both belong to one order.
    UniqueConstraint("refund_id", "order_id"),
    # What was recorded since a moment; rows lie in that order.
    Index(
        "ix_refund_recorded_at",
        "recorded_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": True},
    ),
    comment=tables.APPEND_ONLY + ": money, and perhaps units, given back",
)

refund_line = Table(
    "refund_line",
    METADATA,
    Column("refund_id", BigInteger, primary_key=True, autoincrement=False),
    Column("line_id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", BigInteger, nullable=False),
    Column("quantity", Integer, CheckConstraint("quantity >= 0", name="quantity"), nullable=False),
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor >= 0", name="amount"), nullable=False),
    ForeignKeyConstraint(["refund_id", "order_id"], [refund.c.refund_id, refund.c.order_id]),
    ForeignKeyConstraint(["order_id", "line_id"], [order_line.c.order_id, order_line.c.line_id]),
    Index("ix_refund_line_order_id", "order_id", "line_id"),
    comment=tables.APPEND_ONLY + ": what a refund took off a line",
)

order_history = Table(
    "order_history",
    METADATA,
    Column("order_id", BigInteger, ForeignKey(orders.c.order_id), primary_key=True),
    # The order's version that this change made.
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("from_status", Text, CheckConstraint(f"from_status in {STATES}", name="from_status")),
    Column("to_status", Text, CheckConstraint(f"to_status in {STATES}", name="to_status"), nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    tables.time("at"),
    Column(
        "recorded_at", DateTime(timezone=True), nullable=False, server_default=text("statement_timestamp()")
    ),
    CheckConstraint("(from_status is null) = (version = 1)", name="first"),
    Index(
        "ix_order_history_recorded_at",
        "recorded_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": True},
    ),
    comment=tables.APPEND_ONLY + ": who brought an order from which state to which, and when",
)

order_policy = Table(
    "order_policy",
    METADATA,
    Column("policy_id", BigInteger, Identity(), primary_key=True),
    # Null: an order waits for its payment without end.
    Column("payment_minutes", Integer, CheckConstraint("payment_minutes > 0", name="payment_minutes")),
    tables.time("effective_from"),
    Column("actor", Text, nullable=False),
    tables.time("recorded_at", default_now=True),
    Index("ix_order_policy_effective_from", "effective_from", "policy_id"),
    comment=tables.APPEND_ONLY + ": versions of the policy that orders are placed under",
)

shipping = Table(
    "shipping",
    METADATA,
    # While a row stands and has not run out, its holder alone talks to the warehouse about this order.
    Column("order_id", BigInteger, ForeignKey(orders.c.order_id), primary_key=True, autoincrement=False),
    Column("claim", Uuid, nullable=False),
    tables.time("until"),
)

# What is sealed when a row is written, as SQL over the row's columns. Times as seconds, so that no session's
# setting shows in them. What an order rarely has is sealed only where it is there, so that rows keep the seals that
# they got before there was such a column.
ORDER_SEAL = (
    "md5(row(order_id, distributor_id, product_id, quantity, currency, total_minor, channel, external_id, hold_id,"
    " seller_grade, seller_rank, seller_active, upline_ids, upline_grades, upline_ranks, upline_active, tree_version,"
    " extract(epoch from created_at))::text"
    " || case when discount_minor + shipping_minor + tax_minor = 0 then ''"
    " else row(discount_minor, shipping_minor, tax_minor)::text end"
    " || coalesce(' ' || extract(epoch from pay_by), ''))::uuid"
)
LINE_SEAL = (
    "md5(row(order_id, line_id, product_id, facts_id, quantity, unit_price_minor, discount_minor, amount_minor)::text"
    " || case when order_discount_minor = 0 then '' else ' ' || order_discount_minor end)::uuid"
)
