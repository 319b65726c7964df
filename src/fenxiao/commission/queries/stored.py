"""What is stored of a range of orders, for comparison with what is computed."""

from dataclasses import dataclass, field
from datetime import datetime

from fenxiao.commission.domain.comparison import Booked
from fenxiao.infra.db.sql import Reader


@dataclass(slots=True)
class Stored:
    """One order as it is booked; `steps` is None where entries stand without a book."""

    order_id: int
    rule_id: int | None = None
    currency: str | None = None
    steps: int | None = None
    release_at: datetime | None = None
    entries: list[Booked] = field(default_factory=list)


async def between(reader: Reader, after: int, until: int) -> dict[int, Stored]:
    """What is booked of the orders with after < id <= until."""
    rows = await reader.fetch(
        "select order_id, rule_id, currency, steps, release_at from order_book where order_id > $1 and order_id <= $2",
        after,
        until,
    )
    stored = {row["order_id"]: Stored(**dict(row.items())) for row in rows}
    rows = await reader.fetch(
        "select order_id, commission_id, step, component, level, distributor_id, kind, commission_amount_minor, currency,"
        " rule_id, refund_sequence, created_at, release_at, corrects"
        " from commission where order_id > $1 and order_id <= $2 order by commission_id",
        after,
        until,
    )
    for order_id, commission_id, step, component, level, distributor_id, *rest in rows:
        entry = Booked(commission_id, step, (component, level, distributor_id), *rest)
        stored.setdefault(order_id, Stored(order_id)).entries.append(entry)
    return stored


async def next_order(reader: Reader, after: int) -> int | None:
    """The next order after this one of which anything is booked."""
    order_id: int | None = await reader.fetchval(
        "select min(order_id) from (select min(order_id) as order_id from order_book where order_id > $1"
        " union all select min(order_id) from commission where order_id > $1) o",
        after,
    )
    return order_id
