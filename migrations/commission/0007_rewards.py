"""commission: rewards.

The postings may be millions and in use: what concerns them is done first, step by step and beside those who write, and
each step may be done again after a kill.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_CHECKS = {
    "event": (
        "(event = 'accrual' and debit = 'commission_expense' and credit in ('pending', 'available'))"
        " or (event = 'reward' and debit = 'reward_expense' and credit in ('pending', 'available'))"
        " or (event = 'clawback' and debit in ('pending', 'available')"
        " and credit = case when reward_id is null then 'commission_expense' else 'reward_expense' end)"
        " or (event = 'release' and (debit, credit) in (('pending', 'available'), ('available', 'pending')))"
        " or (event = 'withdrawal' and debit = 'available' and credit = 'withdrawing')"
        " or (event = 'payout' and debit = 'withdrawing' and credit in ('cash', 'tax_payable', 'fee_income'))"
        " or (event = 'return' and debit = 'withdrawing' and credit = 'available')"
    ),
    "commission_id": (
        "(event = 'accrual' or (event in ('clawback', 'release') and reward_id is null)) = (commission_id is not null)"
    ),
    "reward_id": (
        "case when event in ('clawback', 'release') then num_nonnulls(commission_id, reward_id) = 1"
        " else (event = 'reward') = (reward_id is not null) end"
    ),
}


def upgrade() -> None:
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    with op.get_context().autocommit_block():
        _postings()
    _periods()
    op.create_foreign_key(
        op.f("fk_posting_reward_id"),
        "posting",
        "rewards",
        ["reward_id"],
        ["reward_id"],
        source_schema="commission",
        referent_schema="commission",
        postgresql_not_valid=True,
    )
    # Looked up by the index, in which nothing is yet.
    op.execute("alter table commission.posting validate constraint fk_posting_reward_id")
    op.execute("""reset lock_timeout;""")
    op.execute("""reset statement_timeout;""")


def _postings() -> None:
    op.execute("""alter table commission.posting add column if not exists reward_id bigint;""")
    for name, condition in _CHECKS.items():
        # In one statement, so that there is no moment without; first for new rows alone.
        op.execute(
            f"alter table commission.posting drop constraint if exists ck_posting_{name},"
            f" add constraint ck_posting_{name} check ({condition}) not valid"
        )
        op.execute(f"alter table commission.posting validate constraint ck_posting_{name}")
    op.execute("""drop index concurrently if exists commission.uq_posting_reward_id;""")
    op.execute(
        """
        create unique index concurrently if not exists uq_posting_reward_id
          on commission.posting (reward_id, event) where reward_id is not null;
        """
    )


def _periods() -> None:
    op.create_table(
        "reward_period",
        sa.Column("reward_period_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("known_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('month', 'quarter')", name=op.f("ck_reward_period_kind")),
        sa.CheckConstraint("stage <> 'idle' or steps > 0", name=op.f("ck_reward_period_idle")),
        sa.CheckConstraint("stage in ('idle', 'granting')", name=op.f("ck_reward_period_stage")),
        sa.CheckConstraint("since < until", name=op.f("ck_reward_period_until")),
        sa.CheckConstraint("steps >= 0", name=op.f("ck_reward_period_steps")),
        sa.PrimaryKeyConstraint("reward_period_id", name=op.f("pk_reward_period")),
        sa.UniqueConstraint("currency", "kind", "period", name=op.f("uq_reward_period_currency_kind_period")),
        sa.UniqueConstraint(
            "reward_period_id",
            "rule_id",
            "currency",
            "period",
            name=op.f("uq_reward_period_reward_period_id_rule_id_currency_period"),
        ),
        schema="commission",
        comment="奖励周期: one period of one currency; its row lock decides who grants, takes back and releases for it",
    )
    op.create_table(
        "reward_promotion",
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("distributor_id", name=op.f("pk_reward_promotion")),
        schema="commission",
        comment="The grade that rewards have given somebody, as long as he keeps it by them",
    )
    op.create_table(
        "reward_run",
        sa.Column("reward_run_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("scheduled_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("period is null or scheduled_on is null", name=op.f("ck_reward_run_scheduled_on")),
        sa.ForeignKeyConstraint(["run_id"], ["commission.run.run_id"], name=op.f("fk_reward_run_run_id")),
        sa.PrimaryKeyConstraint("reward_run_id", name=op.f("pk_reward_run")),
        sa.UniqueConstraint("run_id", name=op.f("uq_reward_run_run_id")),
        sa.UniqueConstraint("scheduled_on", name=op.f("uq_reward_run_scheduled_on")),
        schema="commission",
        comment="A run that grants rewards",
    )
    op.create_table(
        "reward_step",
        sa.Column("reward_period_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("step >= 0", name=op.f("ck_reward_step_step")),
        sa.ForeignKeyConstraint(
            ["reward_period_id"],
            ["commission.reward_period.reward_period_id"],
            name=op.f("fk_reward_step_reward_period_id"),
        ),
        sa.PrimaryKeyConstraint("reward_period_id", "step", name=op.f("pk_reward_step")),
        schema="commission",
        comment="append-only; one evaluation of a period's rewards",
    )
    op.create_table(
        "reward_standing",
        sa.Column("reward_period_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reward", sa.Text(), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sales_minor", sa.BigInteger(), nullable=False),
        sa.Column("before_minor", sa.BigInteger(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_reward_standing_amount_minor")),
        sa.CheckConstraint("tier >= 0", name=op.f("ck_reward_standing_tier")),
        sa.ForeignKeyConstraint(
            ["reward_period_id", "step"],
            ["commission.reward_step.reward_period_id", "commission.reward_step.step"],
            name=op.f("fk_reward_standing_reward_period_id_step"),
        ),
        sa.PrimaryKeyConstraint(
            "reward_period_id", "step", "reward", "distributor_id", name=op.f("pk_reward_standing")
        ),
        schema="commission",
        comment="append-only; 达标情况: where somebody stands in a period, written when that changes, and the sales it rests on",
    )
    op.create_index(
        "ix_reward_standing_distributor_id",
        "reward_standing",
        ["distributor_id"],
        unique=False,
        schema="commission",
    )
    op.create_table(
        "rewards",
        sa.Column("reward_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), nullable=False),
        sa.Column("reward_type", sa.Text(), nullable=False),
        sa.Column("reward_amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reward", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("reward_period_id", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settlement_id", sa.BigInteger(), nullable=True),
        sa.Column("corrects", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(kind = 'grant') = (reward_amount_minor > 0)", name=op.f("ck_rewards_sign")),
        sa.CheckConstraint(
            "(status = 'released') = (released_at is not null)", name=op.f("ck_rewards_released_at")
        ),
        sa.CheckConstraint("kind = 'grant' or corrects is not null", name=op.f("ck_rewards_clawback")),
        sa.CheckConstraint("kind in ('grant', 'clawback')", name=op.f("ck_rewards_kind")),
        sa.CheckConstraint(
            "reward_type in ('sales_target', 'team_growth')", name=op.f("ck_rewards_reward_type")
        ),
        sa.CheckConstraint(
            "settlement_id is null or status = 'released'", name=op.f("ck_rewards_settlement_id")
        ),
        sa.CheckConstraint("status in ('pending', 'released')", name=op.f("ck_rewards_status")),
        sa.CheckConstraint("reward_amount_minor <> 0", name=op.f("ck_rewards_reward_amount_minor")),
        sa.ForeignKeyConstraint(
            ["corrects"], ["commission.rewards.reward_id"], name=op.f("fk_rewards_corrects")
        ),
        sa.ForeignKeyConstraint(
            ["reward_period_id", "rule_id", "currency", "period"],
            [
                "commission.reward_period.reward_period_id",
                "commission.reward_period.rule_id",
                "commission.reward_period.currency",
                "commission.reward_period.period",
            ],
            name="reward_period",
        ),
        sa.ForeignKeyConstraint(
            ["reward_period_id", "step", "reward", "distributor_id"],
            [
                "commission.reward_standing.reward_period_id",
                "commission.reward_standing.step",
                "commission.reward_standing.reward",
                "commission.reward_standing.distributor_id",
            ],
            name="reward_standing",
        ),
        sa.ForeignKeyConstraint(
            ["settlement_id"], ["commission.settlement.settlement_id"], name=op.f("fk_rewards_settlement_id")
        ),
        sa.PrimaryKeyConstraint("reward_id", name=op.f("pk_rewards")),
        sa.UniqueConstraint(
            "distributor_id",
            "reward_period_id",
            "reward",
            "step",
            name=op.f("uq_rewards_distributor_id_reward_period_id_reward_step"),
        ),
        schema="commission",
        comment="奖励: what a distributor was granted for a period, and what was taken back of it",
    )
    op.create_index(
        "ix_rewards_distributor_id",
        "rewards",
        ["distributor_id", "reward_id"],
        unique=False,
        schema="commission",
    )
    op.create_index(
        "ix_rewards_pending",
        "rewards",
        ["distributor_id", "release_at"],
        unique=False,
        schema="commission",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_rewards_settlement_id", "rewards", ["settlement_id"], unique=False, schema="commission"
    )
    op.create_index(
        "uq_rewards_first",
        "rewards",
        ["reward_period_id", "reward", "distributor_id"],
        unique=True,
        schema="commission",
        postgresql_where=sa.text("corrects IS NULL"),
    )
