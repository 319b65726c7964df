"""Writing new orders with their lines, frozen facts and history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import DistributorId, HoldId, LineId, OrderId, ProductId, RuleId
from fenxiao.orders.domain.facts import Facts
from fenxiao.orders.events import Status
from fenxiao.orders.tables import LINE_SEAL, ORDER_SEAL


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One row of `orders` as it is first written; the upline as array literals of PostgreSQL."""

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
    paid_at: datetime | None


_TYPES = {
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
    "paid_at": "timestamptz",
}
_NAMES = ", ".join(_TYPES)
# unnest flattens arrays of arrays, so ragged ones travel as text and are read here.
_PARAMETERS = ", ".join(
    f"${place}::{'text' if kind.endswith('[]') else kind}[]" for place, kind in enumerate(_TYPES.values(), 1)
)
_READ = ", ".join(
    f"{name}::{kind} as {name}" if kind.endswith("[]") else name for name, kind in _TYPES.items()
)
_INSERT_ORDERS = (
    f"insert into orders ({_NAMES}, seal) select {_NAMES}, {ORDER_SEAL}"
    f" from (select {_READ} from unnest({_PARAMETERS}) as t({_NAMES})) as t"
)
_VALUES = {name: attrgetter(name) for name in _TYPES}


async def insert_orders(tx: Transaction, rows: Sequence[OrderRow]) -> None:
    """Write orders; their ids were allocated before."""
    await tx.execute(_INSERT_ORDERS, *([value(row) for row in rows] for value in _VALUES.values()))


def literal(values: Sequence[str | int | bool | None]) -> str:
    """A one-dimensional array as PostgreSQL writes it."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: str | int | bool | None) -> str:  # noqa: FBT001 - any element
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


@dataclass(slots=True)
class LineColumns:
    """Rows of `order_line` by column: a call writes tens of thousands, so there is no object per row."""

    order_id: list[OrderId]
    line_id: list[LineId]
    product_id: list[ProductId]
    facts_id: list[int]
    quantity: list[int]
    unit_price_minor: list[int]
    discount_minor: list[int]
    amount_minor: list[int]


_LINE_NAMES = (
    "order_id, line_id, product_id, facts_id, quantity, unit_price_minor, discount_minor, amount_minor"
)
# The columns travel as text: for arrays of this size that is several times cheaper than the driver's encoding.
_INSERT_LINES = (
    f"insert into order_line ({_LINE_NAMES}, seal) select {_LINE_NAMES}, {LINE_SEAL} from unnest("
    "$1::text::bigint[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[], $5::text::int[],"
    f" $6::text::bigint[], $7::text::bigint[], $8::text::bigint[]) as t({_LINE_NAMES})"
)


async def insert_lines(tx: Transaction, lines: LineColumns) -> None:
    """Write the lines of any number of orders."""
    await tx.execute(
        _INSERT_LINES,
        _integers(lines.order_id),
        _integers(lines.line_id),
        _integers(lines.product_id),
        _integers(lines.facts_id),
        _integers(lines.quantity),
        _integers(lines.unit_price_minor),
        _integers(lines.discount_minor),
        _integers(lines.amount_minor),
    )


def _integers(values: Sequence[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


async def allocate_ids(tx: Transaction, *, orders: int, lines: int) -> tuple[list[OrderId], list[LineId]]:
    """So many fresh ids of each, ascending; known before the rows, so that no order of RETURNING is relied on."""
    row: Any = await tx.fetchrow(
        "select (select array_agg(nextval('orders_order_id_seq')) from generate_series(1, $1)) as orders,"
        " (select array_agg(nextval('order_line_line_id_seq')) from generate_series(1, $2)) as lines",
        orders,
        lines,
    )
    return sorted(row["orders"]), sorted(row["lines"])


async def intern_facts(tx: Transaction, facts: Sequence[Facts]) -> list[int]:
    """The ids of these facts, in their order, written where they are new."""
    by_digest = {each.digest(): each for each in facts}
    # In one order everywhere, so that two writers of the same new facts never wait for each other in a ring.
    ordered = [by_digest[digest] for digest in sorted(by_digest)]
    await tx.execute(
        "insert into product_facts"
        " (product_id, version, name, currency, list_minor, cost_minor, category_path, tags, digest)"
        " select product_id, version, name, currency, list_minor, cost_minor, path::bigint[], tags::text[], digest"
        " from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],"
        " $9::bytea[]) as t(product_id, version, name, currency, list_minor, cost_minor, path, tags, digest)"
        " on conflict (digest) do nothing",
        [each.product_id for each in ordered],
        [each.version for each in ordered],
        [each.name for each in ordered],
        [each.currency for each in ordered],
        [each.list_minor for each in ordered],
        [each.cost_minor for each in ordered],
        [literal(each.category_path) for each in ordered],
        [literal(each.tags) for each in ordered],
        sorted(by_digest),
    )
    rows = await tx.fetch(
        "select facts_id, digest from product_facts where digest = any($1::bytea[])", list(by_digest)
    )
    ids = {row["digest"]: row["facts_id"] for row in rows}
    return [ids[each.digest()] for each in facts]
