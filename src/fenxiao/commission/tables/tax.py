"""Tax: the tables of the law with their dates and sources, and what each person was paid and withheld."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.infra.db.tables import time

tax_table = Table(
    "tax_table",
    METADATA,
    Column("table_id", BigInteger, Identity(), primary_key=True),
    Column(
        "strategy",
        Text,
        CheckConstraint("strategy in ('cn_per_payment', 'cn_platform_cumulative')", name="strategy"),
        nullable=False,
    ),
    Column("effective_from", Date, nullable=False),
    Column("source", Text, CheckConstraint("source <> ''", name="source"), nullable=False),
    Column("document", JSONB, nullable=False),
    Column("actor", Text, nullable=False),
    time("recorded_at"),
    UniqueConstraint("strategy", "effective_from", "source"),
    comment="append-only; 税率表: the brackets of a law from a day on, with their source",
)

tax_account = Table(
    "tax_account",
    METADATA,
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("currency", Text, primary_key=True),
    # The first day of the month.
    Column("month", Date, CheckConstraint("extract(day from month) = 1", name="month"), primary_key=True),
    Column("gross_minor", BigInteger, CheckConstraint("gross_minor > 0", name="gross_minor"), nullable=False),
    Column("tax_minor", BigInteger, CheckConstraint("tax_minor >= 0", name="tax_minor"), nullable=False),
    # Years × 10 + quarter, so that a quarter's rows lie side by side in their order.
    Column(
        "quarter",
        BigInteger,
        Computed("(extract(year from month) * 10 + extract(quarter from month))::bigint", persisted=True),
    ),
    comment="What a person was paid in a month, before fee and tax, and what was withheld of it: sums of paid payouts",
)
Index(
    "ix_tax_account_quarter",
    tax_account.c.quarter,
    tax_account.c.distributor_id,
    tax_account.c.currency,
)

debt_change = Table(
    "debt_change",
    METADATA,
    Column("debt_change_id", BigInteger, Identity(), primary_key=True),
    Column("distributor_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # Above zero when a clawback takes what has been paid out, below when later commission makes up for it.
    Column(
        "change_minor", BigInteger, CheckConstraint("change_minor <> 0", name="change_minor"), nullable=False
    ),
    time("recorded_at"),
    comment="append-only; 欠款: how much of what left a distributor's balance is not, or no longer, earned",
)
Index(
    "ix_debt_change_distributor_id",
    debt_change.c.distributor_id,
    debt_change.c.currency,
    debt_change.c.recorded_at,
)
Index("ix_debt_change_recorded_at", debt_change.c.recorded_at)
