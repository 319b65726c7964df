"""What events have told of orders, until it has taken effect on their holds."""

from collections.abc import Collection, Sequence

from fenxiao.catalog.domain.holds import Fact
from fenxiao.catalog.domain.reservation import units_of
from fenxiao.infra.db import arrays, locks
from fenxiao.infra.db.sql import Record
from fenxiao.infra.db.transaction import Transaction

_FACTS = "catalog waiting facts"


async def lock_shared(tx: Transaction) -> None:
    """Confirm holds beside others who do, but not while somebody stores facts that wait for one."""
    await tx.fetchval("select pg_advisory_xact_lock_shared(hashtextextended($1, 0))", _FACTS)


async def lock_alone(tx: Transaction) -> None:
    """Nobody confirms holds meanwhile. Taken before any row is locked."""
    await locks.hold(tx, _FACTS)


async def add_facts(tx: Transaction, facts: Sequence[Fact]) -> None:
    """Store what events have told of orders; what is known already is left as it is."""
    if not facts:
        return
    await tx.execute(
        """
        insert into order_fact (order_id, fact, sequence, product_ids, quantities, restock, shipped, at, actor, settled)
        select order_id, fact, sequence, products::bigint[], units::bigint[], restock, shipped, at, actor, false
        from unnest($1::bigint[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bool[], $7::bool[], $8::timestamptz[],
                    $9::text[]) as t(order_id, fact, sequence, products, units, restock, shipped, at, actor)
        order by order_id, fact, sequence
        on conflict (order_id, fact, sequence) do nothing
        """,
        [fact.order_id for fact in facts],
        [fact.fact for fact in facts],
        [fact.sequence for fact in facts],
        [arrays.numbers(product for product, _ in fact.units) for fact in facts],
        [arrays.numbers(quantity for _, quantity in fact.units) for fact in facts],
        [fact.restock for fact in facts],
        [fact.shipped for fact in facts],
        [fact.at for fact in facts],
        [fact.actor for fact in facts],
    )


async def waiting_facts(tx: Transaction, order_ids: Collection[int]) -> list[Fact]:
    """Facts of these orders that have not taken effect yet: returned units first, in their order, then ends."""
    rows = await tx.fetch(
        "select order_id, fact, sequence, product_ids, quantities, restock, shipped, at, actor from order_fact"
        " where order_id = any($1::bigint[]) and not settled order by order_id, fact desc, sequence",
        list(order_ids),
    )
    return [_fact(row) for row in rows]


async def settle_facts(tx: Transaction, facts: Sequence[Fact]) -> None:
    """These facts have taken effect."""
    if facts:
        await tx.execute(
            "update order_fact set settled = true where (order_id, fact, sequence) in"
            " (select * from unnest($1::bigint[], $2::text[], $3::int[]))",
            [fact.order_id for fact in facts],
            [fact.fact for fact in facts],
            [fact.sequence for fact in facts],
        )


def _fact(row: Record) -> Fact:
    return Fact(
        order_id=row["order_id"],
        fact=row["fact"],
        sequence=row["sequence"],
        units=units_of(row["product_ids"], row["quantities"]),
        restock=row["restock"],
        shipped=row["shipped"],
        at=row["at"],
        actor=row["actor"],
    )
