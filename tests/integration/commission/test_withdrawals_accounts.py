"""Payout accounts: sealed in the table, masked in answers, nobody else's business, and gone with their person."""

import pytest
from tests.integration.commission.payee import CIPHER, NUMBER, Payee
from tests.integration.commission.scene import B, C, Scene

from fenxiao.commission.domain.payout_accounts import (
    PayoutAccountClosed,
    PayoutAccountKnown,
    PayoutAccountMissing,
)
from fenxiao.infra.crypto import CannotOpen
from fenxiao.kernel.errors import Invalid

HOLDER = "王小明"


@pytest.fixture
def payee(scene: Scene) -> Payee:
    return Payee(scene)


async def test_what_an_account_says_is_sealed_and_masked(payee: Payee) -> None:
    account = await payee.account("bank", "6222 0212-3456 7890 123")
    (row,) = await payee.scene.db.fetch("select * from payout_account")
    stored = b"".join(value for value in row.values() if isinstance(value, bytes))
    text = str(dict(row.items()))
    for secret in (NUMBER, NUMBER[-4:], HOLDER, "工商银行", "上海分行"):
        assert secret not in text
        assert secret.encode() not in stored
    # Bound to its row: copied to another account it does not open.
    with pytest.raises(CannotOpen):
        CIPHER.open(row["number_sealed"], table="payout_account", column="number_sealed", row=account + 1)
    shown = await payee.accounts.find(account)
    assert (shown.holder, shown.number, shown.status) == ("王**", "****0123", "active")
    (listed,) = (await payee.accounts.page(distributor_id=C, limit=50, cursor=None)).items
    assert listed == shown
    (clear,) = await payee.accounts.destinations([account, 999])
    assert (clear.holder, clear.number, clear.bank, clear.branch) == (HOLDER, NUMBER, "工商银行", "上海分行")
    assert NUMBER not in repr(clear)
    told = str(await payee.scene.db.fetch("select data::text from outbox"))
    assert "payout-account.registered" in told
    assert "0123" not in told
    assert HOLDER[:1] not in told


FAULTY = [
    ("bank", "12", "number"), ("bank", "6222 0212 34 56 78 90 €", "number"), ("alipay", "wang", "number"),
    ("wechat", "short", "number"), ("paypal", "13800000000", "number"), ("stripe", "1A2b3C4d5E", "number"),
]  # fmt: skip


async def test_a_faulty_account_is_refused_by_field(payee: Payee) -> None:
    before = await payee.state()
    for channel, number, field in FAULTY:
        with pytest.raises(Invalid) as refused:
            await payee.account(channel, number)
        assert [error.field for error in refused.value.errors] == [field], (channel, number)
    with pytest.raises(Invalid) as refused:
        await payee.account(holder="王\x07")
    assert [error.field for error in refused.value.errors] == ["holder"]
    assert await payee.state() == before


async def test_an_account_is_registered_once_closed_and_never_somebody_else_s(payee: Payee) -> None:
    await payee.earn(10000)
    account = await payee.account()
    with pytest.raises(PayoutAccountKnown) as known:
        await payee.account("bank", " 62220212 34567890123 ")
    assert known.value.params == {"account_id": account}
    before = await payee.state()
    with pytest.raises(PayoutAccountMissing):
        await payee.request(1000, account, who=B)
    assert await payee.state() == before
    one = await payee.request(1000, account)
    await payee.accounts.close(account)
    before = await payee.state()
    with pytest.raises(PayoutAccountClosed):
        await payee.request(1000, account)
    with pytest.raises(PayoutAccountClosed):
        await payee.accounts.close(account)
    assert await payee.state() == before
    # What is under way still goes there, and the account may be registered anew.
    assert (await payee.confirm(await payee.approve(one))).status == "paid"
    shown = await payee.accounts.find(account)
    assert (shown.status, shown.number) == ("closed", "****0123")
    assert await payee.account() != account


async def test_an_erased_person_s_accounts_are_emptied_and_the_book_stays(payee: Payee) -> None:
    await payee.earn(10000)
    free, needed, other = (
        await payee.account("paypal", "wang@example.com"),
        await payee.account(),
        await payee.account(who=B),
    )
    done = await payee.confirm(await payee.approve(await payee.request(1000, needed)))
    open_one = await payee.approve(await payee.request(2000, needed))
    assert await payee.accounts.erase([C]) == 1
    assert await payee.accounts.erase([C]) == 0
    shown = [await payee.accounts.find(one) for one in (free, needed, other)]
    assert [(one.status, one.holder) for one in shown] == [
        ("erased", None),
        ("closed", "王**"),
        ("active", "王**"),
    ]
    with pytest.raises(PayoutAccountClosed):
        await payee.request(1000, needed)
    # The payout that is under way needs its account until it has ended.
    assert [one.account_id for one in await payee.accounts.destinations([free, needed])] == [needed]
    await payee.hear(open_one, "paid")
    row = await payee.scene.db.fetchrow("select * from payout_account where account_id = $1", needed)
    assert (row["status"], row["number_sealed"], row["holder_sealed"], row["details_sealed"], row["number_index"]) == (
        "erased", None, None, None, None
    )  # fmt: skip
    assert await payee.accounts.destinations([free, needed]) == []
    assert await payee.balance() == (7000, 0, 3000)
    assert (await payee.withdrawals.detail(done)).account.number is None
