"""What must always hold of the figures: they equal those recomputed from orders and booked commission."""

from collections.abc import AsyncIterator, Iterator, Sequence

from fenxiao.analytics.domain.facts import Fact, Key
from fenxiao.analytics.service import Analytics
from fenxiao.infra.wiring import Check, Finding
from fenxiao.kernel.ids import OrderId

CHUNK = 500
FACTS = "analytics.sales_fact"
REPORT = "analytics.sales_report"


def checks(service: Analytics) -> Sequence[Check]:
    """Facts against orders and commission; the sales report against its facts."""

    async def facts() -> AsyncIterator[Finding]:
        # First, so that an order that sets out while the check runs is not taken for a lost one.
        in_flight = await service.in_flight()
        cursor = OrderId(0)
        while True:
            chunk = await service.compare_after(cursor, CHUNK)
            for key in sorted({*chunk.expected, *chunk.found}):
                for finding in _differences(key, chunk.expected.get(key), chunk.found.get(key)):
                    yield Finding(
                        check=FACTS,
                        subject=finding[0],
                        expected=finding[1],
                        found=finding[2],
                        # What has not arrived yet may be on its way; what is there and wrong is wrong.
                        in_flight=key not in chunk.found and key[0] in in_flight,
                    )
            if chunk.cursor is None:
                return
            cursor = chunk.cursor

    async def report() -> AsyncIterator[Finding]:
        for one in await service.slot_differences():
            yield Finding(
                check=REPORT,
                subject=f"sales_report {one.slot.isoformat()} distributor {one.distributor_id} {one.currency}",
                expected=one.expected,
                found=one.found,
            )

    return (Check(FACTS, facts), Check(REPORT, report))


def _differences(key: Key, expected: Fact | None, found: Fact | None) -> Iterator[tuple[str, str, str]]:
    """Where a fact differs, as (subject, expected, found), product by product."""
    if expected == found:
        return
    subject = f"sales_fact order {key[0]} {key[1]} {key[2]}"
    if expected is None or found is None:
        yield subject, _told(expected), _told(found)
        return
    if _told(expected) != _told(found):
        yield subject, _told(expected), _told(found)
    wanted, kept = _by_product(expected), _by_product(found)
    for product_id in sorted({*wanted, *kept}):
        if wanted.get(product_id) != kept.get(product_id):
            nothing = "nothing"
            yield (
                f"{subject} product {product_id}",
                wanted.get(product_id, nothing),
                kept.get(product_id, nothing),
            )


def _told(fact: Fact | None) -> str:
    if fact is None:
        return "nothing"
    return (
        f"{fact.amount_minor} {fact.currency} (minor units), units {fact.units}, distributor {fact.distributor_id},"
        f" at {fact.at.isoformat()}"
    )


def _by_product(fact: Fact) -> dict[int, str]:
    return {
        product_id: f"{amount} {fact.currency} (minor units), units {units}, category {category_id}"
        for product_id, category_id, units, amount in zip(*fact.products, strict=True)
    }
