"""Drafting, changing, publishing and reading plans over HTTP."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from fenxiao.engine.plan import parse_plan
from fenxiao.rules.domain import conditions
from fenxiao.rules.http.bodies import PLAN_SCHEMA

PLAN: dict[str, Any] = {
    "name": "walk",
    "currency": "CNY",
    "accrue_on": "completed",
    "hold_days": 0,
    "rounding": "half_up",
    "base": "paid_amount",
    "max_payout_rate": "0.5",
    "components": [{"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}],
    "rewards": [],
}
DEEP = {**PLAN, "components": [{"type": "unilevel", "name": "direct", "levels": ["0.1", "0.05", "0.01"]}]}
Post = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def draft(client: httpx.AsyncClient, admin: dict[str, str]) -> Post:
    async def post(document: Any = None, **headers: str) -> httpx.Response:
        return await client.post("/api/rules", json=document or PLAN, headers=admin | headers)

    return post


@pytest.fixture
def publish(client: httpx.AsyncClient, admin: dict[str, str]) -> Post:
    async def post(rule_id: int, body: Any = None, **headers: str) -> httpx.Response:
        return await client.post(f"/api/rules/{rule_id}/publish", json=body or {}, headers=admin | headers)

    return post


@pytest.fixture
def change(client: httpx.AsyncClient, admin: dict[str, str]) -> Post:
    async def put(rule_id: int, document: Any, **headers: str) -> httpx.Response:
        return await client.put(f"/api/rules/{rule_id}", json=document, headers=admin | headers)

    return put


async def rows(owner: asyncpg.Connection) -> list[tuple[Any, ...]]:
    """Everything that a refusal must leave as it is."""
    kept = await owner.fetch("select * from rules.rules order by rule_id")
    events = await owner.fetchval("select count(*) from rules.outbox")
    return [*map(tuple, kept), (events,)]


async def test_a_plan_is_drafted_in_its_canonical_form(draft: Post) -> None:
    answer = await draft()
    assert answer.status_code == 201
    body = answer.json()
    assert (body["name"], body["version"], body["status"]) == ("walk", 1, "draft")
    assert body["document"]["components"][0]["self_rate"] == "0.00"
    assert body["effective_from"] is None
    assert answer.headers["etag"] == '"1"'


def test_the_schema_has_every_setting_with_its_default() -> None:
    minimal = {field: PLAN[field] for field in PLAN_SCHEMA["required"]}
    defaults = {
        field: schema["default"] for field, schema in PLAN_SCHEMA["properties"].items() if "default" in schema
    }
    plan = parse_plan(minimal).document()
    assert set(plan) == set(PLAN_SCHEMA["properties"])
    assert {**plan, **defaults} == plan
    assert set(plan) - set(defaults) - set(minimal) == {"rewards"}


async def test_the_same_key_drafts_once(draft: Post, owner: asyncpg.Connection) -> None:
    first = await draft(**{"Idempotency-Key": "k"})
    again = await draft(**{"Idempotency-Key": "k"})
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await draft({**PLAN, "hold_days": 3}, **{"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert await owner.fetchval("select count(*) from rules.rules") == 1


async def test_the_name_of_a_plan_drafts_its_next_version(draft: Post) -> None:
    versions = [(await draft()).json()["version"] for _ in range(3)]
    assert versions == [1, 2, 3]
    assert (await draft({**PLAN, "name": "other"})).json()["version"] == 1


async def test_a_plan_keeps_its_currency(draft: Post, owner: asyncpg.Connection) -> None:
    await draft()
    before = await rows(owner)
    answer = await draft({**PLAN, "currency": "USD"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "currency"
    assert await rows(owner) == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_payout_rate": "1.5"}, "max_payout_rate"),
        ({"currency": "yuan"}, "currency"),
        ({"components": [{"type": "unilevel", "name": "d", "levels": ["x"]}]}, "components.0.levels.0"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_a_faulty_document_is_refused_by_field(
    draft: Post, owner: asyncpg.Connection, change: dict[str, Any], field: str
) -> None:
    answer = await draft({**PLAN, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-plan")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await owner.fetchval("select count(*) from rules.rules") == 0


async def test_a_draft_is_changed_by_whoever_has_read_it(
    draft: Post, change: Post, owner: asyncpg.Connection
) -> None:
    rule_id = (await draft()).json()["rule_id"]
    answer = await change(rule_id, {**PLAN, "hold_days": 9}, **{"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json()["document"]["hold_days"] == 9
    before = await rows(owner)
    stale = await change(rule_id, PLAN, **{"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-version")
    renamed = await change(rule_id, {**PLAN, "name": "else"})
    assert (renamed.status_code, renamed.json()["errors"][0]["field"]) == (422, "name")
    assert (await change(999, PLAN)).status_code == 404
    assert await rows(owner) == before


async def test_publishing_takes_effect_at_once_and_never_changes(
    system: Any,
    draft: Post,
    publish: Post,
    change: Post,
    owner: asyncpg.Connection,
) -> None:
    rule_id = (await draft()).json()["rule_id"]
    answer = await publish(rule_id)
    assert answer.status_code == 200
    assert answer.json()["status"] == "published"
    assert datetime.fromisoformat(answer.json()["effective_from"]) == system.clock.now
    before = await rows(owner)
    again = await publish(rule_id)
    assert (again.status_code, again.json()["code"]) == (409, "already-published")
    put = await change(rule_id, {**PLAN, "hold_days": 1})
    assert (put.status_code, put.json()["code"]) == (409, "already-published")
    assert await rows(owner) == before
    event = await owner.fetchval("select data from rules.outbox where type = 'rule.published'")
    assert f'"rule_id": {rule_id}' in event


async def test_the_same_key_publishes_once(draft: Post, publish: Post, owner: asyncpg.Connection) -> None:
    rule_id = (await draft()).json()["rule_id"]
    first = await publish(rule_id, **{"Idempotency-Key": "p"})
    again = await publish(rule_id, **{"Idempotency-Key": "p"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert await owner.fetchval("select count(*) from rules.outbox where type = 'rule.published'") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update rules.rules set document = jsonb_set(document, '{hold_days}', '99')",
        "update rules.rules set effective_from = effective_from - interval '1 day'",
        "update rules.rules set state = 'draft', announced_at = null, effective_from = null, published_by = null",
        "update rules.rules set effective_to = null where effective_to is not null",
        "delete from rules.rules",
        "truncate rules.rules",
    ],
)
async def test_the_database_itself_refuses_to_change_what_was_published(
    system: Any, draft: Post, publish: Post, owner: asyncpg.Connection, statement: str
) -> None:
    for _ in range(2):
        await publish((await draft()).json()["rule_id"])
        system.clock.advance(timedelta(minutes=5))
    before = await rows(owner)
    with pytest.raises(asyncpg.RestrictViolationError):
        await owner.execute(statement)
    assert await rows(owner) == before


async def test_the_database_itself_refuses_an_overlap(
    system: Any, draft: Post, publish: Post, owner: asyncpg.Connection
) -> None:
    await publish((await draft()).json()["rule_id"])
    await draft()
    with pytest.raises(asyncpg.ExclusionViolationError):
        await owner.execute(
            "update rules.rules set state = 'published', announced_at = $1, effective_from = $1, published_by = 'x'"
            " where version = 2",
            system.clock.now + timedelta(days=1),
        )


async def test_a_start_in_the_past_is_refused(
    system: Any, draft: Post, publish: Post, owner: asyncpg.Connection
) -> None:
    rule_id = (await draft()).json()["rule_id"]
    before = await rows(owner)
    past = (system.clock.now - timedelta(seconds=1)).isoformat()
    answer = await publish(rule_id, {"effective_from": past})
    assert (answer.status_code, answer.json()["code"]) == (422, "starts-too-early")
    (error,) = answer.json()["errors"]
    assert error["field"] == "effective_from"
    assert "has passed" in error["message"]
    assert await rows(owner) == before


async def test_an_unlawful_plan_is_refused_with_the_reasons(
    draft: Post, publish: Post, owner: asyncpg.Connection
) -> None:
    rule_id = (await draft(DEEP)).json()["rule_id"]
    before = await rows(owner)
    answer = await publish(rule_id, None, **{"Accept-Language": "zh-CN"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unlawful-plan")
    (error,) = answer.json()["errors"]
    assert error["field"] == "components.0"
    assert "3 级" in error["message"]
    assert await rows(owner) == before


@pytest.mark.parametrize(
    "component",
    [
        {"type": "generation", "rates": ["0.05"], "boundary_rank": 3, "depth": 1},
        {"type": "breakaway", "rates": {"gold": "0.05"}, "breakaway_rank": 3, "depth": 1},
        {"type": "infinity", "rate": "0.01", "min_rank": 3},
    ],
    ids=lambda component: component["type"],
)
async def test_types_without_an_end_are_refused_whatever_their_depth(
    draft: Post, publish: Post, owner: asyncpg.Connection, component: dict[str, Any]
) -> None:
    document = {**PLAN, "components": [*PLAN["components"], {**component, "name": "leaders"}]}
    rule_id = (await draft(document)).json()["rule_id"]
    before = await rows(owner)
    answer = await publish(rule_id)
    assert (answer.status_code, answer.json()["code"]) == (422, "unlawful-plan")
    (error,) = answer.json()["errors"]
    assert error["field"] == "components.1"
    assert component["type"] in error["message"]
    assert "CN" in error["message"]
    assert await rows(owner) == before


SALES = {"field": "personal_sales", "within_days": 30, "value": "100.00"}


def asking(when: dict[str, Any]) -> dict[str, Any]:
    (direct,) = PLAN["components"]
    return {**PLAN, "components": [direct, {**direct, "name": "team", "when": when}]}


async def test_conditions_whose_facts_nobody_gathers_are_drafted_and_not_published(
    draft: Post, publish: Post, change: Post, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if it were a field that is new.
    monkeypatch.setattr(conditions, "GATHERED", conditions.GATHERED - {"personal_sales"})
    rule_id = (await draft(PLAN)).json()["rule_id"]
    drafted = await change(rule_id, asking({"all": [{"field": "rank", "value": 2}, SALES]}))
    assert drafted.json()["document"]["components"][1]["when"]["all"][1] == {**SALES, "op": "at_least"}
    before = await rows(owner)
    answer = await publish(rule_id, **{"Idempotency-Key": "p"})
    assert (answer.status_code, answer.json()["code"]) == (422, "facts-not-gathered")
    (error,) = answer.json()["errors"]
    assert error["field"] == "components.1.when.all.1.field"
    assert error["message"] == (
        "Component team: a condition on personal_sales cannot be published in this version."
    )
    zh = (await publish(rule_id, **{"Accept-Language": "zh-CN"})).json()
    assert (zh["title"], zh["detail"]) == (
        "所需事实尚未采集",
        "该方案含有所需事实未被采集的条件；本版本不能发布这些条件。",
    )
    assert "不能发布以 personal_sales 为对象的条件" in zh["errors"][0]["message"]
    assert await rows(owner) == before
    # What was refused is still a draft, and publishes once it asks for what is gathered.
    active = {"field": "active", "within_days": 30}
    await change(rule_id, asking({"all": [{"field": "rank", "value": 2}, active]}))
    published = await publish(rule_id)
    assert (published.status_code, published.json()["status"]) == (200, "published")


async def test_the_form_of_a_condition_says_what_can_be_published(
    client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    path = "/api/rules/conditions"
    form = (await client.get(path, headers=admin)).json()
    assert {one["field"]: one["publishable"] for one in form["fields"]} == {
        "rank": True,
        "active": True,
        "paid_orders": True,
        "personal_sales": True,
        "days_registered": True,
    }
    assert [group["name"] for group in form["groups"]] == ["all", "any", "not"]
    assert form["limits"] == {"comparisons": 50, "nested": 6}
    assert "PersonalSales" in form["json_schema"]["$defs"]
    zh = (await client.get(path, headers=admin | {"Accept-Language": "zh"})).json()
    assert [one["label"] for one in zh["fields"]][3] == "个人销售额"
    assert (await client.get(path)).status_code == 401


async def test_a_worst_case_above_the_limit_is_a_warning(draft: Post, publish: Post) -> None:
    generous = [{"type": "unilevel", "name": "direct", "levels": ["0.40", "0.30"]}]
    rule_id = (await draft({**PLAN, "components": generous})).json()["rule_id"]
    answer = await publish(rule_id)
    assert answer.status_code == 200
    warnings = {warning["code"]: warning["message"] for warning in answer.json()["warnings"]}
    assert "70 %" in warnings["worst-case-above-limit"]
    assert "no-safe-harbour" in warnings


async def test_the_timeline_of_a_currency(
    system: Any, draft: Post, publish: Post, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    now = system.clock.now
    first = (await draft()).json()["rule_id"]
    await publish(first)
    second = (await draft()).json()["rule_id"]
    later = now + timedelta(minutes=10)
    await publish(second, {"effective_from": later.isoformat()})
    dollars = (await draft({**PLAN, "name": "abroad", "currency": "USD"})).json()["rule_id"]
    await publish(dollars)
    between = (await draft({**PLAN, "name": "sale"})).json()["rule_id"]
    system.clock.advance(timedelta(minutes=3))
    answer = await publish(between)
    assert datetime.fromisoformat(answer.json()["effective_to"]) == later

    async def active(at: datetime, currency: str = "CNY") -> Any:
        params = {"at": at.isoformat(), "currency": currency}
        found = await client.get("/api/rules/active", params=params, headers=admin)
        return found.json().get("rule_id", found.json().get("code"))

    moment = timedelta(microseconds=1)
    assert await active(now - moment) == "no-active-rule"
    assert [await active(at) for at in (now, system.clock.now - moment)] == [first, first]
    assert [await active(at) for at in (system.clock.now, later - moment)] == [between, between]
    assert [await active(at) for at in (later, later + timedelta(days=999))] == [second, second]
    assert [await active(later, "USD"), await active(later, "EUR")] == [dollars, "no-active-rule"]

    async def listed(status: str) -> list[int]:
        found = await client.get("/api/rules", params={"status": status}, headers=admin)
        assert {rule["status"] for rule in found.json()["items"]} == {status}
        return [rule["rule_id"] for rule in found.json()["items"]]

    draft_id = (await draft()).json()["rule_id"]
    assert await listed("superseded") == [first]
    assert await listed("published") == [between, dollars, second]
    assert await listed("draft") == [draft_id]


async def test_a_second_start_at_the_same_moment_replaces_the_first(
    draft: Post, publish: Post, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    first, second = [(await draft()).json()["rule_id"] for _ in range(2)]
    await publish(first)
    await publish(second)
    active = await client.get("/api/rules/active", headers=admin)
    assert active.json()["rule_id"] == second
    assert (await client.get(f"/api/rules/{first}", headers=admin)).json()["status"] == "superseded"


async def test_a_version_is_compared_in_words(
    draft: Post, publish: Post, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    first = (await draft()).json()["rule_id"]
    alone = await client.get(f"/api/rules/{first}/diff", headers=admin)
    assert (alone.json()["against"], alone.json()["changes"]) == (None, [])
    await publish(first)
    second = (await draft({**PLAN, "hold_days": 7})).json()["rule_id"]
    answer = await client.get(f"/api/rules/{second}/diff", headers=admin | {"Accept-Language": "zh"})
    assert answer.json()["against"] == first
    assert [change["text"] for change in answer.json()["changes"]] == ["冻结天数由 0 改为 7。"]
    back = await client.get(f"/api/rules/{first}/diff", params={"against": second}, headers=admin)
    assert [change["text"] for change in back.json()["changes"]] == ["The hold in days changes from 7 to 0."]


async def test_a_version_from_before_a_setting_existed_has_its_default(
    draft: Post, publish: Post, client: httpx.AsyncClient, admin: dict[str, str], owner: asyncpg.Connection
) -> None:
    """No newer server can store a version like that, so the keys are taken out of the row."""
    first = (await draft()).json()["rule_id"]
    await owner.execute("update rules.rules set document = document - 'cut' - 'unclaimed'")
    await publish(first)
    second = (await draft({**PLAN, "hold_days": 7})).json()["rule_id"]
    third = (await draft({**PLAN, "cut": "priority"})).json()["rule_id"]

    async def told(rule_id: int, language: str) -> list[str]:
        headers = admin | {"Accept-Language": language}
        answer = await client.get(f"/api/rules/{rule_id}/diff", params={"against": first}, headers=headers)
        return [change["text"] for change in answer.json()["changes"]]

    assert await told(second, "en") == ["The hold in days changes from 0 to 7."]
    assert await told(third, "en") == [
        "The way of cutting changes from all in proportion to in order until the limit is used up."
    ]
    assert await told(third, "zh") == ["削减方式由 全部按比例 改为 按顺序直至额度用尽。"]


async def test_lists_are_paged_and_filtered(
    draft: Post, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    ids = [(await draft({**PLAN, "name": name})).json()["rule_id"] for name in ("a", "b", "a")]
    first = (await client.get("/api/rules", params={"limit": 2}, headers=admin)).json()
    rest = (
        await client.get("/api/rules", params={"limit": 2, "cursor": first["next_cursor"]}, headers=admin)
    ).json()
    assert [rule["rule_id"] for page in (first, rest) for rule in page["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    named = (await client.get("/api/rules", params={"name": "a"}, headers=admin)).json()
    assert [rule["version"] for rule in named["items"]] == [2, 1]


async def test_who_may_not_gets_nothing(
    system: Any, client: httpx.AsyncClient, admin: dict[str, str], login: Any
) -> None:
    body = {"username": "wang", "password": "Pw-wang-1234", "display_name": "王"}
    made = (await client.post("/api/distributors", json=body, headers=admin)).json()
    await client.post(f"/api/distributors/{made['distributor_id']}/activate", headers=admin)
    await system.drain()
    wang = await login("wang", "Pw-wang-1234")
    assert (await client.post("/api/rules", json=PLAN, headers=wang)).status_code == 403
    assert (await client.get("/api/rules/active", headers=wang)).status_code == 403
    assert (await client.get("/api/rules")).status_code == 401


async def test_the_settings_limits_are_audited_once(system: Any, owner: asyncpg.Connection) -> None:
    await system.start()
    found = await owner.fetch("select since, jurisdiction, max_upline_levels from rules.legal_limit")
    assert [tuple(row)[1:] for row in found] == [("CN", 2)]


async def test_checks_name_what_was_tampered_with(
    system: Any, draft: Post, publish: Post, owner: asyncpg.Connection
) -> None:
    rule_id = (await draft()).json()["rule_id"]
    await publish(rule_id)
    checks = [check for offer in system.offers if offer.name == "rules" for check in offer.checks]

    async def findings() -> list[Any]:
        return [finding for check in checks for finding in [one async for one in check.findings()]]

    assert await findings() == []
    await owner.execute("alter table rules.rules disable trigger all")
    await owner.execute("update rules.rules set document = jsonb_set(document, '{hold_days}', '99')")
    (finding,) = await findings()
    assert finding.subject == f"rules/{rule_id}"
    await owner.execute("update rules.rules set document = jsonb_set(document, '{hold_days}', '\"x\"')")
    assert any("hold_days" in finding.found for finding in await findings())


async def test_checks_name_overlaps(
    system: Any, draft: Post, publish: Post, owner: asyncpg.Connection
) -> None:
    for _ in range(2):
        await publish((await draft()).json()["rule_id"])
        system.clock.advance(timedelta(minutes=5))
    checks = {check.name: check for offer in system.offers if offer.name == "rules" for check in offer.checks}
    assert [one async for one in checks["rules.timeline"].findings()] == []
    await owner.execute("alter table rules.rules disable trigger all")
    await owner.execute("alter table rules.rules drop constraint ex_rules_one_in_effect")
    await owner.execute("update rules.rules set effective_to = null")
    (finding,) = [one async for one in checks["rules.timeline"].findings()]
    assert finding.subject == "rules/2"
