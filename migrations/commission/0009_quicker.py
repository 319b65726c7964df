"""commission: what booking and settling in bulk need."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("set lock_timeout = '1min';")
    booking()
    settling()
    op.execute("reset lock_timeout;")


def booking() -> None:
    """Entries and postings without the look-up, row by row, of what the statement that writes them has at hand.

    An entry is written by the statement that opens its order's book, or under the lock of that book; a posting by the
    transaction that writes its entry, or by the statement that releases it. Neither books nor entries are ever deleted.
    `./run verify` finds an entry without its book (commission.entries) and a posting without its entry
    (commission.bookings, commission.releases). The two look-ups were a sixth of what PostgreSQL does for an order.
    """
    op.execute("alter table commission.commission drop constraint if exists fk_commission_order_id;")
    op.execute("alter table commission.posting drop constraint if exists fk_posting_commission_id;")


def settling() -> None:
    """What is released without the look-up of its settlement, row by row: it is the same one for all of a statement.

    The transaction that releases entries and posts that writes the statements that they add up to, and those keep their
    key. `./run verify` compares all three: an entry, its posting, the statement (commission.releases, .statements). The
    two look-ups were a sixth of what PostgreSQL does for a released entry.
    """
    op.execute("alter table commission.commission drop constraint if exists fk_commission_settlement_id;")
    op.execute("alter table commission.posting drop constraint if exists fk_posting_settlement_id;")
    op.execute(
        "comment on table commission.order_book is 'One row for each order that has accrued; its row lock decides who books"
        " the order''s entries';"
    )
