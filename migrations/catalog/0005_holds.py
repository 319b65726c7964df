"""catalog: products whose batches never end are held in one statement."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    op.add_column(
        "stock",
        sa.Column("perishable", sa.Boolean(), server_default="false", nullable=False),
        schema="catalog",
    )
    # Under the lock of the stock row that whoever writes the batch holds already.
    op.execute(
        """
        create function catalog.note_perishable() returns trigger language plpgsql as $$
        begin
          update catalog.stock set perishable = true where product_id = new.product_id and not perishable;
          return null;
        end $$;
        """
    )
    op.execute(
        """
        create trigger inventory_perishable after insert or update of expiry_date, recalled on catalog.inventory
        for each row when (new.expiry_date is not null or new.recalled) execute function catalog.note_perishable();
        """
    )
    op.execute(
        """
        update catalog.stock s set perishable = true where exists (
          select from catalog.inventory i
           where i.product_id = s.product_id and (i.expiry_date is not null or i.recalled));
        """
    )
    op.execute("""reset lock_timeout;""")
    op.execute("""reset statement_timeout;""")
