"""The consumer's turns: orders that were paid wait in the outbox, and commission books them."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from bench.commission_bench.stage import Bench, plan_of
from bench.rig.turns import Turn, difference, rows_missing
from fenxiao.infra.bus.local import LocalBus
from fenxiao.infra.bus.relay import Relay
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import DistributorId, ProductId
from fenxiao.orders.api import NewLine, NewOrder

_AT_ONCE = 500
WRITTEN = {
    "accrued orders": "select count(*) from commission.order_book",
    "entries": "select count(*) from commission.commission",
    "postings": "select count(*) from commission.posting",
    "parked": "select count(*) from commission.inbox where state = 'parked'",
}


async def book(bench: Bench, payees: int) -> Turn:
    """Place orders that arrive paid, which is not measured; then relay their events to commission alone."""
    name = "consumer" if payees == 2 else f"consumer {payees}"
    turn = Turn(name)
    await bench.system.apis.rules.publish_once(
        document={**plan_of(payees), "name": f"{payees} payees, turn {bench.turns}"},
        effective_from=datetime.now(UTC),
    )
    await _place(bench, bench.deepest)
    await bench.ground.checkpoint()
    before = await bench.ground.count(WRITTEN)
    booked = {
        one.name: one
        for offer in bench.system.offers
        if offer.name == "commission"
        for one in offer.consumers
    }
    bus = LocalBus([booked["commission.accrual"]])
    cpu, started = time.process_time(), time.perf_counter()
    await Relay(bench.system.databases["orders"], bus).drain()
    seconds = time.perf_counter() - started
    more = difference(before, await bench.ground.count(WRITTEN))
    turn.values = {
        "per second": bench.backlog / seconds,
        "Python µs per order": (time.process_time() - cpu) / bench.backlog * 1e6,
    }
    turn.raw["written"] = more
    rows = {"entries": bench.backlog * payees, "postings": bench.backlog * payees}
    turn.void += rows_missing({"accrued orders": bench.backlog, "parked": 0, **rows}, more)
    return turn


async def _place(bench: Bench, sellers: Sequence[int]) -> None:
    bench.turns += 1
    chance = random.Random(bench.turns)
    first, last = bench.people.product_ids
    for start in range(0, bench.backlog, _AT_ONCE):
        orders = [
            NewOrder(
                caller="bench",
                key=f"commission-{bench.turns}-{number}",
                distributor_id=DistributorId(chance.choice(sellers)),
                lines=(
                    NewLine(product_id=ProductId(chance.randint(first, last)), quantity=chance.randint(1, 3)),
                ),
                may_set_price=True,
                paid=True,
            )
            for number in range(start, min(start + _AT_ONCE, bench.backlog))
        ]
        answers = await bench.system.apis.orders.place_orders(orders=orders)
        refused = [answer for answer in answers if isinstance(answer, Refusal)]
        if refused:
            raise RuntimeError(f"an order was refused: {refused[0].message()}")
