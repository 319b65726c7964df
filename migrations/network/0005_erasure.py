"""network: persons that were erased."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # For as long as this connection lasts: a lock that is not to be had makes the migration fail, not the service wait.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    op.add_column(
        "distributor", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True), schema="network"
    )
    # Looked at row by row afterwards, beside those who write.
    op.execute(
        "alter table network.distributor add constraint ck_distributor_erased check (erased_at is null or"
        " (account_id is null and external_id is null and phone_sealed is null and email_sealed is null"
        " and status = 'suspended')) not valid"
    )
    op.execute("alter table network.distributor validate constraint ck_distributor_erased")
