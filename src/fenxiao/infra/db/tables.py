"""The tables that every schema has once: outbox, inbox, idempotency, hold outcomes, runs."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
APPEND_ONLY = "append-only"
"""A table whose comment begins with this word gets no UPDATE and no DELETE right for its service's role."""


def time(name: str, *, nullable: bool = False, default_now: bool = False) -> "Column[object]":
    """A moment, with its offset."""
    return Column(
        name,
        DateTime(timezone=True),
        nullable=nullable,
        server_default=text("now()") if default_now else None,
    )


def schema(name: str) -> MetaData:
    """The metadata of a context's schema, with the standard tables in it."""
    metadata = MetaData(schema=name, naming_convention=NAMING)
    _events(metadata)
    _marks(metadata)
    _runs(metadata)
    return metadata


def _events(metadata: MetaData) -> None:
    outbox = Table(
        "outbox",
        metadata,
        Column("seq", BigInteger, Identity(), primary_key=True),
        Column("event_id", Uuid, nullable=False),
        Column("type", Text, nullable=False),
        Column("subject", Text, nullable=False),
        time("time"),
        Column("data", JSONB, nullable=False),
        Column("actor", Text, nullable=False),
        time("published_at", nullable=True),
    )
    Index("ix_outbox_unpublished", outbox.c.seq, postgresql_where=outbox.c.published_at.is_(None))
    Index(
        "ix_outbox_published_at", outbox.c.published_at, postgresql_where=outbox.c.published_at.is_not(None)
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Uuid, primary_key=True),
        Column("state", Text, CheckConstraint("state in ('done', 'parked')", name="state"), nullable=False),
        time("received_at"),
        Column("error", Text),
        Column("attempts", Integer, nullable=False, server_default="0"),
        time("next_attempt_at", nullable=True),
        Column("envelope", JSONB),
    )
    Index("ix_inbox_parked", inbox.c.next_attempt_at, postgresql_where=inbox.c.state == "parked")


def _marks(metadata: MetaData) -> None:
    Table(
        "idempotency",
        metadata,
        Column("account", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("digest", LargeBinary, nullable=False),
        Column("answer", LargeBinary, nullable=False),
        time("created_at", default_now=True),
    )
    Table(
        "hold_outcome",
        metadata,
        Column("holder", Text, primary_key=True),
        Column("hold_id", BigInteger, primary_key=True, autoincrement=False),
        Column(
            "outcome",
            Text,
            CheckConstraint("outcome in ('committed', 'fenced')", name="outcome"),
            nullable=False,
        ),
        time("created_at", default_now=True),
    )


def _runs(metadata: MetaData) -> None:
    states = "state in ('queued', 'running', 'done', 'failed', 'cancelled')"
    run = Table(
        "run",
        metadata,
        Column("run_id", BigInteger, Identity(), primary_key=True),
        Column("kind", Text, nullable=False),
        Column("parameters", JSONB, nullable=False),
        Column("state", Text, CheckConstraint(states, name="state"), nullable=False, server_default="queued"),
        Column("cursor", JSONB),
        Column("done", BigInteger, nullable=False, server_default="0"),
        Column("total", BigInteger),
        Column("result", JSONB),
        Column("error", Text),
        Column("cancel", Boolean, nullable=False, server_default="false"),
        Column("actor", Text, nullable=False),
        time("lease_until", nullable=True),
        time("created_at", default_now=True),
        time("updated_at", default_now=True),
    )
    Index("ix_run_open", run.c.run_id, postgresql_where=run.c.state.in_(("queued", "running")))
