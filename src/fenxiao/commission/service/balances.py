"""What distributors have and what it is made of."""

from dataclasses import dataclass

from fenxiao.commission.queries import balances, entries
from fenxiao.commission.queries.balances import Balance
from fenxiao.commission.queries.entries import Entry
from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import DistributorId, OrderId
from fenxiao.kernel.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a distributor has: in the currency asked for, in all, and a page of the entries."""

    distributor_id: DistributorId
    balance: Balance
    balances: tuple[Balance, ...]
    page: Page[Entry]


class Balances:
    """Reads balances and entries."""

    def __init__(self, db: Database, currency: str) -> None:
        self._db = db
        self._currency = currency

    async def account(
        self,
        distributor_id: DistributorId,
        *,
        currency: str | None,
        order_id: OrderId | None,
        limit: int,
        cursor: str | None,
    ) -> Account:
        """What the distributor has. Without a currency: the one in which he has entries if it is one, else the server's."""
        if currency is None:
            used = await entries.currencies(self._db, distributor_id, order_id)
            currency = used[0] if len(used) == 1 else self._currency
        held = await balances.balances(self._db, distributor_id)
        page = await entries.page(
            self._db, distributor_id, currency=currency, order_id=order_id, limit=limit, cursor=cursor
        )
        mine = next((one for one in held if one.currency == currency), Balance(currency=currency))
        return Account(distributor_id=distributor_id, balance=mine, balances=held, page=page)
