"""Figures as they are stored."""

from collections.abc import Sequence

from fenxiao.commission.domain.figures import Figures
from fenxiao.infra.db.sql import Reader, Record


async def stored(reader: Reader, order_ids: Sequence[int]) -> Figures:
    """Those of these orders; orders without any are left out."""
    rows = await reader.fetch(
        "select order_id, distributor_id, fact, value from order_fact where order_id = any($1::bigint[])",
        list(order_ids),
    )
    return _figures(rows)


async def between(reader: Reader, after: int, until: int) -> Figures:
    """Those of the orders with after < id <= until."""
    rows = await reader.fetch(
        "select order_id, distributor_id, fact, value from order_fact where order_id > $1 and order_id <= $2",
        after,
        until,
    )
    return _figures(rows)


def _figures(rows: Sequence[Record]) -> Figures:
    found: dict[int, dict[int, dict[str, int]]] = {}
    for order_id, distributor_id, fact, value in rows:
        found.setdefault(order_id, {}).setdefault(distributor_id, {})[fact] = value
    return found
