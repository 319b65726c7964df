"""The tables of schema `identity`."""

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
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from fenxiao.infra.db import tables

METADATA = tables.schema("identity")

account = Table(
    "account",
    METADATA,
    Column("account_id", BigInteger, Identity(), primary_key=True),
    Column("username", Text, nullable=False),
    # The username folded, so that Wang and wang are one account.
    Column("username_key", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column(
        "state", Text, CheckConstraint("state in ('held', 'active', 'closed')", name="state"), nullable=False
    ),
    Column("distributor_id", BigInteger, unique=True),
    tables.time("created_at", default_now=True),
)

account_role = Table(
    "account_role",
    METADATA,
    Column("account_id", BigInteger, ForeignKey(account.c.account_id, ondelete="CASCADE"), primary_key=True),
    Column(
        "role",
        Text,
        CheckConstraint("role in ('ROLE_ADMIN', 'ROLE_DISTRIBUTOR')", name="role"),
        primary_key=True,
    ),
)

account_hold = Table(
    "account_hold",
    METADATA,
    Column("hold_id", BigInteger, Identity(), primary_key=True),
    Column("caller", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    # A released attempt's account is deleted, so that its username is free again.
    Column("account_id", BigInteger, ForeignKey(account.c.account_id, ondelete="SET NULL"), unique=True),
    Column("distributor_id", BigInteger, nullable=False),
    tables.time("deadline"),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('open', 'confirmed', 'released')", name="state"),
        nullable=False,
    ),
    tables.time("created_at", default_now=True),
    UniqueConstraint("caller", "key", "attempt"),
    CheckConstraint("attempt >= 1", name="attempt"),
    CheckConstraint("(account_id is null) = (state = 'released')", name="account"),
)
Index(
    "uq_account_hold_standing",
    account_hold.c.caller,
    account_hold.c.key,
    unique=True,
    postgresql_where=account_hold.c.state != "released",
)
Index("ix_account_hold_open", account_hold.c.deadline, postgresql_where=account_hold.c.state == "open")

session = Table(
    "session",
    METADATA,
    Column("session_id", Uuid, primary_key=True),
    Column(
        "account_id",
        BigInteger,
        ForeignKey(account.c.account_id, ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("client_id", Text, nullable=False),
    tables.time("created_at"),
    tables.time("revoked_at", nullable=True),
)
Index("ix_session_revoked_at", session.c.revoked_at, postgresql_where=session.c.revoked_at.is_not(None))

refresh_token = Table(
    "refresh_token",
    METADATA,
    # Only its SHA-256 is kept: who reads the table cannot sign in with it.
    Column("token_hash", LargeBinary, primary_key=True),
    Column(
        "session_id", Uuid, ForeignKey(session.c.session_id, ondelete="CASCADE"), nullable=False, index=True
    ),
    tables.time("expires_at"),
    tables.time("used_at", nullable=True),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
)
Index("ix_refresh_token_expires_at", refresh_token.c.expires_at)

login_failure = Table(
    "login_failure",
    METADATA,
    # SHA-256 of what is limited (an address, or an address with a username): the table names nobody.
    Column("subject", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    tables.time("window_ends"),
    CheckConstraint("failures >= 1", name="failures"),
)
Index("ix_login_failure_window_ends", login_failure.c.window_ends)

signing_key = Table(
    "signing_key",
    METADATA,
    Column("kid", Text, primary_key=True),
    Column("public", JSONB, nullable=False),
    Column("private_sealed", LargeBinary, nullable=False),
    tables.time("created_at"),
    # It signs no more from then on; it is published a little longer, until all it signed has expired.
    tables.time("retired_at", nullable=True),
)
Index(
    "uq_signing_key_current",
    signing_key.c.retired_at.is_(None),
    unique=True,
    postgresql_where=signing_key.c.retired_at.is_(None),
)

audit_log = Table(
    "audit_log",
    METADATA,
    # Without gaps: a deleted line shows as a missing number even before the hashes are looked at.
    Column("audit_id", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Uuid, nullable=False, unique=True),
    tables.time("at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("audit_id >= 1", name="audit_id"),
    CheckConstraint("octet_length(hash) = 32", name="hash"),
    comment=tables.APPEND_ONLY + ": who changed what, as a hash chain",
)
# Each filter of the log walks one of these backwards from the cursor on.
Index("ix_audit_log_at", audit_log.c.at, audit_log.c.audit_id)
for _filter in (audit_log.c.subject, audit_log.c.actor, audit_log.c.action):
    Index(f"ix_audit_log_{_filter.name}_at", _filter, audit_log.c.at, audit_log.c.audit_id)

audit_head = Table(
    "audit_head",
    METADATA,
    # One row: the last line of the log. Its row lock orders those who append; lines cut off at the end show here.
    Column("one", Boolean, CheckConstraint("one", name="one"), primary_key=True),
    Column("audit_id", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
