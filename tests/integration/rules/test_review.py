"""Between drafting and publishing: the check, and the approval by somebody who did not write the plan."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from tests.conftest import Server, place

from fenxiao.entrypoints.compose import System, composed
from fenxiao.entrypoints.web import application
from fenxiao.infra.context import RequestContext, use
from fenxiao.kernel.errors import Refusal
from fenxiao.rules.service import Rules

PAST = datetime(2020, 1, 1, tzinfo=UTC)
UP = {"type": "unilevel", "name": "up", "levels": ["0.40", "0.30"]}
PLAN: dict[str, Any] = {
    "name": "standard",
    "currency": "CNY",
    "max_payout_rate": "0.5",
    "components": [
        UP,
        {"type": "fixed", "name": "bonus", "amounts": ["1.50"]},
        {"type": "matching", "name": "match", "of": "up", "levels": []},
    ],
}
DEEP = {**PLAN, "components": [{**UP, "levels": ["0.1", "0.1", "0.1"]}]}


async def rows(owner: asyncpg.Connection) -> list[Any]:
    """Everything that a refusal must leave as it is."""
    events = await owner.fetchval("select count(*) from rules.outbox")
    return [*map(tuple, await owner.fetch("select * from rules.rules order by rule_id")), events]


async def audited(owner: asyncpg.Connection, subject: str) -> list[dict[str, Any]]:
    found = await owner.fetch(
        "select data from rules.outbox where type = 'audit.recorded' and subject = $1 order by seq", subject
    )
    return [json.loads(row["data"]) for row in found]


class Desk:
    """The API as the first administrator meets it, and the same rules used by others."""

    def __init__(self, system: System, client: httpx.AsyncClient, admin: dict[str, str]) -> None:
        self.system = system
        self.client = client
        self.admin = admin

    @property
    def rules(self) -> Rules:
        return self.system.apis.rules

    async def draft(self, document: dict[str, Any], **headers: str) -> int:
        answer = await self.client.post("/api/rules", json=document, headers=self.admin | headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["rule_id"]

    async def drafted_by(self, actor: str, document: dict[str, Any]) -> int:
        with use(RequestContext(actor=actor)):
            return (await self.rules.draft(document, once=None)).rule_id

    async def post(self, rule_id: int, step: str, **headers: str) -> httpx.Response:
        return await self.client.post(f"/api/rules/{rule_id}/{step}", headers=self.admin | headers)

    async def get(self, path: str, **headers: str) -> Any:
        return (await self.client.get(f"/api/rules{path}", headers=self.admin | headers)).json()

    async def put(self, rule_id: int, document: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.client.put(f"/api/rules/{rule_id}", json=document, headers=self.admin | headers)


@pytest.fixture
def desk(system: Any, client: httpx.AsyncClient, admin: dict[str, str]) -> Desk:
    return Desk(system, client, admin)


@asynccontextmanager
async def opened(server: Server, dsn: str, admin: dict[str, str], **settings: Any) -> AsyncIterator[Desk]:
    async with composed(place(server, dsn, **settings)) as system:
        await system.start()
        transport = httpx.ASGITransport(app=application(system))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Desk(system, http, admin)


@pytest_asyncio.fixture
async def strict(server: Server, dsn: str, admin: dict[str, str]) -> AsyncIterator[Desk]:
    """A server whose settings ask for a second person."""
    async with opened(server, dsn, admin, plan_approval="second-person") as desk:
        yield desk


async def test_a_check_says_what_was_found_and_lasts_until_the_next_change(
    desk: Desk, owner: asyncpg.Connection
) -> None:
    rule_id = await desk.draft(PLAN)
    peeked = await desk.get(f"/{rule_id}/check")
    assert (peeked["status"], peeked["passed"], peeked["checked_at"]) == ("draft", True, None)
    answer = (await desk.post(rule_id, "check")).json()
    assert (answer["status"], answer["passed"], answer["checked_by"]) == ("checked", True, "account:1")
    by_code = {one["code"]: one for one in answer["findings"]}
    assert by_code["worst-case-above-limit"]["severity"] == "warning"
    assert "70 %" in by_code["worst-case-above-limit"]["message"]
    assert by_code["no-safe-harbour"]["severity"] == "note"
    assert "three levels in the law's count" in by_code["no-safe-harbour"]["message"]
    idle = by_code["pays-nothing"]
    assert (idle["severity"], idle["field"]) == ("warning", "components.2")
    zh = await desk.get(f"/{rule_id}/check", **{"Accept-Language": "zh-CN"})
    assert "已是三级" in {one["code"]: one["message"] for one in zh["findings"]}["no-safe-harbour"]
    assert zh["exposure"] == answer["exposure"]

    # A second check changes nothing, and nobody is told twice.
    before = await rows(owner)
    assert (await desk.post(rule_id, "check", **{"If-Match": '"1"'})).json() == answer
    assert (await desk.post(rule_id, "check", **{"If-Match": '"7"'})).status_code == 412
    assert (await desk.post(999, "check")).json()["code"] == "rule-missing"
    assert (await desk.client.post(f"/api/rules/{rule_id}/check")).status_code == 401
    assert await rows(owner) == before
    assert [one["rule_id"] for one in (await desk.get("?status=checked"))["items"]] == [rule_id]
    assert (await desk.get("?status=draft"))["items"] == []

    changed = (await desk.put(rule_id, PLAN, **{"If-Match": '"1"'})).json()
    assert (changed["status"], changed["checked_at"], changed["checked_by"]) == ("draft", None, None)
    published = (await desk.post(rule_id, "publish")).json()
    assert (published["status"], published["checked_by"]) == ("published", "account:1")
    assert {one["code"] for one in published["warnings"]} == set(by_code)
    assert (await desk.post(rule_id, "check")).json()["code"] == "already-published"
    assert (await desk.get(f"/{rule_id}/check"))["exposure"] == answer["exposure"]
    actions = [one["action"] for one in await audited(owner, f"rules/{rule_id}")]
    assert actions == ["rule.drafted", "rule.checked", "rule.redrafted", "rule.published"]


async def test_the_exposure_is_told_by_component(desk: Desk) -> None:
    exposure = (await desk.get(f"/{await desk.draft(PLAN)}/check"))["exposure"]
    components = {one.pop("component"): one for one in exposure.pop("components")}
    assert exposure.pop("worst_case") == {
        "base": "100.00",
        "match": {},
        "grades": [None, None, None],
        "total": "71.50",
        "shares": [
            {"component": "up", "level": 1, "amount": "40.00"},
            {"component": "up", "level": 2, "amount": "30.00"},
            {"component": "bonus", "level": 1, "amount": "1.50"},
        ],
    }
    assert exposure == {
        "currency": "CNY",
        "depth": 2,
        "law_levels": 3,
        "people": 3,
        "rate": "0.70",
        "per_unit": "1.50",
        "max_payout_rate": "0.50",
    }
    assert components["up"] == {
        "type": "unilevel",
        "basis": "paid_amount",
        "of": None,
        "depth": 2,
        "levels": ["0.40", "0.30"],
        "rate": "0.70",
        "per_unit": "0.00",
    }
    assert (components["bonus"]["basis"], components["bonus"]["levels"]) == ("units", ["1.50"])
    assert (components["match"]["basis"], components["match"]["of"]) == ("commission", "up")
    endless = {**PLAN, "components": [{"type": "differential", "name": "d", "rates": {"gold": "0.1"}}]}
    exposure = (await desk.get(f"/{await desk.draft(endless)}/check"))["exposure"]
    assert [exposure[name] for name in ("depth", "law_levels", "people")] == [None, None, None]


async def test_what_is_refused_is_listed_and_not_checked(desk: Desk, owner: asyncpg.Connection) -> None:
    rule_id = await desk.draft(DEEP)
    before = await rows(owner)
    answer = await desk.post(rule_id, "check", **{"Accept-Language": "zh-CN"})
    body = answer.json()
    assert (answer.status_code, body["status"], body["passed"]) == (200, "draft", False)
    refused = body["findings"][0]
    assert (refused["severity"], refused["code"]) == ("refused", "too-many-upline-levels")
    assert (refused["field"], "3 级" in refused["message"]) == ("components.0", True)
    approved = await desk.post(rule_id, "approve")
    assert (approved.status_code, approved.json()["code"]) == (409, "own-version")
    assert await rows(owner) == before


async def test_what_a_plan_names_and_is_not_there_is_told_and_where_it_can_never_come_refused(
    desk: Desk, owner: asyncpg.Connection
) -> None:
    async def made(path: str, body: dict[str, Any]) -> Any:
        answer = await desk.client.post(path, json=body, headers=desk.admin)
        assert answer.status_code == 201, answer.text
        return answer.json()

    category = (await made("/api/categories", {"name": "茶"}))["category_id"]
    product = (await made("/api/products", {"name": "绿茶", "price": "9.00", "tags": ["热销"]}))["product_id"]
    terms = [
        {"match": {"product_id": product}, "levels": ["0.02"]},
        {"match": {"product_id": 999}, "levels": ["0.03"]},
        {"match": {"category_id": category}, "levels": ["0.04"]},
        {"match": {"category_id": 998}, "levels": ["0.05"]},
        {"match": {"tag": "热销"}, "levels": ["0.06"]},
        {"match": {"tag": "新品"}, "levels": ["0.07"]},
    ]
    levels = {"type": "unilevel", "name": "up", "levels": ["0.01"], "overrides": terms}
    by_grade = {"type": "differential", "name": "grades", "rates": {"gold": "0.01"}, "depth": 2}
    goal = {"type": "sales_target", "name": "goal", "tiers": [{"threshold": "9.00", "grade": "gold"}]}
    plan = {**PLAN, "components": [levels, by_grade], "rewards": [goal]}
    rule_id = await desk.draft(plan)
    before = await rows(owner)
    answer = (await desk.post(rule_id, "check")).json()
    assert (answer["status"], answer["passed"]) == ("draft", False)
    told = [(one["severity"], one["code"], one["field"]) for one in answer["findings"]]
    names = [
        ("warning", "grade-unknown", "components.1"),
        ("warning", "tag-unknown", "components.0"),
        ("warning", "grade-unknown", "rewards.0"),
    ]
    assert [one for one in told if one[0] != "note"] == [
        ("refused", "names-missing", "components.0.overrides.1.match.product_id"),
        ("refused", "names-missing", "components.0.overrides.3.match.category_id"),
        *names,
    ]
    refused = await desk.post(rule_id, "publish", **{"Accept-Language": "zh-CN", "Idempotency-Key": "p"})
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "names-missing")
    assert [one["message"] for one in problem["errors"]] == [
        "组件 up：没有商品 999；请删除其特例，或改为其他商品。",
        "组件 up：没有分类 998；请删除其特例，或改为其他分类。",
    ]
    with pytest.raises(Refusal) as caught:
        await desk.rules.publish_once(document={**plan, "name": "import"}, effective_from=PAST)
    assert caught.value.code == "names-missing"
    assert await rows(owner) == before

    # What may still come is published with a warning each, and is nothing to tell once it has come.
    levels["overrides"] = [terms[index] for index in (0, 2, 4, 5)]
    await desk.put(rule_id, plan)
    assert (await desk.post(rule_id, "check")).json()["passed"] is True
    published = (await desk.post(rule_id, "publish", **{"Idempotency-Key": "p"})).json()
    codes = [one["code"] for one in published["warnings"] if one["code"].endswith("-unknown")]
    assert codes == [code for _, code, _ in names]
    assert (await desk.post(rule_id, "publish", **{"Idempotency-Key": "p"})).json() == published
    await made("/api/grades", {"grade": "gold", "rank": 3})
    await made("/api/tags", {"name": "新品"})
    now = (await desk.get(f"/{rule_id}/check"))["findings"]
    assert [one["code"] for one in now if one["severity"] != "note"] == []

    # Deleted, it never comes back: the version in effect stays as it is, the next one has to do without.
    gone = await desk.client.delete(f"/api/categories/{category}", headers=desk.admin)
    assert gone.status_code in {200, 204}
    again = await desk.post(await desk.draft(plan), "publish")
    assert [one["field"] for one in again.json()["errors"]] == ["components.0.overrides.1.match.category_id"]
    assert (await desk.get("/active?currency=CNY"))["rule_id"] == rule_id


async def test_a_second_person_approves_what_was_checked(strict: Desk, owner: asyncpg.Connection) -> None:
    desk, author = strict, "account:77"
    rule_id = await desk.drafted_by(author, PLAN)
    before = await rows(owner)
    unpublished = await desk.post(rule_id, "publish", **{"Accept-Language": "zh"})
    assert (unpublished.status_code, unpublished.json()["code"]) == (409, "approval-missing")
    assert f"/api/rules/{rule_id}/approve" in unpublished.json()["detail"]
    unchecked = await desk.post(rule_id, "approve")
    assert (unchecked.status_code, unchecked.json()["code"]) == (409, "not-checked")
    assert f"/api/rules/{rule_id}/check" in unchecked.json()["detail"]
    assert await rows(owner) == before

    await desk.post(rule_id, "check")
    with use(RequestContext(actor=author)), pytest.raises(Refusal) as caught:
        await desk.rules.approve(rule_id, revision=None)
    assert caught.value.code == "own-version"
    assert (await desk.post(rule_id, "approve", **{"If-Match": '"9"'})).status_code == 412
    approved = (await desk.post(rule_id, "approve", **{"If-Match": '"1"'})).json()
    assert (approved["status"], approved["approved_by"]) == ("checked", "account:1")
    before = await rows(owner)
    assert (await desk.post(rule_id, "approve")).json() == approved
    assert await rows(owner) == before

    # Whoever changes it, even back, is an author from then on, and what was approved is another document.
    await desk.put(rule_id, {**PLAN, "hold_days": 3})
    await desk.put(rule_id, PLAN)
    again = await desk.post(rule_id, "publish")
    assert (again.status_code, again.json()["code"]) == (409, "approval-missing")
    checked = (await desk.post(rule_id, "check")).json()
    assert (checked["approved_by"], checked["changed_by"]) == (None, ["account:1"])
    assert (await desk.post(rule_id, "approve")).json()["code"] == "own-version"
    with use(RequestContext(actor="account:78")):
        await desk.rules.approve(rule_id, revision=3)
    published = (await desk.post(rule_id, "publish")).json()
    assert (published["status"], published["approved_by"]) == ("published", "account:78")
    lines = await audited(owner, f"rules/{rule_id}")
    told = [(line["action"], line["after"]["approved_by"]) for line in lines]
    assert told == [
        ("rule.drafted", None),
        ("rule.checked", None),
        ("rule.approved", "account:1"),
        ("rule.redrafted", None),
        ("rule.redrafted", None),
        ("rule.checked", None),
        ("rule.approved", "account:78"),
        ("rule.published", "account:78"),
    ]
    assert lines[3]["before"]["approved_by"] == "account:1"


async def test_the_database_itself_refuses_an_author_who_approves(
    strict: Desk, owner: asyncpg.Connection
) -> None:
    desk = strict
    rule_id = await desk.drafted_by("account:77", PLAN)
    await desk.put(rule_id, PLAN)
    await desk.post(rule_id, "check")
    before = await rows(owner)
    for author in ("account:77", "account:1"):
        with pytest.raises(asyncpg.CheckViolationError, match="second_person"):
            await owner.execute("update rules.rules set approved_by = $1, approved_at = now()", author)
    with pytest.raises(asyncpg.CheckViolationError, match="reviewed"):
        await owner.execute("update rules.rules set state = 'draft'")
    assert await rows(owner) == before
    await owner.execute("update rules.rules set approved_by = 'account:78', approved_at = now()")
    await desk.post(rule_id, "publish")
    before = await rows(owner)
    for change in ("approved_by = 'account:79'", "checked_at = now()", "changed_by = '{}'", "revision = 9"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(f"update rules.rules set {change}")
    assert await rows(owner) == before


async def test_what_is_published_is_what_was_approved_whoever_comes_between(
    strict: Desk, owner: asyncpg.Connection
) -> None:
    desk = strict
    published = 0
    for turn in range(6):
        rule_id = await desk.drafted_by("account:77", {**PLAN, "name": f"p{turn}"})
        await desk.post(rule_id, "check")

        async def change(rule_id: int = rule_id, turn: int = turn) -> str:
            with use(RequestContext(actor="account:77")):
                try:
                    other = {**PLAN, "name": f"p{turn}", "hold_days": 9}
                    await desk.rules.redraft(rule_id, other, revision=1)
                    await desk.rules.check(rule_id, revision=2)
                except Refusal as refusal:
                    return refusal.code
            return "changed"

        async def approve_and_publish(rule_id: int = rule_id) -> list[Any]:
            answers = [
                await desk.post(rule_id, step, **{"If-Match": '"1"'}) for step in ("approve", "publish")
            ]
            return [answer.json().get("code") for answer in answers]

        racing = [change(), approve_and_publish(), approve_and_publish()]
        changed, *codes = await asyncio.gather(*(racing if turn % 2 else racing[::-1]))
        if not turn % 2:
            *codes, changed = changed, *codes
        row = await owner.fetchrow("select * from rules.rules where rule_id = $1", rule_id)
        if changed == "changed":
            assert (row["state"], row["approved_by"], row["revision"]) == ("checked", None, 2)
            assert all(code == [code[0], "stale-version"] for code in codes)
        else:
            published += 1
            assert (changed, row["state"], row["revision"]) == ("already-published", "published", 1)
            assert sorted(str(publish) for _, publish in codes) == ["None", "already-published"]
            assert json.loads(row["document"])["hold_days"] == 0
    events = await owner.fetchval("select count(*) from rules.outbox where type = 'rule.published'")
    assert events == published


async def test_a_change_of_the_settings_is_audited_at_the_next_start(
    server: Server, dsn: str, admin: dict[str, str], owner: asyncpg.Connection
) -> None:
    subject = "settings/legal-limit"
    (first,) = await audited(owner, subject)
    assert (first["before"], first["after"]["jurisdiction"]) == (None, "CN")
    other = {"jurisdiction": "none", "max_upline_levels": None, "plan_approval": "second-person"}
    async with opened(server, dsn, admin, **other) as desk:
        rule_id = await desk.draft(DEEP)
        found = (await desk.post(rule_id, "check")).json()
        assert (found["status"], [one["code"] for one in found["findings"]]) == ("checked", [])
    for _ in range(2):  # Starting again with the same settings says nothing.
        async with opened(server, dsn, admin) as desk:
            found = (await desk.post(rule_id, "check")).json()
            assert (found["status"], found["checked_by"], found["passed"]) == ("draft", None, False)
    lines = await audited(owner, subject)
    assert [(line["before"] and line["before"]["jurisdiction"]) for line in lines] == [None, "CN", "none"]
    assert lines[1]["after"] == {**other, "min_notice_days": 0}
    assert lines[2]["before"] == lines[1]["after"]
    assert [line["action"] for line in await audited(owner, f"rules/{rule_id}")] == [
        "rule.drafted",
        "rule.checked",
        "rule.check_failed",
    ]
