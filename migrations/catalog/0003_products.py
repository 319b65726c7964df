"""catalog: search, images, bulk files."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    _functions()
    # Built while others write. A kill leaves what was built so far, which the next start throws away and builds again.
    with op.get_context().autocommit_block():
        _indexes()
    _images()
    _files()
    op.execute("""reset lock_timeout;""")
    op.execute("""reset statement_timeout;""")


def _functions() -> None:
    # No extension: a text is found by its characters, by the pairs of neighbours, and, as letters and digits are few, by
    # the threes of ASCII, which have three bytes.
    # Bodies that PostgreSQL parses here and now do not depend on a search path later, not even in a restore.
    op.execute(
        """
        create or replace function catalog.folded(text text) returns text
          language sql immutable strict parallel safe
          return lower(normalize($1, NFKC));
        """
    )
    op.execute(
        """
        create or replace function catalog.searched(name text, sku text) returns text
          language sql immutable parallel safe
          return catalog.folded($1 || chr(10) || coalesce($2, ''));
        """
    )
    op.execute(
        """
        create or replace function catalog.grams(text text) returns text[]
          language sql immutable strict parallel safe cost 1000
          return string_to_array($1, null)
            || array(select substr($1, place, 2) from generate_series(1, length($1) - 1) as place)
            || array(
              select gram from generate_series(1, length($1) - 2) as place, substr($1, place, 3) as gram
              where octet_length(gram) = 3);
        """
    )


def _indexes() -> None:
    _index(
        "ix_product_grams",
        "product",
        [sa.literal_column("catalog.grams(catalog.searched(name, sku))")],
        postgresql_using="gin",
    )
    _index("ix_product_category", "product", ["category_id", "product_id"])
    _index("ix_product_status", "product", ["status", "product_id"])
    _index("ix_product_name", "product", ["name", "product_id"])
    _index("ix_product_price", "product", ["currency", "price_minor", "product_id"])
    _index("ix_product_updated_at", "product", ["updated_at", "product_id"])
    _index("ix_product_tag_tag", "product_tag", ["tag_id", "product_id"])
    _drop("ix_product_category_id", "product")
    _drop("ix_product_tag_tag_id", "product_tag")


def _index(name: str, table: str, columns: list[Any], **options: Any) -> None:
    _drop(name, table)
    op.create_index(name, table, columns, schema="catalog", postgresql_concurrently=True, **options)


def _drop(name: str, table: str) -> None:
    op.drop_index(name, table, schema="catalog", if_exists=True, postgresql_concurrently=True)


def _images() -> None:
    op.add_column(
        "product",
        sa.Column("images", postgresql.JSONB(), server_default="[]", nullable=False),
        schema="catalog",
    )
    op.execute(
        """
        update catalog.product
        set images = jsonb_build_array(jsonb_build_object('url', image_url, 'alt', null))
        where image_url is not null;
        """
    )
    op.create_check_constraint(
        op.f("ck_product_images"),
        "product",
        "jsonb_typeof(images) = 'array' and jsonb_array_length(images) <= 20",
        schema="catalog",
    )
    op.create_check_constraint(
        op.f("ck_product_image_url"),
        "product",
        "image_url is not distinct from images -> 0 ->> 'url'",
        schema="catalog",
    )


def _files() -> None:
    op.create_table(
        "import_file",
        sa.Column("import_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("noun in ('products', 'stock')", name=op.f("ck_import_file_noun")),
        sa.CheckConstraint("rows >= 0", name=op.f("ck_import_file_rows")),
        sa.CheckConstraint(
            "0 <= all (array[created, changed, unchanged, refused])"
            " and created + changed + unchanged + refused <= rows",
            name=op.f("ck_import_file_outcomes"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["catalog.run.run_id"], name=op.f("fk_import_file_run_id")),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_import_file")),
        sa.UniqueConstraint("run_id", name=op.f("uq_import_file_run_id")),
        schema="catalog",
    )
    op.create_table(
        "import_row",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("faults", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("row >= 2", name=op.f("ck_import_row_row")),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["catalog.import_file.import_id"],
            name=op.f("fk_import_row_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "row", name=op.f("pk_import_row")),
        schema="catalog",
    )
