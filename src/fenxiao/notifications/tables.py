"""The tables of schema `notifications`."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from fenxiao.infra.db import tables

METADATA = tables.schema("notifications")

webhook = Table(
    "webhook",
    METADATA,
    Column("webhook_id", BigInteger, Identity(), primary_key=True),
    Column("url", Text, CheckConstraint("length(url) between 1 and 2048", name="url"), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("event_types", ARRAY(Text), nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('enabled', 'disabled', 'deleted')", name="state"),
        nullable=False,
    ),
    # Why it was disabled: by hand, because the receiver said 410, or because nothing arrived for days.
    Column("disabled_reason", Text),
    # Of the attempts since the last success: when the first failed, and how many did.
    tables.time("failing_since", nullable=True),
    Column("failures", Integer, nullable=False, server_default="0"),
    # Counts the changes made by people; its ETag.
    Column("version", Integer, nullable=False, server_default="1"),
    tables.time("created_at"),
    tables.time("updated_at"),
    CheckConstraint("cardinality(event_types) > 0", name="event_types"),
    CheckConstraint(
        "(disabled_reason is not null) = (state = 'disabled')"
        " and (disabled_reason is null or disabled_reason in ('by-hand', 'gone', 'failing'))",
        name="disabled_reason",
    ),
    CheckConstraint("(failures > 0) = (failing_since is not null) and failures >= 0", name="failures"),
    comment="where events are sent; a deleted one is forgotten with its deliveries by the daily trim",
)
Index("ix_webhook_standing", webhook.c.webhook_id, postgresql_where=webhook.c.state != "deleted")

webhook_secret = Table(
    "webhook_secret",
    METADATA,
    Column("webhook_secret_id", BigInteger, Identity(), primary_key=True),
    Column("webhook_id", BigInteger, ForeignKey(webhook.c.webhook_id, ondelete="CASCADE"), nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    tables.time("created_at"),
    # Null for the present one; those before it sign too until then.
    tables.time("expires_at", nullable=True),
)
Index("ix_webhook_secret_webhook_id", webhook_secret.c.webhook_id)
Index(
    "uq_webhook_secret_present",
    webhook_secret.c.webhook_id,
    unique=True,
    postgresql_where=webhook_secret.c.expires_at.is_(None),
)

message = Table(
    "message",
    METADATA,
    Column("message_id", BigInteger, Identity(), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("payload", Text, nullable=False),
    # When the event came here, not when its fact was: an import tells of facts years ago.
    tables.time("created_at"),
    comment="events that some webhook wants, as they are sent",
)
Index("ix_message_created_at", message.c.created_at, message.c.message_id)

delivery = Table(
    "delivery",
    METADATA,
    Column("delivery_id", BigInteger, Identity(), primary_key=True),
    Column("webhook_id", BigInteger, ForeignKey(webhook.c.webhook_id), nullable=False),
    Column("message_id", BigInteger, ForeignKey(message.c.message_id, ondelete="CASCADE"), nullable=False),
    Column("type", Text, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('pending', 'delivered', 'dead')", name="state"),
        nullable=False,
    ),
    # Failed attempts of the present round; sending again begins a new round.
    Column(
        "failed", Integer, CheckConstraint("failed >= 0", name="failed"), nullable=False, server_default="0"
    ),
    # Counts claims, so that an attempt which outlived its lease cannot overrule the one that came after.
    Column("claim", Integer, nullable=False, server_default="0"),
    tables.time("due_at", nullable=True),
    # Until when a worker has it in hand; then it falls due again by itself.
    tables.time("leased_until", nullable=True),
    tables.time("created_at"),
    tables.time("finished_at", nullable=True),
    UniqueConstraint("webhook_id", "message_id"),
    CheckConstraint("(state = 'pending') = (due_at is not null)", name="due"),
    CheckConstraint("(state = 'pending') = (finished_at is null)", name="finished"),
    CheckConstraint("leased_until is null or state = 'pending'", name="lease"),
)
Index(
    "ix_delivery_due",
    delivery.c.webhook_id,
    delivery.c.due_at,
    postgresql_where=delivery.c.state == "pending",
)
Index(
    "ix_delivery_leased",
    delivery.c.webhook_id,
    delivery.c.leased_until,
    postgresql_where=delivery.c.leased_until.is_not(None),
)
Index("ix_delivery_log", delivery.c.webhook_id, delivery.c.delivery_id)
Index("ix_delivery_type", delivery.c.webhook_id, delivery.c.type, delivery.c.delivery_id)
Index("ix_delivery_state", delivery.c.webhook_id, delivery.c.state, delivery.c.delivery_id)
Index("ix_delivery_message_id", delivery.c.message_id)

attempt = Table(
    "attempt",
    METADATA,
    Column("attempt_id", BigInteger, Identity(), primary_key=True),
    Column("delivery_id", BigInteger, ForeignKey(delivery.c.delivery_id, ondelete="CASCADE"), nullable=False),
    tables.time("at"),
    Column(
        "milliseconds", Integer, CheckConstraint("milliseconds >= 0", name="milliseconds"), nullable=False
    ),
    Column("status", Integer),
    Column("fault", Text),
    Column("answer", Text),
)
Index("ix_attempt_delivery_id", attempt.c.delivery_id, attempt.c.attempt_id)

mail = Table(
    "mail",
    METADATA,
    Column("mail_id", BigInteger, Identity(), primary_key=True),
    Column(
        "state", Text, CheckConstraint("state in ('pending', 'sent', 'dead')", name="state"), nullable=False
    ),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("claim", Integer, nullable=False, server_default="0"),
    tables.time("due_at", nullable=True),
    Column("error", Text),
    tables.time("created_at"),
    tables.time("finished_at", nullable=True),
    CheckConstraint("(state = 'pending') = (due_at is not null)", name="due"),
    CheckConstraint("(state = 'pending') = (finished_at is null)", name="finished"),
    comment="e-mails to the administrators; each tells of the notices that point to it",
)
Index("ix_mail_due", mail.c.due_at, postgresql_where=mail.c.state == "pending")
Index("ix_mail_created_at", mail.c.created_at)

notice = Table(
    "notice",
    METADATA,
    Column("notice_id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    Column("event_id", Uuid),
    tables.time("created_at"),
    # The e-mail that tells of it, if one does.
    Column("mail_id", BigInteger, ForeignKey(mail.c.mail_id, ondelete="SET NULL")),
    UniqueConstraint("event_id", "kind"),
)
Index("ix_notice_created_at", notice.c.created_at)
Index("ix_notice_mail_id", notice.c.mail_id, postgresql_where=notice.c.mail_id.is_not(None))

notice_read = Table(
    "notice_read",
    METADATA,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("notice_id", BigInteger, ForeignKey(notice.c.notice_id, ondelete="CASCADE"), primary_key=True),
    tables.time("read_at"),
)
Index("ix_notice_read_notice_id", notice_read.c.notice_id)

notices_read = Table(
    "notices_read",
    METADATA,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    # Whoever reads all at once leaves one row: every notice up to this one. So what is unread is looked for behind the
    # last of them, not among all there ever were.
    Column("through", BigInteger, primary_key=True, autoincrement=False),
    tables.time("read_at"),
)
