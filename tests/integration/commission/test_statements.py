"""Statements: what they say is what the ledger says, of the stretch between two settlements."""

import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from tests.integration.commission.payee import Payee
from tests.integration.commission.scene import C, Scene

from fenxiao.commission.domain.withdrawal_refusals import InsufficientBalance
from fenxiao.commission.service.statements import Detail, Statements


async def newest(scene: Scene, distributor_id: int = C) -> Detail:
    statements = Statements(scene.db)
    page = await statements.of_distributor(distributor_id, limit=1, cursor=None)
    found = await statements.find(page.items[0].statement_id)
    assert found == page.items[0]
    return await statements.detail(found)


async def sums(scene: Scene, detail: Detail) -> dict[str, int]:
    """What the postings themselves come to, account by account, up to the statement's end."""
    rows = await scene.db.fetch(
        "select account, sum(amount)::bigint from (select credit as account, amount_minor as amount from posting"
        " where distributor_id = $1 and posting_id <= $2 union all select debit, -amount_minor from posting"
        " where distributor_id = $1 and posting_id <= $2) p group by 1",
        detail.key[0],
        detail.statement.through,
    )
    return {row[0]: row[1] for row in rows}


async def test_a_statement_is_the_ledger_between_two_settlements(scene: Scene) -> None:
    payee = Payee(scene)
    await payee.publish(fee_fixed_minor=100, tax="flat", tax_rate="0.10")
    first = await payee.earn(100_000)
    one = await newest(scene)
    assert (one.figures.opening, one.figures.closing) == ((0, 0, 0), (0, 100_000, 0))
    assert (one.figures.accruals, one.figures.released, one.after) == (100_000, 100_000, 0)
    account = await payee.account()
    paid = await payee.request(30_000, account)
    await payee.approve(paid)
    await payee.confirm(paid)
    back = await payee.request(5_000, account)
    await payee.reject(back)
    open_ = await payee.request(7_000, account)
    # After the close: an entry of the open stretch, and debt that later commission makes good first.
    await payee.refund(90_000, first)
    available, withdrawing, _ = await payee.balance()
    assert available == 100_000 - 30_000 - 7_000 - 90_000 < 0
    before = await newest(scene)
    assert before == one
    await payee.earn(20_000)
    two = await newest(scene)
    found, was = two.figures, one.figures
    assert (found.opening, two.after) == (was.closing, one.statement.through)
    assert (found.accruals, found.clawbacks, found.released) == (20_000, 90_000, 20_000)
    assert (found.requested, found.returned) == (42_000, 5_000)
    assert (found.paid, found.fee, found.tax) == (30_000 - 100 - 3_000, 100, 3_000)
    assert sum(found.closing) == sum(found.opening) + 20_000 - 90_000 - 30_000
    assert found.closing == (0, available + 20_000, withdrawing) == two.statement.lying
    ledger = await sums(scene, two)
    assert found.closing == tuple(ledger.get(name, 0) for name in ("pending", "available", "withdrawing"))
    # Nothing of what was earned can be withdrawn before the debt is made good.
    with pytest.raises(InsufficientBalance):
        await payee.request(1, account)
    await payee.reject(open_)
    await payee.earn(300)
    assert (await payee.balance())[0] == 300
    await payee.request(300, account)


async def test_its_lines_are_its_postings_and_files_say_the_same(scene: Scene) -> None:
    scene.plan()
    for order_id in (1, 2, 3):
        scene.sale(order_id)
        scene.complete(order_id)
    await scene.deliver()
    await scene.settle()
    scene.advance(days=1)
    scene.refund(20000)
    await scene.deliver()
    scene.sale(4)
    scene.complete(4)
    await scene.deliver()
    await scene.settle()
    statements, detail = Statements(scene.db), await newest(scene)
    lines, cursor = [], None
    while True:
        page = await statements.lines(detail, limit=1, cursor=cursor)
        lines += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [(one.event, one.order_id, one.amount_minor) for one in lines] == [
        ("clawback", 1, 2000),
        ("accrual", 4, 5000),
        ("release", 4, 5000),
    ]
    parts = await statements.written(detail, "csv", "en")
    text = b"".join([part async for part in parts]).decode()
    assert [line.split(",")[0] for line in text.split("\r\n")[1:-1]] == [str(one.posting_id) for one in lines]
    for language, title, earned in (("zh", "结算单", "佣金收入"), ("en", "Statement", "Commission earned")):
        parts = await statements.written(detail, "xlsx", language)
        book = CalamineWorkbook.from_filelike(io.BytesIO(b"".join([part async for part in parts])))
        front, rows = (book.get_sheet_by_index(n).to_python() for n in (0, 1))
        assert front[0][0].startswith(title)
        assert dict(front)[earned] == "50.00"
        assert [row[0] for row in rows[1:]] == [one.posting_id for one in lines]
        assert [row[7] for row in rows[1:]] == [20.0, 50.0, 50.0]


async def test_a_statement_from_before_its_end_was_written_down_finds_it(scene: Scene, owner: Any) -> None:
    scene.plan()
    for order_id in (1, 2):
        scene.sale(order_id)
        scene.complete(order_id)
        await scene.deliver()
        await scene.settle()
        scene.advance(days=1)
    now = await newest(scene)
    await owner.execute(
        "update commission.statement set through_posting_id = null, pending_minor = null, withdrawing_minor = null"
        " where settlement_id = (select min(settlement_id) from commission.statement)"
    )
    assert await newest(scene) == now
    assert now.figures.opening == (0, 5000, 0)
