"""catalog: indexes for every filter of movements, counts, categories and tags.

The tables may hold millions of rows and be in use: their indexes are built beside those who write, so outside a
transaction. Each is dropped first, because a build that was killed leaves one that is never used.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # For as long as this connection lasts: an index on millions of rows takes minutes; who was begun before is waited for.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    with op.get_context().autocommit_block():
        op.execute("""drop index concurrently if exists catalog.ix_stock_movement_product_id_at;""")
        op.execute(
            """
            create index concurrently if not exists ix_stock_movement_product_id_at
              on catalog.stock_movement (product_id, at, movement_id);
            """
        )
        op.execute("""drop index concurrently if exists catalog.ix_stock_movement_not_shipped;""")
        op.execute(
            """
            create index concurrently if not exists ix_stock_movement_not_shipped
              on catalog.stock_movement (product_id, at, movement_id) where reason <> 'shipped';
            """
        )
        op.execute("""drop index concurrently if exists catalog.ix_stock_count_state;""")
        op.execute(
            """
            create index concurrently if not exists ix_stock_count_state on catalog.stock_count (state, count_id);
            """
        )
        op.execute("""drop index concurrently if exists catalog.ix_tags_grams;""")
        op.execute(
            """
            create index concurrently if not exists ix_tags_grams
              on catalog.tags using gin (catalog.grams(catalog.folded(name)));
            """
        )
        op.execute("""drop index concurrently if exists catalog.ix_category_parent_id_category_id;""")
        op.execute(
            """
            create index concurrently if not exists ix_category_parent_id_category_id
              on catalog.category (parent_id, category_id);
            """
        )
        op.execute("""drop index concurrently if exists catalog.ix_category_parent_id;""")
        op.execute("""drop index concurrently if exists catalog.ix_stock_movement_product_id;""")
