"""catalog: transfers, counts, recalls, low stock."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "stock_count",
        sa.Column("count_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (ended_at is null) and (state = 'open') = (ended_by is null)",
            name=op.f("ck_stock_count_ended"),
        ),
        sa.CheckConstraint("state in ('open', 'closed', 'cancelled')", name=op.f("ck_stock_count_state")),
        sa.PrimaryKeyConstraint("count_id", name=op.f("pk_stock_count")),
        schema="catalog",
    )
    op.create_table(
        "stock_count_line",
        sa.Column("count_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("expiry_date", sa.Date(), nullable=True),
        sa.Column("snapshot", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        sa.Column("book", sa.BigInteger(), nullable=True),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted_by", sa.Text(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(counted is null) = (book is null) and (counted is null) = (counted_at is null) and (counted is null) = (counted_by is null)",
            name=op.f("ck_stock_count_line_entered"),
        ),
        sa.CheckConstraint("book >= 0", name=op.f("ck_stock_count_line_book")),
        sa.CheckConstraint("counted >= 0", name=op.f("ck_stock_count_line_counted")),
        sa.CheckConstraint("length(batch_id) between 1 and 64", name=op.f("ck_stock_count_line_batch_id")),
        sa.CheckConstraint("snapshot >= 0", name=op.f("ck_stock_count_line_snapshot")),
        sa.ForeignKeyConstraint(
            ["count_id"], ["catalog.stock_count.count_id"], name=op.f("fk_stock_count_line_count_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.stock.product_id"], name=op.f("fk_stock_count_line_product_id")
        ),
        sa.PrimaryKeyConstraint("count_id", "line", name=op.f("pk_stock_count_line")),
        sa.UniqueConstraint(
            "count_id",
            "product_id",
            "batch_id",
            name=op.f("uq_stock_count_line_count_id_product_id_batch_id"),
        ),
        schema="catalog",
    )
    op.create_index(
        "uq_stock_count_line_open",
        "stock_count_line",
        ["product_id", "batch_id"],
        unique=True,
        schema="catalog",
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "batch_recall",
        sa.Column("recall_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("inventory_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recalled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_movement", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_reason", sa.Text(), nullable=True),
        sa.Column("until_movement", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(lifted_at is null) = (until_movement is null) and (lifted_at is null) = (lifted_by is null) and (lifted_at is null) = (lifted_reason is null)",
            name=op.f("ck_batch_recall_lifted"),
        ),
        sa.CheckConstraint("length(reason) between 1 and 255", name=op.f("ck_batch_recall_reason")),
        sa.ForeignKeyConstraint(
            ["inventory_id"], ["catalog.inventory.inventory_id"], name=op.f("fk_batch_recall_inventory_id")
        ),
        sa.PrimaryKeyConstraint("recall_id", name=op.f("pk_batch_recall")),
        schema="catalog",
    )
    op.create_index(
        op.f("ix_batch_recall_inventory_id"), "batch_recall", ["inventory_id"], unique=False, schema="catalog"
    )
    op.create_index(
        "uq_batch_recall_standing",
        "batch_recall",
        ["inventory_id"],
        unique=True,
        schema="catalog",
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.add_column(
        "inventory",
        sa.Column("recalled", sa.Boolean(), server_default="false", nullable=False),
        schema="catalog",
    )
    op.create_index(
        "ix_inventory_expiry_date",
        "inventory",
        ["expiry_date", "product_id"],
        unique=False,
        schema="catalog",
        postgresql_where=sa.text("expiry_date IS NOT NULL"),
    )
    op.add_column("stock", sa.Column("alert_threshold", sa.BigInteger(), nullable=True), schema="catalog")
    op.add_column(
        "stock", sa.Column("low", sa.Boolean(), server_default="false", nullable=False), schema="catalog"
    )
    op.create_index(
        "ix_stock_low",
        "stock",
        ["product_id"],
        unique=False,
        schema="catalog",
        postgresql_where=sa.text("low"),
    )
    op.create_index(
        "ix_stock_watched",
        "stock",
        ["product_id"],
        unique=False,
        schema="catalog",
        postgresql_where=sa.text("alert_threshold IS NOT NULL"),
    )
    op.create_index(
        "ix_stock_movement_inventory_id",
        "stock_movement",
        ["inventory_id", "order_id"],
        unique=False,
        schema="catalog",
    )
    op.create_check_constraint(
        op.f("ck_stock_alert_threshold"), "stock", "alert_threshold >= 0", schema="catalog"
    )
    op.create_check_constraint(
        op.f("ck_stock_low"), "stock", "alert_threshold is not null or not low", schema="catalog"
    )
    op.execute(
        """
        update catalog.stock s set alert_threshold = p.alert_threshold
        from catalog.product p where p.product_id = s.product_id and p.alert_threshold is not null;
        """
    )
    # What is low already is told now, as it will be from here on when it falls.
    op.execute(
        """
        with present as (
          select s.product_id, s.alert_threshold as threshold,
                 greatest(0, sum(case when i.expiry_date < (now() at time zone 'UTC')::date then 0 else i.stock end)
                             - s.reserved)::bigint as sellable
          from catalog.stock s join catalog.inventory i using (product_id)
          where s.alert_threshold is not null group by s.product_id),
        fallen as (
          update catalog.stock s set low = true from present p
          where p.product_id = s.product_id and p.sellable < p.threshold
          returning s.product_id, p.sellable, p.threshold)
        insert into catalog.outbox (event_id, type, subject, time, data, actor)
        select gen_random_uuid(), 'stock.low', 'products/' || product_id, now(),
               jsonb_build_object('product_id', product_id, 'sellable', sellable, 'threshold', threshold), 'system'
        from fallen order by product_id;
        """
    )
