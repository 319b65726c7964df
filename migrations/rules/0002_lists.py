"""rules: indexes for every filter of the list of versions.

The tables may hold millions of rows and be in use: their indexes are built beside those who write, so outside a
transaction. Each is dropped first, because a build that was killed leaves one that is never used.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # For as long as this connection lasts: an index on millions of rows takes minutes; who was begun before is waited for.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    with op.get_context().autocommit_block():
        op.execute("""drop index concurrently if exists rules.ix_rules_name_rule_id;""")
        op.execute(
            """
            create index concurrently if not exists ix_rules_name_rule_id on rules.rules (name, rule_id);
            """
        )
        op.execute("""drop index concurrently if exists rules.ix_rules_currency_rule_id;""")
        op.execute(
            """
            create index concurrently if not exists ix_rules_currency_rule_id on rules.rules (currency, rule_id);
            """
        )
        op.execute("""drop index concurrently if exists rules.ix_rules_draft;""")
        op.execute(
            """
            create index concurrently if not exists ix_rules_draft on rules.rules (rule_id) where state = 'draft';
            """
        )
        op.execute("""drop index concurrently if exists rules.ix_rules_lasting;""")
        op.execute(
            """
            create index concurrently if not exists ix_rules_lasting on rules.rules (coalesce(effective_to, 'infinity'::timestamptz)) where state = 'published';
            """
        )
