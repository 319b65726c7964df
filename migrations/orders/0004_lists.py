"""orders: the orders of a channel in the order of the list."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # For as long as this connection lasts: an index on millions of rows takes minutes; who was begun before is waited for.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    with op.get_context().autocommit_block():
        # A build that was killed leaves one that is never used.
        op.execute("""drop index concurrently if exists orders.ix_orders_channel;""")
        op.execute(
            """
            create index concurrently if not exists ix_orders_channel
              on orders.orders (channel, created_at, order_id) where channel <> 'api';
            """
        )
