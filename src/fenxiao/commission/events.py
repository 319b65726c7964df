"""What has happened to commission."""

from dataclasses import dataclass

from fenxiao.kernel.events import Event
from fenxiao.kernel.ids import DistributorId, OrderId, PayoutAccountId, RuleId, SettlementId, WithdrawalId


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfOrderStep(Event):
    """One step of an order's history was booked: 0 is the accrual, n the n-th refund after it.

    `amount_minor` is the signed sum of the step's entries.
    """

    order_id: OrderId
    step: int
    currency: str
    amount_minor: int

    def subject(self) -> str:
        """The order."""
        return f"orders/{self.order_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionAccrued(_OfOrderStep):
    """An order's commission was booked for the first time."""

    type = "commission.accrued"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionClawedBack(_OfOrderStep):
    """A refund corrected an order's commission."""

    type = "commission.clawed_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodClosed(Event):
    """What a period pays was booked: by step 0 when it was closed, by the n-th step after what was told of it later.

    `purpose` is `pay`, or `caps` for what the caps of the period take back. `amount_minor` is the signed sum of the
    step's entries.
    """

    type = "commission.period_closed"
    period: str
    purpose: str
    currency: str
    rule_id: RuleId
    step: int
    amount_minor: int

    def subject(self) -> str:
        """The period."""
        return f"periods/{self.period}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardGranted(Event):
    """A reward was granted for a period: by step 0 when it was first looked at, by the n-th step after what was told later.

    `amount_minor` is signed: what is below 0 was taken back.
    """

    type = "reward.granted"
    reward_id: int
    distributor_id: DistributorId
    reward: str
    reward_type: str
    rule_id: RuleId
    period: str
    step: int
    currency: str
    amount_minor: int

    def subject(self) -> str:
        """The reward."""
        return f"rewards/{self.reward_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionReleased(Event):
    """A settlement released a distributor's matured entries; the amount may be negative."""

    type = "commission.released"
    settlement_id: SettlementId
    distributor_id: DistributorId
    currency: str
    amount_minor: int

    def subject(self) -> str:
        """The distributor."""
        return f"distributors/{self.distributor_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalStatusChanged(Event):
    """A withdrawal went on; until it is approved the tax is what would be withheld.

    `previous` is None for the request. What arrives is amount less fee and tax.
    """

    type = "withdrawal.status_changed"
    withdrawal_id: WithdrawalId
    distributor_id: DistributorId
    status: str
    previous: str | None
    version: int
    currency: str
    amount_minor: int
    fee_minor: int
    tax_minor: int

    def subject(self) -> str:
        """The withdrawal."""
        return f"withdrawals/{self.withdrawal_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfPayout(Event):
    payout_number: str
    withdrawal_id: WithdrawalId
    currency: str
    amount_minor: int

    def subject(self) -> str:
        """The withdrawal that it fulfils."""
        return f"withdrawals/{self.withdrawal_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRequested(_OfPayout):
    """A transfer is to be made: this amount (the net), under this number, once, however often the number is sent.

    Where it goes is asked of `CommissionApi.payout_accounts`. Transfers by bank are made by a person.
    """

    type = "payout.requested"
    account_id: PayoutAccountId
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutContradicted(_OfPayout):
    """A channel said of a payout the contrary of what had ended it; the book stands as it was, a person must look.

    `contradiction` is `paid-after-failed`, `paid-after-rejected` or `failed-after-paid`.
    """

    type = "payout.contradicted"
    contradiction: str
