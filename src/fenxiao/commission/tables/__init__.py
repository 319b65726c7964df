"""The tables of schema `commission`, a file for each noun."""

from fenxiao.commission.tables import (
    accounts,
    books,
    entries,
    facts,
    ledger,
    periods,
    rewards,
    settlement,
    simulation,
    tax,
    withdrawals,
)
from fenxiao.commission.tables.metadata import METADATA

__all__ = [
    "METADATA",
    "accounts",
    "books",
    "entries",
    "facts",
    "ledger",
    "periods",
    "rewards",
    "settlement",
    "simulation",
    "tax",
    "withdrawals",
]
