"""orders: payment limits, discounts, shipping, tax."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _policy()
    _columns()
    _constraints()
    _indexes()


def _policy() -> None:
    op.create_table(
        "order_policy",
        sa.Column("policy_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_minutes", sa.Integer(), nullable=True),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("payment_minutes > 0", name=op.f("ck_order_policy_payment_minutes")),
        sa.PrimaryKeyConstraint("policy_id", name=op.f("pk_order_policy")),
        schema="orders",
        comment="append-only: versions of the policy that orders are placed under",
    )
    op.create_index(
        "ix_order_policy_effective_from",
        "order_policy",
        ["effective_from", "policy_id"],
        unique=False,
        schema="orders",
    )
    # Where orders are being taken already, none of them begins to run out because the software was renewed.
    op.execute(
        """
        insert into orders.order_policy (payment_minutes, effective_from, actor)
        select case when exists (select from orders.orders) then null else 1440 end, '1970-01-01T00:00:00Z', 'system';
        """
    )


def _columns() -> None:
    for table, name in (
        ("orders", "discount_minor"),
        ("orders", "shipping_minor"),
        ("orders", "tax_minor"),
        ("order_line", "order_discount_minor"),
        ("refund", "shipping_minor"),
        ("refund", "tax_minor"),
    ):
        op.add_column(
            table, sa.Column(name, sa.BigInteger(), server_default="0", nullable=False), schema="orders"
        )
    op.add_column("orders", sa.Column("pay_by", sa.DateTime(timezone=True), nullable=True), schema="orders")
    op.add_column("order_history", sa.Column("reason", sa.Text(), nullable=True), schema="orders")


def _constraints() -> None:
    op.drop_constraint(op.f("ck_refund_kind"), "refund", schema="orders", type_="check")
    checks = (
        ("refund", "kind", "kind in ('units', 'amount', 'charges')"),
        ("refund", "shipping", "shipping_minor >= 0"),
        ("refund", "tax", "tax_minor >= 0"),
        ("order_line", "order_discount", "order_discount_minor between 0 and discount_minor"),
        ("orders", "discount", "discount_minor >= 0"),
        ("orders", "shipping", "shipping_minor >= 0"),
        ("orders", "tax", "tax_minor >= 0"),
        ("orders", "charges", "shipping_minor + tax_minor <= total_minor"),
        ("orders", "pay_by", "pay_by > created_at"),
    )
    # First for new rows alone, then for those that are there: the second step reads beside whoever writes.
    for table, name, condition in checks:
        op.create_check_constraint(
            op.f(f"ck_{table}_{name}"), table, condition, schema="orders", postgresql_not_valid=True
        )
    for table, name, _ in checks:
        op.execute(f"alter table orders.{table} validate constraint ck_{table}_{name}")


def _indexes() -> None:
    op.create_index("ix_order_line_product_id", "order_line", ["product_id", "order_id"], schema="orders")
    op.create_index(
        "ix_orders_buyer_index",
        "orders",
        ["buyer_index", "created_at", "order_id"],
        schema="orders",
        postgresql_where=sa.text("buyer_index IS NOT NULL"),
    )
    op.create_index("ix_orders_currency_total_minor", "orders", ["currency", "total_minor"], schema="orders")
    op.create_index(
        "ix_orders_paid_at",
        "orders",
        ["paid_at"],
        schema="orders",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": True},
    )
    op.create_index(
        "ix_orders_pay_by",
        "orders",
        ["pay_by", "order_id"],
        schema="orders",
        postgresql_where=sa.text("status = 'pending' AND pay_by IS NOT NULL"),
    )
