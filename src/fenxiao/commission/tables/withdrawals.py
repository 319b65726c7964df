"""Withdrawals, their payouts, their history, the policies they are made under, and what contradicts them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from fenxiao.commission.tables.accounts import payout_account
from fenxiao.commission.tables.metadata import METADATA
from fenxiao.commission.tables.tax import tax_table
from fenxiao.infra.db.tables import time

_STATES = "('requested', 'approved', 'processing', 'awaiting_user', 'unknown', 'paid', 'rejected', 'failed')"
UNDER_WAY = ("approved", "processing", "awaiting_user", "unknown")
"""Fee and tax are fixed, the money has not arrived yet."""

withdrawal_policy = Table(
    "withdrawal_policy",
    METADATA,
    Column("policy_id", BigInteger, Identity(), primary_key=True),
    Column("currency", Text, CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"), nullable=False),
    Column("version", Integer, CheckConstraint("version >= 1", name="version"), nullable=False),
    time("effective_from"),
    Column(
        "minimum_minor", BigInteger, CheckConstraint("minimum_minor >= 0", name="minimum"), nullable=False
    ),
    Column(
        "fee_fixed_minor", BigInteger, CheckConstraint("fee_fixed_minor >= 0", name="fee"), nullable=False
    ),
    # Rates are decimal texts, as in the plans: "0.01".
    Column("fee_rate", Text, nullable=False),
    Column("daily_limit_minor", BigInteger, CheckConstraint("daily_limit_minor > 0", name="daily_limit")),
    Column(
        "tax",
        Text,
        CheckConstraint("tax in ('none', 'flat', 'cn_per_payment', 'cn_platform_cumulative')", name="tax"),
        nullable=False,
    ),
    Column("tax_rate", Text),
    Column(
        "auto_approve_up_to_minor",
        BigInteger,
        CheckConstraint("auto_approve_up_to_minor > 0", name="auto_approve"),
    ),
    Column(
        "new_account_days",
        Integer,
        CheckConstraint("new_account_days >= 0", name="new_account"),
        nullable=False,
    ),
    Column(
        "most_per_day", Integer, CheckConstraint("most_per_day >= 1", name="most_per_day"), nullable=False
    ),
    Column("actor", Text, nullable=False),
    time("recorded_at"),
    UniqueConstraint("currency", "version"),
    CheckConstraint("(tax = 'flat') = (tax_rate is not null)", name="tax_rate"),
    CheckConstraint("tax not like 'cn%' or currency = 'CNY'", name="tax_currency"),
    comment="append-only; 提现政策: versions of what withdrawals of a currency are made under",
)
Index(
    "ix_withdrawal_policy_effective_from",
    withdrawal_policy.c.currency,
    withdrawal_policy.c.effective_from,
    withdrawal_policy.c.policy_id,
)

withdrawal = Table(
    "withdrawal",
    METADATA,
    Column("withdrawal_id", BigInteger, Identity(), primary_key=True),
    Column("distributor_id", BigInteger, nullable=False),
    Column("currency", Text, CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"), nullable=False),
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor > 0", name="amount"), nullable=False),
    Column("account_id", BigInteger, ForeignKey(payout_account.c.account_id), nullable=False),
    # Null: requested before there was any policy, so without minimum, fee, limit and tax.
    Column("policy_id", BigInteger, ForeignKey(withdrawal_policy.c.policy_id)),
    Column("status", Text, CheckConstraint(f"status in {_STATES}", name="status"), nullable=False),
    Column("version", Integer, CheckConstraint("version >= 1", name="version"), nullable=False),
    # Which of its payouts is the present one; a retry is a new payout.
    Column("attempt", Integer, CheckConstraint("attempt >= 1", name="attempt"), nullable=False),
    Column("risks", JSONB, nullable=False),
    Column("requested_by", Text, nullable=False),
    time("requested_at"),
    Column("approved_by", Text),
    time("approved_at", nullable=True),
    Column("automatic", Boolean, nullable=False, server_default="false"),
    CheckConstraint("(approved_by is null) = (approved_at is null)", name="approved"),
    CheckConstraint("status in ('requested', 'rejected') or approved_by is not null", name="approval"),
    CheckConstraint("automatic or approved_by is distinct from requested_by", name="own"),
    comment="提现: a distributor's request to be paid",
)
Index("ix_withdrawal_distributor_id", withdrawal.c.distributor_id, withdrawal.c.withdrawal_id)
Index("ix_withdrawal_status", withdrawal.c.status, withdrawal.c.withdrawal_id)
Index(
    "ix_withdrawal_distributor_status",
    withdrawal.c.distributor_id,
    withdrawal.c.status,
    withdrawal.c.withdrawal_id,
)
Index(
    "ix_withdrawal_requested_at",
    withdrawal.c.distributor_id,
    withdrawal.c.currency,
    withdrawal.c.requested_at,
)
Index("ix_withdrawal_currency", withdrawal.c.currency, withdrawal.c.withdrawal_id)
Index("ix_withdrawal_account_id", withdrawal.c.account_id, withdrawal.c.status)

payout = Table(
    "payout",
    METADATA,
    Column("payout_id", BigInteger, Identity(), primary_key=True),
    # What channels know it by, for life: the same number never moves money twice.
    Column("payout_number", Text, nullable=False, unique=True),
    Column("withdrawal_id", BigInteger, ForeignKey(withdrawal.c.withdrawal_id), nullable=False),
    Column("attempt", Integer, CheckConstraint("attempt >= 1", name="attempt"), nullable=False),
    Column("fee_minor", BigInteger, CheckConstraint("fee_minor >= 0", name="fee"), nullable=False),
    # Until approval what would be withheld; the month of the income is fixed with it.
    Column("tax_minor", BigInteger, CheckConstraint("tax_minor >= 0", name="tax"), nullable=False),
    Column("tax_month", Date, CheckConstraint("extract(day from tax_month) = 1", name="tax_month")),
    Column("tax_table_id", BigInteger, ForeignKey(tax_table.c.table_id)),
    Column(
        "outcome",
        Text,
        CheckConstraint(
            "outcome in ('processing', 'awaiting_user', 'unknown', 'paid', 'failed', 'rejected')",
            name="outcome",
        ),
    ),
    Column("outcome_sequence", BigInteger, nullable=False, server_default="0"),
    Column("reference_sealed", LargeBinary),
    # Payments has been asked for it, or is just being asked: a person ends it only after it was taken back there.
    Column("handed", Boolean, nullable=False, server_default="false"),
    time("created_at"),
    time("ended_at", nullable=True),
    UniqueConstraint("withdrawal_id", "attempt"),
    CheckConstraint(
        "(ended_at is not null) = (outcome is not null and outcome in ('paid', 'failed', 'rejected'))",
        name="ended_at",
    ),
    CheckConstraint("outcome is null or outcome = 'rejected' or tax_month is not null", name="fixed"),
    comment="打款: one transfer that is to fulfil a withdrawal, with a number of its own",
)

withdrawal_history = Table(
    "withdrawal_history",
    METADATA,
    Column("withdrawal_id", BigInteger, ForeignKey(withdrawal.c.withdrawal_id), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("from_status", Text),
    Column("to_status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    time("at"),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    CheckConstraint("(version = 1) = (from_status is null)", name="from_status"),
    comment="append-only; every step of a withdrawal: who, when, from where to where, and why",
)

payout_finding = Table(
    "payout_finding",
    METADATA,
    Column("finding_id", BigInteger, Identity(), primary_key=True),
    Column("payout_id", BigInteger, ForeignKey(payout.c.payout_id), nullable=False),
    Column(
        "kind",
        Text,
        CheckConstraint(
            "kind in ('paid-after-failed', 'paid-after-rejected', 'failed-after-paid')", name="kind"
        ),
        nullable=False,
    ),
    Column("reference_sealed", LargeBinary),
    Column("reason", Text),
    time("at"),
    time("resolved_at", nullable=True),
    Column("resolved_by", Text),
    Column("note", Text),
    UniqueConstraint("payout_id", "kind"),
    CheckConstraint(
        "(resolved_at is null) = (resolved_by is null) and (resolved_at is null) = (note is null)",
        name="resolved",
    ),
    comment="What a channel said against what it had said before; a person looks into it",
)
Index(
    "ix_payout_finding_open",
    payout_finding.c.finding_id,
    postgresql_where=payout_finding.c.resolved_at.is_(None),
)
