"""What is known of an attempt before it is made: kept answers, orders under an external id, orders of a hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import arrays
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.transaction import Prior
from fenxiao.kernel.errors import KeyReused
from fenxiao.kernel.ids import HoldId, OrderId
from fenxiao.orders.api import PlacedLine, PlacedOrder


@dataclass(frozen=True, slots=True)
class Known:
    """An order that exists, with the blind index of its buyer."""

    order: PlacedOrder
    buyer_index: bytes | None


def buyer_index(cipher: Cipher, buyer: str | None) -> bytes | None:
    """By which the orders of one buyer are found without being readable."""
    return None if buyer is None else cipher.blind(buyer.strip().casefold(), column="buyer")


@dataclass(frozen=True, slots=True)
class Before:
    """What there is before an order is placed."""

    kept: dict[tuple[str, str], Prior | KeyReused]
    """What earlier requests with these keys were answered; only a look, the key is claimed when it is used."""

    payment_limit: timedelta | None
    """How long an order waits for its payment by the policy in effect; None: for ever."""


async def before(db: Database, keys: Sequence[Once], now: datetime) -> Before:
    """What is kept under these keys, and the policy, in one question."""
    rows = await db.often(
        "select account, key, digest, answer, null::int from idempotency"
        " where (account, key) in (select * from unnest($1::text::text[], $2::text::text[]))"
        " union all select null, null, null, null, (select payment_minutes from order_policy"
        " where effective_from <= $3 order by effective_from desc, policy_id desc limit 1)",
        arrays.texts([key.account for key in keys]),
        arrays.texts([key.key for key in keys]),
        now,
    )
    digests = {(key.account, key.key): key.digest for key in keys}
    (minutes,) = [row[4] for row in rows if row[0] is None]
    return Before(
        {
            (account, key): Prior(answer) if digests[account, key] == digest else KeyReused()
            for account, key, digest, answer, _ in rows
            if account is not None
        },
        None if minutes is None else timedelta(minutes=minutes),
    )


async def ids_by_external(reader: Reader, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], OrderId]:
    """Orders by (channel, external id)."""
    if not named:
        return {}
    rows = await reader.fetch(
        "select channel, external_id, order_id from orders"
        " where external_id is not null and (channel, external_id) in (select * from unnest($1::text[], $2::text[]))",
        [channel for channel, _ in named],
        [external_id for _, external_id in named],
    )
    return {(row["channel"], row["external_id"]): row["order_id"] for row in rows}


async def ids_by_hold(reader: Reader, holds: Sequence[HoldId]) -> dict[HoldId, OrderId]:
    """Orders by the hold that they were placed with."""
    rows = await reader.fetch(
        "select hold_id, order_id from orders where hold_id = any($1::bigint[])", list(holds)
    )
    return {row["hold_id"]: row["order_id"] for row in rows}


async def placed(reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, Known]:
    """Orders as placing answers them."""
    if not ids:
        return {}
    rows = await reader.fetch(
        "select order_id, line_id, product_id, quantity, unit_price_minor, amount_minor, discount_minor,"
        " order_discount_minor from order_line"
        " where order_id = any($1::bigint[]) order by order_id, line_id",
        list(ids),
    )
    lines: dict[OrderId, list[PlacedLine]] = {}
    for row in rows:
        values = dict(row.items())
        lines.setdefault(values.pop("order_id"), []).append(PlacedLine(**values))
    heads = await reader.fetch(
        "select order_id, distributor_id, external_id, status, currency, total_minor, created_at, discount_minor,"
        " shipping_minor, tax_minor, pay_by, buyer_index from orders where order_id = any($1::bigint[])",
        list(ids),
    )
    found = {}
    for row in heads:
        values = dict(row.items())
        buyer_index = values.pop("buyer_index")
        order_id = values["order_id"]
        found[order_id] = Known(PlacedOrder(**values, lines=tuple(lines.get(order_id, ()))), buyer_index)
    return found


async def unpublished(reader: Reader) -> list[OrderId]:
    """Orders with events that no bus has confirmed yet."""
    rows = await reader.fetch(
        "select distinct split_part(subject, '/', 2)::bigint as order_id from outbox"
        " where published_at is null and subject like 'orders/%' order by 1"
    )
    return [row["order_id"] for row in rows]
