"""Commission on its own: orders and rules are played by dictionaries, so that a history can be anything at any moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg

from fenxiao.commission.service.after_sale import AfterSale
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.service.settlement import Settlements
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.wiring import Finding, Offer
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.events import Envelope
from fenxiao.network.api import Member, Seller, SellerQuestion
from fenxiao.orders.api import (
    Activity,
    ActivityQuestion,
    FrozenLine,
    FrozenMember,
    OrderHistory,
    Refund,
    RefundedLine,
)
from fenxiao.payments.api import TransferRequest, TransferState, TransferUnderWay
from fenxiao.rules.api import RuleVersion

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B, C, D = 10, 20, 30, 40
"""A sponsors B, B sponsors C, C sponsors D."""


class PlayedOrders:
    """The port of the orders; `pause` holds an answer back after it has been made up."""

    def __init__(self) -> None:
        self.kept: dict[int, OrderHistory] = {}
        self.flying: list[int] = []
        self.pause: asyncio.Event | None = None
        self.asked: list[list[int]] = []
        self.sold: dict[int, int] = {}
        self.questions: list[int] = []

    async def histories(self, *, order_ids: Sequence[int]) -> list[OrderHistory]:
        self.asked.append(list(order_ids))
        answer = [self.kept[one] for one in sorted(order_ids) if one in self.kept]
        if self.pause is not None:
            await self.pause.wait()
        return answer

    async def orders_after(self, *, cursor: int, limit: int) -> list[OrderHistory]:
        return [self.kept[one] for one in sorted(self.kept) if one > cursor][:limit]

    async def in_flight(self) -> list[int]:
        return self.flying

    async def activity(self, *, asked: Sequence[ActivityQuestion]) -> list[Activity]:
        self.questions.append(len(asked))
        return [Activity(paid_orders=self.sold.get(one.distributor_id, 0), sales_minor=0) for one in asked]


class PlayedNetwork:
    """The port of the network."""

    def __init__(self) -> None:
        self.grades: dict[int, str] = {}

    async def sellers(self, *, asked: Sequence[SellerQuestion]) -> list[Seller]:
        return [
            Seller(
                member=Member(
                    distributor_id=one.distributor_id,
                    status="active",
                    grade=self.grades.get(one.distributor_id),
                    rank=None,
                ),
                upline=(),
                tree_version=1,
            )
            for one in asked
        ]

    async def joined(self, *, distributor_ids: Sequence[int]) -> dict[int, datetime]:
        return {one: NOON - timedelta(days=10) for one in distributor_ids}


class PlayedPayments:
    """The port of payments: transfers by the channels in `refusals` are not taken, numbers in `sent` not given back."""

    def __init__(self) -> None:
        self.asked: list[TransferRequest] = []
        self.refusals: dict[str, Refusal] = {}
        self.cancelled: list[str] = []
        self.sent: set[str] = set()

    async def transfer(self, *, requests: Sequence[TransferRequest]) -> list[TransferState | Refusal]:
        self.asked += requests
        return [self.refusals.get(one.channel) or _state(one.payout_number, "queued") for one in requests]

    async def cancel(self, *, numbers: Sequence[str]) -> list[TransferState | Refusal]:
        self.cancelled += [one for one in numbers if one not in self.sent]
        return [
            TransferUnderWay(payout_number=one, status="processing")
            if one in self.sent
            else _state(one, "cancelled")
            for one in numbers
        ]


def _state(number: str, status: str) -> TransferState:
    return TransferState(
        payout_number=number, channel="bank", status=status, version=1, reference=None, reason=None
    )


class PlayedRules:
    """The port of the rules."""

    def __init__(self) -> None:
        self.documents: dict[int, dict] = {}

    async def versions(self, *, rule_ids: Sequence[int]) -> list[RuleVersion]:
        return [
            RuleVersion(rule_id=one, name="p", version=1, currency=document["currency"], document=document)
            for one in rule_ids
            if (document := self.documents.get(one))
        ]


@dataclass
class Scene:
    """One database, some offers of the context on it (as many workers), and what has happened to the orders."""

    db: Database
    offers: list[Offer]
    orders: PlayedOrders
    rules: PlayedRules
    people: PlayedNetwork = field(default_factory=PlayedNetwork)
    now: datetime = NOON
    sent: list[Envelope] = field(default_factory=list)
    spoiled: bool = False
    """A test has planted a fault, so the checks need not hold in the end."""

    def clock(self) -> datetime:
        return self.now

    def plan(self, rule_id: int = 1, **changes: object) -> None:
        """Publish a plan: unilevel [0.10, 0.05] unless changed."""
        unilevel = {"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}
        self.rules.documents[rule_id] = {"name": "p", "currency": "CNY", "components": [unilevel], **changes}

    def sale(
        self, order_id: int = 1, *, rule_id: int | None = 1, suspended: Sequence[int] = (), **changes: object
    ) -> None:
        """D sells 500.00 on two lines; it is paid, not yet completed."""
        chain = [
            FrozenMember(distributor_id=one, grade=None, rank=None, active=one not in suspended)
            for one in (D, C, B, A)
        ]
        lines = tuple(
            FrozenLine(
                line_id=order_id * 10 + n,
                product_id=n,
                quantity=quantity,
                amount_minor=quantity * 5000,
                unit_list_minor=5000,
                unit_cost_minor=2000,
                category_path=(1,),
                tags=(),
            )
            for n, quantity in ((1, 6), (2, 4))
        )
        history = OrderHistory(
            order_id=order_id,
            status="paid",
            version=1,
            currency="CNY",
            seller=chain[0],
            upline=tuple(chain[1:]),
            tree_version=1,
            rule_id=rule_id,
            lines=lines,
            refunds=(),
            total_minor=50000,
            created_at=self.now,
            paid_at=self.now,
            shipped_at=None,
            completed_at=None,
            cancelled_at=None,
        )
        self.orders.kept[order_id] = replace(history, **changes)
        self._send("order.status_changed", order_id, status="paid", previous="pending", rule_id=rule_id)

    def complete(self, order_id: int = 1) -> None:
        history = self.orders.kept[order_id]
        self.orders.kept[order_id] = replace(history, status="completed", completed_at=self.now)
        self._send(
            "order.status_changed", order_id, status="completed", previous="shipped", rule_id=history.rule_id
        )

    def refund(self, amount_minor: int, order_id: int = 1, *, line: int = 0) -> None:
        history = self.orders.kept[order_id]
        sequence = len(history.refunds) + 1
        refund = Refund(
            refund_id=order_id * 10 + sequence,
            sequence=sequence,
            at=self.now,
            amount_minor=amount_minor,
            restock=False,
            lines=(RefundedLine(line_id=history.lines[line].line_id, quantity=0, amount_minor=amount_minor),),
        )
        self.orders.kept[order_id] = replace(history, refunds=(*history.refunds, refund))
        self._send("order.refunded", order_id, refund_id=refund.refund_id, sequence=sequence, currency="CNY",
                   amount_minor=amount_minor, units=[], restock=False, shipped=True)  # fmt: skip

    def _send(self, kind: str, order_id: int, **values: object) -> None:
        data = {"order_id": order_id, "version": 1, **values}
        self.sent.append(
            Envelope(
                id=uuid4(),
                source="orders",
                type=kind,
                subject=f"orders/{order_id}",
                time=self.now,
                data=data,
                actor="t",
            )
        )

    async def deliver(self, *envelopes: Envelope, worker: int = 0) -> None:
        """Hand over these events, or all that were sent since the last time."""
        if not envelopes:
            envelopes, self.sent = tuple(self.sent), []
        (consumer,) = [one for one in self.offers[worker].consumers if one.name == "commission.accrual"]
        await consumer.handle(Delivery(consumer.name, envelopes))

    def settlements(self) -> Settlements:
        sale = AfterSale(self.db, self.orders, Plans(self.rules))
        return Settlements(self.db, self.clock, ZoneInfo("UTC"), network=self.people, after_sale=sale)

    async def settle(self, cutoff: datetime | None = None) -> None:
        await self.settlements().settle_all(cutoff=cutoff, once=None)
        await runs.work(self.db, self.offers[0].runs)

    async def entries(self, order_id: int = 1) -> list[tuple]:
        """(step, distributor, amount, status) of an order's entries, in the order of booking."""
        rows = await self.db.fetch(
            "select step, distributor_id, commission_amount_minor, status from commission where order_id = $1"
            " order by commission_id",
            order_id,
        )
        return [tuple(row) for row in rows]

    async def balances(self) -> dict[int, tuple[int, int]]:
        """(pending, available) of each distributor."""
        rows = await self.db.fetch("select distributor_id, pending_minor, available_minor from balance")
        return {row[0]: (row[1], row[2]) for row in rows}

    async def events(self) -> list[tuple]:
        """(type, subject, time, amount) of what was published."""
        rows = await self.db.fetch(
            "select type, subject, time, (data->>'amount_minor')::bigint from outbox where type like 'commission.%' order by seq"
        )
        return [tuple(row) for row in rows]

    async def findings(self) -> list[Finding]:
        """What the checks find."""
        return [finding for check in self.offers[0].checks async for finding in check.findings()]

    def advance(self, **by: int) -> None:
        self.now += timedelta(**by)


async def locked(owner: asyncpg.Connection, waiting: int) -> None:
    """Wait until so many transactions wait for a lock.

    Within a transaction of the owner the list of backends is read once and kept, so it is dropped before each look:
    a pool may connect only when the lock is asked for.
    """
    look = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    async with asyncio.timeout(5):
        while await owner.fetchval(look) < waiting:
            await asyncio.sleep(0.01)
            await owner.execute("select pg_stat_clear_snapshot()")
