"""A statement as PDF says what its JSON says, amount by amount, in both languages."""

import io
import re
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader
from tests.integration.commission.payee import Payee
from tests.integration.commission.scene import C, Scene
from tests.integration.commission.test_cases import DONE, Shop, shop

from fenxiao.commission.domain.accounts import OWN
from fenxiao.commission.service.papers import fonts
from fenxiao.commission.service.papers import statement as papers
from fenxiao.commission.service.papers.statement import WORDS, Papers, StatementTooLong
from fenxiao.commission.service.statements import Detail, Statements, whole_change
from fenxiao.infra.i18n import translate
from fenxiao.kernel.i18n import LANGUAGES, Language
from fenxiao.kernel.money import from_minor

__all__ = ["shop"]
PDF = "application/pdf"
NAME = "上海䶮辰贸易 Łukasz"


class Named:
    async def names(self, *, distributor_ids: Sequence[int]) -> dict[int, str]:
        return dict.fromkeys(distributor_ids, NAME)


def reader_of(scene: Scene) -> tuple[Statements, Papers]:
    statements = Statements(scene.db)
    return statements, Papers(scene.db, statements, Named(), ZoneInfo("Asia/Shanghai"))  # type: ignore[arg-type]


async def newest(statements: Statements) -> Detail:
    page = await statements.of_distributor(C, limit=1, cursor=None)
    return await statements.detail(page.items[0])


async def written(papers: Papers, detail: Detail, language: Language) -> bytes:
    return b"".join([part async for part in await papers.written(detail, language)])


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def amounts(text: str) -> list[str]:
    return [one.replace(",", "") for one in re.findall(r"-?\d[\d,]*\.\d\d\b", text)]


def plain(minor: int) -> str:
    return from_minor(minor, "CNY")


async def test_every_amount_of_the_statement_is_on_paper(scene: Scene, monkeypatch: Any) -> None:
    payee = Payee(scene)
    await payee.publish(fee_fixed_minor=100, tax="flat", tax_rate="0.10")
    first = await payee.earn(1_234_500)
    account = await payee.account()
    paid = await payee.request(30_000, account)
    await payee.approve(paid)
    await payee.confirm(paid)
    back = await payee.request(5_000, account)
    await payee.reject(back)
    await payee.request(7_000, account)
    await payee.refund(90_000, first)
    await payee.earn(20_000)
    statements, made = reader_of(scene)
    detail = await newest(statements)
    lines = (await statements.lines(detail, limit=200, cursor=None)).items
    assert {one.event for one in lines} == {
        "accrual",
        "release",
        "clawback",
        "withdrawal",
        "payout",
        "return",
    }
    found = detail.figures
    moved = [
        plain(sign * one.amount_minor)
        for one in lines
        for account_kind in OWN
        if (sign := (one.credit == account_kind) - (one.debit == account_kind))
    ]
    sums = [b - a for a, b in zip(found.opening, found.closing, strict=True)]
    assert sum(map(whole_change, lines)) == sum(sums)
    foot = [plain(one) for one in (*found.opening, *sums, *found.closing)]
    for language in LANGUAGES:
        content = await written(made, detail, language)
        text = text_of(content)
        heading = translate(WORDS["component"], language)
        head, _, below = text.partition(heading)
        assert amounts(below) == moved + foot
        said = {name: translate(one, language) for name, one in WORDS.items()}
        for name in (
            "accruals",
            "rewards",
            "clawbacks",
            "paid",
            "fee",
            "tax",
            "released",
            "requested",
            "returned",
        ):
            sign = -1 if name in {"clawbacks", "paid", "fee", "tax"} else 1
            shown = f"{said[name]}\n" if f"{said[name]}\n" in head else said[name]
            after = head.partition(shown)[2]
            assert amounts(after.replace("CN¥", "").replace("¥", ""))[0] == plain(
                sign * getattr(found, name)
            ), name
        for one in (*found.opening, *found.closing, sum(found.opening), sum(found.closing)):
            assert plain(one) in amounts(head)
        assert NAME in head
        assert detail.statement.statement_id in head
        assert {str(one.order_id) for one in lines if one.order_id} <= set(re.findall(r"\d+", below))
        assert content == await written(made, detail, language)
        assert b"/FontFile2" in content
        assert len(content) < 100_000
    assert ("分销商" in text, "佣金收入" in text, "冻结中" in text) == (True, True, True)
    monkeypatch.setattr(papers, "MAX_LINES", len(lines) - 1)
    with pytest.raises(StatementTooLong):
        await made.written(detail, "zh")


async def test_its_language_and_what_it_says_where_the_extra_is_missing(shop: Shop, monkeypatch: Any) -> None:
    await shop.publish()
    await shop.sell(*DONE)
    settlement = (await shop.settle("C"))["settlement_id"]
    (head,) = (await shop.call("GET", f"/api/settlements/{settlement}/statements"))["items"]
    path = f"/api/statements/{head['statement_id']}"
    owner = shop.chain["C"]
    for language, title, whose in (
        ("zh-CN", "佣金结算单", f"C（分销商 {owner}）"),
        ("en", "Commission statement", f"C (distributor {owner})"),
    ):
        answer = await shop.http.get(path, headers=shop.admin | {"Accept": PDF, "Accept-Language": language})
        assert (answer.status_code, answer.headers["content-type"]) == (200, PDF)
        assert f"statement-{head['statement_id']}.pdf" in answer.headers["content-disposition"]
        text = text_of(answer.content)
        assert title in text
        assert whose in text
    fonts.faces.cache_clear()
    monkeypatch.setattr(fonts, "files", lambda _: [])
    for language, words in (("zh-CN", "缺少可选组件"), ("en", "the extra is missing")):
        answer = await shop.http.get(path, headers=shop.admin | {"Accept": PDF, "Accept-Language": language})
        assert (answer.status_code, answer.json()["code"]) == (406, "pdf-missing")
        assert words in answer.json()["detail"]
        assert "pip install fenxiao[pdf]" in answer.json()["detail"]
    monkeypatch.undo()
    fonts.faces.cache_clear()
