"""commission: entries of a distributor by currency.

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
        op.execute("""drop index concurrently if exists commission.ix_commission_distributor_id_currency;""")
        op.execute(
            """
            create index concurrently if not exists ix_commission_distributor_id_currency on commission.commission (distributor_id, currency, commission_id);
            """
        )
        op.execute("""drop index concurrently if exists commission.ix_commission_maturing;""")
        op.execute(
            """
            create index concurrently if not exists ix_commission_maturing on commission.commission (distributor_id, currency, release_at) where status = 'pending';
            """
        )
        op.execute(
            """drop index concurrently if exists commission.ix_commission_distributor_id_commission_id;"""
        )
        op.execute("""drop index concurrently if exists commission.ix_commission_pending;""")
