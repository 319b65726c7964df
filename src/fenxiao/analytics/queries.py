"""Reads and the one write of the sales figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.analytics.api import SalesTotals
from fenxiao.analytics.domain.facts import Fact, Key, Products
from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.infra.db.transaction import Transaction

# Facts that are there already add nothing: the conflict is the whole guard against events that come twice, in
# another order, or to two workers at once. Both tables are written in key order, so that two workers queue up
# instead of standing in each other's way.
_ADD = """
with fresh as (
    insert into sales_fact (order_id, kind, sequence, at, distributor_id, currency, units, amount_minor,
        product_ids, category_ids, product_units, product_amounts_minor)
    select order_id, kind, sequence, at, distributor_id, currency, units, amount_minor,
        products::bigint[], categories::bigint[], product_units::bigint[], product_amounts::bigint[]
    from unnest($1::text::bigint[], $2::text::text[], $3::text::int[], $4::text::timestamptz[], $5::text::bigint[],
        $6::text::text[], $7::text::bigint[], $8::text::bigint[], $9::text::text[], $10::text::text[],
        $11::text::text[], $12::text::text[])
        as t (order_id, kind, sequence, at, distributor_id, currency, units, amount_minor,
        products, categories, product_units, product_amounts)
    on conflict do nothing
    returning slot, distributor_id, currency, kind, units, amount_minor
)
insert into sales_report as r
    (slot, distributor_id, currency, orders, units, gross_minor, refunds_minor, commission_minor)
select slot, distributor_id, currency,
    count(*) filter (where kind = 'payment'),
    sum(units),
    coalesce(sum(amount_minor) filter (where kind = 'payment'), 0),
    coalesce(sum(amount_minor) filter (where kind = 'refund'), 0),
    coalesce(sum(amount_minor) filter (where kind = 'commission'), 0)
from fresh
group by slot, distributor_id, currency
order by slot, distributor_id, currency
on conflict (slot, distributor_id, currency) do update set
    orders = r.orders + excluded.orders,
    units = r.units + excluded.units,
    gross_minor = r.gross_minor + excluded.gross_minor,
    refunds_minor = r.refunds_minor + excluded.refunds_minor,
    commission_minor = r.commission_minor + excluded.commission_minor
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotDifference:
    """A row of the sales report whose figures are not the sums of its facts."""

    slot: datetime
    distributor_id: int
    currency: str
    expected: str
    found: str


async def add(tx: Transaction, facts: Sequence[Fact]) -> None:
    """Add those facts that are not there yet, and their figures to the sales report."""
    ordered = sorted(facts, key=lambda fact: fact.key)
    await tx.execute(
        _ADD,
        arrays.numbers([fact.order_id for fact in ordered]),
        arrays.texts([fact.kind for fact in ordered]),
        arrays.numbers([fact.sequence for fact in ordered]),
        arrays.times([fact.at for fact in ordered]),
        arrays.numbers([fact.distributor_id for fact in ordered]),
        arrays.texts([fact.currency for fact in ordered]),
        arrays.numbers([fact.units for fact in ordered]),
        arrays.numbers([fact.amount_minor for fact in ordered]),
        arrays.texts([arrays.numbers(fact.products.product_ids) for fact in ordered]),
        arrays.texts([arrays.numbers(fact.products.category_ids) for fact in ordered]),
        arrays.texts([arrays.numbers(fact.products.units) for fact in ordered]),
        arrays.texts([arrays.numbers(fact.products.amounts_minor) for fact in ordered]),
    )


async def known(reader: Reader, order_ids: Sequence[int]) -> set[Key]:
    """The facts that are there of these orders."""
    rows = await reader.fetch(
        "select order_id, kind, sequence from sales_fact where order_id = any($1::bigint[])", list(order_ids)
    )
    return {(row["order_id"], row["kind"], row["sequence"]) for row in rows}


async def between(reader: Reader, after: int, last: int | None) -> list[Fact]:
    """The facts of the orders after one, up to and including `last` (None: to the end), at most 1000 without it."""
    rows = await reader.fetch(
        "select * from sales_fact where order_id > $1 and order_id <= coalesce($2, 9223372036854775807)"
        " order by order_id, kind, sequence limit case when $2::bigint is null then 1000 end",
        after,
        last,
    )
    return [_fact(row) for row in rows]


def _fact(row: Record) -> Fact:
    return Fact(
        order_id=row["order_id"],
        kind=row["kind"],
        sequence=row["sequence"],
        at=row["at"],
        distributor_id=row["distributor_id"],
        currency=row["currency"],
        units=row["units"],
        amount_minor=row["amount_minor"],
        products=Products(
            tuple(row["product_ids"]),
            tuple(row["category_ids"]),
            tuple(row["product_units"]),
            tuple(row["product_amounts_minor"]),
        ),
    )


async def totals(reader: Reader, currency: str) -> SalesTotals:
    """The whole sales report of a currency in one row."""
    row = await reader.fetchrow(
        "select coalesce(sum(orders), 0)::bigint as orders, coalesce(sum(units), 0)::bigint as units,"
        " coalesce(sum(gross_minor), 0)::bigint as gross, coalesce(sum(refunds_minor), 0)::bigint as refunds,"
        " coalesce(sum(commission_minor), 0)::bigint as commission from sales_report where currency = $1",
        currency,
    )
    assert row is not None  # noqa: S101 - an aggregate answers a row
    return SalesTotals(
        currency=currency,
        orders=row["orders"],
        units=row["units"],
        gross_minor=row["gross"],
        refunds_minor=row["refunds"],
        net_minor=row["gross"] - row["refunds"],
        commission_minor=row["commission"],
    )


async def slot_differences(reader: Reader) -> list[SlotDifference]:
    """Rows of the sales report that are not the sums of their facts, with both figures."""
    rows = await reader.fetch(
        """
        with facts as (
            select slot, distributor_id, currency,
                format('orders %s, units %s, gross %s, refunds %s, commission %s (minor units)',
                    count(*) filter (where kind = 'payment'), sum(units),
                    coalesce(sum(amount_minor) filter (where kind = 'payment'), 0),
                    coalesce(sum(amount_minor) filter (where kind = 'refund'), 0),
                    coalesce(sum(amount_minor) filter (where kind = 'commission'), 0)) as figures
            from sales_fact group by slot, distributor_id, currency
        ), report as (
            select slot, distributor_id, currency,
                format('orders %s, units %s, gross %s, refunds %s, commission %s (minor units)',
                    orders, units, gross_minor, refunds_minor, commission_minor) as figures
            from sales_report
        )
        select slot, distributor_id, currency,
            coalesce(facts.figures, 'no row') as expected, coalesce(report.figures, 'no row') as found
        from facts full join report using (slot, distributor_id, currency)
        where facts.figures is distinct from report.figures
        order by slot, distributor_id, currency
        """
    )
    return [SlotDifference(**dict(row.items())) for row in rows]
