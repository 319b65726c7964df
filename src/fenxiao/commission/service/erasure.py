"""Erasing a person, from the side that owes him money; whoever keeps something of him hears of it by event."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.commission.domain.erasure_refusals import BalanceLeft, WithdrawalUnderWay
from fenxiao.commission.queries import balances
from fenxiao.commission.queries.balances import Balance
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.money import from_minor
from fenxiao.network.api import Erasure, Ground, NetworkApi

__all__ = ["Erasures", "Ground"]


class Erasures:
    """个人信息删除: asks for it where nobody is owed anything."""

    def __init__(self, db: Database, network: NetworkApi) -> None:
        self._db = db
        self._network = network

    async def erase(
        self, distributor_id: DistributorId, ground: Ground, *, waive: bool, version: int | None = None
    ) -> datetime:
        """Erase the person of a distributor; since when he has been erased.

        WithdrawalUnderWay; BalanceLeft unless `waive` gives up what is left, on either side. What is booked after this
        look, such as a clawback or an entry of an order still under way, stays in the book under the number.
        """
        held = await balances.balances(self._db, distributor_id)
        if any(one.withdrawing_minor for one in held):
            raise WithdrawalUnderWay(distributor_id=distributor_id)
        left = _left(held)
        if left and not waive:
            raise BalanceLeft(distributor_id=distributor_id, left=left)
        erasure = Erasure(distributor_id=distributor_id, ground=ground, version=version)
        (answer,) = await self._network.erase(erasures=[erasure])
        if isinstance(answer, Refusal):
            raise answer
        return answer.at


def _left(held: Sequence[Balance]) -> str:
    """What is his, on hold, or owed by him: amounts with their currencies, such as 12.00 CNY."""
    amounts = [(one.pending_minor + one.available_minor, one) for one in held]
    return ", ".join(
        f"{from_minor(amount, one.currency)} {one.currency}"
        for amount, one in amounts
        if one.pending_minor or one.available_minor
    )
