"""The tables of schema `payments`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from fenxiao.infra.db import tables

METADATA = tables.schema("payments")

_CHANNEL = "channel in ('bank', 'alipay', 'wechat', 'paypal', 'stripe')"
_CURRENCY = "currency ~ '^[A-Z]{3}$'"

batch = Table(
    "batch",
    METADATA,
    Column("batch_id", BigInteger, Identity(), primary_key=True),
    Column("currency", Text, CheckConstraint(_CURRENCY, name="currency"), nullable=False),
    Column("transfers", Integer, CheckConstraint("transfers > 0", name="transfers"), nullable=False),
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor > 0", name="amount"), nullable=False),
    Column("created_by", Text, nullable=False),
    tables.time("created_at"),
    comment="append-only: 批次, the transfers that a bank's file carries, for good",
)

transfer = Table(
    "transfer",
    METADATA,
    Column("transfer_id", BigInteger, Identity(), primary_key=True),
    # One number for life; every channel knows the transfer by it.
    Column("payout_number", Text, nullable=False, unique=True),
    Column("channel", Text, CheckConstraint(_CHANNEL, name="channel"), nullable=False),
    Column("currency", Text, CheckConstraint(_CURRENCY, name="currency"), nullable=False),
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor > 0", name="amount"), nullable=False),
    # Where it goes; forgotten a while after the end.
    Column("destination_sealed", LargeBinary),
    # By it a repeated request is known, also when the destination is forgotten.
    Column("destination_index", LargeBinary, nullable=False),
    Column(
        "status",
        Text,
        CheckConstraint(
            "status in ('queued', 'processing', 'awaiting_user', 'unknown', 'paid', 'failed', 'cancelled')",
            name="status",
        ),
        nullable=False,
        server_default="queued",
    ),
    # Set to `ask` before anything is sent: whoever dies between leaves a transfer that is asked about.
    Column(
        "next_step",
        Text,
        CheckConstraint("next_step in ('submit', 'ask')", name="next_step"),
        nullable=False,
        server_default="submit",
    ),
    Column("asked", Integer, CheckConstraint("asked >= 0", name="asked"), nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1"),
    # Counts claims, so that an answer which outlived its lease cannot overrule what came after.
    Column("claim", Integer, nullable=False, server_default="0"),
    tables.time("due_at", nullable=True),
    tables.time("first_sent_at", nullable=True),
    Column("reference", Text),
    Column("reason", Text),
    Column("confirmation_sealed", LargeBinary),
    Column("batch_id", BigInteger, ForeignKey(batch.c.batch_id)),
    # Whether the channel ever said the contrary of what it had said: the attempts tell what.
    Column("contradicted", Boolean, nullable=False, server_default="false"),
    tables.time("created_at"),
    # By the channel's clock where it tells one.
    tables.time("ended_at", nullable=True),
    CheckConstraint("payout_number ~ '^[0-9A-Za-z]{1,32}$'", name="payout_number"),
    CheckConstraint("(ended_at is not null) = (status in ('paid', 'failed', 'cancelled'))", name="ended"),
    CheckConstraint("due_at is null or (ended_at is null and channel <> 'bank')", name="due"),
    CheckConstraint("batch_id is null or channel = 'bank'", name="batch"),
    CheckConstraint("destination_sealed is not null or ended_at is not null", name="destination"),
)
Index(
    "ix_transfer_due",
    transfer.c.channel,
    transfer.c.due_at,
    transfer.c.transfer_id,
    postgresql_where=transfer.c.due_at.is_not(None),
)
Index("ix_transfer_status", transfer.c.status, transfer.c.transfer_id)
Index("ix_transfer_channel", transfer.c.channel, transfer.c.status, transfer.c.transfer_id)
Index("ix_transfer_of_channel", transfer.c.channel, transfer.c.transfer_id)
Index(
    "ix_transfer_ended", transfer.c.channel, transfer.c.ended_at, postgresql_where=transfer.c.status == "paid"
)
Index("ix_transfer_batch", transfer.c.batch_id, postgresql_where=transfer.c.batch_id.is_not(None))
Index("ix_transfer_contradicted", transfer.c.transfer_id, postgresql_where=transfer.c.contradicted)
Index(
    "ix_transfer_waiting",
    transfer.c.currency,
    transfer.c.transfer_id,
    postgresql_where=(transfer.c.channel == "bank") & (transfer.c.status == "queued"),
)
Index(
    "ix_transfer_forgettable",
    transfer.c.ended_at,
    postgresql_where=transfer.c.destination_sealed.is_not(None) & transfer.c.ended_at.is_not(None),
)

attempt = Table(
    "attempt",
    METADATA,
    Column("attempt_id", BigInteger, Identity(), primary_key=True),
    Column("transfer_id", BigInteger, ForeignKey(transfer.c.transfer_id), nullable=False),
    tables.time("at"),
    Column(
        "kind",
        Text,
        CheckConstraint("kind in ('submit', 'ask', 'callback', 'file')", name="kind"),
        nullable=False,
    ),
    Column(
        "word",
        Text,
        CheckConstraint(
            "word in ('processing', 'awaiting_user', 'paid', 'failed', 'later', 'absent', 'unknown')",
            name="word",
        ),
        nullable=False,
    ),
    Column("code", Text),
    Column("reason", Text),
    Column("reference", Text),
    Column("milliseconds", Integer),
    Column(
        "contradiction",
        Text,
        CheckConstraint(
            "contradiction in ('paid-after-failed', 'paid-after-cancelled', 'failed-after-paid', 'amount-differs')",
            name="contradiction",
        ),
    ),
    comment="append-only: every time a channel was called or spoke, and what it said",
)
Index("ix_attempt_transfer_id", attempt.c.transfer_id, attempt.c.attempt_id)
Index(
    "uq_attempt_contradiction",
    attempt.c.transfer_id,
    attempt.c.contradiction,
    unique=True,
    postgresql_where=attempt.c.contradiction.is_not(None),
)

reconciliation = Table(
    "reconciliation",
    METADATA,
    Column("reconciliation_id", BigInteger, Identity(), primary_key=True),
    Column("channel", Text, CheckConstraint(_CHANNEL, name="channel"), nullable=False),
    tables.time("starts_at"),
    tables.time("ends_at"),
    # SHA-256 of the file.
    Column("digest", LargeBinary, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("differences", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    tables.time("created_at"),
    CheckConstraint("starts_at < ends_at", name="span"),
    comment="append-only: 对账, one statement of a channel beside the book as it was then",
)
Index("ix_reconciliation_channel", reconciliation.c.channel, reconciliation.c.reconciliation_id)

difference = Table(
    "difference",
    METADATA,
    Column(
        "reconciliation_id",
        BigInteger,
        ForeignKey(reconciliation.c.reconciliation_id),
        primary_key=True,
        autoincrement=False,
    ),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column(
        "kind",
        Text,
        CheckConstraint(
            "kind in ('missing-here', 'missing-there', 'amount-differs', 'status-differs', 'paid-twice')",
            name="kind",
        ),
        nullable=False,
    ),
    Column("payout_number", Text, nullable=False),
    Column("line", Integer),
    Column("reference", Text),
    Column("here_amount_minor", BigInteger),
    Column("here_currency", Text),
    Column("here_status", Text),
    Column("there_amount_minor", BigInteger),
    Column("there_currency", Text),
    Column("there_status", Text),
    comment="append-only: where a statement and the book did not say the same",
)
