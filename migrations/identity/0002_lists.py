"""identity: indexes for every filter of the audit log.

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
        op.execute("""drop index concurrently if exists identity.ix_audit_log_at;""")
        op.execute(
            """
            create index concurrently if not exists ix_audit_log_at on identity.audit_log (at, audit_id);
            """
        )
        op.execute("""drop index concurrently if exists identity.ix_audit_log_subject_at;""")
        op.execute(
            """
            create index concurrently if not exists ix_audit_log_subject_at on identity.audit_log (subject, at, audit_id);
            """
        )
        op.execute("""drop index concurrently if exists identity.ix_audit_log_actor_at;""")
        op.execute(
            """
            create index concurrently if not exists ix_audit_log_actor_at on identity.audit_log (actor, at, audit_id);
            """
        )
        op.execute("""drop index concurrently if exists identity.ix_audit_log_action_at;""")
        op.execute(
            """
            create index concurrently if not exists ix_audit_log_action_at on identity.audit_log (action, at, audit_id);
            """
        )
        op.execute("""drop index concurrently if exists identity.ix_audit_log_subject;""")
