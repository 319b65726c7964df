"""Facts (事实): what an evaluation rests on, frozen when the order was placed, paid, completed, refunded.

Amounts are minor units of the order's currency. Facts are values: nothing here is computed later and
nothing in an evaluation rests on anything else. What a condition asks about a person (sales of the last
days, say) is gathered when the order is paid and stands in `Party.facts`, under the names of
`plan.needed_facts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fenxiao.kernel.values import value


@dataclass(frozen=True, slots=True)
class Party:
    """A person in the chain (链上成员) as he was when the order was created.

    `grade` and `rank` are his grade's name and its order (higher is better), None without one;
    `active` is False for a suspended distributor, who earns nothing. `facts` has what the plan's conditions
    ask for, as of payment, by the names of `plan.needed_facts`; None where nothing was gathered.
    """

    distributor_id: int
    grade: str | None
    rank: int | None
    active: bool
    facts: Mapping[str, int] | None = field(default=None, hash=False)


@value()
class LineFacts:
    """An order line (订单行): `paid_minor` is what the buyer paid for the whole line, after discounts.

    `category_path` has the product's own category first, then its ancestors, nearest first.
    `unit_list_minor` and `unit_cost_minor` are per unit, None where nobody knows them.
    """

    line_id: int
    product_id: int
    category_path: tuple[int, ...]
    tags: tuple[str, ...]
    quantity: int
    paid_minor: int
    unit_list_minor: int | None
    unit_cost_minor: int | None


@value()
class RefundLine:
    """What one refund took off one line: `quantity` units (0 for a refund by amount) and `amount_minor`."""

    line_id: int
    quantity: int
    amount_minor: int


@value()
class RefundFacts:
    """A refund (退款). `seq` counts from 1 in the order's history; the split over lines was decided when it was made."""

    seq: int
    at: datetime
    lines: tuple[RefundLine, ...]


@value()
class OrderFacts:
    """An order (订单) with its frozen chain and its whole history; `upline` is nearest first, refunds in order of `seq`."""

    order_id: int
    currency: str
    seller: Party
    upline: tuple[Party, ...]
    lines: tuple[LineFacts, ...]
    refunds: tuple[RefundFacts, ...]
    created_at: datetime
    paid_at: datetime | None
    completed_at: datetime | None
