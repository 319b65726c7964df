"""commission: closed days of the ledger and statements.

Postings and statements may be millions and in use: indexes are built beside those who write, so outside a transaction,
and what is checked of rows that stand is looked at afterwards.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_CHECKS = {
    "settlement": ("selection", "run_id is not null or (grade is null and not selected)"),
    "statement": (
        "through",
        (
            "(through_posting_id is null) = (pending_minor is null)"
            " and (pending_minor is null) = (withdrawing_minor is null)"
        ),
    ),
}


def upgrade() -> None:
    # The block below commits what stands before it, which a kill then leaves without its mark: it can be repeated too.
    _days()
    _settlements()
    # For as long as this connection lasts: an index on millions of rows takes minutes; who was begun before is waited for.
    op.execute("set lock_timeout = '1min';")
    op.execute("set statement_timeout = '1h';")
    with op.get_context().autocommit_block():
        for table, (name, _) in _CHECKS.items():
            op.execute(f"alter table commission.{table} validate constraint ck_{table}_{name};")
        # A build that was killed leaves one that is never used.
        op.execute("drop index concurrently if exists commission.ix_posting_distributor_id;")
        op.execute(
            "create index concurrently if not exists ix_posting_distributor_id on commission.posting"
            " (distributor_id, currency, posting_id);"
        )
        op.execute("drop index concurrently if exists commission.ix_statement_through;")
        op.execute(
            "create index concurrently if not exists ix_statement_through on commission.statement"
            " (distributor_id, currency, through_posting_id);"
        )
        op.execute("drop index concurrently if exists commission.ix_posting_seldom;")
        op.execute(
            "create index concurrently if not exists ix_posting_seldom on commission.posting (currency, posting_id)"
            " where event not in ('accrual', 'clawback', 'release') or credit = 'reward_expense';"
        )


def _days() -> None:
    op.create_table(
        "book_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("through_posting_id", sa.BigInteger(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("postings >= 0", name=op.f("ck_book_day_postings")),
        sa.CheckConstraint("length(previous) = 32 and length(hash) = 32", name=op.f("ck_book_day_hash")),
        sa.CheckConstraint("closed_at >= ends_at", name=op.f("ck_book_day_closed_at")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_book_day")),
        sa.UniqueConstraint("ends_at", name=op.f("uq_book_day_ends_at")),
        sa.UniqueConstraint("previous", name=op.f("uq_book_day_previous")),
        sa.UniqueConstraint("hash", name=op.f("uq_book_day_hash")),
        schema="commission",
        if_not_exists=True,
        comment="append-only; 日结: one closed day of the ledger, with a hash upon that of the day before",
    )
    op.create_table(
        "book_day_account",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("debit_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("debit_minor >= 0", name=op.f("ck_book_day_account_debit_minor")),
        sa.CheckConstraint("credit_minor >= 0", name=op.f("ck_book_day_account_credit_minor")),
        sa.ForeignKeyConstraint(["day"], ["commission.book_day.day"], name=op.f("fk_book_day_account_day")),
        sa.PrimaryKeyConstraint("day", "currency", "account", name=op.f("pk_book_day_account")),
        schema="commission",
        if_not_exists=True,
        comment="append-only; what the postings of a closed day put on each account, over all distributors",
    )


def _settlements() -> None:
    op.create_table(
        "settlement_selection",
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("distributor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["settlement_id"],
            ["commission.settlement.settlement_id"],
            name=op.f("fk_settlement_selection_settlement_id"),
        ),
        sa.PrimaryKeyConstraint("settlement_id", "distributor_id", name=op.f("pk_settlement_selection")),
        schema="commission",
        if_not_exists=True,
        comment="append-only; whom a settlement of some is for",
    )
    op.add_column(
        "settlement", sa.Column("grade", sa.Text(), nullable=True), schema="commission", if_not_exists=True
    )
    op.add_column(
        "settlement",
        sa.Column("selected", sa.Boolean(), server_default="false", nullable=False),
        schema="commission",
        if_not_exists=True,
    )
    for name in ("through_posting_id", "pending_minor", "withdrawing_minor"):
        op.add_column(
            "statement",
            sa.Column(name, sa.BigInteger(), nullable=True),
            schema="commission",
            if_not_exists=True,
        )
    for table, (name, check) in _CHECKS.items():
        op.execute(f"alter table commission.{table} drop constraint if exists ck_{table}_{name};")
        op.execute(
            f"alter table commission.{table} add constraint ck_{table}_{name} check ({check}) not valid;"
        )
