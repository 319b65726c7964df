"""The ledger: postings, and the balances that sum them up."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Table,
    Text,
    UniqueConstraint,
)

from fenxiao.commission.tables.entries import commission
from fenxiao.commission.tables.metadata import METADATA
from fenxiao.commission.tables.settlement import settlement
from fenxiao.infra.db.tables import time

_ACCOUNTS = "'commission_expense', 'reward_expense', 'fee_income', 'tax_payable', 'cash', 'pending', 'available', 'withdrawing'"
_PAIRS = (
    "(event = 'accrual' and debit = 'commission_expense' and credit in ('pending', 'available'))"
    " or (event = 'clawback' and debit in ('pending', 'available') and credit = 'commission_expense')"
    " or (event = 'release' and (debit, credit) in (('pending', 'available'), ('available', 'pending')))"
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
    Column("commission_id", BigInteger, ForeignKey(commission.c.commission_id), nullable=False),
    Column("settlement_id", BigInteger, ForeignKey(settlement.c.settlement_id)),
    # The time of the fact; `recorded_at` is when it was written.
    time("at"),
    time("recorded_at"),
    # Which event moves money from where to where; a release of something negative goes the other way.
    CheckConstraint(_PAIRS, name="event"),
    CheckConstraint("(event = 'release') = (settlement_id is not null)", name="settlement_id"),
    # An entry is booked once and released once, whoever tries again.
    UniqueConstraint("commission_id", "event"),
    comment="append-only; 分录: one amount from one account (debit) to another (credit), so debits equal credits by construction",
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
    comment="The sum of a distributor's postings per account; `paid` is what has left `withdrawing` by a payout",
)
