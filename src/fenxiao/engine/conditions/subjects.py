"""What a condition may ask about a person: the fields, their units, and the facts they rest on.

All facts are taken as of the payment of the order: from the person's own orders in the plan's currency that
were paid before it, net of the refunds made up to it. They are kept with the order, so that a later sale or
refund changes nothing that was decided. A window of N days is the N × 24 h before the payment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

FactField = Literal["paid_orders", "personal_sales", "days_registered"]
Field = Literal[
    "rank",
    "active",
    "paid_orders",
    "personal_sales",
    "days_registered",
    "period_personal_sales",
    "period_team_sales",
]
Unit = Literal["rank", "orders", "minor_units", "days"]


@dataclass(frozen=True)
class Need:
    """A fact that has to be gathered for everyone in the chain (所需事实); `within_days` None: since ever.

    `name` is the key it has in `Party.facts`. Values are whole numbers: `paid_orders` counts own orders paid
    of which something is left, `personal_sales` is in minor units of the plan's currency, `days_registered`
    in whole days of 24 h since the registration.
    """

    field: FactField
    within_days: int | None

    @cached_property
    def name(self) -> str:
        """Its key among the facts of a person: "personal_sales/30", or "days_registered" without a window."""
        return self.field if self.within_days is None else f"{self.field}/{self.within_days}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A field of conditions: which fact it rests on, None where the chain or the period itself has it, and its unit.

    `period_only` fields are figures of the period that closes: no order knows them.
    """

    fact: FactField | None
    unit: Unit
    period_only: bool = False


SUBJECTS: Mapping[Field, Subject] = {
    "rank": Subject(None, "rank"),
    "active": Subject("paid_orders", "orders"),
    "paid_orders": Subject("paid_orders", "orders"),
    "personal_sales": Subject("personal_sales", "minor_units"),
    "days_registered": Subject("days_registered", "days"),
    "period_personal_sales": Subject(None, "minor_units", period_only=True),
    "period_team_sales": Subject(None, "minor_units", period_only=True),
}
"""Every field by the name that documents use."""


class FactMissing(ValueError):  # noqa: N818 - as every failure here, it says what happened
    """A condition asks for a fact that was not gathered: never 0, never silence."""

    def __init__(self, distributor_id: int, name: str) -> None:
        super().__init__(f"there is no fact {name} of distributor {distributor_id}")
        self.distributor_id = distributor_id
        self.name = name
