"""The tables of schema `commission`, a file for each noun."""

from fenxiao.commission.tables import entries, ledger, settlement
from fenxiao.commission.tables.metadata import METADATA

__all__ = ["METADATA", "entries", "ledger", "settlement"]
