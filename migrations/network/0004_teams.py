"""network: teams, who is in them and who leads them, with their history."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _teams()
    _members()
    _stretches()
    _changes()


def _teams() -> None:
    op.create_table(
        "team_tree",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("one", name=op.f("ck_team_tree_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_team_tree")),
        schema="network",
    )
    op.create_table(
        "team",
        sa.Column("team_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("leader_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dissolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        *_rules_of_a_team(),
        sa.ForeignKeyConstraint(["parent_id"], ["network.team.team_id"], name=op.f("fk_team_parent_id")),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_team")),
        sa.UniqueConstraint("leader_id", name=op.f("uq_team_leader_id")),
        schema="network",
    )
    for columns in (["status"], ["level", "status"], ["parent_id", "status"]):
        name = f"ix_team_{'_'.join(columns)}_team_id"
        op.create_index(name, "team", [*columns, "team_id"], schema="network")


def _rules_of_a_team() -> list[sa.CheckConstraint]:
    rules = {
        "name": "char_length(name) between 1 and 100",
        "status": "status in ('active', 'dissolved')",
        "level": "level between 1 and 50",
        "members": "members >= 0",
        "itself": "parent_id <> team_id",
        "top": "(parent_id is null) = (level = 1)",
        "dissolved_at": "(status = 'dissolved') = (dissolved_at is not null)",
        "led": "(status = 'dissolved') = (leader_id is null)",
        "empty": "(status = 'dissolved') = (members = 0)",
    }
    return [sa.CheckConstraint(rule, name=op.f(f"ck_team_{name}")) for name, rule in rules.items()]


def _members() -> None:
    op.create_table(
        "team_member",
        sa.Column("distributor_id", sa.BigInteger(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(team_id is null) = (since is null)", name=op.f("ck_team_member_since")),
        sa.ForeignKeyConstraint(
            ["distributor_id"],
            ["network.distributor.distributor_id"],
            name=op.f("fk_team_member_distributor_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["network.team.team_id"], name=op.f("fk_team_member_team_id")),
        sa.PrimaryKeyConstraint("distributor_id", name=op.f("pk_team_member")),
        sa.UniqueConstraint("team_id", "distributor_id", name=op.f("uq_team_member_team_id_distributor_id")),
        schema="network",
    )
    # The leader is one of the members. Both are written together, so this is looked at when all is.
    op.create_foreign_key(
        op.f("fk_team_team_id_leader_id"),
        "team",
        "team_member",
        ["team_id", "leader_id"],
        ["team_id", "distributor_id"],
        source_schema="network",
        referent_schema="network",
        initially="DEFERRED",
        deferrable=True,
    )


def _stretches() -> None:
    op.create_table(
        "team_link",
        sa.Column("distributor_id", sa.BigInteger(), nullable=False),
        sa.Column("from_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_version", sa.BigInteger(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leads", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint("(to_version is null) = (valid_to = 'infinity')", name=op.f("ck_team_link_open")),
        sa.CheckConstraint("to_version > from_version", name=op.f("ck_team_link_versions")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_team_link_times")),
        sa.ForeignKeyConstraint(
            ["distributor_id"],
            ["network.team_member.distributor_id"],
            name=op.f("fk_team_link_distributor_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["network.team.team_id"], name=op.f("fk_team_link_team_id")),
        sa.PrimaryKeyConstraint("distributor_id", "from_version", name=op.f("pk_team_link")),
        schema="network",
    )
    for name, columns in {
        "ix_team_link_team_id": ["team_id", "distributor_id", "from_version"],
        "ix_team_link_valid_to": ["distributor_id", "valid_to", "from_version"],
    }.items():
        op.create_index(name, "team_link", columns, schema="network")
    op.create_index(
        "uq_team_link_open",
        "team_link",
        ["distributor_id"],
        unique=True,
        schema="network",
        postgresql_where=sa.text("to_version IS NULL"),
    )


def _changes() -> None:
    kinds = "kind in ('created', 'renamed', 'moved', 'led', 'joined', 'left', 'dissolved')"
    who = "(kind in ('created', 'led', 'joined', 'left')) = (distributor_id is not null)"
    op.create_table(
        "team_change",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint(kinds, name=op.f("ck_team_change_kind")),
        sa.CheckConstraint(who, name=op.f("ck_team_change_who")),
        sa.CheckConstraint(
            "parent_id is null or kind in ('created', 'moved')", name=op.f("ck_team_change_parent")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["network.team.team_id"], name=op.f("fk_team_change_team_id")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_team_change")),
        schema="network",
        comment="append-only: every change of a team; teams and memberships are what these come to",
    )
    op.create_index(op.f("ix_team_change_team_id"), "team_change", ["team_id"], schema="network")
