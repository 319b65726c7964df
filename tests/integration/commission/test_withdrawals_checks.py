"""Verify looks at withdrawals too: a value changed by hand is named, and the service cannot rewrite what it has written."""

import asyncpg
import pytest
from tests.integration.commission.payee import Payee
from tests.integration.commission.scene import C, Scene


@pytest.fixture
def payee(scene: Scene) -> Payee:
    return Payee(scene)


# What is changed by hand, how it is put right again, and the subjects that must be named.
FAULTS = [
    ("update balance set withdrawing_minor = withdrawing_minor + 1 where distributor_id = 30",
     "update balance set withdrawing_minor = withdrawing_minor - 1 where distributor_id = 30",
     {"balance (30, CNY).withdrawing", "balance (30, CNY)"}),
    ("update withdrawal set amount_minor = amount_minor + 1 where withdrawal_id = {open}",
     "update withdrawal set amount_minor = amount_minor - 1 where withdrawal_id = {open}",
     {"balance (30, CNY).withdrawing", "posting {open_posting}"}),
    ("update withdrawal set status = 'approved', approved_by = 'x', approved_at = now() where withdrawal_id = {open}",
     "update withdrawal set status = 'requested', approved_by = null, approved_at = null where withdrawal_id = {open}",
     {"withdrawal {open}"}),
    ("update withdrawal set version = 7 where withdrawal_id = {open}",
     "update withdrawal set version = 1 where withdrawal_id = {open}", {"withdrawal {open}"}),
    ("update withdrawal_history set actor = 'account:30' where withdrawal_id = {paid} and version = 2",
     "update withdrawal_history set actor = 'account:1' where withdrawal_id = {paid} and version = 2",
     {"withdrawal {paid}"}),
    ("update withdrawal_history set from_status = 'unknown' where withdrawal_id = {paid} and version = 3",
     "update withdrawal_history set from_status = 'approved' where withdrawal_id = {paid} and version = 3",
     {"withdrawal {paid}, step 3"}),
    ("update payout set tax_minor = tax_minor + 1 where withdrawal_id = {paid}",
     "update payout set tax_minor = tax_minor - 1 where withdrawal_id = {paid}",
     {"posting {cash}", "posting {tax}", "tax_account (30, CNY, 2026-03-01)"}),
    ("update posting set credit = 'fee_income' where posting_id = {tax}",
     "update posting set credit = 'tax_payable' where posting_id = {tax}",
     {"posting {tax}", "payout {payout}"}),
    ("update tax_account set gross_minor = gross_minor + 1", "update tax_account set gross_minor = gross_minor - 1",
     {"tax_account (30, CNY, 2026-03-01)"}),
    (("insert into tax_account (distributor_id, currency, month, gross_minor, tax_minor)"
     " values (77, 'CNY', '2026-03-01', 1, 0)"), "delete from tax_account where distributor_id = 77",
     {"tax_account (77, CNY, 2026-03-01)"}),
    ("update debt_change set change_minor = change_minor + 1", "update debt_change set change_minor = change_minor - 1",
     {"debt of balance (30, CNY)"}),
]  # fmt: skip


async def lived(payee: Payee) -> dict[str, int]:
    """One was paid, with tax, and made a debt by a refund; one is open; one has failed."""
    order = await payee.earn(10000)
    account = await payee.account()
    await payee.publish(tax="flat", tax_rate="0.10")
    paid = await payee.confirm(await payee.approve(await payee.request(4000, account)))
    failed = await payee.approve(await payee.request(1000, account))
    await payee.hear(failed, "failed")
    open_one = await payee.request(2000, account)
    await payee.refund(7000, order)
    assert await payee.balance() == (-3000, 2000, 4000)
    row = await payee.scene.db.fetchrow(
        "select (select payout_id from payout where withdrawal_id = $1) as payout,"
        " (select posting_id from posting where credit = 'cash') as cash,"
        " (select posting_id from posting where credit = 'tax_payable') as tax,"
        " (select posting_id from posting join payout using (payout_id) where withdrawal_id = $2) as open_posting",
        paid.withdrawal_id,
        open_one.withdrawal_id,
    )
    return dict(row.items()) | {"paid": paid.withdrawal_id, "open": open_one.withdrawal_id}


async def test_a_value_changed_by_hand_is_named(payee: Payee, owner: asyncpg.Connection) -> None:
    ids = await lived(payee)
    await owner.execute("set search_path = commission")
    assert await payee.scene.findings() == []
    for fault, cure, subjects in FAULTS:
        await owner.execute(fault.format(**ids))
        named = {one.subject for one in await payee.scene.findings()}
        assert named == {subject.format(**ids) for subject in subjects}, fault
        await owner.execute(cure.format(**ids))
    assert await payee.scene.findings() == []


async def test_the_service_may_not_rewrite_histories_nor_hold_more_than_there_is(payee: Payee) -> None:
    await lived(payee)
    for statement in (
        "update withdrawal_history set reason = 'x'",
        "delete from withdrawal_history",
        "update withdrawal_policy set minimum_minor = 1",
        "update tax_table set source = 'x'",
        "update debt_change set change_minor = 1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await payee.scene.db.fetch(statement)
    for statement in (
        "update withdrawal set approved_by = requested_by where status = 'paid'",
        "update balance set withdrawing_minor = -1 where distributor_id = 30",
        (
            "insert into posting (event, debit, credit, distributor_id, currency, amount_minor, payout_id, at, recorded_at)"
            " select 'payout', 'withdrawing', 'available', distributor_id, currency, 1, payout_id, at, at from posting"
            " where event = 'payout'"
        ),
        (
            "insert into posting (event, debit, credit, distributor_id, currency, amount_minor, payout_id, at, recorded_at)"
            " select event, debit, credit, distributor_id, currency, amount_minor, payout_id, at, at from posting"
            " where event = 'return'"
        ),
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await payee.scene.db.fetch(statement)
    assert C == 30
