"""The tables of schema `rules`."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint

from fenxiao.infra.db import tables

METADATA = tables.schema("rules")

# A currency as a range of one number: a GiST index compares ranges by itself, texts only with an extension
# that not every server has.
CURRENCY_AS_RANGE = (
    "int4range(ascii(substr(currency, 1, 1)) * 65536 + ascii(substr(currency, 2, 1)) * 256"
    " + ascii(substr(currency, 3, 1)),"
    " ascii(substr(currency, 1, 1)) * 65536 + ascii(substr(currency, 2, 1)) * 256"
    " + ascii(substr(currency, 3, 1)), '[]')"
)

rules = Table(
    "rules",
    METADATA,
    Column("rule_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, CheckConstraint("version >= 1", name="version"), nullable=False),
    Column("currency", Text, CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"), nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('draft', 'checked', 'published')", name="state"),
        nullable=False,
    ),
    # Counts the changes of a draft; its ETag.
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("document", JSONB, nullable=False),
    Column(
        "document_hash",
        LargeBinary,
        CheckConstraint("length(document_hash) = 32", name="hash"),
        nullable=False,
    ),
    tables.time("announced_at", nullable=True),
    tables.time("effective_from", nullable=True),
    tables.time("effective_to", nullable=True),
    Column("created_by", Text, nullable=False),
    tables.time("created_at"),
    tables.time("updated_at"),
    Column("published_by", Text),
    # Whoever changed the draft, besides its creator: none of them may approve it.
    Column("changed_by", ARRAY(Text), nullable=False, server_default="{}"),
    # Void as soon as the document changes.
    tables.time("checked_at", nullable=True),
    Column("checked_by", Text),
    tables.time("approved_at", nullable=True),
    Column("approved_by", Text),
    UniqueConstraint("name", "version"),
    CheckConstraint(
        "(state = 'published') = (announced_at is not null) and (state = 'published') = (effective_from is not null)"
        " and (state = 'published') = (published_by is not null) and (state = 'published' or effective_to is null)",
        name="published",
    ),
    CheckConstraint(
        "(checked_at is null) = (checked_by is null) and (approved_at is null) = (approved_by is null)"
        " and (approved_at is null or checked_at is not null) and (state <> 'draft' or checked_at is null)"
        " and (state <> 'checked' or checked_at is not null)",
        name="reviewed",
    ),
    CheckConstraint("approved_by <> created_by and approved_by <> all (changed_by)", name="second_person"),
    # One that ends where it begins was replaced before it took effect.
    CheckConstraint("effective_to is null or effective_to >= effective_from", name="interval"),
    ExcludeConstraint(
        (text(CURRENCY_AS_RANGE), "&&"),
        (text("tstzrange(effective_from, effective_to)"), "&&"),
        name="ex_rules_one_in_effect",
        using="gist",
        where=text("state = 'published'"),
    ),
    comment="plans and their versions; a trigger refuses every change of a published one but its end",
)
Index(
    "ix_rules_in_effect",
    rules.c.currency,
    rules.c.effective_from,
    postgresql_where=rules.c.state == "published",
)

# Each filter of the list walks one of these backwards from the cursor on.
Index("ix_rules_name_rule_id", rules.c.name, rules.c.rule_id)
Index("ix_rules_currency_rule_id", rules.c.currency, rules.c.rule_id)
Index("ix_rules_draft", rules.c.rule_id, postgresql_where=rules.c.state == "draft")
Index("ix_rules_checked", rules.c.rule_id, postgresql_where=rules.c.state == "checked")
# What is in effect or to come: few, whatever was before.
Index(
    "ix_rules_lasting",
    func.coalesce(rules.c.effective_to, text("'infinity'::timestamptz")),
    postgresql_where=rules.c.state == "published",
)

legal_limit = Table(
    "legal_limit",
    METADATA,
    Column("legal_limit_id", BigInteger, Identity(), primary_key=True),
    tables.time("since"),
    Column("jurisdiction", Text, nullable=False),
    Column("max_upline_levels", Integer),
    Column("min_notice_days", BigInteger, nullable=False, server_default="0"),
    Column("plan_approval", Text, nullable=False, server_default="none"),
    comment="append-only: under which limits of the server's settings plans were checked since when",
)
