"""network: the placement tree; protection time and lifetime of bindings.

The table of sponsors may be large and in use: its index is built beside those who write, so outside a transaction, and
first: the rest is one transaction, which a kill undoes as a whole.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # For as long as this connection lasts: a lock that is not to be had makes the migration fail, not the service wait.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    with op.get_context().autocommit_block():
        op.execute("""drop index concurrently if exists network.ix_sponsor_link_bound;""")
        op.execute(
            """
            create index concurrently if not exists ix_sponsor_link_bound on network.sponsor_link (valid_from, distributor_id)
              where to_version is null and sponsor_id is not null;
            """
        )
    _tree()
    _placement()
    _history()
    _bindings()


def _tree() -> None:
    op.create_table(
        "placement_tree",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("one", name=op.f("ck_placement_tree_one")),
        sa.CheckConstraint("width between 1 and 200", name=op.f("ck_placement_tree_width")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_placement_tree")),
        schema="network",
    )


def _placement() -> None:
    op.create_table(
        "placement",
        sa.Column("distributor_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.CheckConstraint("position between 1 and 200", name=op.f("ck_placement_position")),
        sa.CheckConstraint("(parent_id is null) = (position is null)", name=op.f("ck_placement_parent")),
        sa.CheckConstraint("(parent_id is null) = (octet_length(path) = 4)", name=op.f("ck_placement_root")),
        sa.CheckConstraint("octet_length(path) between 4 and 2004", name=op.f("ck_placement_path")),
        sa.CheckConstraint("parent_id <> distributor_id", name=op.f("ck_placement_itself")),
        sa.ForeignKeyConstraint(
            ["distributor_id"],
            ["network.distributor.distributor_id"],
            name=op.f("fk_placement_distributor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["network.placement.distributor_id"], name=op.f("fk_placement_parent_id")
        ),
        sa.PrimaryKeyConstraint("distributor_id", name=op.f("pk_placement")),
        sa.UniqueConstraint("path", name=op.f("uq_placement_path")),
        sa.UniqueConstraint("parent_id", "position", name=op.f("uq_placement_parent_id_position")),
        schema="network",
    )
    op.create_index(
        "ix_placement_open",
        "placement",
        [sa.text("octet_length(path)"), "path"],
        schema="network",
        postgresql_where=sa.text("open"),
    )


def _history() -> None:
    op.create_table(
        "placement_link",
        sa.Column("distributor_id", sa.BigInteger(), nullable=False),
        sa.Column("from_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_version", sa.BigInteger(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.CheckConstraint("source in ('operator', 'spill')", name=op.f("ck_placement_link_source")),
        sa.CheckConstraint("to_version > from_version", name=op.f("ck_placement_link_versions")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_placement_link_times")),
        sa.CheckConstraint(
            "(to_version is null) = (valid_to = 'infinity')", name=op.f("ck_placement_link_open")
        ),
        sa.ForeignKeyConstraint(
            ["distributor_id"],
            ["network.placement.distributor_id"],
            name=op.f("fk_placement_link_distributor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["network.placement.distributor_id"], name=op.f("fk_placement_link_parent_id")
        ),
        sa.PrimaryKeyConstraint("distributor_id", "from_version", name=op.f("pk_placement_link")),
        schema="network",
    )
    op.create_index(op.f("ix_placement_link_parent_id"), "placement_link", ["parent_id"], schema="network")
    op.create_index(
        "ix_placement_link_valid_to",
        "placement_link",
        ["distributor_id", "valid_to", "from_version"],
        schema="network",
    )
    op.create_index(
        "uq_placement_link_open",
        "placement_link",
        ["distributor_id"],
        unique=True,
        schema="network",
        postgresql_where=sa.text("to_version IS NULL"),
    )


def _bindings() -> None:
    op.create_table(
        "binding_policy",
        sa.Column("policy_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("protection_days", sa.Integer(), nullable=True),
        sa.Column("lifetime_days", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint("protection_days between 1 and 36500", name=op.f("ck_binding_policy_protection")),
        sa.CheckConstraint("lifetime_days between 1 and 36500", name=op.f("ck_binding_policy_lifetime")),
        sa.PrimaryKeyConstraint("policy_id", name=op.f("pk_binding_policy")),
        schema="network",
        comment="append-only: versions of the policy that bindings are made under",
    )
    op.drop_constraint(op.f("ck_sponsor_link_source"), "sponsor_link", schema="network", type_="check")
    op.create_check_constraint(
        op.f("ck_sponsor_link_source"),
        "sponsor_link",
        "source in ('operator', 'invite_code', 'first_order', 'import', 'lifetime')",
        schema="network",
        postgresql_not_valid=True,
    )
    # First for new rows alone, then for those that are there: the second step reads beside whoever writes.
    op.execute("alter table network.sponsor_link validate constraint ck_sponsor_link_source")
