"""Statements (结算单): what a settlement released to each distributor, between an opening and a closing balance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fenxiao.commission.domain.posting import BalanceKey


@dataclass(frozen=True, slots=True)
class Matured:
    """A pending entry that a settlement releases; the amount is signed, in minor units."""

    commission_id: int
    distributor_id: int
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; opening + released = closing, each of the available balance, which may be below zero."""

    distributor_id: int
    currency: str
    opening_minor: int
    released_minor: int
    entries: int

    @property
    def closing_minor(self) -> int:
        """What is available afterwards."""
        return self.opening_minor + self.released_minor


def statements(matured: Iterable[Matured], available: Mapping[BalanceKey, int]) -> list[Statement]:
    """One statement for each balance, by distributor and currency; `available` is what each had before."""
    sums: dict[BalanceKey, tuple[int, int]] = {}
    for one in matured:
        key = (one.distributor_id, one.currency)
        amount, count = sums.get(key, (0, 0))
        sums[key] = (amount + one.amount_minor, count + 1)
    return [Statement(*key, available[key], *sums[key]) for key in sorted(sums)]
