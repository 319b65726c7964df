"""Writing new orders with their lines, frozen facts and history."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from fenxiao.infra.db import arrays, holds, idempotency, outbox
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.outbox import Emitted
from fenxiao.infra.db.sql import UNHURRIED
from fenxiao.kernel.ids import DistributorId, HoldId, LineId, OrderId, ProductId, RuleId
from fenxiao.orders.domain.facts import Facts
from fenxiao.orders.events import Status
from fenxiao.orders.tables import LINE_SEAL, ORDER_SEAL


class OrderRow(NamedTuple):
    """One row of `orders` as it is first written, and who placed it; the upline as array literals of PostgreSQL."""

    order_id: OrderId
    distributor_id: DistributorId
    product_id: ProductId | None
    quantity: int | None
    status: Status
    version: int
    currency: str
    total_minor: int
    channel: str
    external_id: str | None
    buyer: bytes | None
    buyer_index: bytes | None
    hold_id: HoldId
    seller_grade: str | None
    seller_rank: int | None
    seller_active: bool
    upline_ids: str
    upline_grades: str
    upline_ranks: str
    upline_active: str
    tree_version: int
    rule_id: RuleId | None
    created_at: datetime
    pay_by: datetime | None
    paid_at: datetime | None
    actor: str
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0


class LineRow(NamedTuple):
    """One row of `order_line`."""

    order_id: OrderId
    line_id: LineId
    product_id: ProductId
    facts_id: int
    quantity: int
    unit_price_minor: int
    discount_minor: int
    amount_minor: int
    order_discount_minor: int = 0


_ORDER = {
    "order_id": "bigint",
    "distributor_id": "bigint",
    "product_id": "bigint",
    "quantity": "int",
    "status": "text",
    "version": "int",
    "currency": "text",
    "total_minor": "bigint",
    "channel": "text",
    "external_id": "text",
    "buyer": "bytea",
    "buyer_index": "bytea",
    "hold_id": "bigint",
    "seller_grade": "text",
    "seller_rank": "int",
    "seller_active": "bool",
    "upline_ids": "bigint[]",
    "upline_grades": "text[]",
    "upline_ranks": "int[]",
    "upline_active": "bool[]",
    "tree_version": "bigint",
    "rule_id": "bigint",
    "created_at": "timestamptz",
    "pay_by": "timestamptz",
    "paid_at": "timestamptz",
    "actor": "text",
}
_TERMS = {"discount_minor": "bigint", "shipping_minor": "bigint", "tax_minor": "bigint"}
_LINE = {
    "order_id": "bigint",
    "line_id": "bigint",
    "product_id": "bigint",
    "facts_id": "bigint",
    "quantity": "int",
    "unit_price_minor": "bigint",
    "discount_minor": "bigint",
    "amount_minor": "bigint",
}
_SHARE = {"order_discount_minor": "bigint"}
_HOLDS, _KEPT = 2, 4
"""How many parameters the insertions of outcomes and of answers take."""

_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "bigint": arrays.numbers,
    "int": arrays.numbers,
    "bool": arrays.truths,
    "bytea": arrays.octets,
    "timestamptz": arrays.times,
}


def _columns(types: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """The first columns of the rows, as many as there are types, each as one array."""
    kinds = types.values()
    return [
        _WRITTEN.get(kind, arrays.texts)(column)
        for kind, column in zip(kinds, zip(*rows, strict=True), strict=False)
    ]


def _rows(types: Mapping[str, str], absent: Iterable[str], first: int) -> str:
    """The rows of columns that come from parameter `first` on; columns that were left out are 0."""
    names = ", ".join(types)
    # unnest flattens arrays of arrays, so ragged ones travel as text and are read here.
    parameters = ", ".join(
        f"${place}::text::{'text' if kind.endswith('[]') else kind}[]"
        for place, kind in enumerate(types.values(), first)
    )
    columns = [
        f"{name}::{kind} as {name}" if kind.endswith("[]") else name for name, kind in types.items()
    ] + [f"0::bigint as {name}" for name in absent]
    return f"select {', '.join(columns)} from unnest({parameters}) as t({names})"


@cache
def _statement(*, terms: bool, shares: bool) -> str:
    """Write orders, their lines and first history, and what goes with them: their holds as committed, the answers of
    their keys, their events. What hardly any order has travels only where one has it.
    """
    orders = {**_ORDER, **_TERMS} if terms else _ORDER
    lines = {**_LINE, **_SHARE} if shares else _LINE
    stored = ", ".join(name for name in orders if name != "actor")
    first = len(orders) + len(lines) + 1
    return (
        f"with placed as materialized ({_rows(orders, () if terms else _TERMS, 1)}),"
        f" lines as (insert into order_line ({', '.join(lines)}, seal) select {', '.join(lines)}, {LINE_SEAL}"
        f" from ({_rows(lines, () if shares else _SHARE, len(orders) + 1)}) as t),"
        " history as (insert into order_history (order_id, version, from_status, to_status, actor, at)"
        " select order_id, 1, null, 'pending', actor, created_at from placed union all"
        " select order_id, 2, 'pending', 'paid', actor, created_at from placed where status = 'paid'),"
        f" committed as ({holds.insertion(first)}),"
        f" kept as ({idempotency.insertion(first + _HOLDS)}),"
        f" told as ({outbox.insertion(first + _HOLDS + _KEPT)})"
        f" insert into orders ({stored}, seal) select {stored}, {ORDER_SEAL} from placed"
    )


@dataclass(slots=True)
class Placed:
    """What a batch of orders writes, all of it or nothing; ids were drawn before."""

    orders: list[OrderRow] = field(default_factory=list)
    lines: list[LineRow] = field(default_factory=list)
    kept: list[tuple[Once, bytes]] = field(default_factory=list)
    events: list[Emitted] = field(default_factory=list)


async def insert(db: Database, placed: Placed, *, holder: str) -> None:
    """Write at least one order. UniqueViolationError: a hold was fenced, a key used, an order made by another way."""
    terms = any(row.discount_minor or row.shipping_minor or row.tax_minor for row in placed.orders)
    shares = any(line.order_discount_minor for line in placed.lines)
    await db.alone(
        _statement(terms=terms, shares=shares),
        *_columns({**_ORDER, **_TERMS} if terms else _ORDER, placed.orders),
        *_columns({**_LINE, **_SHARE} if shares else _LINE, placed.lines),
        *holds.columns(holder, sorted([row.hold_id for row in placed.orders])),
        *idempotency.columns(placed.kept),
        *outbox.columns(placed.events, now=db.clock(), actor=""),
        emits=True,
    )


# What another has written at the same moment is skipped by the insert and not yet seen by the select. Nobody waits for
# the disk: an order that names the facts commits behind them, and when that is safe they are.
_INTERN = f"""
with new as (
  insert into product_facts (product_id, version, name, currency, list_minor, cost_minor, category_path, tags, digest)
  select product_id, version, name, currency, list_minor, cost_minor, path::bigint[], tags::text[], digest
    from unnest($1::text::bigint[], $2::text::int[], $3::text::text[], $4::text::text[], $5::text::bigint[],
                $6::text::bigint[], $7::text::text[], $8::text::text[], $9::text::bytea[])
      as t(product_id, version, name, currency, list_minor, cost_minor, path, tags, digest)
   where {UNHURRIED}
  on conflict (digest) do nothing
  returning facts_id, digest
)
select facts_id, digest from new
union all
select facts_id, digest from product_facts where digest = any($9::text::bytea[])
"""


async def intern_facts(db: Database, facts: Sequence[Facts]) -> list[int]:
    """The ids of these facts, in their order, written where they are new. They stay, whatever becomes of the orders.

    A crash of the server may take those to which no order refers yet, and gives their ids to others.
    """
    by_digest = {each.digest(): each for each in facts}
    # In one order everywhere, so that two writers of the same new facts never wait for each other in a ring.
    ordered = [by_digest[digest] for digest in sorted(by_digest)]
    ids: dict[bytes, int] = {}
    while len(ids) < len(by_digest):
        rows = await db.alone(
            _INTERN,
            arrays.numbers([each.product_id for each in ordered]),
            arrays.numbers([each.version for each in ordered]),
            arrays.texts([each.name for each in ordered]),
            arrays.texts([each.currency for each in ordered]),
            arrays.numbers([each.list_minor for each in ordered]),
            arrays.numbers([each.cost_minor for each in ordered]),
            arrays.texts([arrays.numbers(each.category_path) for each in ordered]),
            arrays.texts([arrays.texts(each.tags) for each in ordered]),
            arrays.octets(sorted(by_digest)),
        )
        ids = {row["digest"]: row["facts_id"] for row in rows}
    return [ids[each.digest()] for each in facts]
