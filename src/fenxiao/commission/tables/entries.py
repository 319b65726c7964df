"""What has been booked of which order: `order_book` and `commission`."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.commission.tables.periods import period_close
from fenxiao.infra.db.tables import time

order_book = Table(
    "order_book",
    METADATA,
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rule_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # How many steps of the order's history are booked; the accrual is the first.
    Column("steps", Integer, CheckConstraint("steps >= 1", name="steps"), nullable=False),
    time("release_at", nullable=True),
    comment="One row for each order that has accrued; its row lock decides who books the order's entries",
)

commission = Table(
    "commission",
    METADATA,
    Column("commission_id", BigInteger, Identity(), primary_key=True),
    # Of an order, or of the close of a period. No foreign key: the statement that writes an entry opens the order's book
    # or was begun under its lock, and a book is never deleted.
    Column("order_id", BigInteger),
    Column("distributor_id", BigInteger, nullable=False),
    Column("rule_id", BigInteger, nullable=False),
    Column("engine_version", Text, nullable=False),
    Column("component", Text, nullable=False),
    Column("level", Integer, CheckConstraint("level >= 0", name="level"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("commission_amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("step", Integer, CheckConstraint("step >= 0", name="step"), nullable=False),
    Column("refund_sequence", Integer),
    Column(
        "status", Text, CheckConstraint("status in ('pending', 'released')", name="status"), nullable=False
    ),
    # The time of the fact that the entry follows; `booked_at` is when that was dealt with.
    time("created_at"),
    time("booked_at"),
    time("release_at", nullable=True),
    time("released_at", nullable=True),
    # Null too for a correction of something released: it is released at once, by no settlement. No foreign key: the
    # transaction that releases it writes the statement that it is part of, which has one.
    Column("settlement_id", BigInteger),
    Column("corrects", BigInteger, ForeignKey("commission.commission.commission_id")),
    Column("close_id", BigInteger),
    Column("period", Text),
    ForeignKeyConstraint(["close_id", "period"], [period_close.c.close_id, period_close.c.period]),
    CheckConstraint(
        "(order_id is null) = (close_id is not null) and (close_id is null) = (period is null)", name="of"
    ),
    UniqueConstraint("order_id", "step", "component", "level", "distributor_id"),
    CheckConstraint(
        "(kind = 'accrual' and commission_amount_minor > 0) or (kind = 'clawback' and commission_amount_minor < 0)",
        name="kind",
    ),
    CheckConstraint("(step = 0 or order_id is null) = (refund_sequence is null)", name="refund_sequence"),
    CheckConstraint("corrects is null or step > 0", name="accrual"),
    # What a cap of a period takes back corrects no single entry.
    CheckConstraint("kind = 'accrual' or corrects is not null or close_id is not null", name="clawback"),
    CheckConstraint("(status = 'released') = (released_at is not null)", name="released_at"),
    CheckConstraint("settlement_id is null or status = 'released'", name="settlement_id"),
    comment="佣金明细: what one distributor earns from one order by one component at one level, and its corrections",
)
Index(
    "ix_commission_distributor_id_currency",
    commission.c.distributor_id,
    commission.c.currency,
    commission.c.commission_id,
)
Index(
    "uq_commission_close_id",
    commission.c.close_id,
    commission.c.step,
    commission.c.component,
    commission.c.level,
    commission.c.distributor_id,
    unique=True,
    postgresql_where=commission.c.close_id.is_not(None),
)
# A summary of blocks, not an entry per row: facts come nearly in the order in which the rows lie.
Index(
    "ix_commission_created_at",
    commission.c.created_at,
    postgresql_using="brin",
    postgresql_with={"pages_per_range": 16, "autosummarize": True},
)
# What has matured is found from `balance.matures_at` on. It is of all entries, not of the pending ones alone: so a release
# changes nothing that is indexed, and PostgreSQL keeps the new version of the row on its page, with no index touched. For
# that the migration leaves some room on the pages (fillfactor).
Index(
    "ix_commission_release_at",
    commission.c.distributor_id,
    commission.c.currency,
    commission.c.release_at,
)
