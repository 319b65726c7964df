"""Bindings: a sponsor who is protected for a time, and one whose time is over."""

import asyncio
import json

import pytest

PATH = "/api/distributors/binding-policy"


@pytest.fixture
def policy(people):
    async def put(protection=None, lifetime=None, **headers):
        body = {"protection_days": protection, "lifetime_days": lifetime}
        return await people.client.put(PATH, json=body, headers=people.admin | headers)

    return put


async def audited(people, name):
    rows = await people.owner.fetch(
        "select data from network.outbox where type = 'audit.recorded' and subject = $1 order by seq", name
    )
    return [json.loads(row["data"]) for row in rows]


async def test_the_policy_has_versions(people, policy):
    fresh = await people.client.get(PATH, headers=people.admin)
    nothing = {"policy_id": 0, "since": None, "protection_days": None, "lifetime_days": None}
    assert (fresh.json(), fresh.headers["etag"]) == (nothing, '"0"')
    first = await policy(30, 365, **{"If-Match": '"0"'})
    assert (first.status_code, first.json()["protection_days"], first.json()["lifetime_days"]) == (
        200,
        30,
        365,
    )
    before = await people.everything()
    assert (await policy(30, 365)).json() == first.json()
    assert (await policy(7, **{"If-Match": '"0"'})).status_code == 412
    assert (await policy(0)).status_code == 422
    assert (
        await people.client.put(PATH, json={"protection_days": 3}, headers=people.admin)
    ).status_code == 422
    assert (await people.client.get(PATH)).status_code == 401
    assert await people.everything() == before
    (line,) = await audited(people, "binding-policy")
    assert line["before"] == {"protection_days": None, "lifetime_days": None}
    assert line["after"] == {"protection_days": 30, "lifetime_days": 365}


async def test_a_protected_sponsor_is_changed_by_who_says_so_alone(people, policy):
    await people.chain("a", "b", "early")
    await people.advance(seconds=1)
    await policy(protection=2)
    await people.register("late", "a")
    # What was bound before the policy is not under it; who has no sponsor is bound to nobody.
    assert (await people.move("early", "a")).status_code == 200
    assert (await people.move("a", "late")).json()["code"] == "sponsor-loop"
    before = await people.everything()
    answer = await people.move("late", "b", **{"Accept-Language": "zh"})
    assert (answer.status_code, answer.json()["code"]) == (409, "binding-protected")
    assert "保护" in answer.json()["detail"]
    assert (await people.move("early", "b")).json()["code"] == "binding-protected"
    assert await people.everything() == before
    # A policy of today changes nothing for bindings of yesterday.
    await people.advance(seconds=1)
    await policy()
    assert (await people.move("late", "b")).status_code == 409
    body = {"sponsor_id": people.ids["b"], "reason": "by mistake", "override_protection": True}
    assert (await people.put("late", "sponsor", body)).status_code == 200
    line = (await audited(people, f"distributors/{people.ids['late']}"))[-1]
    assert line["after"] == {**body}
    assert (await people.move("late", "a")).status_code == 200, "bound anew, without protection"
    await people.advance(days=2)
    assert (await people.move("early", "b")).status_code == 200


async def test_a_binding_ends_with_its_lifetime(people, policy):
    network = next(offer for offer in people.system.offers if offer.name == "network").api
    await people.chain("a", "b")
    start = people.system.clock.now
    await people.advance(seconds=1)
    await policy(lifetime=10)
    await people.register("c", "b")
    await people.register("d", "c")
    await people.advance(days=9)
    await people.register("e", "b")
    await people.move("d", "b")
    before = await people.everything()
    assert await network.bindings.end_due() == 0
    assert await people.everything() == before
    await people.advance(days=1)
    # Two workers at once.
    ended = await asyncio.gather(*(network.bindings.end_due() for _ in range(3)))
    assert sum(ended) == 1
    assert [await people.upline(name) for name in "bcde"] == [["a"], [], ["b", "a"], ["b", "a"]]
    (_, last) = (await people.get("c", "/sponsors")).json()["items"]
    assert (last["sponsor_id"], last["source"], last["evidence"]) == (None, "lifetime", "after 10 days")
    # The past stays what it was.
    assert await people.upline("c", at=(start + people.system.clock.now.resolution).isoformat()) == ["b", "a"]
    line = (await audited(people, f"distributors/{people.ids['c']}"))[-1]
    assert (line["action"], line["before"]) == ("distributor.moved", {"sponsor_id": people.ids["b"]})
    moved = await people.owner.fetchval(
        "select count(*) from network.outbox where type = 'distributor.moved' and subject = $1",
        f"distributors/{people.ids['c']}",
    )
    assert moved == 1
    # Under a policy without lifetime bindings last.
    await people.advance(seconds=1)
    await policy()
    await people.register("f", "b")
    await people.advance(days=10)
    assert await network.bindings.end_due() == 2
    assert await people.upline("f") == ["b", "a"]
