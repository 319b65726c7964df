"""A distributor who is paid: the scene's C, with the use cases of withdrawals on the scene's database."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.integration.commission.scene import C, PlayedPayments, Scene

from fenxiao.commission.consumers import payout_consumers
from fenxiao.commission.domain.payout_accounts import Destination
from fenxiao.commission.domain.withdrawal_policy import Policy
from fenxiao.commission.queries.withdrawals import WithdrawalView
from fenxiao.commission.service.payout_accounts import PayoutAccounts
from fenxiao.commission.service.payouts import PayoutOutcome, Payouts
from fenxiao.commission.service.tax import TaxTables
from fenxiao.commission.service.transfers import Transfers
from fenxiao.commission.service.withdrawal_decisions import Decision, Decisions, Who
from fenxiao.commission.service.withdrawal_policies import WithdrawalPolicies
from fenxiao.commission.service.withdrawals import Requested, Withdrawals
from fenxiao.infra import context
from fenxiao.infra.crypto import Cipher, KeyRing
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.events import Envelope
from fenxiao.network.api import Member, Seller, SellerQuestion
from fenxiao.orders.api import FrozenLine

CIPHER = Cipher(KeyRing(data_keys={1: bytes(32)}, current=1, index_key=bytes(32)))
BOSS = Who(actor="account:1", distributor_id=None)
OWN = "account:30"
"""Who asks for the money."""
ZONE = ZoneInfo("Asia/Shanghai")
NUMBER = "6222021234567890123"


class PlayedStatus:
    """The network's port, as far as withdrawals ask: everybody is active who is not said to be something else."""

    def __init__(self) -> None:
        self.status: dict[int, str] = {}

    async def sellers(self, *, asked: Sequence[SellerQuestion]) -> list[Seller]:
        return [
            Seller(
                member=Member(
                    distributor_id=one.distributor_id,
                    status=self.status.get(one.distributor_id, "active"),
                    grade=None,
                    rank=None,
                ),
                upline=(),
                tree_version=1,
            )
            for one in asked
        ]


@dataclass
class Payee:
    """C, his accounts, and those who decide; `worker` 1 has connections of its own."""

    scene: Scene
    network: PlayedStatus = field(default_factory=PlayedStatus)
    channels: PlayedPayments = field(default_factory=PlayedPayments)
    orders: int = 0

    def __post_init__(self) -> None:
        db = self.scene.db
        self.accounts = PayoutAccounts(db, CIPHER)
        self.withdrawals = Withdrawals(db, CIPHER, self.network, self.accounts, ZONE)
        self.decisions = Decisions(db, CIPHER, network=self.network, payments=self.channels, timezone=ZONE)
        self.payouts = Payouts(db, CIPHER)
        self.transfers = Transfers(db, self.channels, self.accounts, self.payouts)
        self.policies = WithdrawalPolicies(db)
        self.taxes = TaxTables(db, ZONE)

    async def earn(self, amount_minor: int) -> int:
        """C earns an amount, at once available; answers the order."""
        self.orders += 1
        self.scene.plan()
        line = FrozenLine(
            line_id=self.orders * 10 + 1,
            product_id=1,
            quantity=1,
            amount_minor=amount_minor * 10,
            unit_list_minor=amount_minor * 10,
            unit_cost_minor=0,
            category_path=(1,),
            tags=(),
        )
        self.scene.sale(self.orders, lines=(line,), total_minor=line.amount_minor)
        self.scene.complete(self.orders)
        await self.scene.deliver()
        await self.scene.settlements().settle_distributor(C, once=None)
        return self.orders

    async def refund(self, amount_minor: int, order_id: int) -> None:
        """C loses so much of what the order gave."""
        self.scene.refund(amount_minor * 10, order_id)
        await self.scene.deliver()

    async def account(
        self, channel: str = "bank", number: str = NUMBER, *, who: int = C, holder: str = "王小明"
    ) -> int:
        given = Destination(channel=channel, holder=holder, number=number, bank="工商银行", branch="上海分行")
        return (await self.accounts.register(who, given, once=None)).account_id

    async def request(
        self,
        amount_minor: int,
        account_id: int,
        *,
        who: int = C,
        db: Database | None = None,
        currency: str = "CNY",
    ) -> WithdrawalView:
        asked = Requested(
            distributor_id=who, account_id=account_id, currency=currency, amount_minor=amount_minor
        )
        use = self.withdrawals if db is None else Withdrawals(db, CIPHER, self.network, self.accounts, ZONE)
        with context.use(context.RequestContext(actor=f"account:{who}")):
            return await use.request(asked, once=None)

    async def approve(self, one: WithdrawalView, who: Who = BOSS) -> WithdrawalView:
        return only(await self.decisions.approve([Decision(withdrawal_id=one.withdrawal_id)], who))

    async def reject(self, one: WithdrawalView, who: Who = BOSS) -> WithdrawalView:
        decision = Decision(withdrawal_id=one.withdrawal_id, reason="no")
        return only(await self.decisions.reject([decision], who))

    async def retry(self, one: WithdrawalView, who: Who = BOSS) -> WithdrawalView:
        return await self.decisions.retry(Decision(withdrawal_id=one.withdrawal_id), who, once=None)

    async def confirm(self, one: WithdrawalView, who: Who = BOSS) -> WithdrawalView:
        decision = Decision(withdrawal_id=one.withdrawal_id)
        return await self.decisions.confirm(decision, who, reference="ICBC-20260301-77")

    async def hear(self, one: WithdrawalView | str, outcome: str, sequence: int = 0) -> None:
        number = one if isinstance(one, str) else one.payout_number
        told = PayoutOutcome(
            payout_number=number,
            outcome=outcome,
            sequence=sequence,
            reference="ch-1",
            reason=f"said {outcome}",
        )
        (refused,) = await self.payouts.record_outcomes([told])
        if refused is not None:
            raise refused

    async def hand_over(self) -> None:
        """Deliver every request for a payout so far, twice."""
        rows = await self.scene.db.fetch(
            "select event_id, data from outbox where type = 'payout.requested' order by seq"
        )
        consumer, *_ = payout_consumers(self.scene.db, self.transfers, self.payouts)
        envelopes = tuple(
            Envelope(
                id=row["event_id"],
                source="commission",
                type="payout.requested",
                subject="",
                time=self.scene.now,
                data=row["data"],
                actor="t",
            )
            for row in rows
        )
        for _ in range(2):
            await consumer.handle(Delivery(consumer.name, envelopes))

    async def now(self, one: WithdrawalView) -> WithdrawalView:
        return await self.withdrawals.find(one.withdrawal_id)

    async def balance(self) -> tuple[int, int, int]:
        """(available, withdrawing, paid) of C."""
        row = await self.scene.db.fetchrow(
            "select available_minor, withdrawing_minor, paid_minor from balance where distributor_id = $1", C
        )
        return (0, 0, 0) if row is None else tuple(row)

    async def state(self) -> list[tuple]:
        """Everything that a refusal must leave as it was."""
        rows: list[tuple] = []
        for table in (
            "withdrawal", "payout", "withdrawal_history", "posting", "balance", "tax_account", "debt_change",
            "payout_account", "payout_finding", "withdrawal_policy", "outbox",
        ):  # fmt: skip
            rows += [
                tuple(row)
                for row in await self.scene.db.fetch(f"select '{table}', t::text from {table} t order by 2")
            ]
        return rows

    async def events(self, *types: str) -> list[dict]:
        rows = await self.scene.db.fetch(
            "select type, data from outbox where type = any($1::text[]) order by seq", list(types)
        )
        return [row["data"] for row in rows]

    async def publish(self, **changes: object) -> Policy:
        given = replace(Policy(policy_id=None, currency="CNY", new_account_days=0), **changes)
        return await self.policies.publish(given, once=None)

    def at(self, year: int, month: int, day: int) -> None:
        """Turn the scene's clock, to noon in Shanghai."""
        self.scene.now = datetime(year, month, day, 4, tzinfo=UTC)


def only(answers: Sequence[WithdrawalView | Refusal]) -> WithdrawalView:
    (answer,) = answers
    if isinstance(answer, Refusal):
        raise answer
    return answer
