"""The book: balanced by its form, closed day by day, chained, added up, and never written again."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from tests.integration.commission.scene import NOON, B, C, Scene

from fenxiao.commission.service.books import Books

DAY = date(2026, 3, 1)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def books(scene: Scene, zone: str = "UTC") -> Books:
    return Books(scene.db, scene.clock, ZoneInfo(zone))


async def sold(scene: Scene, order_id: int = 1) -> None:
    scene.plan()
    scene.sale(order_id)
    scene.complete(order_id)
    await scene.deliver()


async def chain(scene: Scene) -> list[tuple]:
    rows = await scene.db.fetch(
        "select day, postings, through_posting_id, previous, hash from book_day order by day"
    )
    return [tuple(row) for row in rows]


UNBALANCED = [
    ("'accrual', 'commission_expense', null", 100, asyncpg.NotNullViolationError),
    ("'accrual', null, 'pending'", 100, asyncpg.NotNullViolationError),
    ("'accrual', 'pending', 'pending'", 100, asyncpg.CheckViolationError),
    ("'accrual', 'commission_expense', 'cash'", 100, asyncpg.CheckViolationError),
    ("'accrual', 'commission_expense', 'elsewhere'", 100, asyncpg.CheckViolationError),
    ("'accrual', 'commission_expense', 'pending'", 0, asyncpg.CheckViolationError),
    ("'accrual', 'commission_expense', 'pending'", -100, asyncpg.CheckViolationError),
]


@pytest.mark.parametrize("event", ["insert", "update", "delete", "truncate"])
async def test_the_database_itself_keeps_the_book_balanced_and_unchanged(scene: Scene, event: str) -> None:
    """A posting has both sides in one row, so there is no transaction of postings that does not balance."""
    await sold(scene)
    whole = await scene.db.fetch("select * from posting order by 1")
    if event == "insert":
        for sides, amount, refused in UNBALANCED:
            with pytest.raises(refused):
                async with scene.db.begin() as tx:
                    await tx.execute(
                        "insert into posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id,"
                        f" at, recorded_at) select {sides}, 30, 'CNY', {amount}, max(commission_id), now(), now()"
                        " from commission"
                    )
    for table in ("posting", "book_day", "book_day_account") if event != "insert" else ():
        statement = {
            "update": f"update {table} set {'posting_id = posting_id' if table == 'posting' else 'day = day'}",
            "delete": f"delete from {table}",
            "truncate": f"truncate {table} cascade",
        }[event]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with scene.db.begin() as tx:
                await tx.execute(statement)
    assert await scene.db.fetch("select * from posting order by 1") == whole


async def test_days_are_closed_in_a_chain_and_late_postings_belong_to_the_open_one(
    scene: Scene, owner: asyncpg.Connection
) -> None:
    assert await books(scene).close_days() == []
    await sold(scene)
    assert await books(scene).close_days() == []
    scene.now = MIDNIGHT + timedelta(minutes=5)
    # A fact of yesterday that is recorded now.
    scene.refund(20000)
    await scene.deliver()
    assert await books(scene).close_days() == [DAY]
    assert await books(scene).close_days() == []
    ((_, postings, through, previous, first),) = await chain(scene)
    assert (postings, through) == (2, await scene.db.fetchval("select min(posting_id) + 1 from posting"))
    scene.now = MIDNIGHT + timedelta(days=2, hours=1)
    assert await books(scene).close_days() == [date(2026, 3, 2), date(2026, 3, 3)]
    days = await chain(scene)
    assert [row[1] for row in days] == [2, 2, 0]
    assert [row[3] for row in days] == [previous, first, days[1][4]]
    assert len({row[4] for row in days}) == 3
    assert await scene.findings() == []
    await owner.execute(
        "update commission.posting set amount_minor = amount_minor + 1 where posting_id = $1", through
    )
    scene.spoiled = True
    found = [one.subject for one in await scene.findings() if one.check == "commission.days"]
    # Each day is looked at upon what is written of the day before, so one fault names one day.
    assert found == ["book_day 2026-03-01.accounts", "book_day 2026-03-01.hash"]


FAULTS = [
    ("update posting set recorded_at = recorded_at + interval '1 us' where posting_id = (select min(posting_id) from posting)", "2026-03-01.hash"),
    ("delete from posting where posting_id = (select min(posting_id) from posting)", "2026-03-01.postings"),
    ("update posting set commission_id = commission_id + 100 where posting_id = (select min(posting_id) from posting)", "2026-03-01.hash"),
    ("update book_day_account set debit_minor = debit_minor + 1", "2026-03-01.accounts"),
    ("update book_day set hash = sha256('x') where day = '2026-03-01'", "2026-03-02.previous"),
    ("delete from book_day_account where day = '2026-03-01'; delete from book_day where day = '2026-03-01'", "2026-03-02.previous"),
]  # fmt: skip


async def test_whatever_is_changed_behind_a_close_is_found(scene: Scene, owner: asyncpg.Connection) -> None:
    await sold(scene)
    scene.now = MIDNIGHT + timedelta(days=1, hours=1)
    assert len(await books(scene).close_days()) == 2
    assert [fault async for fault in books(scene).faults()] == []
    scene.spoiled = True
    await owner.execute("set search_path = commission; set session_replication_role = replica")
    for fault, subject in FAULTS:
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(fault)
        look = Books(Reader(owner), scene.clock, ZoneInfo("UTC"))
        assert f"book_day {subject}" in [one.subject async for one in look.faults()], fault
        await transaction.rollback()
    assert [fault async for fault in books(scene).faults()] == []


class Reader:
    """The owner's connection, where a database is asked for reading alone."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.fetch, self.fetchrow, self.fetchval = connection.fetch, connection.fetchrow, connection.fetchval


async def test_a_day_waits_for_those_who_may_still_write_into_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sold(scene)
    scene.now = MIDNIGHT + timedelta(minutes=5)
    with monkeypatch.context() as short:
        short.setattr("fenxiao.commission.service.books._LOOKS", 2)
        async with scene.db.begin() as tx:
            # As whoever writes postings does: first a row is locked, then an id is drawn.
            await tx.execute("select from balance for update")
            late = await tx.fetchval("select nextval('posting_posting_id_seq')")
            assert await books(scene).close_days() == []
    assert await chain(scene) == []
    # Others on the same server are waited for as well, for as long as it takes.
    assert await books(scene).close_days() == [DAY]
    assert (await chain(scene))[0][2] < late


async def test_a_day_is_that_of_the_time_zone(scene: Scene) -> None:
    await sold(scene)
    scene.now = datetime(2026, 3, 1, 16, 1, tzinfo=UTC)
    assert await books(scene, "Asia/Shanghai").close_days() == [DAY]
    assert await scene.db.fetchval("select ends_at from book_day") == datetime(2026, 3, 1, 16, tzinfo=UTC)
    # Another zone from now on: no day twice, no gap.
    scene.now = datetime(2026, 3, 3, 0, 1, tzinfo=UTC)
    assert await books(scene, "UTC").close_days() == [date(2026, 3, 2)]
    assert await scene.findings() == []


async def test_a_trial_balance_is_that_of_its_moment(scene: Scene) -> None:
    await sold(scene)
    await scene.settle()
    scene.now = MIDNIGHT + timedelta(hours=1)
    await books(scene).close_days()
    scene.refund(20000)
    await scene.deliver()

    async def at(moment: datetime | None) -> dict[str, tuple[int, int]]:
        found = await books(scene).trial_balance(at=moment, currency="CNY")
        assert found.is_balanced
        return {one.account: (one.debit_minor, one.credit_minor) for one in found.sums}

    first = {"available": (0, 7500), "commission_expense": (7500, 0), "pending": (7500, 7500)}
    assert await at(NOON - timedelta(seconds=1)) == {}
    assert await at(NOON) == await at(MIDNIGHT) == await at(scene.now - timedelta(seconds=1)) == first
    assert await at(None) == first | {"available": (3000, 7500), "commission_expense": (7500, 3000)}
    assert (await books(scene).trial_balance(at=None, currency="JPY")).sums == ()
    scene.now = MIDNIGHT + timedelta(days=1, hours=1)
    await books(scene).close_days()
    assert await at(None) == first | {"available": (3000, 7500), "commission_expense": (7500, 3000)}
    assert await at(MIDNIGHT) == first
    balances = await scene.balances()
    assert sum(available for _, available in balances.values()) == 7500 - 3000
    assert set(balances) == {B, C}
