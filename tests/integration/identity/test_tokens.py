"""Tokens over HTTP: given, refused, renewed, taken back."""

from datetime import timedelta

import pytest

PASSWORD = "correct-horse-battery-staple"
FORM = {"grant_type": "password", "username": "admin", "password": PASSWORD, "client_id": "fenxiao-console"}


async def token(client, **changes):
    return await client.post("/oauth2/token", data={**FORM, **changes})


def bearer(answer):
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_password_gives_a_token_that_opens_the_api(client):
    answer = await token(client)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert answer.headers["cache-control"] == "no-store"
    who = (await client.get("/oauth2/userinfo", headers=bearer(answer))).json()
    assert who["preferred_username"] == "admin"
    assert (who["roles"], who["permissions"], who["data_scope"]) == (["ROLE_ADMIN"], ["*"], "all")


async def test_usernames_are_compared_without_case(client):
    assert (await token(client, username="ＡDMIN")).status_code == 200


async def test_an_access_token_lives_for_fifteen_minutes(client, system):
    headers = bearer(await token(client))
    system.clock.advance(timedelta(minutes=15) - timedelta(seconds=1))
    assert (await client.get("/oauth2/userinfo", headers=headers)).status_code == 200
    system.clock.advance(timedelta(seconds=1))
    assert (await client.get("/oauth2/userinfo", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"password": "wrong"}, 400, "invalid_grant"),
        ({"username": "nobody"}, 400, "invalid_grant"),
        ({"client_id": "somebody-else"}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"password": ""}, 400, "invalid_request"),
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "made-up"}, 400, "invalid_grant"),
    ],
)
async def test_refusals_speak_oauth(client, owner, changes, status, error):
    answer = await token(client, **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"
    assert await owner.fetchval("select count(*) from identity.session") == 0


async def test_a_parameter_sent_twice_is_refused(client):
    body = "grant_type=password&username=admin&username=admin&password=x&client_id=fenxiao-console"
    answer = await client.post(
        "/oauth2/token", content=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_json_is_no_token_request(client):
    answer = await client.post("/oauth2/token", json=FORM)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_refusals_are_translated(client):
    answer = await client.post(
        "/oauth2/token", data={**FORM, "password": "x"}, headers={"accept-language": "zh-CN"}
    )
    assert answer.json()["error_description"] == "用户名或密码错误。"


async def refresh(client, refresh_token, **changes):
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": "fenxiao-console"}
    return await client.post("/oauth2/token", data={**form, **changes})


async def test_a_refresh_token_is_used_up_by_its_use(client):
    first = (await token(client)).json()["refresh_token"]
    second = await refresh(client, first)
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first
    assert (await client.get("/oauth2/userinfo", headers=bearer(second))).status_code == 200
    assert (await refresh(client, second.json()["refresh_token"])).status_code == 200


async def test_a_refresh_token_used_twice_ends_the_whole_session(client, system):
    first = (await token(client)).json()["refresh_token"]
    second = (await refresh(client, first)).json()["refresh_token"]
    stolen = await refresh(client, first)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await refresh(client, second)).status_code == 400
    assert len(await system.apis.identity.revoked_sessions(since=system.clock.now)) == 1


async def test_another_session_survives_the_theft(client):
    other = (await token(client)).json()["refresh_token"]
    first = (await token(client)).json()["refresh_token"]
    await refresh(client, first)
    await refresh(client, first)
    assert (await refresh(client, other)).status_code == 200


async def test_a_refresh_token_expires(client, system):
    first = (await token(client)).json()["refresh_token"]
    system.clock.advance(timedelta(days=30))
    assert (await refresh(client, first)).status_code == 400


async def test_a_refresh_token_of_another_client_is_no_use(client):
    first = (await token(client)).json()["refresh_token"]
    assert (await refresh(client, first, client_id="other")).status_code == 401
    assert (await refresh(client, first)).status_code == 200


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
async def test_a_revoked_session_does_not_go_on(client, system, kind):
    given = (await token(client)).json()
    answer = await client.post("/oauth2/revoke", data={"token": given[kind], "client_id": "fenxiao-console"})
    assert answer.status_code == 200
    assert (await refresh(client, given["refresh_token"])).status_code == 400
    assert len(await system.apis.identity.revoked_sessions(since=system.clock.now)) == 1


@pytest.mark.parametrize("made_up", ["nonsense", "a.b.c"])
async def test_revoking_what_is_unknown_is_no_fault(client, made_up):
    answer = await client.post("/oauth2/revoke", data={"token": made_up, "client_id": "fenxiao-console"})
    assert answer.status_code == 200


async def test_ten_wrong_passwords_close_the_door_for_a_quarter_of_an_hour(client, system):
    for _ in range(10):
        assert (await token(client, password="wrong")).status_code == 400
    closed = await token(client)
    assert closed.status_code == 429
    assert 0 < int(closed.headers["retry-after"]) <= 901
    assert closed.json()["error"] == "temporarily_unavailable"
    # Another username from the same address still gets in to be refused for what it is.
    assert (await token(client, username="nobody")).status_code == 400
    system.clock.advance(timedelta(minutes=15))
    assert (await token(client)).status_code == 200


async def test_right_passwords_are_never_counted(client):
    for _ in range(12):
        assert (await token(client)).status_code == 200


async def test_a_new_key_takes_over_and_the_old_one_is_still_published(client, system):
    headers = bearer(await token(client))
    (before,) = (await client.get("/oauth2/jwks")).json()["keys"]
    assert before["kty"] == "EC"
    assert "d" not in before
    rotate = next(
        job for offer in system.offers for job in offer.jobs if job.name == "identity rotate signing key"
    )
    await rotate.work()
    assert (await client.get("/oauth2/jwks")).json()["keys"] == [before], "it has not signed long enough"
    system.clock.advance(timedelta(days=31))
    headers = bearer(await token(client))
    await rotate.work()
    keys = (await client.get("/oauth2/jwks")).json()["keys"]
    assert len(keys) == 2
    assert before in keys
    assert (await client.get("/oauth2/userinfo", headers=headers)).status_code == 200, "signed by the old key"
    assert (await client.get("/oauth2/userinfo", headers=bearer(await token(client)))).status_code == 200
    system.clock.advance(timedelta(hours=2))
    assert before not in (await client.get("/oauth2/jwks")).json()["keys"]


async def test_no_private_key_lies_open_in_the_database(owner):
    rows = await owner.fetch("select public::text as public, private_sealed from identity.signing_key")
    assert rows
    for row in rows:
        assert b"PRIVATE" not in row["private_sealed"]
        assert '"d"' not in row["public"]


async def test_the_configuration_names_what_there_is(client):
    found = (await client.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == "http://127.0.0.1:8000"
    assert found["token_endpoint"] == found["issuer"] + "/oauth2/token"
    assert found["grant_types_supported"] == ["password", "refresh_token"]
