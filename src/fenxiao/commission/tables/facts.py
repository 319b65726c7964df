"""What was known of people when an order earned, where a condition of its plan asks for it."""

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text

from fenxiao.commission.tables.entries import order_book
from fenxiao.commission.tables.metadata import METADATA
from fenxiao.infra.db import tables

order_fact = Table(
    "order_fact",
    METADATA,
    Column("order_id", BigInteger, ForeignKey(order_book.c.order_id), primary_key=True, autoincrement=False),
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    # As the engine calls it: "personal_sales/30". Orders, days, or minor units of the order's currency.
    Column("fact", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    comment=tables.APPEND_ONLY
    + "; 条件事实: one figure of one person in the chain, as of the payment of the order",
)
