"""orders: what a person sold before a moment.

The tables may hold millions of rows and be in use: the index is built beside those who write, so outside a
transaction. It is dropped first, because a build that was killed leaves one that is never used.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # For as long as this connection lasts: an index on millions of rows takes minutes; who was begun before is waited for.
    op.execute("set lock_timeout = '1min';")
    op.execute("set statement_timeout = '1h';")
    # Rows keep what they have; from now on those of one transaction are recorded one after another.
    op.execute("alter table orders.order_history alter column recorded_at set default statement_timestamp();")
    op.execute("alter table orders.refund alter column recorded_at set default statement_timestamp();")
    with op.get_context().autocommit_block():
        for table, column in (
            ("orders", "completed_at"),
            ("refund", "recorded_at"),
            ("order_history", "recorded_at"),
        ):
            op.execute(f"drop index concurrently if exists orders.ix_{table}_{column}")
            op.create_index(
                f"ix_{table}_{column}",
                table,
                [column],
                schema="orders",
                postgresql_using="brin",
                postgresql_with={"pages_per_range": 16, "autosummarize": True},
                postgresql_concurrently=True,
            )
        op.execute("drop index concurrently if exists orders.ix_orders_distributor_id_paid_at")
        op.create_index(
            "ix_orders_distributor_id_paid_at",
            "orders",
            ["distributor_id", "paid_at", "order_id"],
            schema="orders",
            postgresql_where=sa.text("paid_at IS NOT NULL"),
            postgresql_concurrently=True,
        )
