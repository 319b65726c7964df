"""Simulations and what they come to for each distributor."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.infra.db.tables import time

simulation = Table(
    "simulation",
    METADATA,
    Column("simulation_id", BigInteger, Identity(), primary_key=True),
    Column("run_id", BigInteger, ForeignKey("commission.run.run_id"), nullable=False, unique=True),
    Column("rule_id", BigInteger, nullable=False),
    Column("plan_name", Text, nullable=False),
    Column("plan_version", BigInteger, nullable=False),
    # A draft may change while it is simulated, and afterwards: this is what was simulated.
    Column("document", JSONB, nullable=False),
    Column("document_hash", LargeBinary, nullable=False),
    Column("engine_version", Text, nullable=False),
    Column("currency", Text, nullable=False),
    time("paid_from"),
    time("paid_to"),
    Column("actor", Text, nullable=False),
    time("created_at"),
    # What it came to (see domain/simulation.py), when it is done; null before.
    Column("outcome", JSONB),
    Column("input_hash", LargeBinary),
    Column("output_hash", LargeBinary),
    CheckConstraint("paid_to > paid_from", name="span"),
    CheckConstraint(
        "(outcome is null) = (input_hash is null) and (outcome is null) = (output_hash is null)", name="done"
    ),
    comment="模拟: what a plan would have paid for the orders of a span, beside what was paid",
)

simulation_distributor = Table(
    "simulation_distributor",
    METADATA,
    Column("simulation_id", BigInteger, ForeignKey(simulation.c.simulation_id), primary_key=True),
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    # Own orders of the span, and what they come to net of refunds.
    Column("orders", BigInteger, nullable=False),
    Column("sales_minor", BigInteger, nullable=False),
    Column("would_minor", BigInteger, nullable=False),
    Column("was_minor", BigInteger, nullable=False),
    Column(
        "difference_minor", BigInteger, Computed("would_minor - was_minor", persisted=True), nullable=False
    ),
    comment="What one distributor would have got in a simulation, and what he got of the same orders",
)
Index(
    "ix_simulation_distributor_difference",
    simulation_distributor.c.simulation_id,
    simulation_distributor.c.difference_minor,
    simulation_distributor.c.distributor_id,
)
