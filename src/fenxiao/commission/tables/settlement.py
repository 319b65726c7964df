"""Settlements and the statements that they write."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.infra.db import tables
from fenxiao.infra.db.tables import time

settlement = Table(
    "settlement",
    METADATA,
    Column("settlement_id", BigInteger, Identity(), primary_key=True),
    time("cutoff"),
    # One distributor's alone, or everybody's by a run.
    Column("distributor_id", BigInteger),
    # Of those, whoever has this grade when his turn comes.
    Column("grade", Text),
    # Of those, the ones in `settlement_selection`.
    Column("selected", Boolean, nullable=False, server_default="false"),
    Column("run_id", BigInteger, ForeignKey("commission.run.run_id"), unique=True),
    Column("scheduled", Boolean, nullable=False, server_default="false"),
    time("created_at"),
    # Over what was released and what came of it; both move on with each chunk. Null: from before there were any.
    Column("input_hash", LargeBinary),
    Column("output_hash", LargeBinary),
    CheckConstraint("(distributor_id is null) = (run_id is not null)", name="scope"),
    CheckConstraint("not scheduled or run_id is not null", name="scheduled"),
    CheckConstraint(
        "run_id is not null or (grade is null and not selected)",
        name="selection",
    ),
    comment="结算: releases matured entries up to a cut-off",
)
Index("uq_settlement_scheduled", settlement.c.cutoff, unique=True, postgresql_where=settlement.c.scheduled)

settlement_selection = Table(
    "settlement_selection",
    METADATA,
    Column("settlement_id", BigInteger, ForeignKey(settlement.c.settlement_id), primary_key=True),
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    comment=tables.APPEND_ONLY + "; whom a settlement of some is for",
)

statement = Table(
    "statement",
    METADATA,
    Column("settlement_id", BigInteger, ForeignKey(settlement.c.settlement_id), primary_key=True),
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("currency", Text, primary_key=True),
    # The available balance before and after; what was released may be negative.
    Column("opening_minor", BigInteger, nullable=False),
    Column("released_minor", BigInteger, nullable=False),
    Column("closing_minor", BigInteger, nullable=False),
    Column("entries", Integer, CheckConstraint("entries > 0", name="entries"), nullable=False),
    time("created_at"),
    # Which posting it goes through, and what lay in the other accounts then. Null: from before they were written down.
    Column("through_posting_id", BigInteger),
    Column("pending_minor", BigInteger),
    Column("withdrawing_minor", BigInteger),
    CheckConstraint(
        "(through_posting_id is null) = (pending_minor is null)"
        " and (pending_minor is null) = (withdrawing_minor is null)",
        name="through",
    ),
    CheckConstraint("opening_minor + released_minor = closing_minor", name="sum"),
    comment="append-only; 结算单: what one settlement released to one distributor in one currency",
)
Index("ix_statement_distributor_id_settlement_id", statement.c.distributor_id, statement.c.settlement_id)
# What a statement goes on from.
Index(
    "ix_statement_through",
    statement.c.distributor_id,
    statement.c.currency,
    statement.c.through_posting_id,
)
