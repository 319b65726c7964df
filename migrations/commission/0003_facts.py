"""commission: the facts of conditions and what a period pays.

The entries may be millions and in use: what is checked of them is added without a look at the rows and looked at
afterwards, and their index is built beside those who write, so outside a transaction.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_CHECKS = {
    "of": "(order_id is null) = (close_id is not null) and (close_id is null) = (period is null)",
    "refund_sequence": "(step = 0 or order_id is null) = (refund_sequence is null)",
    "clawback": "kind = 'accrual' or corrects is not null or close_id is not null",
}


def upgrade() -> None:
    # The block below commits what stands before it, which a kill then leaves without its mark: it can be repeated too.
    op.create_table(
        "order_fact",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["commission.order_book.order_id"], name=op.f("fk_order_fact_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "distributor_id", "fact", name=op.f("pk_order_fact")),
        schema="commission",
        if_not_exists=True,
        comment="append-only; 条件事实: one figure of one person in the chain, as of the payment of the order",
    )
    _closes()
    _members()
    _accrued()
    _entries()


def _closes() -> None:
    op.create_table(
        "period_close",
        sa.Column("close_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("booked_minor", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("known_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('day', 'week', 'month', 'quarter')", name=op.f("ck_period_close_kind")),
        sa.CheckConstraint("purpose in ('pay', 'caps')", name=op.f("ck_period_close_purpose")),
        sa.CheckConstraint("steps >= 0", name=op.f("ck_period_close_steps")),
        sa.CheckConstraint("stage in ('idle', 'gathering', 'booking')", name=op.f("ck_period_close_stage")),
        sa.CheckConstraint("since < until", name=op.f("ck_period_close_until")),
        sa.CheckConstraint("stage <> 'idle' or steps > 0", name=op.f("ck_period_close_idle")),
        sa.PrimaryKeyConstraint("close_id", name=op.f("pk_period_close")),
        sa.UniqueConstraint(
            "currency", "kind", "period", "purpose", name=op.f("uq_period_close_currency_kind_period_purpose")
        ),
        sa.UniqueConstraint("close_id", "period", name=op.f("uq_period_close_close_id_period")),
        schema="commission",
        if_not_exists=True,
        comment="关账: one period of one currency; its row lock decides who gathers, books and releases for it",
    )
    op.create_index(
        "ix_period_close_until",
        "period_close",
        ["until", "close_id"],
        schema="commission",
        if_not_exists=True,
    )
    op.create_table(
        "period_step",
        sa.Column("close_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sales_minor", sa.BigInteger(), nullable=False),
        sa.Column("carried_from", sa.BigInteger(), nullable=True),
        sa.Column("carried_step", sa.Integer(), nullable=True),
        sa.CheckConstraint("step >= 0", name=op.f("ck_period_step_step")),
        sa.CheckConstraint("sales_minor >= 0", name=op.f("ck_period_step_sales_minor")),
        sa.CheckConstraint(
            "(carried_from is null) = (carried_step is null)", name=op.f("ck_period_step_carried")
        ),
        sa.ForeignKeyConstraint(
            ["close_id"], ["commission.period_close.close_id"], name=op.f("fk_period_step_close_id")
        ),
        sa.ForeignKeyConstraint(
            ["carried_from"], ["commission.period_close.close_id"], name=op.f("fk_period_step_carried_from")
        ),
        sa.PrimaryKeyConstraint("close_id", "step", name=op.f("pk_period_step")),
        schema="commission",
        if_not_exists=True,
        comment="append-only; one evaluation of a period and what was sold in it",
    )
    op.create_table(
        "closing",
        sa.Column("closing_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("scheduled_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("period is null or scheduled_on is null", name=op.f("ck_closing_scheduled_on")),
        sa.ForeignKeyConstraint(["run_id"], ["commission.run.run_id"], name=op.f("fk_closing_run_id")),
        sa.PrimaryKeyConstraint("closing_id", name=op.f("pk_closing")),
        sa.UniqueConstraint("run_id", name=op.f("uq_closing_run_id")),
        sa.UniqueConstraint("scheduled_on", name=op.f("uq_closing_scheduled_on")),
        schema="commission",
        if_not_exists=True,
        comment="A run that closes periods",
    )


def _members() -> None:
    op.create_table(
        "period_member",
        sa.Column("close_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("personal_minor", sa.BigInteger(), nullable=False),
        sa.Column("team_minor", sa.BigInteger(), nullable=False),
        sa.Column("sponsor_id", sa.BigInteger(), nullable=True),
        sa.Column("placement_parent_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["close_id", "step"],
            ["commission.period_step.close_id", "commission.period_step.step"],
            name=op.f("fk_period_member_close_id_step"),
        ),
        sa.PrimaryKeyConstraint("close_id", "step", "distributor_id", name=op.f("pk_period_member")),
        schema="commission",
        if_not_exists=True,
        comment="append-only; 周期成员: one person as of the end of a period, as one evaluation saw him",
    )
    op.create_table(
        "period_carry",
        sa.Column("close_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leg", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("age", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_period_carry_amount_minor")),
        sa.ForeignKeyConstraint(
            ["close_id", "step"],
            ["commission.period_step.close_id", "commission.period_step.step"],
            name=op.f("fk_period_carry_close_id_step"),
        ),
        sa.PrimaryKeyConstraint(
            "close_id", "step", "component", "distributor_id", "leg", "age", name=op.f("pk_period_carry")
        ),
        schema="commission",
        if_not_exists=True,
        comment="append-only; 结转: volume that an evaluation keeps for the next period",
    )


def _accrued() -> None:
    op.create_table(
        "period_accrued",
        sa.Column("close_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_period_accrued_amount_minor")),
        sa.ForeignKeyConstraint(
            ["close_id", "step"],
            ["commission.period_step.close_id", "commission.period_step.step"],
            name=op.f("fk_period_accrued_close_id_step"),
        ),
        sa.PrimaryKeyConstraint(
            "close_id", "step", "component", "level", "distributor_id", name=op.f("pk_period_accrued")
        ),
        schema="commission",
        if_not_exists=True,
        comment="append-only; what was earned in a period, as one evaluation of its caps saw it",
    )


def _entries() -> None:
    op.alter_column("commission", "order_id", nullable=True, schema="commission")
    op.add_column(
        "commission",
        sa.Column("close_id", sa.BigInteger(), nullable=True),
        schema="commission",
        if_not_exists=True,
    )
    op.add_column(
        "commission", sa.Column("period", sa.Text(), nullable=True), schema="commission", if_not_exists=True
    )
    for name, check in _CHECKS.items():
        op.execute(f"alter table commission.commission drop constraint if exists ck_commission_{name};")
        op.execute(
            f"alter table commission.commission add constraint ck_commission_{name} check ({check}) not valid;"
        )
    op.execute("alter table commission.commission drop constraint if exists fk_commission_close_id_period;")
    op.execute(
        "alter table commission.commission add constraint fk_commission_close_id_period foreign key (close_id, period)"
        " references commission.period_close (close_id, period) not valid;"
    )
    # For as long as this connection lasts: an index on millions of rows takes minutes; who was begun before is waited for.
    op.execute("set lock_timeout = '1min';")
    op.execute("set statement_timeout = '1h';")
    with op.get_context().autocommit_block():
        for name in (*(f"ck_commission_{name}" for name in _CHECKS), "fk_commission_close_id_period"):
            op.execute(f"alter table commission.commission validate constraint {name};")
        # A build that was killed leaves one that is never used.
        op.execute("drop index concurrently if exists commission.uq_commission_close_id;")
        op.execute(
            "create unique index concurrently if not exists uq_commission_close_id on commission.commission"
            " (close_id, step, component, level, distributor_id) where close_id is not null;"
        )
