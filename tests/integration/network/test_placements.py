"""The placement tree: places by hand and by spilling over, moves, width, who stood where on a day."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.integration.network.conftest import member

TABLES = ("placement", "placement_tree", "placement_link", "outbox")


class Places:
    """The placement tree of a test's people."""

    def __init__(self, people):
        self.people = people
        self.owner = people.owner

    async def put(self, name, headers=None, **body):
        if body.get("parent_id") is not None:
            body["parent_id"] = self.people.ids[body["parent_id"]]
        return await self.people.put(name, "placement", body, **(headers or {}))

    async def placed(self, name, parent_id, position):
        answer = await self.put(name, parent_id=parent_id, position=position)
        assert answer.status_code == 200, answer.text
        return answer

    async def spilled(self, name, how="breadth_first", **under):
        answer = await self.put(name, spill=how, **under)
        assert answer.status_code == 200, answer.text
        return await self.where(name)

    async def root(self, name):
        assert (await self.put(name, parent_id=None)).status_code == 200

    async def where(self, name, **query):
        answer = await self.people.get(name, "/placement", **query)
        if answer.status_code == 404:
            return answer.json()["code"]
        body = answer.json()
        return (body["parent_id"] and self.people.name(body["parent_id"]), body["position"])

    async def refused(self, name, *, headers=None, **body):
        before = await self.everything()
        answer = await self.put(name, headers=headers, **body)
        assert await self.everything() == before
        problem = answer.json()
        return answer.status_code, problem["code"], [error["field"] for error in problem.get("errors", ())]

    async def everything(self):
        return [await self.owner.fetch(f"select * from network.{table} order by 1, 2") for table in TABLES]

    async def members(self, count):
        names = [f"m{number}" for number in range(count)]
        await self.people.members(*[(name, None) for name in names])
        return names


@pytest.fixture
def places(people):
    return Places(people)


async def test_places_are_given_by_hand(places, people):
    await people.members(("a", None), ("b", "a"), ("c", "b"), ("d", None))
    assert await places.where("a") == "not-placed"
    assert await places.refused("b", parent_id="a", position=1) == (422, "parent-not-placed", [])
    await places.root("a")
    await places.placed("b", "a", 2)
    await places.placed("c", "b", 1)
    assert [await places.where(name) for name in "abc"] == [(None, None), ("a", 2), ("b", 1)]
    body = (await people.get("a", "/placement")).json()
    assert body["below"] == [{"position": 2, "distributor_id": people.ids["b"]}]
    # What is so already changes nothing.
    before = await places.everything()
    await places.placed("c", "b", 1)
    await places.root("a")
    assert await places.everything() == before

    assert await places.refused("d", parent_id="a", position=2) == (409, "position-taken", [])
    assert await places.refused("d", parent_id="a", position=3) == (422, "validation-failed", ["position"])
    assert await places.refused("d", parent_id="d", position=1) == (422, "parent-not-placed", [])
    assert await places.refused("d", parent_id="a") == (422, "validation-failed", ["position"])
    assert await places.refused("d") == (422, "validation-failed", ["position"])
    assert await places.refused("d", position=1) == (422, "validation-failed", ["parent_id"])
    assert await places.refused("d", parent_id="a", position=1, spill="outer_left") == (
        422,
        "validation-failed",
        ["position"],
    )
    assert await places.refused("d", spill="breadth_first") == (409, "nobody-placed-above", [])
    for below in "abc":
        loop = await places.refused("a", parent_id=below, position=2)
        assert loop == (409, "placement-loop", [])
    assert (await places.refused("a", parent_id="c", spill="breadth_first"))[1] == "placement-loop"
    people.ids["ghost"] = 4711
    assert (await places.refused("ghost", parent_id="a", position=1))[:2] == (404, "distributor-missing")
    assert await places.where("ghost") == "distributor-missing"
    zh = await places.put("d", {"Accept-Language": "zh"}, parent_id="a", position=2)
    assert zh.json()["title"] == "位置已占用"


async def test_a_move_takes_everyone_below_along_and_is_lost_to_nobody(places, people):
    await places.members(7)
    await places.root("m0")
    for number in range(1, 7):
        await places.spilled(f"m{number}", parent_id="m0")
    assert await places.where("m6") == ("m2", 2)
    answer = await people.get("m1", "/placement")
    tag = answer.headers["etag"]
    assert (await places.refused("m1", headers={"If-Match": '"7"'}, parent_id=None))[0] == 412
    moved = await places.put("m1", {"If-Match": tag}, parent_id="m6", position=2, reason="they asked for it")
    assert moved.status_code == 200
    assert moved.headers["etag"] != tag
    assert (await places.refused("m1", headers={"If-Match": tag}, parent_id=None))[0] == 412
    assert [await places.where(name) for name in ("m1", "m3", "m4")] == [
        ("m6", 2),
        ("m1", 1),
        ("m1", 2),
    ]
    # The place that was left is free again, and is the next one on its level.
    assert (await places.refused("m0", parent_id="m3", position=1))[1] == "placement-loop"
    await people.members(("late", None))
    assert await places.spilled("late", parent_id="m0") == ("m0", 1)
    lines = await people.owner.fetch(
        "select data from network.outbox where type = 'audit.recorded' and subject = $1 order by seq",
        f"distributors/{people.ids['m1']}",
    )
    first, second = [json.loads(row["data"]) for row in lines]
    assert (first["action"], first["before"]) == ("distributor.placed", None)
    assert second["before"] == {"parent_id": people.ids["m0"], "position": 1}
    assert second["after"] == {"parent_id": people.ids["m6"], "position": 2, "reason": "they asked for it"}


async def test_a_free_place_is_found_level_by_level_or_at_the_end_of_a_leg(places, people):
    await people.members(("top", None), ("a", "top"), ("b", "a"))
    names = await places.members(9)
    await places.root("top")
    found = [await places.spilled(name, parent_id="top") for name in names[:6]]
    assert found == [("top", 1), ("top", 2), ("m0", 1), ("m0", 2), ("m1", 1), ("m1", 2)]
    # Below somebody further down the search begins there.
    assert await places.spilled("m6", parent_id="m1") == ("m4", 1)
    assert await places.spilled("m7", "outer_left", parent_id="top") == ("m2", 1)
    assert await places.spilled("m8", "outer_right", parent_id="top") == ("m5", 2)
    # Without a parent: the nearest of the upline who has a place, and that is not always the sponsor.
    assert await places.spilled("b", "outer_right") == ("m8", 2)
    assert await places.spilled("a") == ("m2", 2)
    # Who stands below already stays.
    before = await places.everything()
    assert await places.spilled("m6", parent_id="top") == ("m4", 1)
    assert await places.everything() == before


async def test_the_width_of_the_tree(places, people):
    path = "/api/placement"
    await places.members(5)

    async def width(value, **headers):
        return await people.client.put(path, json={"width": value}, headers=people.admin | headers)

    fresh = await people.client.get(path, headers=people.admin)
    assert (fresh.json(), fresh.headers["etag"]) == ({"width": 2, "version": 0}, '"0"')
    assert (await width(3, **{"If-Match": '"0"'})).json() == {"width": 3, "version": 1}
    assert (await width(4, **{"If-Match": '"0"'})).status_code == 412
    await places.root("m0")
    found = [await places.spilled(f"m{number}", parent_id="m0") for number in range(1, 5)]
    assert found == [("m0", 1), ("m0", 2), ("m0", 3), ("m1", 1)]
    before = await places.everything()
    narrower = await width(2)
    assert (narrower.status_code, narrower.json()["code"]) == (409, "width-in-use")
    assert (await width(0)).status_code == 422
    assert await places.everything() == before
    await places.placed("m3", "m4", 1)
    assert (await width(2)).status_code == 200
    await people.members(("late", None))
    assert await places.spilled("late", parent_id="m0") == ("m1", 2)
    assert (await width(5)).json()["width"] == 5
    assert await places.spilled("m2", parent_id="m3") == ("m3", 1)
    await people.members(("later", None))
    assert await places.spilled("later", parent_id="m0") == ("m0", 2)
    assert (await people.client.get(path)).status_code == 401


async def test_where_somebody_stood_on_a_day_stays_true(places, people):
    await places.members(4)
    start = people.system.clock.now
    day = [start + timedelta(days=number) for number in range(5)]
    await places.root("m0")
    await places.placed("m1", "m0", 1)
    await people.advance(days=1)
    await places.placed("m2", "m1", 1)
    await places.placed("m2", "m1", 2)  # twice at one moment: the first one never was
    await people.advance(days=1)
    await places.placed("m1", "m0", 2)
    await places.root("m2")
    await people.advance(days=1)

    async def seen(at):
        found, cursor = [], 0
        while page := await people.system.apis.network.placements_at(at=at, cursor=cursor, limit=2):
            found += page
            cursor = page[-1].distributor_id
        return {
            people.name(one.distributor_id): (one.parent_id and people.name(one.parent_id), one.position)
            for one in found
        }

    assert await seen(start - timedelta(seconds=1)) == {}
    assert await seen(day[1] - timedelta(microseconds=1)) == {"m0": (None, None), "m1": ("m0", 1)}
    assert (await seen(day[1]))["m2"] == ("m1", 2)
    last = {"m0": (None, None), "m1": ("m0", 2), "m2": (None, None)}
    assert await seen(day[2]) == await seen(day[4]) == last
    assert await places.where("m2", at=day[1].isoformat()) == ("m1", 2)
    assert await places.where("m2", at=start.isoformat()) == "not-placed"
    then = (await people.get("m1", "/placement", at=day[1].isoformat())).json()
    assert then["below"] == [{"position": 2, "distributor_id": people.ids["m2"]}]
    assert (await people.get("m1", "/placement")).json()["below"] == []
    history = (await people.get("m1", "/placements")).json()["items"]
    assert [(one["position"], one["source"], one["actor"]) for one in history] == [
        (1, "operator", "account:1"),
        (2, "operator", "account:1"),
    ]
    assert history[0]["valid_to"] == history[1]["valid_from"]
    assert history[1]["valid_to"] is None


async def test_whoever_sells_directly_or_only_looks_is_kept_out(places, people):
    await people.chain("a", "b")
    direct = replace(member("direct"), earns=False)
    (people.ids["direct"],) = await people.system.apis.network.register_members(members=[direct])
    await places.root("a")
    headers = await people.login("b", "password of b")
    for path in ("/placement", "/placements"):
        assert (await people.get("b", path, headers=headers)).status_code == 403
    body = {"parent_id": people.ids["a"], "position": 1}
    address = f"/api/distributors/{people.ids['b']}/placement"
    assert (await people.client.put(address, json=body, headers=headers)).status_code == 403
    assert await places.where("b") == "not-placed"
    assert await places.refused("direct", parent_id="a", position=1) == (409, "direct-seller", [])
    assert await places.refused("direct", parent_id="a", spill="outer_left") == (409, "direct-seller", [])


async def test_many_at_once_get_a_place_each(places, people):
    names = await places.members(24)
    await places.root("m0")
    hows = ("breadth_first", "outer_left", "outer_right")
    asked = [
        places.put(name, spill=hows[number % 3], parent_id="m0") for number, name in enumerate(names[1:])
    ]
    by_hand = [places.put(name, parent_id="m0", position=1) for name in names[1:4]]
    answers = await asyncio.gather(*asked, *by_hand)
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert all(answer.status_code == 200 for answer in answers[: len(asked)])
    # Moves in both trees against each other: whatever is refused, no loop closes.
    pairs = [(names[(7 * n) % 23 + 1], names[(5 * n + 3) % 23 + 1]) for n in range(40)]
    both = [
        (places.put(a, parent_id=b, position=1 + n % 2), people.move(a, b)) for n, (a, b) in enumerate(pairs)
    ]
    answers = await asyncio.gather(*(change for changes in both for change in changes))
    assert {answer.status_code for answer in answers[::2]} == {200, 409}
    assert {answer.status_code for answer in answers[1::2]} <= {200, 409}
    count = await people.owner.fetchval("select count(*) from network.placement")
    assert count == 24


async def test_what_was_placed_by_hand_is_found(places, people, owner):
    await places.members(3)
    await places.root("m0")
    await places.placed("m1", "m0", 1)
    await places.placed("m2", "m1", 1)
    m0, m1, m2 = (people.ids[f"m{number}"] for number in range(3))
    faults = {
        f"update network.placement set position = 2 where distributor_id = {m1}": {m1},
        f"update network.placement set parent_id = {m2}, position = 2, path = path || '\\x02' where distributor_id = {m0}": {
            m0,
            m1,
            m2,
        },
        f"update network.placement set open = false where distributor_id = {m1}": {m1},
        "update network.placement_tree set width = 1": {m0, m1},
        f"update network.placement_link set position = 2 where distributor_id = {m2}": {m2},
        f"update network.placement_link set valid_to = now(), to_version = 9 where distributor_id = {m2}": {
            m2
        },
    }
    for fault, found in faults.items():
        assert await people.findings() == []
        before = await places.everything()
        await owner.execute(fault)
        subjects = {finding.subject for finding in await people.findings()}
        assert subjects == {f"distributors/{one}" for one in found}, fault
        await _restore(owner, before)


async def _restore(owner, before):
    async with owner.transaction():
        for row in before[0]:
            await owner.execute(
                "update network.placement set parent_id = $2, position = $3, path = $4, open = $5 where distributor_id = $1",
                *tuple(row)[:5],
            )
        await owner.execute("update network.placement_tree set width = 2")
        for row in before[2]:
            await owner.execute(
                "update network.placement_link set to_version = $3, valid_to = 'infinity', position = $4"
                " where distributor_id = $1 and from_version = $2",
                row["distributor_id"],
                row["from_version"],
                row["to_version"],
                row["position"],
            )
