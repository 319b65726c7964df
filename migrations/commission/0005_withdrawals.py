"""commission: accounts, withdrawals and their policies.

The postings may be millions and in use: what concerns them is done first, step by step and beside those who write, and
each step may be done again after a kill.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    with op.get_context().autocommit_block():
        _postings()
    _policies()
    _accounts()
    _tax()
    _withdrawals()
    _payouts()
    op.create_foreign_key(
        op.f("fk_posting_payout_id"),
        "posting",
        "payout",
        ["payout_id"],
        ["payout_id"],
        source_schema="commission",
        referent_schema="commission",
        postgresql_not_valid=True,
    )
    # Looked up by the index, in which nothing is yet.
    op.execute("alter table commission.posting validate constraint fk_posting_payout_id")
    op.execute("""reset lock_timeout;""")
    op.execute("""reset statement_timeout;""")


def _postings() -> None:
    op.execute("""alter table commission.posting add column if not exists payout_id bigint;""")
    # Until now every posting is about an entry; which ones still must be, a constraint says below.
    op.alter_column("posting", "commission_id", nullable=True, schema="commission")
    checks = {
        "event": (
            "(event = 'accrual' and debit = 'commission_expense' and credit in ('pending', 'available'))"
            " or (event = 'clawback' and debit in ('pending', 'available') and credit = 'commission_expense')"
            " or (event = 'release' and (debit, credit) in (('pending', 'available'), ('available', 'pending')))"
            " or (event = 'withdrawal' and debit = 'available' and credit = 'withdrawing')"
            " or (event = 'payout' and debit = 'withdrawing' and credit in ('cash', 'tax_payable', 'fee_income'))"
            " or (event = 'return' and debit = 'withdrawing' and credit = 'available')"
        ),
        "commission_id": "(event in ('accrual', 'clawback', 'release')) = (commission_id is not null)",
        "payout_id": "(event in ('withdrawal', 'payout', 'return')) = (payout_id is not null)",
    }
    for name, condition in checks.items():
        # In one statement, so that there is no moment without; first for new rows alone.
        op.execute(
            f"alter table commission.posting drop constraint if exists ck_posting_{name},"
            f" add constraint ck_posting_{name} check ({condition}) not valid"
        )
        op.execute(f"alter table commission.posting validate constraint ck_posting_{name}")
    op.execute("""drop index concurrently if exists commission.uq_posting_payout_id;""")
    op.execute(
        """
        create unique index concurrently if not exists uq_posting_payout_id
          on commission.posting (payout_id, event, credit) where payout_id is not null;
        """
    )


def _policies() -> None:
    op.create_table(
        "withdrawal_policy",
        sa.Column("policy_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_fixed_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_rate", sa.Text(), nullable=False),
        sa.Column("daily_limit_minor", sa.BigInteger(), nullable=True),
        sa.Column("tax", sa.Text(), nullable=False),
        sa.Column("tax_rate", sa.Text(), nullable=True),
        sa.Column("auto_approve_up_to_minor", sa.BigInteger(), nullable=True),
        sa.Column("new_account_days", sa.Integer(), nullable=False),
        sa.Column("most_per_day", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(tax = 'flat') = (tax_rate is not null)", name=op.f("ck_withdrawal_policy_tax_rate")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_withdrawal_policy_currency")),
        sa.CheckConstraint(
            "tax in ('none', 'flat', 'cn_per_payment', 'cn_platform_cumulative')",
            name=op.f("ck_withdrawal_policy_tax"),
        ),
        sa.CheckConstraint(
            "tax not like 'cn%' or currency = 'CNY'", name=op.f("ck_withdrawal_policy_tax_currency")
        ),
        sa.CheckConstraint("auto_approve_up_to_minor > 0", name=op.f("ck_withdrawal_policy_auto_approve")),
        sa.CheckConstraint("daily_limit_minor > 0", name=op.f("ck_withdrawal_policy_daily_limit")),
        sa.CheckConstraint("fee_fixed_minor >= 0", name=op.f("ck_withdrawal_policy_fee")),
        sa.CheckConstraint("minimum_minor >= 0", name=op.f("ck_withdrawal_policy_minimum")),
        sa.CheckConstraint("most_per_day >= 1", name=op.f("ck_withdrawal_policy_most_per_day")),
        sa.CheckConstraint("new_account_days >= 0", name=op.f("ck_withdrawal_policy_new_account")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_withdrawal_policy_version")),
        sa.PrimaryKeyConstraint("policy_id", name=op.f("pk_withdrawal_policy")),
        sa.UniqueConstraint("currency", "version", name=op.f("uq_withdrawal_policy_currency_version")),
        schema="commission",
        comment="append-only; 提现政策: versions of what withdrawals of a currency are made under",
    )
    op.create_index(
        "ix_withdrawal_policy_effective_from",
        "withdrawal_policy",
        ["currency", "effective_from", "policy_id"],
        unique=False,
        schema="commission",
    )


def _accounts() -> None:
    op.create_table(
        "payout_account",
        sa.Column("account_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("holder_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("details_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("number_index", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("erasing", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'active') = (closed_at is null)", name=op.f("ck_payout_account_closed_at")
        ),
        sa.CheckConstraint(
            "(status = 'erased') = (number_sealed is null) and (status = 'erased') = (holder_sealed is null) and (status = 'erased') = (number_index is null) and (status <> 'erased' or details_sealed is null)",
            name=op.f("ck_payout_account_sealed"),
        ),
        sa.CheckConstraint(
            "channel in ('bank', 'alipay', 'wechat', 'paypal', 'stripe')",
            name=op.f("ck_payout_account_channel"),
        ),
        sa.CheckConstraint("not erasing or status <> 'active'", name=op.f("ck_payout_account_erasing")),
        sa.CheckConstraint("status in ('active', 'closed', 'erased')", name=op.f("ck_payout_account_status")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_payout_account")),
        schema="commission",
        comment="收款账户: where a distributor's money goes; holder and number are sealed, and gone once erased",
    )
    op.create_index(
        "ix_payout_account_distributor_id",
        "payout_account",
        ["distributor_id", "account_id"],
        unique=False,
        schema="commission",
    )
    op.create_index(
        "ix_payout_account_number_index",
        "payout_account",
        ["number_index"],
        unique=False,
        schema="commission",
        postgresql_where=sa.text("number_index IS NOT NULL"),
    )
    op.create_index(
        "uq_payout_account_active",
        "payout_account",
        ["distributor_id", "channel", "number_index"],
        unique=True,
        schema="commission",
        postgresql_where=sa.text("status = 'active'"),
    )


def _tax() -> None:
    op.create_table(
        "tax_table",
        sa.Column("table_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source <> ''", name=op.f("ck_tax_table_source")),
        sa.CheckConstraint(
            "strategy in ('cn_per_payment', 'cn_platform_cumulative')", name=op.f("ck_tax_table_strategy")
        ),
        sa.PrimaryKeyConstraint("table_id", name=op.f("pk_tax_table")),
        sa.UniqueConstraint(
            "strategy", "effective_from", "source", name=op.f("uq_tax_table_strategy_effective_from_source")
        ),
        schema="commission",
        comment="append-only; 税率表: the brackets of a law from a day on, with their source",
    )
    op.create_table(
        "tax_account",
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "quarter",
            sa.BigInteger(),
            sa.Computed(
                "(extract(year from month) * 10 + extract(quarter from month))::bigint", persisted=True
            ),
            nullable=True,
        ),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_tax_account_month")),
        sa.CheckConstraint("gross_minor > 0", name=op.f("ck_tax_account_gross_minor")),
        sa.CheckConstraint("tax_minor >= 0", name=op.f("ck_tax_account_tax_minor")),
        sa.PrimaryKeyConstraint("distributor_id", "currency", "month", name=op.f("pk_tax_account")),
        schema="commission",
        comment="What a person was paid in a month, before fee and tax, and what was withheld of it: sums of paid payouts",
    )
    op.create_index(
        "ix_tax_account_quarter",
        "tax_account",
        ["quarter", "distributor_id", "currency"],
        unique=False,
        schema="commission",
    )
    op.create_table(
        "debt_change",
        sa.Column("debt_change_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("change_minor", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("change_minor <> 0", name=op.f("ck_debt_change_change_minor")),
        sa.PrimaryKeyConstraint("debt_change_id", name=op.f("pk_debt_change")),
        schema="commission",
        comment="append-only; 欠款: how much of what left a distributor's balance is not, or no longer, earned",
    )
    op.create_index(
        "ix_debt_change_distributor_id",
        "debt_change",
        ["distributor_id", "currency", "recorded_at"],
        unique=False,
        schema="commission",
    )
    op.create_index(
        "ix_debt_change_recorded_at", "debt_change", ["recorded_at"], unique=False, schema="commission"
    )


def _withdrawals() -> None:
    op.create_table(
        "withdrawal",
        sa.Column("withdrawal_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("policy_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("risks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("automatic", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_withdrawal_currency")),
        sa.CheckConstraint(
            "status in ('requested', 'approved', 'processing', 'awaiting_user', 'unknown', 'paid', 'rejected', 'failed')",
            name=op.f("ck_withdrawal_status"),
        ),
        sa.CheckConstraint(
            "status in ('requested', 'rejected') or approved_by is not null",
            name=op.f("ck_withdrawal_approval"),
        ),
        sa.CheckConstraint(
            "(approved_by is null) = (approved_at is null)", name=op.f("ck_withdrawal_approved")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_withdrawal_amount")),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_withdrawal_attempt")),
        sa.CheckConstraint(
            "automatic or approved_by is distinct from requested_by", name=op.f("ck_withdrawal_own")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_withdrawal_version")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["commission.payout_account.account_id"], name=op.f("fk_withdrawal_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["commission.withdrawal_policy.policy_id"], name=op.f("fk_withdrawal_policy_id")
        ),
        sa.PrimaryKeyConstraint("withdrawal_id", name=op.f("pk_withdrawal")),
        schema="commission",
        comment="提现: a distributor's request to be paid",
    )
    op.create_index(
        "ix_withdrawal_account_id", "withdrawal", ["account_id", "status"], unique=False, schema="commission"
    )
    op.create_index(
        "ix_withdrawal_currency",
        "withdrawal",
        ["currency", "withdrawal_id"],
        unique=False,
        schema="commission",
    )
    op.create_index(
        "ix_withdrawal_distributor_id",
        "withdrawal",
        ["distributor_id", "withdrawal_id"],
        unique=False,
        schema="commission",
    )
    op.create_index(
        "ix_withdrawal_distributor_status",
        "withdrawal",
        ["distributor_id", "status", "withdrawal_id"],
        unique=False,
        schema="commission",
    )
    op.create_index(
        "ix_withdrawal_requested_at",
        "withdrawal",
        ["distributor_id", "currency", "requested_at"],
        unique=False,
        schema="commission",
    )
    op.create_index(
        "ix_withdrawal_status", "withdrawal", ["status", "withdrawal_id"], unique=False, schema="commission"
    )
    op.create_table(
        "withdrawal_history",
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(version = 1) = (from_status is null)", name=op.f("ck_withdrawal_history_from_status")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["commission.withdrawal.withdrawal_id"],
            name=op.f("fk_withdrawal_history_withdrawal_id"),
        ),
        sa.PrimaryKeyConstraint("withdrawal_id", "version", name=op.f("pk_withdrawal_history")),
        schema="commission",
        comment="append-only; every step of a withdrawal: who, when, from where to where, and why",
    )


def _payouts() -> None:
    op.create_table(
        "payout",
        sa.Column("payout_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payout_number", sa.Text(), nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_month", sa.Date(), nullable=True),
        sa.Column("tax_table_id", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reference_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(ended_at is not null) = (outcome is not null and outcome in ('paid', 'failed', 'rejected'))",
            name=op.f("ck_payout_ended_at"),
        ),
        sa.CheckConstraint(
            "outcome in ('processing', 'awaiting_user', 'unknown', 'paid', 'failed', 'rejected')",
            name=op.f("ck_payout_outcome"),
        ),
        sa.CheckConstraint(
            "outcome is null or outcome = 'rejected' or tax_month is not null", name=op.f("ck_payout_fixed")
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_payout_attempt")),
        sa.CheckConstraint("extract(day from tax_month) = 1", name=op.f("ck_payout_tax_month")),
        sa.CheckConstraint("fee_minor >= 0", name=op.f("ck_payout_fee")),
        sa.CheckConstraint("tax_minor >= 0", name=op.f("ck_payout_tax")),
        sa.ForeignKeyConstraint(
            ["tax_table_id"], ["commission.tax_table.table_id"], name=op.f("fk_payout_tax_table_id")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"], ["commission.withdrawal.withdrawal_id"], name=op.f("fk_payout_withdrawal_id")
        ),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_payout")),
        sa.UniqueConstraint("payout_number", name=op.f("uq_payout_payout_number")),
        sa.UniqueConstraint("withdrawal_id", "attempt", name=op.f("uq_payout_withdrawal_id_attempt")),
        schema="commission",
        comment="打款: one transfer that is to fulfil a withdrawal, with a number of its own",
    )
    op.create_table(
        "payout_finding",
        sa.Column("finding_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payout_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind in ('paid-after-failed', 'paid-after-rejected', 'failed-after-paid')",
            name=op.f("ck_payout_finding_kind"),
        ),
        sa.CheckConstraint(
            "(resolved_at is null) = (resolved_by is null) and (resolved_at is null) = (note is null)",
            name=op.f("ck_payout_finding_resolved"),
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["commission.payout.payout_id"], name=op.f("fk_payout_finding_payout_id")
        ),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_payout_finding")),
        sa.UniqueConstraint("payout_id", "kind", name=op.f("uq_payout_finding_payout_id_kind")),
        schema="commission",
        comment="What a channel said against what it had said before; a person looks into it",
    )
    op.create_index(
        "ix_payout_finding_open",
        "payout_finding",
        ["finding_id"],
        unique=False,
        schema="commission",
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
