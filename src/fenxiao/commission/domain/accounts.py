"""Accounts of the ledger (账户): their names, and on which side what they hold stands."""

import re
from dataclasses import dataclass

OWN = ("pending", "available", "withdrawing")
"""The accounts that every distributor has."""
PLATFORM = ("commission_expense", "reward_expense", "fee_income", "tax_payable", "cash")
"""The accounts that there is one of in each currency."""
_DEBIT = frozenset({"commission_expense", "reward_expense", "cash"})
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)
"""One account has one name, so no zeros before it; and the database could not hold a longer one."""
SELDOM = frozenset({"reward_expense", "fee_income", "tax_payable", "cash", "withdrawing"})
"""Accounts that accruals, clawbacks and releases of orders never touch."""


@dataclass(frozen=True, slots=True)
class AccountName:
    """`cash`, or of a distributor `available:101`."""

    kind: str
    distributor_id: int | None

    def __str__(self) -> str:
        """As people and addresses write it."""
        return self.kind if self.distributor_id is None else f"{self.kind}:{self.distributor_id}"


def account_name(text: str) -> AccountName | None:
    """The account of this name, None if there cannot be one."""
    kind, colon, number = text.partition(":")
    if not colon:
        return AccountName(kind, None) if kind in PLATFORM else None
    return AccountName(kind, int(number)) if kind in OWN and _NUMBER.fullmatch(number) else None


def named(kind: str, distributor_id: int) -> str:
    """The name of the account of this kind that a posting about this distributor moves."""
    return str(AccountName(kind, distributor_id if kind in OWN else None))


def balance(kind: str, *, debit_minor: int, credit_minor: int) -> int:
    """What an account holds: expenses and cash on the left, what is owed and earned on the right."""
    return debit_minor - credit_minor if kind in _DEBIT else credit_minor - debit_minor
