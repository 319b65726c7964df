"""Withdrawals as they are answered: to whom they belong, and to those who decide."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fenxiao.commission.domain.payout_accounts import Channel
from fenxiao.commission.domain.withdrawal_policy import RISKS
from fenxiao.commission.domain.withdrawals import Status
from fenxiao.commission.http import access
from fenxiao.commission.http.payout_accounts import AccountAnswer, account_answer
from fenxiao.commission.queries.withdrawals import WithdrawalView
from fenxiao.commission.service.withdrawal_decisions import Answer as Decided
from fenxiao.commission.service.withdrawal_decisions import Decision
from fenxiao.commission.service.withdrawals import Detail
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http import problem
from fenxiao.infra.http.auth import Principal
from fenxiao.infra.http.fields import Answer
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.money import from_minor


class RiskAnswer(Answer):
    """风险信号: why an approver should look twice; `text` says it in the reader's language."""

    code: str
    params: dict[str, Any]
    text: str


class WithdrawalAnswer(Answer):
    """提现: `net` = amount − fee − tax is what arrives; until approval `tax` is what would be withheld now."""

    withdrawal_id: int
    distributor_id: int
    account_id: int
    channel: Channel
    status: Status
    amount: str
    fee: str
    tax: str
    net: str
    currency: str
    policy_id: int | None
    payout_number: str
    attempt: int
    risks: Sequence[RiskAnswer] | None
    automatic: bool
    requested_at: datetime
    approved_at: datetime | None
    ended_at: datetime | None


class StepAnswer(Answer):
    """One step of the history; `actor` only for those who see all withdrawals."""

    version: int
    from_status: str | None
    to_status: str
    attempt: int
    at: datetime
    actor: str | None
    reason: str | None


class PayoutAnswer(Answer):
    """打款: one transfer and what became of it; `reference` is the channel's or the bank's."""

    payout_number: str
    attempt: int
    outcome: str | None
    reference: str | None
    created_at: datetime
    ended_at: datetime | None


class WithdrawalDetail(WithdrawalAnswer):
    """A withdrawal with its account, masked, its history and its transfers."""

    account: AccountAnswer
    history: Sequence[StepAnswer]
    payouts: Sequence[PayoutAnswer]


class ManyItem(Answer):
    """What became of one: its status as if it had been sent alone, and the withdrawal or the problem."""

    withdrawal_id: int
    status: int
    withdrawal: WithdrawalAnswer | None = None
    problem: dict[str, Any] | None = None


class ManyAnswer(Answer):
    """What became of each, in the order sent."""

    items: Sequence[ManyItem]


def many_answer(
    asked: Sequence[Decision], decided: Sequence[Decided], who: Principal, path: str
) -> ManyAnswer:
    """What became of each, in the order asked."""
    language = current().language
    shaped = []
    for decision, done in zip(asked, decided, strict=True):
        number = decision.withdrawal_id
        if isinstance(done, Refusal):
            document = problem.document(done, instance=path, language=language)
            shaped.append(ManyItem(withdrawal_id=number, status=done.status, problem=document))
        else:
            shaped.append(ManyItem(withdrawal_id=number, status=200, withdrawal=withdrawal_answer(done, who)))
    return ManyAnswer(items=shaped)


def withdrawal_answer(one: WithdrawalView, who: Principal) -> WithdrawalAnswer:
    """A withdrawal as this reader sees it."""
    return WithdrawalAnswer(
        withdrawal_id=one.withdrawal_id,
        distributor_id=one.distributor_id,
        account_id=one.account_id,
        channel=one.channel,
        status=one.status,
        amount=from_minor(one.amount_minor, one.currency),
        fee=from_minor(one.fee_minor, one.currency),
        tax=from_minor(one.tax_minor, one.currency),
        net=from_minor(one.net_minor, one.currency),
        currency=one.currency,
        policy_id=one.policy_id,
        payout_number=one.payout_number,
        attempt=one.attempt,
        # Whoever asks for money need not learn what makes others look twice.
        risks=_risks(one) if access.sees_all_withdrawals(who) else None,
        automatic=one.automatic,
        requested_at=one.requested_at,
        approved_at=one.approved_at,
        ended_at=one.ended_at,
    )


def _risks(one: WithdrawalView) -> list[RiskAnswer]:
    language = current().language
    return [
        RiskAnswer(
            code=risk.code, params=risk.params, text=i18n.render(RISKS[risk.code], risk.params, language)
        )
        for risk in one.risks
    ]


def detail_answer(detail: Detail, who: Principal) -> WithdrawalDetail:
    """A withdrawal with all that belongs to it, as this reader sees it."""
    everything = access.sees_all_withdrawals(who)
    return WithdrawalDetail(
        **withdrawal_answer(detail.view, who).model_dump(),
        account=account_answer(detail.account),
        history=[
            StepAnswer(
                version=step.version,
                from_status=step.from_status,
                to_status=step.to_status,
                attempt=step.attempt,
                at=step.at,
                actor=step.actor if everything else None,
                reason=step.reason,
            )
            for step in detail.history
        ],
        payouts=[
            PayoutAnswer(
                payout_number=one.payout_number,
                attempt=one.attempt,
                outcome=one.outcome,
                reference=reference,
                created_at=one.created_at,
                ended_at=one.ended_at,
            )
            for one, reference in detail.payouts
        ],
    )
