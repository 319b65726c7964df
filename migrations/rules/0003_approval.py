"""rules: approval by a second person."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # For as long as this connection lasts: a lock that is not to be had makes the migration fail, not the service wait.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    # What is built beside those who write comes first: the rest is one transaction, which a kill undoes as a whole.
    with op.get_context().autocommit_block():
        op.execute("""drop index concurrently if exists rules.ix_rules_checked;""")
        op.execute(
            """
            create index concurrently if not exists ix_rules_checked on rules.rules (rule_id) where state = 'checked';
            """
        )
    op.execute(
        """
        alter table rules.rules
          add column if not exists changed_by text[] not null default '{}',
          add column if not exists checked_at timestamptz,
          add column if not exists checked_by text,
          add column if not exists approved_at timestamptz,
          add column if not exists approved_by text;
        """
    )
    op.execute(
        """
        alter table rules.legal_limit
          add column if not exists min_notice_days bigint not null default 0,
          add column if not exists plan_approval text not null default 'none';
        """
    )
    _constraints()


def _constraints() -> None:
    op.drop_constraint(op.f("ck_rules_state"), "rules", schema="rules", type_="check")
    checks = (
        ("state", "state in ('draft', 'checked', 'published')"),
        (
            "reviewed",
            (
                "(checked_at is null) = (checked_by is null) and (approved_at is null) = (approved_by is null)"
                " and (approved_at is null or checked_at is not null) and (state <> 'draft' or checked_at is null)"
                " and (state <> 'checked' or checked_at is not null)"
            ),
        ),
        ("second_person", "approved_by <> created_by and approved_by <> all (changed_by)"),
    )
    # First for new rows alone, then for those that are there: the second step reads beside whoever writes.
    for name, condition in checks:
        op.create_check_constraint(
            op.f(f"ck_rules_{name}"), "rules", condition, schema="rules", postgresql_not_valid=True
        )
    for name, _ in checks:
        op.execute(f"alter table rules.rules validate constraint ck_rules_{name}")
