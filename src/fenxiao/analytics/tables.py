"""The tables of schema `analytics`."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from fenxiao.infra.db import tables

METADATA = tables.schema("analytics")

ON_A_QUARTER = "slot = date_bin('15 minutes', slot, timestamptz '2000-01-01 00:00:00+00')"

sales_fact = Table(
    "sales_fact",
    METADATA,
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "kind",
        Text,
        CheckConstraint("kind in ('payment', 'refund', 'commission')", name="kind"),
        primary_key=True,
    ),
    Column(
        "sequence",
        Integer,
        CheckConstraint("sequence >= 0", name="sequence"),
        primary_key=True,
        autoincrement=False,
    ),
    tables.time("at"),
    Column(
        "slot",
        DateTime(timezone=True),
        Computed("date_bin('15 minutes', at, timestamptz '2000-01-01 00:00:00+00')", persisted=True),
        nullable=False,
    ),
    Column("distributor_id", BigInteger, nullable=False),
    Column("currency", Text, CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"), nullable=False),
    Column("units", BigInteger, CheckConstraint("units >= 0", name="units"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # The products of the order, each once, beside their categories (0: none), units and amounts. One row for a
    # fact instead of one for each of its lines is what lets a year of orders be projected in seconds.
    Column("product_ids", ARRAY(BigInteger), nullable=False),
    Column("category_ids", ARRAY(BigInteger), nullable=False),
    Column("product_units", ARRAY(BigInteger), nullable=False),
    Column("product_amounts_minor", ARRAY(BigInteger), nullable=False),
    CheckConstraint("kind = 'commission' or amount_minor >= 0", name="amount"),
    CheckConstraint(
        "cardinality(product_ids) = cardinality(category_ids)"
        " and cardinality(product_ids) = cardinality(product_units)"
        " and cardinality(product_ids) = cardinality(product_amounts_minor)",
        name="products",
    ),
    comment="append-only: each payment, refund and booked commission step of each order, once",
)
Index("ix_sales_fact_slot", sales_fact.c.slot)
Index("ix_sales_fact_distributor_id", sales_fact.c.distributor_id, sales_fact.c.slot)

sales_report = Table(
    "sales_report",
    METADATA,
    tables.time("slot"),
    Column("distributor_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("orders", BigInteger, CheckConstraint("orders >= 0", name="orders"), nullable=False),
    Column("units", BigInteger, CheckConstraint("units >= 0", name="units"), nullable=False),
    Column("gross_minor", BigInteger, CheckConstraint("gross_minor >= 0", name="gross"), nullable=False),
    Column(
        "refunds_minor", BigInteger, CheckConstraint("refunds_minor >= 0", name="refunds"), nullable=False
    ),
    Column("commission_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("slot", "distributor_id", "currency"),
    CheckConstraint(ON_A_QUARTER, name="slot"),
    comment="sales per quarter of an hour, seller and currency: the sums of sales_fact",
)
Index("ix_sales_report_distributor_id", sales_report.c.distributor_id, sales_report.c.slot)
