"""Teams over HTTP: their life, who may look, what is refused and changes nothing, and movers at once."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from tests.integration.network.conftest import member

TABLES = ("team", "team_tree", "team_member", "team_link", "team_change", "outbox", "idempotency")


class Teams:
    """The teams of a test's people, by name."""

    def __init__(self, people):
        self.people = people
        self.ids = {}

    async def ask(self, method, path, body=None, **headers):
        headers = {**self.people.admin, **headers}
        return await self.people.client.request(method, f"/api/teams{path}", json=body, headers=headers)

    async def create(self, name, leader, parent=None):
        body = {"name": name, "leader_id": self.people.ids[leader]}
        if parent is not None:
            body["parent_id"] = self.ids[parent]
        answer = await self.ask("POST", "", body)
        assert answer.status_code == 201, answer.text
        self.ids[name] = answer.json()["team_id"]
        return answer

    async def join(self, team, *names):
        for name in names:
            body = {"distributor_id": self.people.ids[name]}
            answer = await self.ask("POST", f"/{self.ids[team]}/members", body)
            assert answer.status_code == 201, answer.text

    async def leave(self, team, name):
        answer = await self.ask("DELETE", f"/{self.ids[team]}/members/{self.people.ids[name]}")
        assert answer.status_code == 204, answer.text

    async def move(self, team, parent, **headers):
        body = {"parent_id": None if parent is None else self.ids[parent]}
        return await self.ask("PUT", f"/{self.ids[team]}/parent", body, **headers)

    async def get(self, team):
        answer = await self.ask("GET", f"/{self.ids[team]}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def members(self, team, at=None, limit=2):
        """Who is in a team, read page by page: (name, leads)."""
        found, cursor = [], ""
        while cursor is not None:
            query = {"limit": limit} | ({"cursor": cursor} if cursor else {}) | ({"at": at} if at else {})
            path = f"/{self.ids[team]}/members?{httpx.QueryParams(query)}"
            page = (await self.ask("GET", path)).json()
            found += [(self.people.name(one["distributor_id"]), one["leads"]) for one in page["items"]]
            cursor = page["next_cursor"]
        return found

    async def listed(self, **query):
        page = (await self.ask("GET", f"?{httpx.QueryParams(query)}")).json()
        return [one["name"] for one in page["items"]]

    async def levels(self, *names):
        return [(await self.get(name))["level"] for name in names]

    async def everything(self):
        owner = self.people.owner
        return [await owner.fetch(f"select * from network.{table} order by 1, 2") for table in TABLES]

    async def refused(self, method, path, body=None, **headers):
        """Status, code and faulty fields; and nothing has changed."""
        before = await self.everything()
        answer = await self.ask(method, path, body, **headers)
        assert await self.everything() == before, (method, path)
        problem = answer.json()
        return answer.status_code, problem["code"], [one["field"] for one in problem.get("errors", ())]

    async def events(self):
        rows = await self.people.owner.fetch(
            "select subject, data from network.outbox where type = 'team.changed' order by seq"
        )
        return [(row["subject"], json.loads(row["data"])) for row in rows]


@pytest.fixture
def teams(people):
    return Teams(people)


async def test_the_life_of_a_team(teams, people):
    await people.members(*[(name, None) for name in "abcdef"])
    made = await teams.create(" 华东 ", "a")
    assert (made.headers["location"], made.headers["etag"]) == ("/api/teams/1", '"1"')
    teams.ids["east"] = made.json()["team_id"]
    start = people.system.clock.now
    assert made.json() == {
        "team_id": 1, "name": "华东", "status": "active", "leader_id": people.ids["a"], "parent_id": None, "level": 1,
        "members": 1, "created_at": start.isoformat().replace("+00:00", "Z"), "dissolved_at": None,
    }  # fmt: skip
    await teams.create("shop", "d", parent="east")
    await teams.join("east", "b", "c")
    await teams.join("east", "c")  # what is so already
    assert await teams.members("east") == [("a", True), ("b", False), ("c", False)]
    assert ((await teams.get("east"))["members"], (await teams.get("shop"))["level"]) == (3, 2)

    # Three days later b leaves and another leads: one who joins by it; then one who is in already.
    await people.advance(days=3)
    await teams.leave("east", "b")
    answer = await teams.ask("PATCH", "/1", {"leader_id": people.ids["e"], "name": "East"})
    assert (answer.json()["name"], answer.json()["leader_id"]) == ("East", people.ids["e"])
    await people.advance(days=1)
    assert (await teams.ask("PATCH", "/1", {"leader_id": people.ids["c"]})).status_code == 200
    assert await teams.members("east") == [("a", False), ("c", True), ("e", False)]
    # Who was in it on a day, and who led.
    day = [(start + timedelta(days=number)).isoformat() for number in range(5)]
    assert await teams.members("east", at=day[2]) == [("a", True), ("b", False), ("c", False)]
    assert await teams.members("east", at=day[3]) == [("a", False), ("c", False), ("e", True)]
    before = (start - timedelta(microseconds=1)).isoformat()
    assert await teams.members("east", at=before) == []
    found = (await people.get("e", "/teams")).json()["items"]
    assert [(one["team_id"], one["leads"], one["valid_to"] is None) for one in found] == [
        (1, True, False),
        (1, False, True),
    ]
    assert len({one["since"] for one in found}) == 1
    assert found[0]["valid_to"] == found[1]["valid_from"] > found[1]["since"]

    # Dissolved: everybody is free, and what it was stays on record.
    assert await teams.refused("DELETE", "/1") == (409, "team-has-teams", [])
    assert (await teams.move("shop", None)).json()["level"] == 1
    assert (await teams.ask("DELETE", "/1")).status_code == 204
    before = await teams.everything()
    assert (await teams.ask("DELETE", "/1")).status_code == 204
    assert await teams.everything() == before
    gone = await teams.get("east")
    assert (gone["status"], gone["leader_id"], gone["members"]) == ("dissolved", None, 0)
    assert await teams.members("east") == []
    assert (await teams.members("east", at=day[3]))[0] == ("a", False)
    assert await teams.listed() == ["shop"]
    assert await teams.listed(status="dissolved") == ["East"]
    await teams.create("next", "c")
    await told(teams, people)


async def told(teams, people):
    """Every change is one event in the order of versions, and one line of the audit log."""
    events = await teams.events()
    assert [one["version"] for _, one in events] == list(range(1, len(events) + 1))
    assert [one["change"] for _, one in events] == (
        [
            "created",
            "created",
            "joined",
            "joined",
            "left",
            "renamed",
            "led",
            "led",
            "moved",
            "dissolved",
            "created",
        ]
    )
    assert {subject for subject, _ in events} == {"teams/1", "teams/2", "teams/3"}
    led = events[6][1]
    assert (led["distributor_id"], led["leader_id"]) == (people.ids["e"], people.ids["e"])
    await people.system.drain()
    log = (await people.client.get("/api/audit-log?limit=100", headers=people.admin)).json()["items"]
    lines = [one for one in log if one["subject"].startswith("teams/")]
    assert len(lines) == len(events)
    (renamed,) = [one for one in lines if one["action"] == "team.renamed"]
    assert (renamed["before"]["name"], renamed["after"]["name"]) == ("华东", "East")
    (left,) = [one for one in lines if one["action"] == "team.left"]
    assert (left["before"], left["actor"]) == ({"distributor_id": people.ids["b"]}, "account:1")


async def test_what_is_refused_changes_nothing(teams, people):
    await people.members(*[(name, None) for name in "abcde"])
    direct = replace(member("direct"), earns=False)
    (shop,) = await people.system.apis.network.register_members(members=[direct])
    await teams.create("east", "a")
    await teams.create("west", "b")
    await teams.join("east", "c")
    a, b, c, d = (people.ids[name] for name in "abcd")

    async def created(**body):
        return await teams.refused("POST", "", {"name": "x", "leader_id": d} | body)

    assert await created(name="  ") == (422, "validation-failed", ["name"])
    assert await created(name="x" * 101) == (422, "validation-failed", ["name"])
    for nobody in (4711, shop):
        assert await created(leader_id=nobody) == (422, "member-unknown", ["leader_id"])
    assert await created(parent_id=4711) == (422, "parent-team-missing", ["parent_id"])
    assert await created(leader_id=c) == (409, "in-another-team", [])
    assert await created(level=3) == (422, "validation-failed", ["level"])

    async def joined(distributor_id, team="/1"):
        return await teams.refused("POST", f"{team}/members", {"distributor_id": distributor_id})

    assert await joined(b) == (409, "in-another-team", [])
    assert await joined(4711) == (422, "member-unknown", ["distributor_id"])
    assert await joined(d, "/4711") == (404, "team-missing", [])
    assert await teams.refused("DELETE", f"/1/members/{a}") == (409, "leads-team", [])
    assert await teams.refused("DELETE", f"/1/members/{b}") == (404, "member-missing", [])
    assert await teams.refused("PATCH", "/1", {"leader_id": b}) == (409, "in-another-team", [])
    assert await teams.refused("PATCH", "/1", {"leader_id": None}) == (
        422,
        "validation-failed",
        ["leader_id"],
    )
    assert await teams.refused("PATCH", "/1", {"name": ""}) == (422, "validation-failed", ["name"])
    # Who read an older version is told so, whatever he wants.
    for method, path, body in (
        ("PATCH", "/1", {"name": "y"}),
        ("PUT", "/1/parent", {"parent_id": 2}),
        ("DELETE", "/1", None),
    ):
        assert (await teams.refused(method, path, body, **{"If-Match": '"1"'}))[:2] == (412, "stale-version")
    tag = (await teams.ask("GET", "/1")).headers["etag"]
    assert (await teams.ask("PATCH", "/1", {"name": "y"}, **{"If-Match": tag})).status_code == 200
    # A key makes a retry safe; the same key for something else is refused.
    key = {"Idempotency-Key": "once"}
    body = {"name": "north", "leader_id": d}
    first, again = [await teams.ask("POST", "", body, **key) for _ in range(2)]
    assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")
    assert (await teams.refused("POST", "", body | {"name": "south"}, **key))[0] == 422
    # A team that was dissolved changes no more, and nothing comes below it.
    assert (await teams.ask("DELETE", "/3")).status_code == 204
    assert await teams.refused("PATCH", "/3", {"name": "z"}) == (409, "team-dissolved", [])
    assert await joined(d, "/3") == (409, "team-dissolved", [])
    assert await created(parent_id=3) == (422, "parent-team-missing", ["parent_id"])
    zh = await teams.ask("PUT", "/1/parent", {"parent_id": 1}, **{"Accept-Language": "zh"})
    assert zh.json()["title"] == "团队关系成环"


async def test_each_sees_his_own_team(teams, people):
    assert (await people.register("lead")).status_code == 201
    assert (await people.register("mate")).status_code == 201
    assert (await people.register("other")).status_code == 201
    await teams.create("east", "lead")
    await teams.create("west", "other")
    await teams.join("east", "mate")
    await people.system.drain()
    lead, mate = [await people.login(name, f"password of {name}") for name in ("lead", "mate")]

    async def seen(headers, path):
        return await people.client.get(path, headers=headers)

    for headers in (lead, mate):
        assert [one["team_id"] for one in (await seen(headers, "/api/teams")).json()["items"]] == [1]
        assert (await seen(headers, "/api/teams/1")).json()["name"] == "east"
        for other in (
            "/api/teams/2",
            "/api/teams/2/members",
            f"/api/distributors/{people.ids['other']}/teams",
        ):
            assert (await seen(headers, other)).status_code == 404
        refused = await people.client.post(
            "/api/teams", json={"name": "x", "leader_id": people.ids["mate"]}, headers=headers
        )
        assert refused.status_code == 403
    # The leader sees everybody in it, a member himself.
    assert [one["display_name"] for one in (await seen(lead, "/api/teams/1/members")).json()["items"]] == [
        "Lead",
        "Mate",
    ]
    own = (await seen(mate, "/api/teams/1/members")).json()["items"]
    assert [one["display_name"] for one in own] == ["Mate"]
    assert len((await seen(mate, f"/api/distributors/{people.ids['mate']}/teams")).json()["items"]) == 1
    await teams.leave("east", "mate")
    assert (await seen(mate, "/api/teams/1")).status_code == 404
    assert (await seen(mate, "/api/teams")).json() == {"items": [], "next_cursor": None}
    assert (await people.client.get("/api/teams")).status_code == 401


async def test_teams_below_teams(teams, people):
    names = [f"m{number}" for number in range(53)]
    await people.members(*[(name, None) for name in names])
    for parent, name in zip((None, *names), names[:4], strict=False):
        await teams.create(name, name, parent)
    assert await teams.levels("m0", "m1", "m2", "m3") == [1, 2, 3, 4]
    for below in ("m1", "m2", "m3"):
        path = f"/{teams.ids['m1']}/parent"
        assert (await teams.refused("PUT", path, {"parent_id": teams.ids[below]}))[1] == "team-loop"
    # All below follow; a move there and back.
    assert (await teams.move("m1", None)).json()["level"] == 1
    assert await teams.levels("m0", "m1", "m2", "m3") == [1, 1, 2, 3]
    assert (await teams.move("m0", "m3")).json()["level"] == 4
    before = await teams.everything()
    assert (await teams.move("m0", "m3")).status_code == 200
    assert await teams.everything() == before
    assert await teams.listed(level=2) == ["m2"]
    assert await teams.listed(parent_id=teams.ids["m1"]) == ["m2"]
    assert await teams.listed(leader_id=people.ids["m3"]) == ["m3"]
    page = (await teams.ask("GET", "?limit=3")).json()
    rest = (await teams.ask("GET", f"?limit=3&cursor={page['next_cursor']}")).json()
    assert [one["name"] for one in (*page["items"], *rest["items"])] == ["m0", "m1", "m2", "m3"]
    assert rest["next_cursor"] is None
    # No deeper than fifty levels, neither by a new one nor by a move.
    for number in range(4, 50):
        await teams.create(names[number], names[number], "m0" if number == 4 else names[number - 1])
    assert await teams.levels("m49") == [50]
    body = {"name": "x", "leader_id": people.ids["m50"], "parent_id": teams.ids["m49"]}
    assert (await teams.refused("POST", "", body))[1] == "teams-too-deep"
    await teams.create("top", "m51")
    await teams.create("low", "m52", "top")
    path = f"/{teams.ids['m1']}/parent"
    assert (await teams.refused("PUT", path, {"parent_id": teams.ids["low"]}))[1] == "teams-too-deep"


async def test_movers_at_once_make_no_loop_and_nobody_is_in_two_teams(teams, people):
    names = [f"m{number}" for number in range(10)]
    await people.members(*[(name, None) for name in (*names, "free")])
    for name in names[:6]:
        await teams.create(name, name)
    # Each wants to stand below the next, around: one of them must lose. Everybody wants the one who is free.
    around = [teams.move(names[one], names[(one + 1) % 6]) for one in range(6)]
    wanted = [
        teams.ask("POST", f"/{teams.ids[name]}/members", {"distributor_id": people.ids["free"]})
        for name in names[:6]
    ]
    same = [teams.ask("PATCH", f"/{teams.ids['m0']}", {"leader_id": people.ids[name]}) for name in names[6:]]
    answers = await asyncio.gather(*around, *wanted, *same)
    moved, joined, led = answers[:6], answers[6:12], answers[12:]
    assert sorted(one.status_code for one in moved) == [200] * 5 + [409]
    assert [one.json()["code"] for one in moved if one.status_code == 409] == ["team-loop"]
    assert sorted(one.status_code for one in joined) == [201] + [409] * 5
    assert [one.status_code for one in led] == [200] * 4
    assert sorted(await teams.levels(*names[:6])) == [1, 2, 3, 4, 5, 6]
    heads = await people.owner.fetchval("select sum(members) from network.team")
    assert (
        heads
        == 6 + 1 + 4
        == await people.owner.fetchval("select count(*) from network.team_member where team_id is not null")
    )


async def test_what_was_written_past_the_lock_is_found(teams, people):
    await people.members(*[(name, None) for name in "abc"])
    await teams.create("east", "a")
    await teams.create("shop", "b", "east")
    await teams.join("east", "c")

    async def found():
        return sorted({one.subject for one in await people.findings()})

    c = people.ids["c"]
    assert await found() == []
    for spoil, heal, subject in (
        ("update network.team set level = 3 where team_id = 2", "update network.team set level = 2 where team_id = 2", "teams/2"),
        ("update network.team set members = 5 where team_id = 1", "update network.team set members = 2 where team_id = 1", "teams/1"),
        (
            "update network.team set parent_id = null, level = 1 where team_id = 2",
            "update network.team set parent_id = 1, level = 2 where team_id = 2",
            "teams/2",
        ),
        (
            f"update network.team_link set valid_from = valid_from - interval '1 day' where distributor_id = {c}",
            f"update network.team_link set valid_from = valid_from + interval '1 day' where distributor_id = {c}",
            f"distributors/{c}",
        ),
        (
            f"update network.team_link set team_id = 2 where distributor_id = {c}",
            f"update network.team_link set team_id = 1 where distributor_id = {c}",
            f"distributors/{c}",
        ),
        (
            "update network.team_change set kind = 'left' where version = 3",
            "update network.team_change set kind = 'joined' where version = 3",
            f"distributors/{c}",
        ),
    ):  # fmt: skip
        await people.owner.execute(spoil)
        assert subject in await found(), spoil
        await people.owner.execute(heal)
    assert await found() == []
