"""Every money table is watched: a value changed by hand is named by its row."""

from datetime import timedelta

import asyncpg
import pytest
from tests.integration.commission.scene import B, C, D, Scene

from fenxiao.commission.domain.accounts import AccountName
from fenxiao.commission.queries import ledger
from fenxiao.commission.queries.ledger import PostingFilter

FAULTS = [
    ("update commission set commission_amount_minor = 5001 where commission_id = {first}", "commission {first}.commission_amount_minor"),
    ("update commission set created_at = created_at + interval '1 s' where commission_id = {first}", "commission {first}.created_at"),
    ("update commission set rule_id = 8 where commission_id = {first}", "commission {first}.rule_id"),
    ("update commission set distributor_id = 77 where commission_id = {first}", "commission {first}"),
    ("update commission set currency = 'USD' where commission_id = {first}", "commission {first}.currency"),
    ("update commission set status = 'pending', released_at = null, settlement_id = null where commission_id = {first}", "posting {release}"),
    ("update commission set settlement_id = null where commission_id = {first}", "commission {first}"),
    ("update commission set release_at = release_at + interval '1 d' where commission_id = {first}", "commission {first}.release_at"),
    ("update commission set released_at = released_at + interval '1 d' where commission_id = {first}", "posting {release}"),
    ("delete from commission.posting where commission_id = {last}; delete from commission where commission_id = {last}", "commission of order 2, step 0, direct level 2, distributor 20"),
    ("delete from commission where commission_id = {last}", "posting "),
    ("insert into posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id, at, recorded_at) values ('accrual', 'commission_expense', 'pending', 30, 'CNY', 1, 999, now(), now()); update balance set pending_minor = pending_minor + 1 where distributor_id = 30", "posting "),
    ("delete from order_book where order_id = 2", "order_book 2"),
    ("update order_book set steps = 5 where order_id = 1", "order_book 1.steps"),
    ("update order_book set release_at = null where order_id = 1", "order_book 1.release_at"),
    ("delete from posting where posting_id = {release}", "commission {first}"),
    ("update posting set amount_minor = amount_minor + 1 where posting_id = {posting}", "posting {posting}"),
    ("update posting set credit = 'available' where posting_id = {posting}", "posting {posting}"),
    ("update posting set distributor_id = 77 where posting_id = {posting}", "posting {posting}"),
    ("update posting set at = at + interval '1 s' where posting_id = {posting}", "posting {posting}"),
    ("update posting set amount_minor = amount_minor + 1 where posting_id = {release}", "posting {release}"),
    ("update posting set debit = 'available', credit = 'pending' where posting_id = {release}", "posting {release}"),
    ("update balance set pending_minor = pending_minor + 1 where distributor_id = 30", "balance (30, CNY).pending"),
    ("update balance set available_minor = available_minor - 1 where distributor_id = 30", "balance (30, CNY).available"),
    ("update balance set withdrawing_minor = 1 where distributor_id = 30", "balance (30, CNY).withdrawing"),
    ("update balance set paid_minor = 1 where distributor_id = 30", "balance (30, CNY).paid"),
    ("update balance set matures_at = null where distributor_id = 30", "balance (30, CNY).matures_at"),
    ("update balance set matures_at = matures_at - interval '1 s' where distributor_id = 30", "balance (30, CNY).matures_at"),
    ("delete from balance where distributor_id = 30", "balance (30, CNY)"),
    ("insert into balance values (77, 'CNY', 1, 0, 0, 0)", "balance (77, CNY).pending"),
    ("update statement set released_minor = released_minor + 1, closing_minor = closing_minor + 1 where distributor_id = 30", "statement ({settlement}, 30, CNY)"),
    ("update statement set opening_minor = opening_minor + 1, closing_minor = closing_minor + 1 where distributor_id = 30", "statement ({settlement}, 30, CNY)"),
    ("update statement set entries = entries + 1 where distributor_id = 30", "statement ({settlement}, 30, CNY)"),
    ("delete from statement where distributor_id = 30", "statement ({settlement}, 30, CNY)"),
    ("update commission set settlement_id = 999 where commission_id = {first}", "posting {release}"),
    ("update commission set settlement_id = 999 where commission_id = {first}; update posting set settlement_id = 999 where posting_id = {release}", "statement (999, "),
    ("update settlement set cutoff = cutoff - interval '1 d'", "settlement {settlement}"),
]  # fmt: skip


async def lived(scene: Scene) -> dict[str, int]:
    """One order accrued, released and clawed back, one that is pending; the ids of some of its rows."""
    scene.plan()
    scene.sale(1)
    scene.complete(1)
    await scene.deliver()
    await scene.settle()
    scene.advance(days=1)
    scene.refund(20000, 1)
    await scene.deliver()
    scene.sale(2)
    scene.complete(2)
    await scene.deliver()
    row = await scene.db.fetchrow(
        "select min(commission_id) as first, max(commission_id) filter (where order_id = 2) as last,"
        " (select min(posting_id) from posting where event = 'accrual') as posting,"
        " (select posting_id from posting where event = 'release' order by commission_id limit 1) as release,"
        " (select settlement_id from settlement) as settlement from commission"
    )
    return dict(row.items())


@pytest.mark.parametrize(("fault", "subject"), FAULTS)
async def test_a_value_changed_by_hand_is_named(
    scene: Scene, owner: asyncpg.Connection, fault: str, subject: str
) -> None:
    ids = await lived(scene)
    assert await scene.findings() == []
    await owner.execute("set search_path = commission")
    await owner.execute(fault.format(**ids))
    scene.spoiled = True
    findings = await scene.findings()
    assert any(one.subject.startswith(subject.format(**ids)) for one in findings), [
        one.subject for one in findings
    ]
    assert not any(one.in_flight for one in findings)


async def test_a_corrected_entry_must_stand_with_its_correction(
    scene: Scene, owner: asyncpg.Connection
) -> None:
    ids = await lived(scene)
    scene.spoiled = True
    await owner.execute(
        "update commission.commission set status = 'pending', released_at = null where corrects = $1",
        ids["first"],
    )
    assert any("corrections" in one.check for one in await scene.findings())


async def test_what_is_on_its_way_is_no_difference(scene: Scene) -> None:
    scene.plan()
    scene.sale()
    scene.complete()
    scene.orders.flying = [1]
    findings = await scene.findings()
    assert [one.in_flight for one in findings] == [True, True, True]
    scene.orders.flying = []
    assert [one.in_flight for one in await scene.findings()] == [False, False, False]
    await scene.deliver()
    assert await scene.findings() == []


async def test_entries_of_an_order_that_does_not_exist_are_named(scene: Scene) -> None:
    await lived(scene)
    scene.spoiled = True
    del scene.orders.kept[2]
    assert {one.subject for one in await scene.findings() if one.subject.startswith("order_book")} == {
        "order_book 2"
    }
    del scene.orders.kept[1]
    assert {one.subject for one in await scene.findings() if one.subject.startswith("order_book")} == {
        "order_book 1",
        "order_book 2",
    }


async def test_an_order_whose_facts_contradict_themselves_is_named(scene: Scene) -> None:
    await lived(scene)
    scene.spoiled = True
    scene.refund(10**9, 2)
    assert [one.subject for one in await scene.findings()] == ["order 2"]
    assert await scene.balances() == {C: (5000, 3000), B: (2500, 1500)}
    assert D not in await scene.balances()


async def test_the_service_may_not_rewrite_what_was_posted(scene: Scene) -> None:
    await lived(scene)
    for statement in (
        "update posting set amount_minor = 1",
        "delete from posting",
        "update statement set entries = 9",
        "delete from statement",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await scene.db.fetch(statement)


async def test_time_does_not_change_what_is_right(scene: Scene) -> None:
    await lived(scene)
    scene.now += timedelta(days=4000)
    assert await scene.findings() == []


TOGETHER = [
    ("update posting set amount_minor = amount_minor + 1 where posting_id = {release}", "posting {release}"),
    ("update posting set at = at - interval '1 s' where posting_id = {release}", "posting {release}"),
    ("update posting set commission_id = {first} where posting_id = {release}", "posting {release}"),
    ("delete from posting where posting_id = {release}", "commission {first}"),
    ("update commission set settlement_id = null where commission_id = {second}", "posting {release}"),
    ("update commission set released_at = released_at + interval '1 s' where commission_id = {second}", "posting {release}"),
    ("update commission set commission_amount_minor = commission_amount_minor + 1 where commission_id = {second}", "posting {release}"),
    ("update statement set entries = 1 where distributor_id = 30", "statement ({settlement}, 30, CNY)"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "subject"), TOGETHER)
async def test_what_is_released_together_is_compared_with_each_of_its_entries(
    scene: Scene, owner: asyncpg.Connection, fault: str, subject: str
) -> None:
    scene.plan()
    for order_id in (1, 2):
        scene.sale(order_id)
        scene.complete(order_id)
    await scene.deliver()
    scene.refund(20000, 2)
    await scene.deliver()
    await scene.settle()
    rows = await scene.db.fetch(
        "select debit, amount_minor, commission_id is null as several, posting_id from posting"
        " where event = 'release' and distributor_id = $1 order by posting_id",
        C,
    )
    # What gives together, and what takes by itself.
    assert sorted(tuple(row)[:3] for row in rows) == [("available", 2000, False), ("pending", 10000, True)]
    ids = {row["debit"]: row["posting_id"] for row in rows}
    of = await scene.db.fetchrow(
        "select min(commission_id) as first, max(commission_id) as second, min(settlement_id) as settlement"
        " from commission where distributor_id = $1 and step = 0",
        C,
    )
    # Whoever asks for one of the orders finds what it was released with.
    asked = PostingFilter(account=AccountName("available", C), currency="CNY", order_id=1)
    page = await ledger.postings(scene.db, asked, limit=9, cursor=None)
    assert [one.posting_id for one in page.items] == [ids["pending"]]
    assert await scene.findings() == []
    await owner.execute("set search_path = commission")
    names = {**dict(of.items()), "release": ids["pending"]}
    await owner.execute(fault.format(**names))
    scene.spoiled = True
    assert subject.format(**names) in {one.subject for one in await scene.findings()}
