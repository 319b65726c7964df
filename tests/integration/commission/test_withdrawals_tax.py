"""Tax of real payouts: accounts of months and years, refunds that correct them, the quarter's report."""

import asyncio
from datetime import date

import pytest
from tests.integration.commission.payee import BOSS, Payee
from tests.integration.commission.scene import C, Scene

from fenxiao.commission.domain.tax import BUILT_IN
from fenxiao.commission.queries.tax import TaxRow
from fenxiao.commission.service.tax import TaxTableKnown
from fenxiao.commission.service.withdrawal_decisions import Decision
from fenxiao.kernel.errors import Invalid


@pytest.fixture
def payee(scene: Scene) -> Payee:
    return Payee(scene)


async def tax_accounts(payee: Payee) -> list[tuple]:
    rows = await payee.scene.db.fetch("select month, gross_minor, tax_minor from tax_account order by month")
    return [tuple(row) for row in rows]


async def quarter(payee: Payee, year: int, number: int) -> list[TaxRow]:
    page = await payee.taxes.report(year=year, quarter=number, distributor_id=None, limit=50, cursor=None)
    return list(page.items)


async def test_the_payouts_of_a_month_are_taxed_as_one(payee: Payee) -> None:
    await payee.earn(10_000_00)
    account = await payee.account()
    await payee.publish(tax="cn_per_payment", fee_fixed_minor=1_00)
    first = await payee.request(500_00, account)
    second = await payee.request(500_00, account)
    # Until they are approved each shows what it alone would be withheld.
    assert (first.tax_minor, second.tax_minor) == (0, 0)
    decided = [Decision(withdrawal_id=one.withdrawal_id) for one in (first, second)]
    first, second = await payee.decisions.approve(decided, BOSS)
    assert (first.tax_minor, second.tax_minor, second.net_minor) == (0, 40_00, 459_00)
    # What is under way counts as had.
    third = await payee.approve(await payee.request(5_000_00, account))
    assert third.tax_minor == 920_00
    for one in (first, second, third):
        await payee.confirm(one)
    assert await tax_accounts(payee) == [(date(2026, 3, 1), 6_000_00, 960_00)]
    rows = await payee.scene.db.fetch(
        "select credit, sum(amount_minor)::bigint from posting where event = 'payout' group by 1"
    )
    assert {row[0]: row[1] for row in rows} == {
        "cash": 5_037_00, "tax_payable": 960_00, "fee_income": 3_00
    }  # fmt: skip
    payee.at(2026, 4, 1)
    assert (await payee.request(1_000_00, account)).tax_minor == 40_00
    # Another strategy for new requests; in the report the two quarters are told apart.
    await payee.publish(tax="flat", tax_rate="0.10")
    flat = await payee.confirm(await payee.approve(await payee.request(1_000_05, account)))
    assert (flat.tax_minor, flat.net_minor) == (100_01, 900_04)
    for number, gross in ((1, [6_000_00]), (2, [1_000_05]), (3, [])):
        for distributor_id, cursor in ((None, None), (C, None), (99, None)):
            page = await payee.taxes.report(
                year=2026, quarter=number, distributor_id=distributor_id, limit=1, cursor=cursor
            )
            found = [one.gross_minor for one in page.items]
            assert (found, page.next_cursor) == ([] if distributor_id == 99 else gross, None)


async def test_two_approvals_at_once_do_not_both_get_the_free_part(payee: Payee) -> None:
    await payee.earn(10_000_00)
    account = await payee.account()
    await payee.publish(tax="cn_per_payment")
    asked = [await payee.request(800_00, account) for _ in range(4)]
    approved = await asyncio.gather(*(payee.approve(one) for one in asked))
    # 3,200 in all: (3,200 − 800) × 20 %.
    assert sum(one.tax_minor for one in approved) == 480_00
    assert sorted(one.tax_minor for one in approved) == [0, 160_00, 160_00, 160_00]


async def test_a_year_s_income_and_its_months(payee: Payee) -> None:
    """20,000 a month by the platforms' table; a failed payout counts for nobody, its retry in its own month."""
    await payee.earn(100_000_00)
    account = await payee.account()
    await payee.publish(tax="cn_platform_cumulative")
    taxes = []
    for month in (3, 4):
        payee.at(2026, month, 10)
        one = await payee.confirm(await payee.approve(await payee.request(20_000_00, account)))
        taxes.append(one.tax_minor)
    failed = await payee.approve(await payee.request(20_000_00, account))
    await payee.hear(failed, "failed")
    payee.at(2026, 5, 10)
    retried = await payee.retry(failed)
    taxes.append(retried.tax_minor)
    await payee.confirm(retried)
    # The failed one of April would have been withheld more: one month less is deducted by then.
    assert failed.tax_minor > 330_00
    assert taxes == [330_00, 330_00, 330_00]
    payee.at(2027, 1, 10)
    assert (await payee.request(20_000_00, account)).tax_minor == 330_00
    assert await tax_accounts(payee) == [(date(2026, month, 1), 20_000_00, 330_00) for month in (3, 4, 5)]


async def test_a_clawback_of_taxed_income_corrects_the_accounts(payee: Payee) -> None:
    """Paid 5,000, of which 3,000 are clawed back in the same month: 2,000 are left, so the next 2,000 find 4,000."""
    order = await payee.earn(5_000_00)
    account = await payee.account()
    await payee.publish(tax="cn_per_payment")
    one = await payee.confirm(await payee.approve(await payee.request(5_000_00, account)))
    assert one.tax_minor == 800_00
    await payee.refund(3_000_00, order)
    assert await payee.balance() == (-3_000_00, 0, 5_000_00)
    assert await quarter(payee, 2026, 1) == [
        TaxRow(
            distributor_id=C, currency="CNY", gross_minor=5_000_00, refunds_minor=3_000_00, tax_minor=800_00
        )
    ]
    # The debt is made up for in April: that part of April's income is never paid out, and is income all the same.
    payee.at(2026, 4, 10)
    await payee.earn(4_000_00)
    assert await payee.balance() == (1_000_00, 0, 5_000_00)
    two = await payee.confirm(await payee.approve(await payee.request(1_000_00, account)))
    # 3,000 set off and 1,000 paid are 4,000 of April: (4,000 − 800) × 20 %.
    assert two.tax_minor == 640_00
    (april,) = await quarter(payee, 2026, 2)
    assert (april.gross_minor, april.refunds_minor, april.net_minor, april.tax_minor) == (
        1_000_00, -3_000_00, 4_000_00, 640_00
    )  # fmt: skip
    rows = await payee.scene.db.fetch("select change_minor from debt_change order by debt_change_id")
    assert [row[0] for row in rows] == [3_000_00, -3_000_00]


async def test_a_clawback_within_the_month_lowers_what_is_withheld_next(payee: Payee) -> None:
    order = await payee.earn(3_000_00)
    account = await payee.account()
    await payee.publish(tax="cn_per_payment")
    one = await payee.confirm(await payee.approve(await payee.request(3_000_00, account)))
    assert one.tax_minor == 440_00
    await payee.refund(1_000_00, order)
    await payee.earn(3_000_00)
    two = await payee.approve(await payee.request(2_000_00, account))
    # 3,000 and 2,000 were paid of 5,000 that are left to him: 5,000 × 80 % × 20 % = 800 in all.
    assert two.tax_minor == 360_00
    # In the quarter the debt has come and gone.
    await payee.confirm(two)
    (row,) = await quarter(payee, 2026, 1)
    assert (row.gross_minor, row.refunds_minor, row.tax_minor) == (5_000_00, 0, 800_00)


async def test_a_table_counts_from_its_day_on(payee: Payee) -> None:
    await payee.earn(10_000_00)
    account = await payee.account()
    await payee.publish(tax="cn_per_payment")
    _, _, _, document = BUILT_IN[0]
    milder = dict(document) | {"free": "2000.00"}
    given = {"strategy": "cn_per_payment", "effective_from": date(2026, 5, 1), "source": "a law to come"}
    before = await payee.state()
    with pytest.raises(Invalid) as refused:
        await payee.taxes.add(**given, document=dict(document) | {"free": "lots"}, once=None)
    assert [error.field for error in refused.value.errors] == ["document"]
    assert await payee.state() == before
    table = await payee.taxes.add(**given, document=milder, once=None)
    with pytest.raises(TaxTableKnown):
        await payee.taxes.add(**given, document=milder, once=None)
    payee.at(2026, 4, 30)
    assert (await payee.approve(await payee.request(1_000_00, account))).tax_minor == 40_00
    payee.at(2026, 5, 1)
    one = await payee.approve(await payee.request(3_000_00, account))
    assert one.tax_minor == 200_00
    rows = await payee.scene.db.fetch("select tax_table_id from payout order by payout_id")
    assert rows[-1][0] == table.table_id != rows[0][0]
    # Midnight is Shanghai's: 17:00 UTC on the last of the month is the next month there.
    payee.scene.now = payee.scene.now.replace(month=5, day=31, hour=17)
    await payee.approve(await payee.request(1_00, account))
    months = await payee.scene.db.fetch("select tax_month from payout order by payout_id")
    assert [row[0].month for row in months] == [4, 5, 6]
