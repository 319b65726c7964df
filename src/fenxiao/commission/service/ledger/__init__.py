"""The ledger (账本): the only place that writes postings and moves balances. It calls no other noun.

A use case locks the orders it books, in the order of their ids, before it comes here; here the balances are
locked in the order of theirs. Everybody takes locks in that order, so nobody waits in a circle.

What is pending of a distributor becomes available under the lock of his balance alone. So whoever corrects an entry
looks at where it stands only when he has that lock.
"""

from .accruing import accrue
from .freeing import Freed, Freeing, free
from .moving import ROWS, lock, mature, post

__all__ = ["ROWS", "Freed", "Freeing", "accrue", "free", "lock", "mature", "post"]
