"""What an order leaves in the database, on either side: counted before and after each turn. Reads only."""

from fenxiao.entrypoints.compose import CONTEXTS

_UNPUBLISHED = "published_at is null"

LIMIT = {
    "orders": "select count(*) from bench_limit.orders",
    "lines": "select count(*) from bench_limit.order_line",
    "marks": "select count(*) from bench_limit.idempotency",
    "events": "select count(*) from bench_limit.outbox",
}

OURS = {
    "orders": "select count(*) from orders.orders",
    "lines": "select count(*) from orders.order_line",
    "marks": "select count(*) from orders.idempotency",
    "holds": "select count(*) from catalog.hold",
    "events": "select count(*) from orders.outbox where type = 'order.created'",
    "parked": " + ".join(
        f"(select count(*) from {schema}.inbox where state = 'parked')" for schema in CONTEXTS
    ),
}

PAID = OURS | {
    "accrued orders": "select count(*) from commission.order_book",
    "entries": "select count(*) from commission.commission",
}

BACKLOG = {
    # An order's events and what commission makes of it are still to come.
    "unpublished": f"select count(distinct subject) from orders.outbox where {_UNPUBLISHED}",
    "unreported": f"select count(*) from commission.outbox where {_UNPUBLISHED}",
    "orders": "select count(*) from orders.orders",
    "accrued orders": "select count(*) from commission.order_book",
}

WAITING = "select " + " + ".join(
    f"(select count(*) from {schema}.outbox where {_UNPUBLISHED})" for schema in CONTEXTS
)
"""Events that nobody has dealt with yet, in all schemas."""


def backlog(before: dict[str, int], at_end: dict[str, int]) -> int:
    """How many of a turn's paid orders were still without commission, or had an event on its way, when its load ended."""
    without = (at_end["orders"] - before["orders"]) - (at_end["accrued orders"] - before["accrued orders"])
    return max(without, at_end["unpublished"])
