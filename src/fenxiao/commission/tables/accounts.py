"""Payout accounts: where a distributor's money goes. What they say is sealed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
)

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.infra.db.tables import time

payout_account = Table(
    "payout_account",
    METADATA,
    Column("account_id", BigInteger, Identity(), primary_key=True),
    Column("distributor_id", BigInteger, nullable=False),
    Column(
        "channel",
        Text,
        CheckConstraint("channel in ('bank', 'alipay', 'wechat', 'paypal', 'stripe')", name="channel"),
        nullable=False,
    ),
    Column("holder_sealed", LargeBinary),
    Column("number_sealed", LargeBinary),
    # Bank and branch, sealed as one text.
    Column("details_sealed", LargeBinary),
    # A blind index: equal numbers of one channel are found without being readable.
    Column("number_index", LargeBinary),
    Column(
        "status",
        Text,
        CheckConstraint("status in ('active', 'closed', 'erased')", name="status"),
        nullable=False,
    ),
    # Its person has been erased: what it says goes as soon as no payout needs it any more.
    Column("erasing", Boolean, nullable=False, server_default="false"),
    time("created_at"),
    time("closed_at", nullable=True),
    CheckConstraint(
        "(status = 'erased') = (number_sealed is null) and (status = 'erased') = (holder_sealed is null)"
        " and (status = 'erased') = (number_index is null) and (status <> 'erased' or details_sealed is null)",
        name="sealed",
    ),
    CheckConstraint("(status = 'active') = (closed_at is null)", name="closed_at"),
    CheckConstraint("not erasing or status <> 'active'", name="erasing"),
    comment="收款账户: where a distributor's money goes; holder and number are sealed, and gone once erased",
)
erased_person = Table(
    "erased_person",
    METADATA,
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    time("erased_at"),
    comment="Distributors whose persons were erased: no account is registered for them any more",
)
Index("ix_payout_account_distributor_id", payout_account.c.distributor_id, payout_account.c.account_id)
Index(
    "ix_payout_account_number_index",
    payout_account.c.number_index,
    postgresql_where=payout_account.c.number_index.is_not(None),
)
Index(
    "uq_payout_account_active",
    payout_account.c.distributor_id,
    payout_account.c.channel,
    payout_account.c.number_index,
    unique=True,
    postgresql_where=payout_account.c.status == "active",
)
