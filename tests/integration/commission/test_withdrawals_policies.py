"""Policies of withdrawals: dated versions, fee, limits, what approves itself, and what makes people look twice."""

from datetime import timedelta

import pytest
from tests.integration.commission.payee import Payee
from tests.integration.commission.scene import NOON, B, Scene

from fenxiao.commission.domain.withdrawal_refusals import BelowMinimum, DailyLimit, NothingLeft
from fenxiao.infra.db.idempotency import Once
from fenxiao.kernel.errors import Invalid


@pytest.fixture
def payee(scene: Scene) -> Payee:
    return Payee(scene)


async def test_a_withdrawal_keeps_the_version_it_was_requested_under(payee: Payee) -> None:
    await payee.earn(100_000)
    account = await payee.account()
    first = await payee.publish(fee_fixed_minor=100, fee_rate="0.01")
    second = await payee.publish(fee_fixed_minor=900, effective_from=NOON + timedelta(days=1))
    assert (first.version, second.version) == (1, 2)
    early = await payee.request(5000, account)
    assert (early.policy_id, early.fee_minor, early.net_minor) == (first.policy_id, 150, 4850)
    payee.scene.now = NOON + timedelta(days=1)
    late = await payee.request(5000, account)
    assert (late.policy_id, late.fee_minor) == (second.policy_id, 900)
    early = await payee.confirm(await payee.approve(early))
    assert (early.fee_minor, await payee.balance()) == (150, (90_000, 5000, 5000))
    rows = await payee.scene.db.fetch(
        "select debit, credit, amount_minor from posting where event = 'payout'"
    )
    assert {tuple(row) for row in rows} == {("withdrawing", "cash", 4850), ("withdrawing", "fee_income", 150)}
    # Failed and tried again it is still the same withdrawal.
    await payee.hear(await payee.approve(late), "failed")
    await payee.publish(fee_fixed_minor=1)
    assert (await payee.retry(late)).fee_minor == 900


async def test_a_version_is_written_once_audited_and_never_for_the_past(payee: Payee) -> None:
    before = await payee.state()
    for changes, field in (
        ({"effective_from": NOON - timedelta(seconds=1)}, "effective_from"),
        ({"fee_rate": "1.00"}, "fee_rate"),
        ({"tax": "flat"}, "tax_rate"),
        ({"tax": "flat", "tax_rate": "1.00"}, "tax_rate"),
        ({"tax": "none", "tax_rate": "0.10"}, "tax_rate"),
        ({"tax": "cn_per_payment", "currency": "USD"}, "tax"),
    ):
        with pytest.raises(Invalid) as refused:
            await payee.publish(**changes)
        assert [error.field for error in refused.value.errors] == [field], changes
        assert await payee.state() == before
    await payee.taxes.provision()
    await payee.taxes.provision()
    assert await payee.scene.db.fetchval("select count(*) from tax_table") == 2
    policy = await payee.publish(tax="cn_platform_cumulative")
    once = Once("1", "key", b"digest")
    again = [await payee.policies.publish(policy, once=once) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0].version == 2
    (told, _) = await payee.events("audit.recorded")
    assert (told["action"], told["before"]["tax"], told["after"]["tax"]) == (
        "withdrawal-policy.published", "none", "cn_platform_cumulative"
    )  # fmt: skip
    assert (await payee.policies.current("CNY")).version == 2
    assert (await payee.policies.current("USD")).policy_id is None


async def test_minimum_daily_limit_and_a_fee_that_eats_everything(payee: Payee) -> None:
    await payee.earn(100_000)
    account = await payee.account()
    await payee.publish(minimum_minor=1000, daily_limit_minor=5000, fee_fixed_minor=1200)
    before = await payee.state()
    for amount, refusal in ((999, BelowMinimum), (1200, NothingLeft), (5001, DailyLimit)):
        with pytest.raises(refusal):
            await payee.request(amount, account)
        assert await payee.state() == before
    first = await payee.request(3000, account)
    with pytest.raises(DailyLimit) as refused:
        await payee.request(2001, account)
    assert refused.value.params == {"limit": "50.00", "left": "20.00", "currency": "CNY"}
    await payee.reject(first)
    # 12:00 UTC is 20:00 in Shanghai: the day there ends in four hours.
    await payee.request(5000, account)
    payee.scene.advance(hours=4, seconds=-1)
    with pytest.raises(DailyLimit):
        await payee.request(2000, account)
    payee.scene.advance(seconds=1)
    await payee.request(2000, account)


async def test_what_approves_itself_and_what_stops_it(payee: Payee) -> None:
    await payee.earn(100_000)
    await payee.publish(auto_approve_up_to_minor=5000, new_account_days=7, most_per_day=3)
    account = await payee.account()
    young = await payee.request(1000, account)
    assert (young.status, [risk.code for risk in young.risks]) == ("requested", ["new-account"])
    assert young.risks[0].params == {"days": 0, "least": 7}
    payee.scene.advance(days=7)
    known = await payee.request(5000, account)
    assert (known.status, known.automatic, known.approved_by, known.risks) == ("approved", True, "policy", ())
    assert [event["payout_number"] for event in await payee.events("payout.requested")] == [
        known.payout_number
    ]
    assert (await payee.request(5001, account)).status == "requested"
    other = await payee.account("paypal", "wang@example.com")
    # The same address in another channel is another account.
    await payee.account("alipay", "wang@example.com", who=B)
    payee.scene.advance(days=8)
    changed = await payee.request(1000, other)
    assert [risk.code for risk in changed.risks] == ["changed-account"]
    assert changed.risks[0].params == {"account_id": account}
    await payee.account("paypal", " Wang@Example.com ", who=B)
    shared = await payee.request(1000, other)
    assert [(risk.code, risk.params) for risk in shared.risks] == [("shared-account", {"others": 1})]
    await payee.request(1000, other)
    fast = await payee.request(1000, other)
    assert [(risk.code, risk.params) for risk in fast.risks] == [
        ("velocity", {"count": 4, "most": 3}), ("shared-account", {"others": 1})
    ]  # fmt: skip
    assert {one.status for one in (changed, shared, fast)} == {"requested"}
    # A person overrides them, and they stay to be seen.
    approved = await payee.approve(fast)
    assert (approved.status, approved.automatic, approved.risks) == ("approved", False, fast.risks)
