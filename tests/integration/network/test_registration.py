"""Registration: who may, below whom, and what is left of an attempt that is cut short."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from fenxiao.identity import queries
from fenxiao.identity.api import UsernameTaken
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.errors import Refusal


async def test_an_administrator_registers_below_a_sponsor(people, login):
    await people.chain("anna")
    answer = await people.register("ben", "anna", phone="+86 138 1234 5678", email="ben@example.com")
    assert answer.status_code == 201
    body = answer.json()
    assert body["sponsor_id"] == people.ids["anna"]
    assert (body["status"], body["grade"], body["external_id"]) == ("active", None, None)
    assert (body["phone"], body["email"]) == ("8613*****5678"[:3] + "******5678", "b***@example.com")
    assert len(body["invite_code"]) == 10
    assert (await people.get("ben")).json() == body
    await people.system.drain()
    assert (await people.get("ben", headers=await login("ben", "password of ben"))).json() == body


async def test_anybody_registers_with_an_invite_code(people, client, login):
    code = (await people.register("anna")).json()["invite_code"]
    body = {
        "username": "ben",
        "password": "password of ben",
        "display_name": "Ben",
        "invite_code": code.lower(),
    }
    answer = await client.post("/api/distributors", json=body)
    assert answer.status_code == 201
    assert (answer.json()["sponsor_id"], answer.json()["status"]) == (people.ids["anna"], "active")
    people.ids["ben"] = answer.json()["distributor_id"]
    await people.system.drain()
    await login("ben", "password of ben")
    history = (await people.get("ben", "/sponsors")).json()["items"]
    assert [(one["source"], one["evidence"]) for one in history] == [("invite_code", f"invite code {code}")]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"invite_code": "NOSUCHCODE"}, 422, "invite-code-unknown"),
        ({"invite_code": None}, 401, "unauthenticated"),
        ({"invite_code": None, "sponsor_id": 1}, 401, "unauthenticated"),
        ({"sponsor_id": 1}, 422, "validation-failed"),
        ({"external_id": "X1"}, 401, "unauthenticated"),
        ({"password": "short"}, 422, "validation-failed"),
        ({"username": "a b"}, 422, "validation-failed"),
        ({"username": ""}, 422, "validation-failed"),
        ({"display_name": "   "}, 422, "validation-failed"),
        ({"phone": "call me"}, 422, "validation-failed"),
        ({"email": "nowhere"}, 422, "validation-failed"),
        ({"username": "ANNA"}, 409, "username-taken"),
        ({"rank": 7}, 422, "validation-failed"),
    ],
)
async def test_refused_registrations_leave_nothing(people, client, changes, status, code):
    code_of_anna = (await people.register("anna")).json()["invite_code"]
    await people.system.drain()
    before = await people.everything()
    accounts = await people.owner.fetch("select * from identity.account")
    body = {
        "username": "ben",
        "password": "password of ben",
        "display_name": "Ben",
        "invite_code": code_of_anna,
    }
    answer = await client.post("/api/distributors", json={**body, **changes})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await people.everything() == before
    assert await people.owner.fetch("select * from identity.account") == accounts


async def test_the_invite_code_of_a_suspended_one_is_refused(people, client):
    code = (await people.register("anna")).json()["invite_code"]
    assert (await people.post("anna", "suspend")).status_code == 200
    body = {"username": "ben", "password": "password of ben", "display_name": "Ben", "invite_code": code}
    assert (await client.post("/api/distributors", json=body)).json()["code"] == "invite-code-unknown"


async def test_a_refusal_after_the_hold_gives_the_username_back(people):
    assert (await people.register("anna", external_id="E1")).status_code == 201
    before = await people.everything()
    answer = await people.register("ben", external_id="E1")
    assert (answer.status_code, answer.json()["code"]) == (409, "external-id-taken")
    after = await people.everything()
    assert after == before
    assert (await people.register("ben", external_id="E2")).status_code == 201


async def test_a_missing_sponsor_is_refused(people):
    people.ids["ghost"] = 4711
    before = await people.everything()
    answer = await people.register("ben", "ghost")
    assert (answer.status_code, answer.json()["code"]) == (422, "sponsor-missing")
    assert await people.everything() == before


async def test_a_distributor_may_not_register_under_a_sponsor_of_its_choice(people, client, login):
    await people.chain("anna")
    headers = await login("anna", "password of anna")
    body = {
        "username": "ben",
        "password": "password of ben",
        "display_name": "Ben",
        "sponsor_id": people.ids["anna"],
    }
    answer = await client.post("/api/distributors", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_key_registers_once(people, client, admin):
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    headers = {**admin, "Idempotency-Key": "one"}
    first = await client.post("/api/distributors", json=body, headers=headers)
    again = await client.post("/api/distributors", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    people.ids["anna"] = first.json()["distributor_id"]
    await people.post("anna", "suspend")
    assert (await client.post("/api/distributors", json=body, headers=headers)).json() == first.json()
    other = await client.post("/api/distributors", json={**body, "display_name": "Other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert await people.owner.fetchval("select count(*) from network.distributor") == 1


async def test_the_same_request_that_was_overtaken_gets_the_first_answer(people, client, admin, monkeypatch):
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    headers = {**admin, "Idempotency-Key": "one"}
    looked, first = queries.standing_holds, []

    async def overtaken(reader: Reader, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], object]:
        found = await looked(reader, keys)
        if not first:
            first.append("under way")
            first.append(await client.post("/api/distributors", json=body, headers=headers))
            await people.system.drain()
        return found

    monkeypatch.setattr(queries, "standing_holds", overtaken)
    second = await client.post("/api/distributors", json=body, headers=headers)
    assert (second.status_code, second.json()) == (201, first[1].json())
    assert await people.owner.fetchval("select count(*) from network.distributor") == 1


async def test_a_key_that_was_forgotten_does_not_take_the_account_of_long_ago(people, client, admin):
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    headers = {**admin, "Idempotency-Key": "one"}
    assert (await client.post("/api/distributors", json=body, headers=headers)).status_code == 201
    await people.system.drain()
    await people.advance(days=1000)
    (forget,) = [job.work for job in people.system.housekeeping() if job.name == "forget network"]
    assert await forget() > 0
    before = await people.everything()
    late = {**people.admin, "Idempotency-Key": "one"}
    answer = await client.post("/api/distributors", json=body, headers=late)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await people.everything() == before


async def test_a_refusal_frees_the_key(people, client, admin):
    await people.register("anna")
    headers = {**admin, "Idempotency-Key": "one"}
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    assert (await client.post("/api/distributors", json=body, headers=headers)).status_code == 409
    answer = await client.post("/api/distributors", json={**body, "username": "anne"}, headers=headers)
    assert answer.status_code == 201


async def test_the_same_request_at_once_registers_one(people, client, admin):
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    headers = {**admin, "Idempotency-Key": "one"}
    answers = await asyncio.gather(
        *(client.post("/api/distributors", json=body, headers=headers) for _ in range(8))
    )
    kinds = {answer.status_code for answer in answers}
    assert 201 in kinds
    assert kinds <= {201, 409}
    assert len({answer.json()["distributor_id"] for answer in answers if answer.status_code == 201}) == 1
    await people.system.drain()
    assert await people.owner.fetch("select state from identity.account_hold") == [("confirmed",)]
    assert (await client.post("/api/distributors", json=body, headers=headers)).status_code == 201


async def test_a_username_goes_to_one_of_many(people, client, admin):
    bodies = [
        {"username": name, "password": f"password {number}", "display_name": "Anna"}
        for number, name in enumerate(["anna", "Anna", "ANNA", "anna"])
    ]
    answers = await asyncio.gather(
        *(client.post("/api/distributors", json=body, headers=admin) for body in bodies)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert await people.owner.fetchval("select count(*) from network.distributor") == 1


async def test_a_login_waits_for_the_event_that_confirms_the_account(people, client, login):
    await people.register("anna")
    form = {"grant_type": "password", "username": "anna", "client_id": "fenxiao-console"}
    early = asyncio.create_task(client.post("/oauth2/token", data={**form, "password": "password of anna"}))
    await asyncio.sleep(0.3)
    assert not early.done()
    await people.system.drain()
    assert (await early).status_code == 200


async def test_a_held_account_cannot_sign_in(people, client):
    await people.register("anna")
    form = {"grant_type": "password", "username": "anna", "client_id": "fenxiao-console"}
    answer = await client.post("/oauth2/token", data={**form, "password": "password of anna"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "set up" in answer.json()["error_description"]


async def cut_short(people, **request):
    """An attempt that died between the hold and the commit."""
    from fenxiao.identity.api import AccountRequest

    wanted = {
        "caller": "1",
        "key": "one",
        "username": "anna",
        "password": "password of anna",
        "distributor_id": 900,
        "deadline": people.system.clock.now + timedelta(seconds=60),
    }
    (held,) = await people.system.apis.identity.hold_accounts(
        requests=[AccountRequest(**{**wanted, **request})]
    )
    return held


def sweep(people):
    return next(
        job for offer in people.system.offers for job in offer.jobs if job.name == "network account holds"
    ).work


async def test_a_retry_adopts_what_a_cut_short_attempt_left(people, client, admin):
    await cut_short(people)
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    answer = await client.post("/api/distributors", json=body, headers={**admin, "Idempotency-Key": "one"})
    assert answer.status_code == 201
    assert answer.json()["distributor_id"] == 900
    assert await people.owner.fetchval("select count(*) from identity.account where username = 'anna'") == 1


async def test_a_retry_in_other_words_does_not_adopt(people):
    await cut_short(people)
    for changes in ({"password": "another password"}, {"username": "anne"}):
        refusal = await cut_short(people, **changes)
        assert isinstance(refusal, Refusal)
        assert refusal.code == "idempotency-key-reused"


async def test_the_sweep_gives_back_what_was_never_committed(people):
    held = await cut_short(people)
    await sweep(people)()
    assert isinstance(await cut_short(people, key="two"), UsernameTaken), "not overdue yet"
    people.system.clock.advance(timedelta(seconds=61))
    await sweep(people)()
    await sweep(people)()
    assert await people.owner.fetchval("select count(*) from identity.account where username = 'anna'") == 0
    # The retry opens the next attempt under the same key.
    again = await cut_short(people, deadline=people.system.clock.now + timedelta(seconds=60))
    assert again.hold_id != held.hold_id


async def test_the_sweep_confirms_what_was_committed_though_the_event_is_late(people, login):
    await people.register("anna")
    people.system.clock.advance(timedelta(seconds=61))
    await sweep(people)()
    await login("anna", "password of anna")
    await people.system.drain()
    await login("anna", "password of anna")


async def test_delivered_again_nothing_changes(people, login):
    await people.chain("anna", "ben")
    accounts = await people.owner.fetch("select * from identity.account")
    await people.system.redeliver()
    assert await people.system.parked() == 0
    assert await people.owner.fetch("select * from identity.account") == accounts
    await login("ben", "password of ben")


async def test_anonymous_registrations_of_one_address_are_limited(people, client):
    body = {
        "username": "ben",
        "password": "password of ben",
        "display_name": "Ben",
        "invite_code": "NOSUCHCODE",
    }
    for _ in range(60):
        assert (await client.post("/api/distributors", json=body)).status_code == 422
    answer = await client.post("/api/distributors", json=body)
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-registrations")
    assert int(answer.headers["retry-after"]) > 0
    people.system.clock.advance(timedelta(minutes=10))
    assert (await client.post("/api/distributors", json=body)).status_code == 422


async def test_contacts_are_sealed_in_the_database(people):
    await people.register("anna", display_name="Anna Petrowna", phone="13812345678", email="anna@example.com")
    await people.client.patch(
        f"/api/distributors/{people.ids['anna']}",
        json={"display_name": "Anna Pawlowna"},
        headers=people.admin,
    )
    row = await people.owner.fetchrow("select phone_sealed, email_sealed from network.distributor")
    assert b"138" not in row["phone_sealed"]
    assert b"anna" not in row["email_sealed"]
    dump = str(await people.owner.fetch("select data from network.outbox"))
    assert "13812345678" not in dump
    assert "anna@example.com" not in dump
    # Not even masked: events and the audit log outlive the person's erasure.
    assert "5678" not in dump
    assert "owna" not in dump


class Paused:
    """Identity, whose first answer to `hold_accounts` waits until it is let go."""

    def __init__(self, identity):
        self._identity = identity
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._identity, name)

    async def hold_accounts(self, *, requests):
        held = await self._identity.hold_accounts(requests=requests)
        if not self.reached.is_set():
            self.reached.set()
            await self.go.wait()
        return held


async def until_somebody_waits_for_the_tree(owner):
    waiting = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and wait_event_type = 'Lock' and query like 'insert into tree%'"
    )
    async with asyncio.timeout(20):
        while not await owner.fetchval(waiting):
            # What a transaction has read of other sessions stays as it was until it is told to look again.
            await owner.fetchval("select pg_stat_clear_snapshot()")
            await asyncio.sleep(0.02)


async def test_who_finds_the_key_busy_leaves_the_others_hold_alone(people, client, admin, owner, monkeypatch):
    """Both have adopted one hold; the one that is told to wait must not give it up under the other."""
    await people.register("first")
    paused = Paused(people.system.apis.identity)
    monkeypatch.setattr(people.system.apis.network.registrations, "_identity", paused)
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    headers = {**admin, "Idempotency-Key": "one"}
    late = asyncio.create_task(client.post("/api/distributors", json=body, headers=headers))
    await paused.reached.wait()
    async with owner.transaction():
        await owner.fetch("select * from network.tree for update")
        early = asyncio.create_task(client.post("/api/distributors", json=body, headers=headers))
        await until_somebody_waits_for_the_tree(owner)
        paused.go.set()
        refused = await late
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency-key-busy")
    assert (await early).status_code == 201
    await people.system.drain()
    states = [row["state"] for row in await owner.fetch("select state from identity.account_hold")]
    assert states == ["confirmed", "confirmed"]


async def test_a_commit_after_the_fence_is_refused(people, client, admin, owner, monkeypatch):
    """The sweep was quicker than a request that had stalled: its account is gone, so it must not be committed."""
    paused = Paused(people.system.apis.identity)
    monkeypatch.setattr(people.system.apis.network.registrations, "_identity", paused)
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    stalled = asyncio.create_task(client.post("/api/distributors", json=body, headers=admin))
    await paused.reached.wait()
    people.system.clock.advance(timedelta(seconds=61))
    await sweep(people)()
    # Even were its own clock behind: the fence decides, not the deadline.
    people.system.clock.advance(timedelta(seconds=-61))
    paused.go.set()
    assert ((await stalled).status_code, (await stalled).json()["code"]) == (409, "idempotency-key-fenced")
    assert await owner.fetchval("select count(*) from network.distributor") == 0
    assert await owner.fetchval("select count(*) from identity.account where username = 'anna'") == 0


async def test_a_commit_after_the_deadline_is_refused(people, client, admin, owner, monkeypatch):
    paused = Paused(people.system.apis.identity)
    monkeypatch.setattr(people.system.apis.network.registrations, "_identity", paused)
    body = {"username": "anna", "password": "password of anna", "display_name": "Anna"}
    stalled = asyncio.create_task(client.post("/api/distributors", json=body, headers=admin))
    await paused.reached.wait()
    people.system.clock.advance(timedelta(seconds=61))
    paused.go.set()
    assert (await stalled).status_code == 409
    assert await owner.fetchval("select count(*) from network.distributor") == 0
    assert await owner.fetchval("select count(*) from identity.account where username = 'anna'") == 0
