"""Withdrawal policies (提现政策): fee, minimum, limit per day, tax strategy, and what makes an approver look twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Literal

from fenxiao.commission.domain.tax import Strategy
from fenxiao.kernel.money import round_half_up, to_rate

RiskCode = Literal["new-account", "changed-account", "velocity", "shared-account"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version; amounts in minor units of `currency`, rates as decimal texts.

    `policy_id` None is that of a new installation: no minimum, no fee, no limit, no tax, nothing approved by itself.
    `new_account_days`, `most_per_day`: younger accounts, and more requests in 24 hours, are signals of risk.
    """

    policy_id: int | None
    currency: str
    version: int = 0
    effective_from: datetime | None = None
    minimum_minor: int = 0
    fee_fixed_minor: int = 0
    fee_rate: str = "0.00"
    daily_limit_minor: int | None = None
    tax: Strategy = "none"
    tax_rate: str | None = None
    auto_approve_up_to_minor: int | None = None
    new_account_days: int = 7
    most_per_day: int = 3
    actor: str = "system"
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """风险信号: why an approver should look twice; `params` says how far."""

    code: RiskCode
    params: dict[str, Any]


RISKS = {
    "new-account": "The account was registered {days} days ago; accounts younger than {least} days are new.",
    "changed-account": "The withdrawal before this one went to another account ({account_id}).",
    "velocity": "This is request {count} within 24 hours; more than {most} are unusual.",
    "shared-account": "The same account is registered for {others} other distributors.",
}
"""What each code says, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known when a withdrawal is requested. `last_account_id`: where the one before went, None without one."""

    account_id: int
    account_created_at: datetime
    last_account_id: int | None
    requests_in_a_day: int
    other_holders: int


def fee(policy: Policy, amount_minor: int) -> int:
    """The fixed part and the share of the amount together, rounded once, half up; never below 0."""
    share = Fraction(policy.fee_fixed_minor) + amount_minor * to_rate(policy.fee_rate)
    return round_half_up(share)


def risks(policy: Policy, known: Circumstances, now: datetime) -> Sequence[Risk]:
    """The signals of a request, `requests_in_a_day` counting itself; none of them refuses it."""
    found: list[Risk] = []
    age = now - known.account_created_at
    if age < timedelta(days=policy.new_account_days):
        found.append(Risk(code="new-account", params={"days": age.days, "least": policy.new_account_days}))
    if known.last_account_id not in {None, known.account_id}:
        found.append(Risk(code="changed-account", params={"account_id": known.last_account_id}))
    if known.requests_in_a_day > policy.most_per_day:
        found.append(
            Risk(code="velocity", params={"count": known.requests_in_a_day, "most": policy.most_per_day})
        )
    if known.other_holders:
        found.append(Risk(code="shared-account", params={"others": known.other_holders}))
    return found


def approves_itself(policy: Policy, amount_minor: int, found: Sequence[Risk]) -> bool:
    """Whether a request needs no person: the policy allows the amount, and there is no signal at all."""
    most = policy.auto_approve_up_to_minor
    return most is not None and amount_minor <= most and not found
