"""The sponsor tree: moves, loops, paths, what the past says."""

import asyncio
import itertools
import json
from datetime import timedelta

import pytest

from fenxiao.network.api import SellerQuestion


async def seller(people, name, at=None):
    (answer,) = await people.system.apis.network.sellers(
        asked=[SellerQuestion(distributor_id=people.ids[name], at=at)]
    )
    return answer


def names(people, answer):
    return [people.name(member.distributor_id) for member in answer.upline]


async def test_a_subtree_moves_as_a_whole(people):
    await people.chain("root", "a", "b", "c")
    await people.register("other")
    await people.register("leaf", "b")
    assert (await people.move("a", "other")).status_code == 200
    assert await people.upline("c") == ["b", "a", "other"]
    assert await people.upline("leaf") == ["b", "a", "other"]
    assert await people.upline("root") == []
    assert (await people.move("b", None)).status_code == 200
    assert await people.upline("c") == ["b"]
    assert await people.upline("a") == ["other"]


async def test_ids_that_contain_each_other_are_kept_apart(people):
    """1, 11, 111, 12, 112, 121 as text begin alike; as steps of a path they do not."""
    await people.members(*[(f"m{number}", None) for number in range(1, 131)])
    at = {number: name for name, number in people.ids.items()}
    ids = [number for number in (1, 11, 111, 12, 112, 121) if number in at]
    assert len(ids) >= 5
    for above, below in itertools.pairwise(ids):
        assert (await people.move(at[below], at[above])).status_code == 200
    moved = (await people.move(at[ids[2]], at[2])).status_code
    assert moved == 200
    chain = [at[number] for number in reversed(ids[2:-1])]
    assert await people.upline(at[ids[-1]]) == [*chain, at[2]]
    assert await people.upline(at[ids[1]]) == [at[ids[0]]]
    summary = (await people.get(at[2], "/downline/summary")).json()
    assert summary["count"] == len(ids) - 2


@pytest.mark.parametrize("sponsor", ["a", "b", "c"])
async def test_a_loop_is_refused(people, sponsor):
    await people.chain("a", "b", "c")
    before = await people.everything()
    answer = await people.move("a", sponsor)
    assert (answer.status_code, answer.json()["code"]) == (409, "sponsor-loop")
    assert await people.everything() == before


async def test_moves_against_each_other_never_make_a_loop(people):
    await people.members(("a", None), ("b", None), ("c", None))
    for _ in range(6):
        for name in "abc":
            await people.move(name, None)
        answers = await asyncio.gather(people.move("a", "b"), people.move("b", "c"), people.move("c", "a"))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 409]
        assert await people.findings() == []


async def test_many_moves_at_once_leave_a_tree(people):
    everybody = [f"m{number}" for number in range(12)]
    await people.members(*[(name, None) for name in everybody])
    pairs = [(everybody[(7 * i) % 12], everybody[(5 * i + 1) % 12]) for i in range(48)]
    answers = await asyncio.gather(*(people.move(name, sponsor) for name, sponsor in pairs))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert await people.findings() == []


async def test_a_move_to_where_one_is_changes_nothing(people):
    await people.chain("a", "b")
    before = await people.everything()
    assert (await people.move("b", "a")).status_code == 200
    assert await people.everything() == before


async def test_a_move_to_nobody_known_is_refused(people):
    await people.chain("a")
    people.ids["ghost"] = 4711
    before = await people.everything()
    answer = await people.move("a", "ghost")
    assert (answer.status_code, answer.json()["code"]) == (422, "sponsor-missing")
    assert (await people.move("ghost", "a")).status_code == 404
    assert await people.everything() == before


async def test_a_move_is_lost_to_nobody(people):
    await people.chain("a", "b", "c")
    tag = (await people.get("c")).headers["etag"]
    assert (await people.move("c", "a", **{"If-Match": tag})).status_code == 200
    before = await people.everything()
    answer = await people.move("c", "b", **{"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (412, "stale-version")
    assert await people.everything() == before


async def test_a_tree_deeper_than_the_index_can_hold_is_refused(people):
    await people.members(*[(f"m{n}", f"m{n - 1}" if n else None) for n in range(501)])
    answers = await people.members(("below", "m500"))
    assert answers[0].code == "tree-too-deep"
    await people.members(("a", None), ("b", "a"))
    before = await people.everything()
    answer = await people.move("a", "m499")
    assert (answer.status_code, answer.json()["code"]) == (409, "tree-too-deep")
    assert await people.everything() == before
    assert (await people.move("b", "m499")).status_code == 200


async def test_events_tell_of_moves_grades_and_states(people, owner):
    await people.chain("a", "b")
    await people.client.post("/api/grades", json={"grade": "gold", "rank": 3}, headers=people.admin)
    await people.move("b", None)
    await people.put("b", "grade", {"grade": "gold"})
    await people.post("b", "suspend")
    rows = await owner.fetch(
        "select type, data from network.outbox where type like 'distributor.%' order by seq"
    )
    told = [(row["type"], json.loads(row["data"])) for row in rows][2:]
    b = people.ids["b"]
    assert told == [
        (
            "distributor.moved",
            {
                "distributor_id": b,
                "tree_version": 3,
                "sponsor_id": None,
                "previous_sponsor_id": people.ids["a"],
            },
        ),
        (
            "distributor.grade_changed",
            {"distributor_id": b, "tree_version": 4, "grade": "gold", "previous": None},
        ),
        (
            "distributor.status_changed",
            {"distributor_id": b, "tree_version": 5, "status": "suspended", "previous": "active"},
        ),
    ]


async def test_the_past_stays_what_it_was(people):
    await people.chain("a", "b", "c")
    await people.client.post("/api/grades", json={"grade": "gold", "rank": 3}, headers=people.admin)
    start = people.system.clock.now
    await people.advance(days=1)
    await people.move("c", "a")
    await people.advance(days=1)
    await people.put("a", "grade", {"grade": "gold"})
    await people.advance(days=1)
    await people.post("a", "suspend")
    assert (await people.move("b", None)).status_code == 200
    assert (await people.move("a", "b")).status_code == 200
    day = [start + timedelta(days=n) for n in range(5)]

    async def seen(at):
        found = await seller(people, "c", at)
        assert found.member.distributor_id == people.ids["c"]
        return [(people.name(m.distributor_id), m.status, m.grade, m.rank) for m in found.upline]

    a, b = ("a", "active", None, None), ("b", "active", None, None)
    gold = ("a", "active", "gold", 3)
    assert await seen(day[0] - timedelta(days=4000)) == [b, a], "before the first link, the first link"
    assert await seen(day[0]) == [b, a]
    assert await seen(day[1] - timedelta(microseconds=1)) == [b, a]
    assert await seen(day[1]) == [a]
    assert await seen(day[2]) == [gold]
    assert await seen(day[3] - timedelta(microseconds=1)) == [gold]
    assert await seen(day[3]) == [("a", "suspended", "gold", 3), b]
    assert await seen(day[4]) == [("a", "suspended", "gold", 3), b]
    assert await seen(None) == [("a", "suspended", "gold", 3), b]
    assert await people.upline("c", at=day[1].isoformat()) == ["a"]


async def test_every_answer_can_be_recomputed_from_its_version(people):
    await people.members(*[(f"m{n}", f"m{(n - 1) // 2}" if n else None) for n in range(15)])
    moments = [None]
    for name, sponsor in (("m7", "m2"), ("m1", "m14"), ("m3", None), ("m14", "m7")):
        await people.advance(hours=1)
        assert (await people.move(name, sponsor)).status_code == 200
        # Two changes at one moment, and somebody who joins between.
        assert (await people.post(name, "suspend")).status_code == 200
        await people.members((f"late {name}", name))
        moments += [people.system.clock.now, people.system.clock.now - timedelta(minutes=30)]
    api = people.system.apis.network
    asked = [SellerQuestion(distributor_id=number, at=at) for number in people.ids.values() for at in moments]
    answers = await api.sellers(asked=asked)
    again = await api.members_at(
        asked=[(one.distributor_id, answer.tree_version) for one, answer in zip(asked, answers, strict=True)]
    )
    assert {answer.tree_version for answer in answers} == {0, 3, 6, 9, 13}
    assert again == answers


async def test_unknown_sellers_are_refused_in_their_place(people):
    await people.chain("a")
    known, unknown = (SellerQuestion(distributor_id=number) for number in (people.ids["a"], 4711))
    api = people.system.apis.network
    answers = await api.sellers(asked=[unknown, known, unknown])
    assert [getattr(answer, "code", None) for answer in answers] == [
        "distributor-missing",
        None,
        "distributor-missing",
    ]
    assert await api.sellers(asked=[]) == []
    (answer,) = await api.sellers(asked=[SellerQuestion(distributor_id=4711, at=people.system.clock.now)])
    assert answer.code == "distributor-missing"
    (answer,) = await api.members_at(asked=[(4711, 1)])
    assert answer.code == "distributor-missing"


async def test_what_was_moved_by_hand_is_found(people, owner):
    await people.members(("a", None), ("b", "a"), ("c", "b"))
    a, b, c = (people.ids[name] for name in "abc")
    faults = {
        "network.paths": f"update network.distributor set path = decode('{c:08x}', 'hex') || path where distributor_id = {b}",
        "network.loops": f"update network.distributor set sponsor_id = {c}, path = path || path where distributor_id = {a}",
        "network.history": f"update network.standing set status = 'suspended' where distributor_id = {a}",
    }
    for name, fault in faults.items():
        assert await people.findings() == []
        planted = owner.transaction()
        await planted.start()
        await owner.execute(fault)
        await planted.commit()
        assert name in {finding.check for finding in await people.findings()}
        await owner.execute(
            f"update network.distributor set sponsor_id = null, path = decode('{a:08x}', 'hex') where distributor_id = {a}"
        )
        await owner.execute(
            f"update network.distributor set path = decode('{a:08x}{b:08x}', 'hex') where distributor_id = {b}"
        )
        await owner.execute("update network.standing set status = 'active'")


async def test_a_gap_in_the_history_is_found(people, owner):
    await people.chain("a", "b")
    await people.advance(hours=1)
    await people.move("b", None)
    await owner.execute(
        "update network.sponsor_link set to_version = to_version - 1 where to_version = 3 and from_version = 1"
    )
    changed = await owner.execute(
        "update network.sponsor_link set valid_to = valid_to - interval '1 minute' where to_version is not null"
    )
    assert changed == "UPDATE 1"
    assert [finding.check for finding in await people.findings()] == ["network.history"]
    await owner.execute(
        "update network.sponsor_link set valid_to = valid_to + interval '1 minute' where to_version is not null"
    )
