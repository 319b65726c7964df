"""commission: simulations and the hashes of runs.

The entries may be millions and in use: their index is built beside those who write, so outside a transaction.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # The block below commits what stands before it, which a kill then leaves without its mark: it can be repeated too.
    _simulations()
    # Settlements from before have none: their hashes are not made up later.
    op.add_column(
        "settlement",
        sa.Column("input_hash", sa.LargeBinary(), nullable=True),
        schema="commission",
        if_not_exists=True,
    )
    op.add_column(
        "settlement",
        sa.Column("output_hash", sa.LargeBinary(), nullable=True),
        schema="commission",
        if_not_exists=True,
    )
    # For as long as this connection lasts: an index on millions of rows takes minutes; who was begun before is waited for.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    with op.get_context().autocommit_block():
        # A build that was killed leaves one that is never used.
        op.execute("""drop index concurrently if exists commission.ix_commission_created_at;""")
        op.execute(
            """
            create index concurrently if not exists ix_commission_created_at on commission.commission
              using brin (created_at) with (pages_per_range = 16, autosummarize = true);
            """
        )


def _simulations() -> None:
    op.create_table(
        "simulation",
        sa.Column("simulation_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_name", sa.Text(), nullable=False),
        sa.Column("plan_version", sa.BigInteger(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("document_hash", sa.LargeBinary(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("paid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("input_hash", sa.LargeBinary(), nullable=True),
        sa.Column("output_hash", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("paid_to > paid_from", name=op.f("ck_simulation_span")),
        sa.CheckConstraint(
            "(outcome is null) = (input_hash is null) and (outcome is null) = (output_hash is null)",
            name=op.f("ck_simulation_done"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["commission.run.run_id"], name=op.f("fk_simulation_run_id_run")),
        sa.PrimaryKeyConstraint("simulation_id", name=op.f("pk_simulation")),
        sa.UniqueConstraint("run_id", name=op.f("uq_simulation_run_id")),
        schema="commission",
        if_not_exists=True,
        comment="模拟: what a plan would have paid for the orders of a span, beside what was paid",
    )
    op.create_table(
        "simulation_distributor",
        sa.Column("simulation_id", sa.BigInteger(), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("sales_minor", sa.BigInteger(), nullable=False),
        sa.Column("would_minor", sa.BigInteger(), nullable=False),
        sa.Column("was_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "difference_minor",
            sa.BigInteger(),
            sa.Computed("would_minor - was_minor", persisted=True),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["simulation_id"],
            ["commission.simulation.simulation_id"],
            name=op.f("fk_simulation_distributor_simulation_id_simulation"),
        ),
        sa.PrimaryKeyConstraint("simulation_id", "distributor_id", name=op.f("pk_simulation_distributor")),
        schema="commission",
        if_not_exists=True,
        comment="What one distributor would have got in a simulation, and what he got of the same orders",
    )
    op.create_index(
        "ix_simulation_distributor_difference",
        "simulation_distributor",
        ["simulation_id", "difference_minor", "distributor_id"],
        unique=False,
        schema="commission",
        if_not_exists=True,
    )
