"""commission: erasure and retention; which payouts are being handed over."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "erased_person",
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("distributor_id", name=op.f("pk_erased_person")),
        schema="commission",
        comment="Distributors whose persons were erased: no account is registered for them any more",
    )
    op.add_column(
        "payout",
        sa.Column("handed", sa.Boolean(), server_default="false", nullable=False),
        schema="commission",
    )
