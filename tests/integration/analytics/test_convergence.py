"""Whatever comes twice, at once or in another order: one set of facts, and figures that equal the orders'."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.events import Envelope

MIDDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


async def busy_days(shop: Any, seed: int = 7) -> None:
    """Orders, completions and refunds as they come."""
    dice = random.Random(seed)
    for _ in range(12):
        places = dice.choices(range(3), k=dice.randint(1, 5))
        at = MIDDAY + dice.randint(0, 400) * timedelta(minutes=7)
        order = await shop.sell(
            *((place, dice.randint(1, 9)) for place in places), at=at, seller=dice.randrange(3)
        )
        for step in dice.sample(("refund", "complete", "amount"), k=dice.randint(0, 3)):
            at += dice.randint(1, 50) * timedelta(hours=1)
            if step == "complete":
                await shop.complete(order, at=at)
            elif step == "refund":
                await shop.refund(order, (0, 1), at=at)
            elif order.total_minor > 400:
                await shop.refund(order, at=at, amount=37)


async def envelopes(shop: Any) -> list[Envelope]:
    """Every event that analytics could hear, under ids that no inbox knows."""
    (consumer,) = listeners(shop)
    found = []
    for schema in ("orders", "commission"):
        rows = await shop.owner.fetch(f"select * from {schema}.outbox order by seq")
        found += [
            Envelope(
                id=uuid4(),
                source=schema,
                type=row["type"],
                subject=row["subject"],
                time=row["time"],
                data=msgspec.json.decode(row["data"]),
                actor=row["actor"],
            )
            for row in rows
        ]
    wanted = {kind.type for kind in consumer.events}
    return [envelope for envelope in found if envelope.type in wanted]


def listeners(shop: Any) -> Any:
    (offer,) = [offer for offer in shop.system.offers if offer.name == "analytics"]
    return offer.consumers


async def empty(shop: Any) -> None:
    await shop.owner.execute("truncate analytics.sales_fact, analytics.sales_report, analytics.inbox")


@pytest.fixture
def deliver(shop: Any) -> Any:
    (consumer,) = listeners(shop)

    async def handle(*batch: Envelope) -> None:
        await consumer.handle(Delivery(consumer.name, batch))

    return handle


async def test_delivered_twice_nothing_changes(shop: Any) -> None:
    await busy_days(shop)
    await shop.system.drain()
    before = await shop.figures()
    assert len(before[0]) > 20
    await shop.system.redeliver()
    assert await shop.figures() == before
    assert await shop.findings() == []


async def test_order_and_batching_do_not_matter(shop: Any, deliver: Any) -> None:
    await busy_days(shop)
    await shop.system.drain()
    before = await shop.figures()
    events = await envelopes(shop)
    dice = random.Random(3)
    for size in (1, 3, len(events)):
        await empty(shop)
        dice.shuffle(events)
        for start in range(0, len(events), size):
            await deliver(*events[start : start + size])
        assert await shop.figures() == before


async def test_two_workers_at_once_leave_one_set(shop: Any, deliver: Any) -> None:
    await busy_days(shop)
    await shop.system.drain()
    before = await shop.figures()
    events = await envelopes(shop)
    await empty(shop)
    dice = random.Random(5)
    work = []
    for _ in range(4):
        again = [replace(envelope, id=uuid4()) for envelope in events]
        dice.shuffle(again)
        work += [deliver(*again[start : start + 5]) for start in range(0, len(again), 5)]
    await asyncio.gather(*work)
    assert await shop.figures() == before


async def test_sums_are_the_same_whichever_way_they_are_grouped(shop: Any) -> None:
    await busy_days(shop, seed=11)
    await shop.system.drain()
    totals = await shop.system.apis.analytics.totals(currency="CNY")
    assert totals.orders == 12
    assert totals.net_minor == totals.gross_minor - totals.refunds_minor
    assert totals.commission_minor == await shop.system.apis.commission.total_minor(currency="CNY")
    for group_by in ("day", "week", "month", "product", "category", "distributor"):
        rows = await shop.report(group_by)
        for column, whole in (
            ("gross", totals.gross_minor),
            ("refunds", totals.refunds_minor),
            ("net", totals.net_minor),
            ("commission", totals.commission_minor),
        ):
            assert sum(int(one[column].replace(".", "")) for one in rows) == whole, (group_by, column)
        assert sum(one["units"] for one in rows) == totals.units
        if group_by != "product":
            assert sum(one["orders"] for one in rows) == totals.orders


async def test_what_is_on_its_way_is_in_flight_and_no_difference(shop: Any) -> None:
    order = await shop.sell((0, 1))
    assert {finding.in_flight for finding in await shop.findings()} == {True}
    await shop.system.drain()
    assert await shop.findings() == []
    await shop.complete(order, at=MIDDAY + DAY)
    relays = {relay._db.schema: relay for relay in shop.system.relays}
    await relays["orders"].drain()
    (finding,) = await shop.findings()
    assert (finding.subject, finding.in_flight) == (f"sales_fact order {order.order_id} commission 0", True)
    await shop.system.drain()
    assert await shop.findings() == []


async def test_an_event_that_was_lost_is_a_difference(shop: Any) -> None:
    order = await shop.sell((0, 1))
    await shop.owner.execute("update orders.outbox set published_at = now()")
    (finding,) = await shop.findings()
    assert (finding.subject, finding.in_flight) == (f"sales_fact order {order.order_id} payment 0", False)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "update analytics.sales_report set gross_minor = gross_minor + 1",
            "sales_report 2026-03-02T12:00:00+00:00",
        ),
        ("update analytics.sales_report set commission_minor = 0", "sales_report 2026-03-02T12:00:00+00:00"),
        (
            "delete from analytics.sales_report",
            "sales_report 2026-03-02T12:00:00+00:00 distributor {seller} CNY",
        ),
        (
            "update analytics.sales_fact set amount_minor = 1 where kind = 'payment'",
            "sales_fact order {order} payment 0",
        ),
        (
            "update analytics.sales_fact set at = at + interval '1 day'",
            "sales_fact order {order} commission 0",
        ),
        (
            "update analytics.sales_fact set product_amounts_minor[2] = 5 where kind = 'payment'",
            "sales_fact order {order} payment 0 product {rice}",
        ),
        (
            "update analytics.sales_fact set category_ids[1] = 8 where kind = 'payment'",
            "sales_fact order {order} payment 0 product {flour}",
        ),
        (
            "delete from analytics.sales_fact where kind = 'commission'",
            "sales_fact order {order} commission 0",
        ),
        (
            "update analytics.sales_fact set order_id = 999 where kind = 'payment'",
            "sales_fact order 999 payment 0",
        ),
    ],
)
async def test_a_value_changed_by_hand_is_named(shop: Any, statement: str, named: str) -> None:
    order = await shop.sell((0, 1), (1, 2))
    await shop.complete(order, at=MIDDAY)
    await shop.system.drain()
    assert await shop.findings() == []
    await shop.owner.execute(statement)
    findings = await shop.findings()
    flour, rice, _ = shop.products
    subject = named.format(order=order.order_id, seller=shop.sellers[2], flour=flour, rice=rice)
    assert any(finding.subject.startswith(subject) for finding in findings), findings
    assert not any(finding.in_flight for finding in findings)


async def test_its_role_cannot_change_a_fact(shop: Any) -> None:
    await shop.sell((0, 1))
    await shop.system.drain()
    before = await shop.figures()
    for statement in ("update sales_fact set units = 0", "delete from sales_fact"):
        with pytest.raises(Exception, match="permission denied"):
            await shop.system.databases["analytics"].fetchval(statement)
    assert await shop.figures() == before
