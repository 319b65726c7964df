"""Withdrawals: every state and action, money that moves once, and people who may not decide for themselves."""

import asyncio

import asyncpg
import pytest
from tests.integration.commission.payee import BOSS, NUMBER, OWN, Payee
from tests.integration.commission.scene import NOON, B, C, Scene

from fenxiao.commission.domain.withdrawal_refusals import (
    InsufficientBalance,
    ManualChannelOnly,
    OwnWithdrawal,
    PayoutMissing,
    WithdrawalMissing,
    WithdrawalWaits,
    WithdrawalWrongState,
)
from fenxiao.commission.queries.withdrawals import WithdrawalView
from fenxiao.commission.service.payouts import PayoutOutcome
from fenxiao.commission.service.withdrawal_decisions import Decision, Who
from fenxiao.commission.service.withdrawals import Requested
from fenxiao.infra.db.idempotency import Once
from fenxiao.kernel.errors import Refusal
from fenxiao.payments.api import ChannelNotConfigured, TransferUnderWay


@pytest.fixture
def payee(scene: Scene) -> Payee:
    return Payee(scene)


async def test_a_withdrawal_by_bank_from_request_to_transfer(payee: Payee) -> None:
    await payee.earn(10000)
    account = await payee.account()
    one = await payee.request(4000, account)
    assert (one.status, one.fee_minor, one.tax_minor, one.net_minor) == ("requested", 0, 0, 4000)
    assert one.policy_id is None
    assert await payee.balance() == (6000, 4000, 0)
    one = await payee.approve(one)
    assert (one.status, one.approved_by, one.automatic) == ("approved", BOSS.actor, False)
    assert await payee.balance() == (6000, 4000, 0)
    (asked,) = await payee.events("payout.requested")
    assert asked == {
        "payout_number": one.payout_number,
        "withdrawal_id": one.withdrawal_id,
        "account_id": account,
        "channel": "bank",
        "amount_minor": 4000,
        "currency": "CNY",
    }
    one = await payee.confirm(one)
    assert (one.status, one.ended_at) == ("paid", NOON)
    assert await payee.balance() == (6000, 0, 4000)
    detail = await payee.withdrawals.detail(one)
    assert [(step.from_status, step.to_status, step.actor) for step in detail.history] == [
        (None, "requested", OWN),
        ("requested", "approved", BOSS.actor),
        ("approved", "paid", BOSS.actor),
    ]
    assert [(view.outcome, reference) for view, reference in detail.payouts] == [("paid", "ICBC-20260301-77")]
    audited = [told["action"] for told in await payee.events("audit.recorded")]
    assert audited[1:] == ["payout-account.registered", "withdrawal.approved", "withdrawal.paid"]
    changes = await payee.events("withdrawal.status_changed")
    assert [(each["status"], each["previous"], each["version"]) for each in changes] == [
        ("requested", None, 1),
        ("approved", "requested", 2),
        ("paid", "approved", 3),
    ]


STATES = ("requested", "approved", "processing", "awaiting_user", "unknown", "paid", "rejected", "failed")


async def brought_to(payee: Payee, state: str, account: int) -> WithdrawalView:
    """A withdrawal of 10.00 in this state."""
    one = await payee.request(1000, account)
    if state == "requested":
        return one
    if state == "rejected":
        return await payee.reject(one)
    one = await payee.approve(one)
    if state != "approved":
        await payee.hear(one, state)
    return await payee.now(one)


ALLOWED = {
    "approve": {"requested": "approved"},
    "reject": {"requested": "rejected", "approved": "rejected"},
    "retry": {"failed": "approved"},
    "confirm": {"approved": "paid", "processing": "paid"},
}


async def test_each_action_in_each_state(payee: Payee) -> None:
    """What is not in the table is refused by name, and changes nothing at all."""
    await payee.earn(100_000)
    account = await payee.account()
    acts = {"approve": payee.approve, "reject": payee.reject, "retry": payee.retry, "confirm": payee.confirm}
    for state in STATES:
        for action, act in acts.items():
            one = await brought_to(payee, state, account)
            assert one.status == state
            wanted = ALLOWED[action].get(state)
            if wanted is not None:
                done = await act(one)
                assert (done.status, done.version) == (wanted, one.version + 1), (state, action)
                continue
            before = await payee.state()
            with pytest.raises(WithdrawalWrongState) as refused:
                await act(one)
            assert refused.value.params == {
                "withdrawal_id": one.withdrawal_id, "status": state, "action": action
            }  # fmt: skip
            assert await payee.state() == before


async def test_only_what_a_person_transfers_is_confirmed_or_called_back(payee: Payee) -> None:
    await payee.earn(10000)
    account = await payee.account("paypal", "wang@example.com")
    one = await payee.request(1000, account)
    before = await payee.state()
    # Nor does a channel speak of what it was never sent.
    for number in (one.payout_number, "0" * 32):
        with pytest.raises(PayoutMissing):
            await payee.hear(number, "paid")
    assert await payee.state() == before
    one = await payee.approve(one)
    before = await payee.state()
    with pytest.raises(ManualChannelOnly):
        await payee.confirm(one)
    with pytest.raises(WithdrawalWrongState):
        await payee.reject(one)
    assert await payee.state() == before


async def test_rejecting_twice_returns_the_money_once(payee: Payee) -> None:
    await payee.earn(10000)
    one = await payee.request(4000, await payee.account())
    answers = await asyncio.gather(*(payee.reject(one) for _ in range(4)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == [
        *["WithdrawalView"],
        *["WithdrawalWrongState"] * 3,
    ]
    assert await payee.balance() == (10000, 0, 0)
    steps = (await payee.withdrawals.detail(await payee.now(one))).history
    assert [(step.to_status, step.reason) for step in steps] == [("requested", None), ("rejected", "no")]


async def test_nobody_decides_for_himself(payee: Payee) -> None:
    """Neither the account that asked nor another account of the same distributor."""
    await payee.earn(10000)
    one = await payee.request(1000, await payee.account())
    before = await payee.state()
    for who in (Who(actor=OWN, distributor_id=None), Who(actor="account:99", distributor_id=C)):
        with pytest.raises(OwnWithdrawal):
            await payee.approve(one, who)
    assert await payee.state() == before
    approved = await payee.approve(one, Who(actor="account:99", distributor_id=B))
    for who in (Who(actor=OWN, distributor_id=None), Who(actor="account:99", distributor_id=C)):
        with pytest.raises(OwnWithdrawal):
            await payee.confirm(approved, who)
    await payee.hear(approved, "failed")
    with pytest.raises(OwnWithdrawal):
        await payee.retry(approved, Who(actor=OWN, distributor_id=None))


async def test_many_at_once_never_overdraw(payee: Payee) -> None:
    await payee.earn(10000)
    account = await payee.account()
    workers = [offer.api._db for offer in payee.scene.offers]
    asked = [payee.request(1500, account, db=workers[place % 2]) for place in range(20)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, InsufficientBalance)]
    made = [answer for answer in answers if isinstance(answer, WithdrawalView)]
    assert (len(made), len(refused)) == (6, 14)
    assert await payee.balance() == (1000, 9000, 0)
    assert refused[0].params == {"available": "10.00", "amount": "15.00", "currency": "CNY"}
    assert len({one.payout_number for one in made}) == 6


async def test_debt_and_pending_money_cannot_be_withdrawn(payee: Payee) -> None:
    order = await payee.earn(10000)
    account = await payee.account()
    one = await payee.approve(await payee.request(10000, account))
    await payee.confirm(one)
    await payee.refund(3000, order)
    assert await payee.balance() == (-3000, 0, 10000)
    before = await payee.state()
    with pytest.raises(InsufficientBalance) as refused:
        await payee.request(1, account)
    assert refused.value.params["available"] == "0.00"
    assert await payee.state() == before
    await payee.earn(5000)
    assert (await payee.request(2000, account)).status == "requested"
    with pytest.raises(InsufficientBalance):
        await payee.request(1, account)


async def test_a_repeated_request_is_one(payee: Payee) -> None:
    await payee.earn(10000)
    asked = Requested(distributor_id=C, account_id=await payee.account(), currency="CNY", amount_minor=1000)
    once = Once("30", "key", b"digest")
    first = await payee.withdrawals.request(asked, once=once)
    assert await payee.withdrawals.request(asked, once=once) == first
    assert await payee.balance() == (9000, 1000, 0)
    failed = await payee.approve(first)
    await payee.hear(failed, "failed")
    decision = Decision(withdrawal_id=first.withdrawal_id)
    again = Once("1", "key", b"digest")
    retried = await payee.decisions.retry(decision, BOSS, once=again)
    assert await payee.decisions.retry(decision, BOSS, once=again) == retried
    assert await payee.balance() == (9000, 1000, 0)


async def test_a_suspended_distributor_s_withdrawals_wait(payee: Payee) -> None:
    await payee.earn(10000)
    await payee.publish(auto_approve_up_to_minor=5000)
    account = await payee.account()
    payee.network.status[C] = "suspended"
    one = await payee.request(1000, account)
    assert (one.status, one.automatic) == ("requested", False)
    before = await payee.state()
    with pytest.raises(WithdrawalWaits):
        await payee.approve(one)
    assert await payee.state() == before
    del payee.network.status[C]
    one = await payee.approve(one)
    payee.network.status[C] = "suspended"
    with pytest.raises(WithdrawalWaits):
        await payee.confirm(one)
    del payee.network.status[C]
    assert (await payee.confirm(one)).status == "paid"


async def test_many_are_decided_one_by_one(payee: Payee) -> None:
    await payee.earn(10000)
    account = await payee.account()
    one, two, three = [await payee.request(1000, account) for _ in range(3)]
    await payee.reject(two)
    asked = [
        Decision(withdrawal_id=one.withdrawal_id, reason="looked at"),
        Decision(withdrawal_id=two.withdrawal_id),
        Decision(withdrawal_id=999),
        Decision(withdrawal_id=one.withdrawal_id),
        Decision(withdrawal_id=three.withdrawal_id),
    ]
    answers = await payee.decisions.approve(asked, BOSS)
    kinds = [answer.status if isinstance(answer, WithdrawalView) else type(answer) for answer in answers]
    assert kinds == ["approved", WithdrawalWrongState, WithdrawalMissing, WithdrawalWrongState, "approved"]
    history = (await payee.withdrawals.detail(await payee.now(one))).history
    assert history[-1].reason == "looked at"
    rejected = await payee.decisions.reject([Decision(withdrawal_id=one.withdrawal_id, reason="typo")], BOSS)
    assert [getattr(answer, "status", None) for answer in rejected] == ["rejected"]
    assert await payee.balance() == (9000, 1000, 0)


WORDS = [("processing", 1), ("awaiting_user", 2), ("unknown", 3), ("processing", 4)]


async def test_a_channel_s_words_end_the_same_in_any_order(payee: Payee) -> None:
    await payee.earn(100_000)
    account = await payee.account("alipay", "13800000000")
    for last in ("paid", "failed", None):
        words = [*WORDS, *([(last, 5)] if last else [])]
        for shift in range(len(words)):
            one = await payee.approve(await payee.request(1000, account))
            available, withdrawing, paid = before = await payee.balance()
            told = [
                PayoutOutcome(payout_number=one.payout_number, outcome=outcome, sequence=sequence)
                for outcome, sequence in [*words[shift:], *words[:shift]] * 2
            ]
            if shift % 2:
                assert await payee.payouts.record_outcomes(told) == [None] * len(told)
            else:
                await asyncio.gather(*(payee.payouts.record_outcomes([word]) for word in told))
            assert (await payee.now(one)).status == (last or "processing")
            assert (
                await payee.balance()
                == {
                    "paid": (available, withdrawing - 1000, paid + 1000),
                    "failed": (available + 1000, withdrawing - 1000, paid),
                    None: before,
                }[last]
            )


async def test_failed_after_unknown_returns_the_money_and_a_retry_has_its_own_number(payee: Payee) -> None:
    await payee.earn(10000)
    first = await payee.approve(await payee.request(4000, await payee.account("stripe", "acct_1A2b3C4d")))
    await payee.hear(first, "unknown")
    assert await payee.balance() == (6000, 4000, 0)
    await payee.hear(first, "failed")
    await payee.hear(first, "failed")
    assert await payee.balance() == (10000, 0, 0)
    # The money must be there again.
    other = await payee.request(7000, first.account_id)
    before = await payee.state()
    with pytest.raises(InsufficientBalance):
        await payee.retry(first)
    assert await payee.state() == before
    await payee.reject(other)
    second = await payee.retry(first)
    assert (second.status, second.attempt, second.withdrawal_id) == ("approved", 2, first.withdrawal_id)
    assert second.payout_number != first.payout_number
    assert await payee.balance() == (6000, 4000, 0)
    # A late word on the first payout that says nothing new leaves the second alone.
    for outcome in ("processing", "unknown", "failed"):
        await payee.hear(first, outcome, sequence=9)
    assert (await payee.now(second)).status == "approved"
    await payee.hear(second, "paid")
    assert await payee.balance() == (6000, 0, 4000)
    numbers = [event["payout_number"] for event in await payee.events("payout.requested")]
    assert numbers == [first.payout_number, second.payout_number]


async def test_what_a_channel_says_against_itself_is_raised_and_moves_no_money(payee: Payee) -> None:
    await payee.earn(10000)
    account = await payee.account()
    failed = await payee.approve(await payee.request(1000, account))
    await payee.hear(failed, "failed")
    again = await payee.retry(failed)
    paid = await payee.approve(await payee.request(1000, account))
    await payee.hear(paid, "paid")
    rejected = await payee.reject(await payee.approve(await payee.request(1000, account)))
    before = await payee.balance()
    for _ in range(2):
        await payee.hear(failed, "paid")
        await payee.hear(paid, "failed")
        await payee.hear(rejected, "paid")
    assert await payee.balance() == before
    assert [(await payee.now(one)).status for one in (again, paid, rejected)] == [
        "approved",
        "paid",
        "rejected",
    ]
    found = await payee.payouts.findings(unresolved=True, limit=50, cursor=None)
    kinds = ["paid-after-rejected", "failed-after-paid", "paid-after-failed"]
    assert [(one.kind, one.payout_number) for one in found.items] == [
        (kind, one.payout_number) for kind, one in zip(kinds, (rejected, paid, failed), strict=True)
    ]
    raised = await payee.events("payout.contradicted")
    assert sorted(event["contradiction"] for event in raised) == sorted(kinds)
    # Verify names them until somebody has dealt with them.
    assert {one.check for one in await payee.scene.findings()} == {"commission.payout_findings"}
    for one in found.items:
        assert (await payee.payouts.resolve(one.finding_id, note="called the bank")).note == "called the bank"
    assert await payee.scene.findings() == []


async def test_an_approved_payout_is_handed_over_once_with_all_its_channel_must_know(payee: Payee) -> None:
    await payee.earn(10000)
    bank, paypal = await payee.account(), await payee.account("paypal", "wang@example.com")
    await payee.publish(fee_fixed_minor=100)
    one = await payee.approve(await payee.request(2000, bank))
    gone = await payee.reject(await payee.approve(await payee.request(1000, bank)))
    refused = await payee.approve(await payee.request(3000, paypal))
    payee.channels.refusals["paypal"] = ChannelNotConfigured(channel="paypal")
    await payee.hand_over()
    asked = [request for request in payee.channels.asked if request.channel == "bank"]
    # What was rejected meanwhile is not asked for any more, and had been taken back.
    assert {request.payout_number for request in asked} == {one.payout_number}
    assert (asked[0].amount_minor, asked[0].currency, asked[0].number) == (1900, "CNY", NUMBER)
    assert payee.channels.cancelled == [gone.payout_number]
    # A channel that takes nothing has failed, with the reason in the history.
    failed = await payee.withdrawals.detail(await payee.now(refused))
    assert (failed.view.status, failed.history[-1].reason) == ("failed", "channel-not-configured")
    assert await payee.balance() == (8000, 2000, 0)
    del payee.channels.refusals["paypal"]
    again = await payee.retry(refused)
    await payee.hand_over()
    assert payee.channels.asked[-1].payout_number == again.payout_number
    assert (await payee.now(again)).status == "approved"


async def test_what_is_in_a_bank_s_file_is_not_called_back(payee: Payee) -> None:
    await payee.earn(10000)
    account = await payee.account()
    one, two = [await payee.approve(await payee.request(1000, account)) for _ in range(2)]
    payee.channels.sent = {one.payout_number, two.payout_number}
    before = await payee.state()
    with pytest.raises(TransferUnderWay):
        await payee.reject(one)
    assert await payee.state() == before
    # That it was made is a fact all the same.
    assert (await payee.confirm(two)).status == "paid"


async def test_a_kill_between_the_rows_and_the_commit_leaves_nothing(
    payee: Payee, owner: asyncpg.Connection
) -> None:
    """The connection is cut while the transaction waits for the balance: neither the status nor the money has moved."""
    await payee.earn(10000)
    one = await payee.approve(await payee.request(4000, await payee.account()))
    before = await payee.state()
    async with owner.transaction():
        await owner.execute("select from commission.balance for update")
        waiting = asyncio.create_task(payee.confirm(one))
        async with asyncio.timeout(5):
            while not await owner.fetchval(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where wait_event_type = 'Lock' and datname = current_database()"
            ):
                await owner.execute("select pg_stat_clear_snapshot()")
                await asyncio.sleep(0.01)
        with pytest.raises(Refusal):
            await waiting
    assert await payee.state() == before
    assert (await payee.confirm(one)).status == "paid"
