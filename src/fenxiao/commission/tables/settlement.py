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
    Table,
    Text,
)

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.infra.db.tables import time

settlement = Table(
    "settlement",
    METADATA,
    Column("settlement_id", BigInteger, Identity(), primary_key=True),
    time("cutoff"),
    # One distributor's alone, or everybody's by a run.
    Column("distributor_id", BigInteger),
    Column("run_id", BigInteger, ForeignKey("commission.run.run_id"), unique=True),
    Column("scheduled", Boolean, nullable=False, server_default="false"),
    time("created_at"),
    CheckConstraint("(distributor_id is null) = (run_id is not null)", name="scope"),
    CheckConstraint("not scheduled or run_id is not null", name="scheduled"),
    comment="结算: releases matured entries up to a cut-off",
)
Index("uq_settlement_scheduled", settlement.c.cutoff, unique=True, postgresql_where=settlement.c.scheduled)

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
    CheckConstraint("opening_minor + released_minor = closing_minor", name="sum"),
    comment="append-only; 结算单: what one settlement released to one distributor in one currency",
)
Index("ix_statement_distributor_id_settlement_id", statement.c.distributor_id, statement.c.settlement_id)
