"""What has been closed of which period, on what it rested, and the runs that close."""

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
from sqlalchemy.dialects.postgresql import JSONB

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.infra.db import tables
from fenxiao.infra.db.tables import time

period_close = Table(
    "period_close",
    METADATA,
    Column("close_id", BigInteger, Identity(), primary_key=True),
    Column("rule_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column(
        "kind",
        Text,
        CheckConstraint("kind in ('day', 'week', 'month', 'quarter')", name="kind"),
        nullable=False,
    ),
    Column("period", Text, nullable=False),
    # What its components pay, or what its caps take back of all that was earned in it.
    Column("purpose", Text, CheckConstraint("purpose in ('pay', 'caps')", name="purpose"), nullable=False),
    # `until` is not in it.
    time("since"),
    time("until"),
    time("release_at"),
    # How many evaluations are booked; the one under way, if any, is the next.
    Column("steps", Integer, CheckConstraint("steps >= 0", name="steps"), nullable=False),
    Column(
        "stage",
        Text,
        CheckConstraint("stage in ('idle', 'gathering', 'booking')", name="stage"),
        nullable=False,
    ),
    # The sum of its entries.
    Column("booked_minor", BigInteger, nullable=False),
    # The last member gathered of the evaluation under way.
    Column("position", BigInteger, nullable=False),
    # All that the orders had recorded until then is known to have been reckoned with.
    time("known_until"),
    time("closed_at"),
    UniqueConstraint("currency", "kind", "period", "purpose"),
    CheckConstraint("since < until", name="until"),
    CheckConstraint("stage <> 'idle' or steps > 0", name="idle"),
    # An entry of it names its period too.
    UniqueConstraint("close_id", "period"),
    Index("ix_period_close_until", "until", "close_id"),
    comment="关账: one period of one currency; its row lock decides who gathers, books and releases for it",
)

period_step = Table(
    "period_step",
    METADATA,
    Column(
        "close_id", BigInteger, ForeignKey(period_close.c.close_id), primary_key=True, autoincrement=False
    ),
    Column("step", Integer, CheckConstraint("step >= 0", name="step"), primary_key=True, autoincrement=False),
    # The time that its entries bear: the end of the period, and when it was looked at again.
    time("at"),
    time("known_until"),
    Column(
        "sales_minor", BigInteger, CheckConstraint("sales_minor >= 0", name="sales_minor"), nullable=False
    ),
    # Which step of the close before its carries come from; null where there is none.
    Column("carried_from", BigInteger, ForeignKey(period_close.c.close_id)),
    Column("carried_step", Integer),
    CheckConstraint("(carried_from is null) = (carried_step is null)", name="carried"),
    comment=tables.APPEND_ONLY + "; one evaluation of a period and what was sold in it",
)

period_member = Table(
    "period_member",
    METADATA,
    Column("close_id", BigInteger, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("grade", Text),
    Column("rank", Integer),
    Column("active", Boolean, nullable=False),
    Column("personal_minor", BigInteger, nullable=False),
    Column("team_minor", BigInteger, nullable=False),
    Column("sponsor_id", BigInteger),
    Column("placement_parent_id", BigInteger),
    Column("position", Integer),
    # What conditions ask, as of the end of the period; null where none does.
    Column("facts", JSONB),
    ForeignKeyConstraint(["close_id", "step"], [period_step.c.close_id, period_step.c.step]),
    comment=tables.APPEND_ONLY
    + "; 周期成员: one person as of the end of a period, as one evaluation saw him",
)

period_carry = Table(
    "period_carry",
    METADATA,
    Column("close_id", BigInteger, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("component", Text, primary_key=True),
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("leg", Integer, primary_key=True, autoincrement=False),
    Column("age", Integer, primary_key=True, autoincrement=False),
    Column(
        "amount_minor", BigInteger, CheckConstraint("amount_minor > 0", name="amount_minor"), nullable=False
    ),
    ForeignKeyConstraint(["close_id", "step"], [period_step.c.close_id, period_step.c.step]),
    comment=tables.APPEND_ONLY + "; 结转: volume that an evaluation keeps for the next period",
)

period_accrued = Table(
    "period_accrued",
    METADATA,
    Column("close_id", BigInteger, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("component", Text, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "amount_minor", BigInteger, CheckConstraint("amount_minor > 0", name="amount_minor"), nullable=False
    ),
    ForeignKeyConstraint(["close_id", "step"], [period_step.c.close_id, period_step.c.step]),
    comment=tables.APPEND_ONLY + "; what was earned in a period, as one evaluation of its caps saw it",
)

closing = Table(
    "closing",
    METADATA,
    Column("closing_id", BigInteger, Identity(), primary_key=True),
    Column("run_id", BigInteger, ForeignKey("commission.run.run_id"), nullable=False, unique=True),
    # Null: whatever is due.
    Column("period", Text),
    # The day of a scheduled one, so that there is one a day.
    Column("scheduled_on", Date, unique=True),
    time("created_at"),
    CheckConstraint("period is null or scheduled_on is null", name="scheduled_on"),
    comment="A run that closes periods",
)
