"""The ledger: postings, and the balances that sum them up."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.commission.tables.rewards import rewards
from fenxiao.commission.tables.withdrawals import payout
from fenxiao.infra.db.tables import time

_ACCOUNTS = "'commission_expense', 'reward_expense', 'fee_income', 'tax_payable', 'cash', 'pending', 'available', 'withdrawing'"
_PAIRS = (
    "(event = 'accrual' and debit = 'commission_expense' and credit in ('pending', 'available'))"
    " or (event = 'reward' and debit = 'reward_expense' and credit in ('pending', 'available'))"
    " or (event = 'clawback' and debit in ('pending', 'available')"
    " and credit = case when reward_id is null then 'commission_expense' else 'reward_expense' end)"
    " or (event = 'release' and (debit, credit) in (('pending', 'available'), ('available', 'pending')))"
    " or (event = 'withdrawal' and debit = 'available' and credit = 'withdrawing')"
    " or (event = 'payout' and debit = 'withdrawing' and credit in ('cash', 'tax_payable', 'fee_income'))"
    " or (event = 'return' and debit = 'withdrawing' and credit = 'available')"
)

posting = Table(
    "posting",
    METADATA,
    Column("posting_id", BigInteger, Identity(), primary_key=True),
    Column("event", Text, nullable=False),
    Column("debit", Text, CheckConstraint(f"debit in ({_ACCOUNTS})", name="debit"), nullable=False),
    Column("credit", Text, CheckConstraint(f"credit in ({_ACCOUNTS})", name="credit"), nullable=False),
    Column("distributor_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column(
        "amount_minor", BigInteger, CheckConstraint("amount_minor > 0", name="amount_minor"), nullable=False
    ),
    # What it is about: an entry, a reward, or a payout; a release is about all that its settlement released of this
    # balance in one direction, and names the entry only where there is but one. No foreign key to the entry: the same
    # transaction writes or releases it, and an entry is never deleted.
    Column("commission_id", BigInteger),
    # Nor to the settlement: the same transaction writes the statement, which has one.
    Column("settlement_id", BigInteger),
    # The time of the fact; `recorded_at` is when it was written.
    time("at"),
    time("recorded_at"),
    Column("payout_id", BigInteger, ForeignKey(payout.c.payout_id)),
    Column("reward_id", BigInteger, ForeignKey(rewards.c.reward_id)),
    # Which event moves money from where to where; a release of something negative goes the other way.
    CheckConstraint(_PAIRS, name="event"),
    CheckConstraint("(event = 'release') = (settlement_id is not null)", name="settlement_id"),
    CheckConstraint(
        "case when event = 'release' then commission_id is null or reward_id is null"
        " else (event = 'accrual' or (event = 'clawback' and reward_id is null)) = (commission_id is not null) end",
        name="commission_id",
    ),
    CheckConstraint(
        "case event when 'clawback' then num_nonnulls(commission_id, reward_id) = 1"
        " when 'release' then num_nonnulls(commission_id, reward_id) <= 1"
        " else (event = 'reward') = (reward_id is not null) end",
        name="reward_id",
    ),
    CheckConstraint(
        "(event in ('withdrawal', 'payout', 'return')) = (payout_id is not null)", name="payout_id"
    ),
    # An entry is booked once, whoever tries again; it is released once because a statement is written once.
    UniqueConstraint("commission_id", "event"),
    comment="append-only; 分录: one amount from one account (debit) to another (credit), so debits equal credits by construction",
)
Index(
    "uq_posting_reward_id",
    posting.c.reward_id,
    posting.c.event,
    unique=True,
    postgresql_where=posting.c.reward_id.is_not(None),
)
# A payout takes its money once, and once it arrives or comes back.
Index(
    "uq_posting_payout_id",
    posting.c.payout_id,
    posting.c.event,
    posting.c.credit,
    unique=True,
    postgresql_where=posting.c.payout_id.is_not(None),
)
# An account of a distributor, and a statement, is a stretch of this one.
Index("ix_posting_distributor_id", posting.c.distributor_id, posting.c.currency, posting.c.posting_id)
# The accounts on which little happens are found without walking past all that orders earn.
Index(
    "ix_posting_seldom",
    posting.c.currency,
    posting.c.posting_id,
    postgresql_where=text("event not in ('accrual', 'clawback', 'release') or credit = 'reward_expense'"),
)

balance = Table(
    "balance",
    METADATA,
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("currency", Text, primary_key=True),
    Column(
        "pending_minor",
        BigInteger,
        CheckConstraint("pending_minor >= 0", name="pending_minor"),
        nullable=False,
    ),
    # Below zero by clawback only: debt.
    Column("available_minor", BigInteger, nullable=False),
    Column(
        "withdrawing_minor",
        BigInteger,
        CheckConstraint("withdrawing_minor >= 0", name="withdrawing_minor"),
        nullable=False,
    ),
    Column("paid_minor", BigInteger, CheckConstraint("paid_minor >= 0", name="paid_minor"), nullable=False),
    # When the first of his pending entries matures; null: none will by itself. A settlement finds by it who is due.
    time("matures_at", nullable=True),
    comment="The sum of a distributor's postings per account; `paid` is what has left `withdrawing` by a payout",
)
