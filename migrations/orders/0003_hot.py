"""orders: external ids are unique, and cost an order without one nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists orders.uq_orders_external_id")
        op.create_index(
            "uq_orders_external_id",
            "orders",
            ["external_id", "channel"],
            unique=True,
            schema="orders",
            postgresql_where=sa.text("external_id IS NOT NULL"),
            postgresql_concurrently=True,
        )
    op.drop_constraint(op.f("uq_orders_channel_external_id"), "orders", schema="orders", type_="unique")
