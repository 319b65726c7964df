"""Who sees whom: administrators everybody, a distributor itself and those below."""

import pytest

PUBLIC = {"distributor_id", "display_name", "sponsor_id", "status", "grade", "joined_at"}


@pytest.fixture
async def family(people):
    """Top > anna > (ben > cleo, dora); eve stands alone."""
    await people.chain("top", "anna", "ben", "cleo")
    await people.register("dora", "anna")
    await people.register("eve")
    await people.system.drain()
    return people


async def test_a_distributor_sees_itself_whole_and_those_below_in_part(family, login):
    anna = await login("anna", "password of anna")
    own = (await family.get("anna", headers=anna)).json()
    assert own["invite_code"]
    for name in ("ben", "cleo", "dora"):
        found = await family.get(name, headers=anna)
        assert (found.status_code, set(found.json())) == (200, PUBLIC), name


@pytest.mark.parametrize("what", ["", "/upline", "/downline", "/downline/summary"])
async def test_all_others_do_not_exist_for_it(family, login, what):
    anna = await login("anna", "password of anna")
    family.ids["ghost"] = 4711
    for name in ("top", "eve", "ghost"):
        found = await family.get(name, what, headers=anna)
        assert (found.status_code, found.json()["code"]) == (404, "distributor-missing"), name
        assert (await family.client.get(f"/api/distributors/{family.ids[name]}{what}")).status_code == 401


async def test_its_upline_ends_with_itself(family, login):
    anna = await login("anna", "password of anna")
    assert await family.upline("cleo") == ["ben", "anna", "top"]
    found = (await family.get("cleo", "/upline", headers=anna)).json()["items"]
    assert [(family.name(one["distributor_id"]), one["level"]) for one in found] == [("ben", 1), ("anna", 2)]
    assert (await family.get("anna", "/upline", headers=anna)).json()["items"] == []


async def test_its_list_holds_itself_and_those_below(family, client, login):
    anna = await login("anna", "password of anna")
    found = (await client.get("/api/distributors", headers=anna)).json()["items"]
    assert [family.name(one["distributor_id"]) for one in found] == ["anna", "ben", "cleo", "dora"]
    assert [set(one) == PUBLIC for one in found] == [False, True, True, True]
    ids = ",".join(str(number) for number in family.ids.values())
    named = (await client.get("/api/distributors", params={"ids": ids}, headers=anna)).json()["items"]
    assert named == found


@pytest.mark.parametrize(
    ("method", "what", "body"),
    [
        ("POST", "activate", None),
        ("POST", "suspend", None),
        ("PUT", "grade", {"grade": None}),
        ("PUT", "sponsor", {"sponsor_id": None}),
    ],
)
async def test_it_changes_nobodys_place(*, family, client, login, method, what, body):
    anna = await login("anna", "password of anna")
    before = await family.everything()
    for name in ("anna", "ben"):
        answer = await client.request(
            method, f"/api/distributors/{family.ids[name]}/{what}", json=body, headers=anna
        )
        assert answer.status_code == 403
    assert await family.everything() == before


async def test_it_amends_itself_alone(family, client, login):
    anna = await login("anna", "password of anna")
    own = f"/api/distributors/{family.ids['anna']}"
    answer = await client.patch(own, json={"display_name": "Anne", "phone": "13812345678"}, headers=anna)
    assert (answer.status_code, answer.json()["display_name"], answer.json()["phone"]) == (
        200,
        "Anne",
        "138****5678",
    )
    answer = await client.patch(own, json={"phone": None}, headers=anna)
    assert (answer.json()["display_name"], answer.json()["phone"]) == ("Anne", None)
    before = await family.everything()
    below = await client.patch(
        f"/api/distributors/{family.ids['ben']}", json={"display_name": "X"}, headers=anna
    )
    above = await client.patch(
        f"/api/distributors/{family.ids['top']}", json={"display_name": "X"}, headers=anna
    )
    assert (below.status_code, above.status_code) == (403, 404)
    for wrong in (
        {"display_name": ""},
        {"display_name": None},
        {"phone": "?"},
        {"email": "x"},
        {"status": "active"},
    ):
        assert (await client.patch(own, json=wrong, headers=anna)).status_code == 422, wrong
    assert await family.everything() == before


async def test_an_amendment_is_lost_to_nobody(family, client, admin):
    address = f"/api/distributors/{family.ids['eve']}"
    tag = (await client.get(address, headers=admin)).headers["etag"]
    first = await client.patch(address, json={"display_name": "Eva"}, headers={**admin, "If-Match": tag})
    assert first.headers["etag"] != tag
    before = await family.everything()
    second = await client.patch(address, json={"display_name": "Ewa"}, headers={**admin, "If-Match": tag})
    assert second.status_code == 412
    assert await family.everything() == before


async def test_the_downline_is_paged_in_the_order_of_the_tree(family):
    async def walk(**query):
        found, cursor = [], None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            page = (await family.get("top", "/downline", **query, **more)).json()
            found += [
                (family.name(one["distributor_id"]), one["level"], one["direct"]) for one in page["items"]
            ]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    whole = [("anna", 1, 2), ("ben", 2, 1), ("cleo", 3, 0), ("dora", 2, 0)]
    assert await walk() == whole
    assert await walk(limit=1) == whole
    assert await walk(limit=3, depth=2) == [whole[0], whole[1], whole[3]]
    assert await walk(depth=1) == [whole[0]]
    assert (await family.get("top", "/downline", depth=0)).status_code == 422
    assert (await family.get("top", "/downline", cursor="x")).status_code == 422


async def test_a_cursor_of_someone_who_left_starts_again(family):
    page = (await family.get("top", "/downline", limit=2)).json()
    await family.move("ben", "eve")
    answer = await family.get("top", "/downline", limit=2, cursor=page["next_cursor"])
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_the_summary_counts_heads_per_level(family):
    await family.post("dora", "suspend")
    found = (await family.get("top", "/downline/summary")).json()
    assert (found["count"], found["active"]) == (4, 3)
    assert found["levels"] == [
        {"level": 1, "count": 1, "active": 1},
        {"level": 2, "count": 2, "active": 1},
        {"level": 3, "count": 1, "active": 1},
    ]
    assert (await family.get("eve", "/downline/summary")).json()["levels"] == []


async def test_filters(family, client, admin):
    await client.post("/api/grades", json={"grade": "gold", "rank": 3}, headers=admin)
    await family.put("ben", "grade", {"grade": "gold"})
    await family.post("dora", "suspend")
    code = (await family.get("eve")).json()["invite_code"]

    async def found(**query):
        answer = await client.get("/api/distributors", params=query, headers=admin)
        assert answer.status_code == 200, answer.text
        return [family.name(one["distributor_id"]) for one in answer.json()["items"]]

    assert await found(status="suspended") == ["dora"]
    assert await found(grade="gold") == ["ben"]
    assert await found(q="NN") == ["anna"]
    assert await found(q="%") == []
    assert await found(q=code.lower()) == ["eve"]
    assert await found(sponsor_id=family.ids["anna"]) == ["ben", "dora"]
    assert await found(ids=f"{family.ids['eve']},{family.ids['top']},999999") == ["top", "eve"]
    assert (await client.get("/api/distributors", params={"ids": "1,x"}, headers=admin)).status_code == 422
    assert (await client.get("/api/distributors", params={"ids": ""}, headers=admin)).status_code == 422
    assert (
        await client.get("/api/distributors", params={"status": "gone"}, headers=admin)
    ).status_code == 422


async def test_a_list_is_paged(family, client, admin):
    first = (await client.get("/api/distributors", params={"limit": 4}, headers=admin)).json()
    rest = (
        await client.get(
            "/api/distributors", params={"limit": 4, "cursor": first["next_cursor"]}, headers=admin
        )
    ).json()
    names = [family.name(one["distributor_id"]) for page in (first, rest) for one in page["items"]]
    assert names == ["top", "anna", "ben", "cleo", "dora", "eve"]
    assert rest["next_cursor"] is None


async def test_grades_are_named_once(family, client, admin, login):
    async def create(grade, rank):
        return await client.post("/api/grades", json={"grade": grade, "rank": rank}, headers=admin)

    assert (await create("silver", 2)).json() == {"grade": "silver", "rank": 2}
    assert (await create("bronze", 1)).status_code == 201
    before = await family.everything()
    for grade, rank, status in (
        ("silver", 9, 409),
        ("gold", 2, 409),
        ("gold", 0, 422),
        ("", 5, 422),
        (" x", 5, 422),
    ):
        assert (await create(grade, rank)).status_code == status
    anna = await login("anna", "password of anna")
    assert (await client.post("/api/grades", json={"grade": "g", "rank": 7}, headers=anna)).status_code == 403
    assert await family.everything() == before
    found = (await client.get("/api/grades", headers=anna)).json()["items"]
    assert found == [{"grade": "bronze", "rank": 1}, {"grade": "silver", "rank": 2}]


async def test_a_grade_is_given_and_taken_away(family, client, admin):
    await client.post("/api/grades", json={"grade": "gold", "rank": 3}, headers=admin)
    assert (await family.put("anna", "grade", {"grade": "gold"})).json()["grade"] == "gold"
    before = await family.everything()
    assert (await family.put("anna", "grade", {"grade": "gold"})).status_code == 200
    answer = await family.put("anna", "grade", {"grade": "platinum"})
    assert (answer.status_code, answer.json()["code"]) == (422, "grade-missing")
    assert (await family.put("anna", "grade", {})).status_code == 422
    assert await family.everything() == before
    assert (await family.put("anna", "grade", {"grade": None})).json()["grade"] is None


async def test_suspended_and_active_again(family):
    assert (await family.post("anna", "suspend")).json()["status"] == "suspended"
    before = await family.everything()
    assert (await family.post("anna", "suspend")).json()["status"] == "suspended"
    assert await family.everything() == before
    assert (await family.post("anna", "activate")).json()["status"] == "active"
