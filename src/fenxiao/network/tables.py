"""The tables of schema `network`."""

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
    func,
)

from fenxiao.infra.db import tables

METADATA = tables.schema("network")

_STATUSES = "status in ('pending', 'active', 'suspended')"

grade = Table(
    "grade",
    METADATA,
    Column("grade", Text, CheckConstraint("grade <> ''", name="grade"), primary_key=True),
    Column("rank", Integer, CheckConstraint("rank >= 1", name="rank"), nullable=False, unique=True),
    tables.time("created_at"),
)

distributor = Table(
    "distributor",
    METADATA,
    Column("distributor_id", BigInteger, Identity(), primary_key=True),
    Column("external_id", Text, unique=True),
    # The login; people brought in by an import have none yet.
    Column("account_id", BigInteger, unique=True),
    Column("display_name", Text, nullable=False),
    Column("phone_sealed", LargeBinary),
    Column("email_sealed", LargeBinary),
    Column("sponsor_id", BigInteger, ForeignKey("network.distributor.distributor_id")),
    # Derived from the sponsors and rebuildable: the ids from the root down to this one, four bytes each.
    Column("path", LargeBinary, nullable=False, unique=True),
    Column("status", Text, CheckConstraint(_STATUSES, name="status"), nullable=False),
    Column("grade", Text, ForeignKey(grade.c.grade)),
    Column("earns", Boolean, nullable=False),
    Column("invite_code", Text, nullable=False, unique=True),
    tables.time("joined_at"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    # A path holds four bytes per id.
    CheckConstraint("distributor_id between 1 and 4294967295", name="distributor_id"),
    CheckConstraint("octet_length(path) between 4 and 2400 and octet_length(path) % 4 = 0", name="path"),
    CheckConstraint("(sponsor_id is null) = (octet_length(path) = 4)", name="root"),
    CheckConstraint("sponsor_id <> distributor_id", name="sponsor"),
    CheckConstraint("earns or sponsor_id is null", name="direct"),
)
# Each filter of the list walks one of these from the cursor on.
for _filter in (distributor.c.sponsor_id, distributor.c.grade, distributor.c.status):
    Index(f"ix_distributor_{_filter.name}_distributor_id", _filter, distributor.c.distributor_id)
# Every character and every pair of neighbours in the name: Chinese has no spaces, and names of two characters.
NAMED = func.network.folded(distributor.c.display_name)
GRAMS = func.network.grams(NAMED)
Index("ix_distributor_grams", GRAMS, postgresql_using="gin")

tree = Table(
    "tree",
    METADATA,
    # One row. Its row lock is the tree's lock: held by every change from the first look until the commit.
    Column("one", Boolean, CheckConstraint("one", name="one"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    # Of the last change that was no registration; a registration changes nobody's upline.
    tables.time("changed_at", nullable=True),
)

tree_change = Table(
    "tree_change",
    METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "kind",
        Text,
        CheckConstraint("kind in ('registered', 'moved', 'standing')", name="kind"),
        nullable=False,
    ),
    tables.time("at"),
    comment=tables.APPEND_ONLY + ": when the tree came to each version",
)
Index(
    "ix_tree_change_at",
    tree_change.c.at,
    tree_change.c.version,
    postgresql_where=tree_change.c.kind != "registered",
)


def _history(name: str, *columns: "Column[object]", owner: str = "distributor") -> Table:
    """What was true of a distributor, stretch by stretch without gaps; `valid_to` is infinity in the last one."""
    history = Table(
        name,
        METADATA,
        Column("distributor_id", BigInteger, ForeignKey(f"network.{owner}.distributor_id"), primary_key=True),
        Column("from_version", BigInteger, primary_key=True, autoincrement=False),
        Column("to_version", BigInteger),
        tables.time("valid_from"),
        tables.time("valid_to"),
        *columns,
        CheckConstraint("to_version > from_version", name="versions"),
        CheckConstraint("valid_to >= valid_from", name="times"),
        CheckConstraint("(to_version is null) = (valid_to = 'infinity')", name="open"),
    )
    Index(
        f"uq_{name}_open",
        history.c.distributor_id,
        unique=True,
        postgresql_where=history.c.to_version.is_(None),
    )
    Index(f"ix_{name}_valid_to", history.c.distributor_id, history.c.valid_to, history.c.from_version)
    return history


sponsor_link = _history(
    "sponsor_link",
    Column("sponsor_id", BigInteger, ForeignKey(distributor.c.distributor_id), index=True),
    Column(
        "source",
        Text,
        CheckConstraint(
            "source in ('operator', 'invite_code', 'first_order', 'import', 'lifetime')", name="source"
        ),
        nullable=False,
    ),
    Column("evidence", Text, nullable=False),
)
# Bindings whose lifetime ends are the oldest of those that were made under one version of the policy.
Index(
    "ix_sponsor_link_bound",
    sponsor_link.c.valid_from,
    sponsor_link.c.distributor_id,
    postgresql_where=sponsor_link.c.to_version.is_(None) & sponsor_link.c.sponsor_id.is_not(None),
)

binding_policy = Table(
    "binding_policy",
    METADATA,
    Column("policy_id", BigInteger, Identity(), primary_key=True),
    tables.time("since"),
    # None: not protected, without end.
    Column(
        "protection_days", Integer, CheckConstraint("protection_days between 1 and 36500", name="protection")
    ),
    Column("lifetime_days", Integer, CheckConstraint("lifetime_days between 1 and 36500", name="lifetime")),
    Column("actor", Text, nullable=False),
    comment=tables.APPEND_ONLY + ": versions of the policy that bindings are made under",
)

standing = _history(
    "standing",
    Column("status", Text, CheckConstraint(_STATUSES, name="status"), nullable=False),
    Column("grade", Text, ForeignKey(grade.c.grade)),
)

placement_tree = Table(
    "placement_tree",
    METADATA,
    # One row. Its row lock is the lock of the placement tree: held by every change from the first look until the commit.
    Column("one", Boolean, CheckConstraint("one", name="one"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("width", Integer, CheckConstraint("width between 1 and 200", name="width"), nullable=False),
    tables.time("changed_at", nullable=True),
)

placement = Table(
    "placement",
    METADATA,
    Column("distributor_id", BigInteger, ForeignKey(distributor.c.distributor_id), primary_key=True),
    Column("parent_id", BigInteger, ForeignKey("network.placement.distributor_id")),
    # 1 is the left one; None for whoever has nobody above.
    Column("position", Integer, CheckConstraint("position between 1 and 200", name="position")),
    # Derived from parents and positions and rebuildable: the root's id, four bytes, then one byte per position.
    Column("path", LargeBinary, nullable=False, unique=True),
    # Whether a position below is free.
    Column("open", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    UniqueConstraint("parent_id", "position"),
    CheckConstraint("(parent_id is null) = (position is null)", name="parent"),
    CheckConstraint("(parent_id is null) = (octet_length(path) = 4)", name="root"),
    CheckConstraint("octet_length(path) between 4 and 2004", name="path"),
    CheckConstraint("parent_id <> distributor_id", name="itself"),
)
# The next free place, level by level: one step of an index for each level.
Index(
    "ix_placement_open",
    func.octet_length(placement.c.path),
    placement.c.path,
    postgresql_where=placement.c.open,
)

# Of placements, not of distributors: rows of those change under the sponsor tree's lock, and who holds one tree's lock
# must not wait for two rows of the other.
placement_link = _history(
    "placement_link",
    Column("parent_id", BigInteger, ForeignKey(placement.c.distributor_id), index=True),
    Column("position", Integer),
    Column("source", Text, CheckConstraint("source in ('operator', 'spill')", name="source"), nullable=False),
    Column("actor", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    owner="placement",
)

registration_count = Table(
    "registration_count",
    METADATA,
    # SHA-256 of an address: the table names nobody.
    Column("subject", LargeBinary, primary_key=True),
    Column("tries", Integer, nullable=False),
    tables.time("window_ends"),
    CheckConstraint("tries >= 1", name="tries"),
)
Index("ix_registration_count_window_ends", registration_count.c.window_ends)
