"""The audit log: every change arrives once, in a chain that shows what was tampered with."""

from dataclasses import replace

import pytest

from fenxiao.entrypoints.compose import composed


@pytest.fixture
async def log(client, admin):
    async def lines(**query):
        answer = await client.get("/api/audit-log", headers=admin, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return lines


async def findings(system):
    (offer,) = [offer for offer in system.offers if offer.name == "identity"]
    return [finding for check in offer.checks async for finding in check.findings()]


async def some_changes(system, client, admin, count=3):
    for number in range(count):
        grade = {"grade": f"grade {number}", "rank": number + 1}
        assert (await client.post("/api/grades", json=grade, headers=admin)).status_code == 201
    await system.drain()


async def test_a_change_is_written_with_its_actor(system, client, admin, log):
    await some_changes(system, client, admin, 1)
    (line,) = (await log(action="grade.created"))["items"]
    assert line["actor"].startswith("account:")
    assert (line["subject"], line["before"], line["after"]) == (
        "grades/grade 0",
        None,
        {"grade": "grade 0", "rank": 1},
    )
    assert line["at"].endswith("Z")


async def test_the_first_start_is_written(system, log):
    await system.drain()
    actions = {line["action"] for line in (await log())["items"]}
    assert {"account.created", "signing-key.created", "rules.legal_limit_changed"} <= actions


async def test_lines_are_paged_newest_first(system, client, admin, log):
    await some_changes(system, client, admin, 5)
    first = await log(action="grade.created", limit=2)
    second = await log(action="grade.created", limit=2, cursor=first["next_cursor"])
    third = await log(action="grade.created", limit=2, cursor=second["next_cursor"])
    assert third["next_cursor"] is None
    ranks = [line["after"]["rank"] for page in (first, second, third) for line in page["items"]]
    assert ranks == [5, 4, 3, 2, 1]


async def test_delivered_again_nothing_is_written(system, client, admin, owner):
    await some_changes(system, client, admin)
    before = await owner.fetch("select * from identity.audit_log order by 1")
    assert len(before) >= 5
    await system.redeliver()
    assert await owner.fetch("select * from identity.audit_log order by 1") == before
    assert await system.parked() == 0
    assert await findings(system) == []


async def test_distributors_may_not_read_it(system, client, admin, login):
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    await client.post("/api/distributors", json=body, headers=admin)
    await system.drain()
    answer = await client.get("/api/audit-log", headers=await login("anna", "password of anna"))
    assert answer.status_code == 403
    assert (await client.get("/api/audit-log")).status_code == 401


@pytest.mark.parametrize(
    "tampering",
    [
        "update identity.audit_log set actor = 'nobody' where audit_id = 3",
        "update identity.audit_log set after = '{\"rank\": 9}' where audit_id = 3",
        "update identity.audit_log set at = at + interval '1 microsecond' where audit_id = 3",
        "delete from identity.audit_log where audit_id = 3",
        "delete from identity.audit_log where audit_id = (select max(audit_id) from identity.audit_log)",
        "delete from identity.audit_log",
        "update identity.audit_log set hash = sha256(hash) where audit_id = 2",
    ],
)
async def test_what_was_changed_by_hand_is_found(system, client, admin, owner, tampering):
    await some_changes(system, client, admin)
    assert await findings(system) == []
    assert await owner.execute(tampering) != "UPDATE 0"
    assert await findings(system) != []


async def test_the_service_itself_cannot_change_a_line(system, client, admin):
    import asyncpg

    await some_changes(system, client, admin)
    for statement in ("update audit_log set actor = 'x'", "delete from audit_log", "truncate audit_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await system.databases["identity"].fetch(statement)


async def test_changed_legal_settings_are_written_at_the_next_start(system, log):
    """FENXIAO_JURISDICTION and FENXIAO_MAX_UPLINE_LEVELS change in the settings alone, and never unseen."""
    changed = replace(system.place.settings, jurisdiction="none", max_upline_levels=None)
    async with composed(replace(system.place, settings=changed)) as next_start:
        await next_start.start()
        await next_start.start()
    await system.drain()
    (last, _) = (await log(action="rules.legal_limit_changed"))["items"]
    others = {"min_notice_days": 0, "plan_approval": "none"}
    assert last["before"] == {"jurisdiction": "CN", "max_upline_levels": 2} | others
    assert last["after"] == {"jurisdiction": "none", "max_upline_levels": None} | others
