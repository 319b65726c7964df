"""Members without login, in bulk."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from fenxiao.kernel.errors import Refusal
from fenxiao.network.api import NewMember, SellerQuestion


def member(name, sponsor=None, **more):
    joined = datetime(2010, 1, 1, tzinfo=UTC)
    return NewMember(
        **{
            "external_id": name,
            "display_name": name,
            "joined_at": joined,
            "sponsor_external_id": sponsor,
            **more,
        }
    )


def codes(answers):
    return [answer.code if isinstance(answer, Refusal) else "known" for answer in answers]


async def test_sponsors_stand_earlier_in_the_call(people):
    answers = await people.members(("a", None), ("b", "a"), ("c", "b"), ("d", "a"))
    assert codes(answers) == ["known"] * 4
    assert await people.upline("c") == ["b", "a"]
    assert await people.upline("d") == ["a"]
    found = (await people.get("c")).json()
    assert (found["external_id"], found["joined_at"], found["status"]) == (
        "c",
        "2010-01-01T00:00:00Z",
        "active",
    )
    assert await people.system.apis.network.known_external_ids(external_ids=["c", "nobody"]) == {
        "c": people.ids["c"]
    }


async def test_who_is_known_stays_as_it_is(people):
    first = await people.members(("a", None), ("b", "a"))
    before = await people.everything()
    assert await people.members(("b", None), ("a", "b"), ("b", "a")) == [first[1], first[0], first[1]]
    assert await people.everything() == before


async def test_a_name_twice_in_one_call_is_one_member(people):
    answers = await people.members(("a", None), ("a", None), ("b", "a"), ("a", "b"))
    assert answers[0] == answers[1] == answers[3]
    assert await people.owner.fetchval("select count(*) from network.distributor") == 2


async def test_what_cannot_join_is_refused_in_its_place(people):
    register = people.system.apis.network.register_members
    answers = await register(
        members=[
            member("self", "self"),
            member("early", "late"),
            member("late", "early"),
            member("DIRECT", earns=False),
            member("below", "DIRECT"),
            member("hung", "a", earns=False),
            member(""),
            member("nameless", display_name=" "),
            member("fine"),
        ]
    )
    missing = "sponsor-missing"
    invalid = "validation-failed"
    wanted = [missing, missing, missing, "known", "cannot-sponsor", invalid, invalid, invalid, "known"]
    assert codes(answers) == wanted
    assert await people.owner.fetchval("select count(*) from network.distributor") == 2
    before = await people.everything()
    await register(members=[member("x", "nobody")])
    assert await people.everything() == before


async def test_direct_sales_have_no_upline_and_no_pay(people):
    (direct,) = await people.system.apis.network.register_members(members=[member("DIRECT", earns=False)])
    people.ids["DIRECT"] = direct
    await people.members(("a", None))
    (found,) = await people.system.apis.network.sellers(asked=[SellerQuestion(distributor_id=direct)])
    assert (found.member.earns, found.member.status, found.upline) == (False, "active", ())
    before = await people.everything()
    for answer in (await people.move("DIRECT", "a"), await people.move("a", "DIRECT")):
        assert answer.status_code == 409
        assert answer.json()["code"] in {"direct-seller", "cannot-sponsor"}
    await people.client.post("/api/grades", json={"grade": "gold", "rank": 3}, headers=people.admin)
    assert (await people.put("DIRECT", "grade", {"grade": "gold"})).json()["code"] == "direct-seller"
    after = await people.everything()
    assert after[:5] == before[:5]


async def test_two_imports_at_once_register_everybody_once(people):
    pairs = [(f"m{n}", f"m{n // 3}" if n else None) for n in range(200)]
    both = await asyncio.gather(people.members(*pairs), people.members(*pairs))
    assert both[0] == both[1]
    assert await people.owner.fetchval("select count(*) from network.distributor") == 200


async def test_events_bear_the_time_of_joining(people):
    await people.members(("a", None))
    row = await people.owner.fetchrow("select time, data from network.outbox")
    assert row["time"] == datetime(2010, 1, 1, tzinfo=UTC)
    data = json.loads(row["data"])
    assert (data["account_id"], data["hold_id"], data["status"]) == (None, None, "active")


async def test_a_whole_years_members_join_in_one_call(people):
    """As many as the example data has, and quickly: the upline of an order is asked for hundreds at a time."""
    loop = asyncio.get_running_loop()
    pairs = [(f"m{n}", f"m{n // 2}" if n % 5 and n > 1 else None) for n in range(1, 4384)]
    begin = loop.time()
    answers = await people.members(*pairs)
    joined = loop.time() - begin
    assert codes(answers) == ["known"] * 4383
    asked = [SellerQuestion(distributor_id=number) for number in answers[::8][:500]]
    sellers = people.system.apis.network.sellers
    await sellers(asked=asked)
    begin = loop.time()
    now = await sellers(asked=asked)
    present = loop.time() - begin
    await people.advance(hours=1)
    await people.move("m1", "m2")
    old = people.system.clock.now - timedelta(days=1)
    past = [
        SellerQuestion(distributor_id=one.distributor_id, at=old - timedelta(seconds=n))
        for n, one in enumerate(asked)
    ]
    begin = loop.time()
    then = await sellers(asked=past)
    history = loop.time() - begin
    print(
        f"4,383 joined in {joined:.2f} s; 500 uplines in {present * 1e3:.1f} ms, from the history {history * 1e3:.1f} ms"
    )
    assert [(one.member, one.upline) for one in now] == [(one.member, one.upline) for one in then]
    # Generous, so that it fails for a query per question and not for a busy machine.
    assert present < 0.5
    assert history < 1.5
