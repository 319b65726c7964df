"""The tables of schema `network`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
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
    # Since when nothing here says who it is. Id, place in the tree and history stay: the book rests on them.
    tables.time("erased_at", nullable=True),
    # A path holds four bytes per id.
    CheckConstraint("distributor_id between 1 and 4294967295", name="distributor_id"),
    CheckConstraint("octet_length(path) between 4 and 2400 and octet_length(path) % 4 = 0", name="path"),
    CheckConstraint("(sponsor_id is null) = (octet_length(path) = 4)", name="root"),
    CheckConstraint("sponsor_id <> distributor_id", name="sponsor"),
    CheckConstraint("earns or sponsor_id is null", name="direct"),
    CheckConstraint(
        "erased_at is null or (account_id is null and external_id is null and phone_sealed is null"
        " and email_sealed is null and status = 'suspended')",
        name="erased",
    ),
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

_LED = ["network.team_member.team_id", "network.team_member.distributor_id"]
_KINDS = "('created', 'renamed', 'moved', 'led', 'joined', 'left', 'dissolved')"

team_tree = Table(
    "team_tree",
    METADATA,
    # One row. Its row lock is the lock of all teams, held as that of the sponsor tree is.
    Column("one", Boolean, CheckConstraint("one", name="one"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    tables.time("changed_at", nullable=True),
)

team = Table(
    "team",
    METADATA,
    Column("team_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, CheckConstraint("char_length(name) between 1 and 100", name="name"), nullable=False),
    Column(
        "status", Text, CheckConstraint("status in ('active', 'dissolved')", name="status"), nullable=False
    ),
    Column("leader_id", BigInteger, unique=True),
    Column("parent_id", BigInteger, ForeignKey("network.team.team_id")),
    # One below the parent's; of a team that was dissolved parent and level stay as they were.
    Column("level", Integer, CheckConstraint("level between 1 and 50", name="level"), nullable=False),
    Column("members", BigInteger, CheckConstraint("members >= 0", name="members"), nullable=False),
    tables.time("created_at"),
    tables.time("dissolved_at", nullable=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
    # The leader is one of the members; looked at when both are written.
    ForeignKeyConstraint(
        ["team_id", "leader_id"], _LED, deferrable=True, initially="DEFERRED", use_alter=True
    ),
    CheckConstraint("parent_id <> team_id", name="itself"),
    CheckConstraint("(parent_id is null) = (level = 1)", name="top"),
    CheckConstraint("(status = 'dissolved') = (dissolved_at is not null)", name="dissolved_at"),
    CheckConstraint("(status = 'dissolved') = (leader_id is null)", name="led"),
    CheckConstraint("(status = 'dissolved') = (members = 0)", name="empty"),
)
Index("ix_team_status_team_id", team.c.status, team.c.team_id)
Index("ix_team_level_status_team_id", team.c.level, team.c.status, team.c.team_id)
Index("ix_team_parent_id_status_team_id", team.c.parent_id, team.c.status, team.c.team_id)

team_member = Table(
    "team_member",
    METADATA,
    # Everybody who was ever in a team has one row, so nobody is in two; it stays when he leaves, with no team.
    Column("distributor_id", BigInteger, ForeignKey(distributor.c.distributor_id), primary_key=True),
    Column("team_id", BigInteger, ForeignKey(team.c.team_id)),
    tables.time("since", nullable=True),
    UniqueConstraint("team_id", "distributor_id"),
    CheckConstraint("(team_id is null) = (since is null)", name="since"),
)

# Of members, not of distributors, for the reason that placements have. Who is in no team has no stretch.
team_link = _history(
    "team_link",
    Column("team_id", BigInteger, ForeignKey(team.c.team_id), nullable=False),
    # When he joined; a stretch also begins where somebody comes to lead.
    tables.time("since"),
    Column("leads", Boolean, nullable=False),
    Column("actor", Text, nullable=False),
    owner="team_member",
)
Index("ix_team_link_team_id", team_link.c.team_id, team_link.c.distributor_id, team_link.c.from_version)

team_change = Table(
    "team_change",
    METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("team_id", BigInteger, ForeignKey(team.c.team_id), nullable=False, index=True),
    Column("kind", Text, CheckConstraint(f"kind in {_KINDS}", name="kind"), nullable=False),
    # Who leads from then on, has joined or has left; the new parent, null for none.
    Column("distributor_id", BigInteger),
    Column("parent_id", BigInteger),
    tables.time("at"),
    Column("actor", Text, nullable=False),
    CheckConstraint(
        "(kind in ('created', 'led', 'joined', 'left')) = (distributor_id is not null)", name="who"
    ),
    CheckConstraint("parent_id is null or kind in ('created', 'moved')", name="parent"),
    comment=tables.APPEND_ONLY + ": every change of a team; teams and memberships are what these come to",
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
