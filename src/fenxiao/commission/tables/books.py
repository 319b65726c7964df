"""The closed days of the ledger."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
)

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.infra.db import tables
from fenxiao.infra.db.tables import time

book_day = Table(
    "book_day",
    METADATA,
    Column("day", Date, primary_key=True),
    # The first moment that is not in it any more; days follow each other without a gap.
    Column("ends_at", DateTime(timezone=True), nullable=False, unique=True),
    # Its postings are those behind the day before, up to this one.
    Column("through_posting_id", BigInteger, nullable=False),
    Column("postings", BigInteger, CheckConstraint("postings >= 0", name="postings"), nullable=False),
    # Nobody closes two days upon the same one: the chain has no fork.
    Column("previous", LargeBinary, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    time("closed_at"),
    CheckConstraint("length(previous) = 32 and length(hash) = 32", name="hash"),
    CheckConstraint("closed_at >= ends_at", name="closed_at"),
    comment=tables.APPEND_ONLY
    + "; 日结: one closed day of the ledger, with a hash upon that of the day before",
)

book_day_account = Table(
    "book_day_account",
    METADATA,
    Column("day", Date, ForeignKey(book_day.c.day), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column(
        "debit_minor", BigInteger, CheckConstraint("debit_minor >= 0", name="debit_minor"), nullable=False
    ),
    Column(
        "credit_minor", BigInteger, CheckConstraint("credit_minor >= 0", name="credit_minor"), nullable=False
    ),
    comment=tables.APPEND_ONLY
    + "; what the postings of a closed day put on each account, over all distributors",
)
