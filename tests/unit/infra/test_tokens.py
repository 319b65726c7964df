"""Access tokens: every claim that is wrong, every trick with keys and algorithms; the cache and revocation."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from fenxiao.infra.http.auth import ACCESS_TOKEN_TYPE, AUDIENCE
from fenxiao.infra.http.tokens import COOLDOWN, FRESH, FetchedKeys, Verifier
from fenxiao.kernel.errors import Forbidden, Unauthenticated, Unavailable

ISSUER = "http://127.0.0.1:8000"
START = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Stopped:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Keys:
    """A key source that counts and can fall silent."""

    def __init__(self, *keys: ECKey) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.silent = False

    async def jwks(self) -> Mapping[str, Any]:
        self.asked += 1
        if self.silent:
            raise Unavailable
        return KeySet(self.keys).as_dict(private=False)


def new_key() -> ECKey:
    key = ECKey.generate_key("P-256", private=True)
    key.ensure_kid()
    return key


KEY = new_key()


def claims(**changes: Any) -> dict[str, Any]:
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "12",
        "exp": int(START.timestamp()) + 900,
        "jti": "t1",
        "sid": "s1",
        "username": "li",
        "distributor_id": 101,
        "roles": ["ROLE_DISTRIBUTOR"],
        "permissions": ["orders:read"],
        "data_scope": "self",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def signed(body: dict[str, Any] | None = None, *, key: Any = KEY, **header: Any) -> str:
    head = {"alg": "ES256", "kid": KEY.kid, "typ": ACCESS_TOKEN_TYPE, **header}
    head = {name: value for name, value in head.items() if value is not ...}
    return jwt.encode(head, body or claims(), key, algorithms=["ES256", "HS256", "RS256"])


def hs256_with(secret: bytes) -> str:
    """A token whose "secret" is the public key; libraries refuse to make one, attackers do not."""
    parts = [
        json.dumps(part).encode()
        for part in ({"alg": "HS256", "kid": KEY.kid, "typ": ACCESS_TOKEN_TYPE}, claims())
    ]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return (text + b"." + base64.urlsafe_b64encode(hmac.digest(secret, text, "sha256")).rstrip(b"=")).decode()


@pytest.fixture
def source() -> Keys:
    return Keys(KEY)


@pytest.fixture
def clock() -> Stopped:
    return Stopped()


@pytest.fixture
def verify(source: Keys, clock: Stopped) -> Verifier:
    return Verifier(keys=source, issuer=ISSUER, clock=clock)


async def test_a_good_token_tells_who_calls(verify: Verifier) -> None:
    who = await verify(signed())
    assert (who.account_id, who.distributor_id, who.username, who.data_scope) == (12, 101, "li", "self")
    assert who.roles == {"ROLE_DISTRIBUTOR"}
    assert who.may("orders:read")
    assert not who.may("orders:operate")
    assert who.owns(101)
    assert not who.owns(102)
    assert not who.owns(None)
    with pytest.raises(Forbidden) as caught:
        who.demand("orders:operate")
    assert caught.value.params == {"permission": "orders:operate"}


async def test_an_administrator_may_everything_and_owns_nothing(verify: Verifier) -> None:
    who = await verify(signed(claims(distributor_id=..., permissions=["*"], data_scope="all")))
    assert who.may("anything:at-all")
    assert who.sees_all()
    assert not who.owns(None)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://elsewhere"},
        {"iss": ...},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": ...},
        {"exp": int(START.timestamp())},
        {"exp": int(START.timestamp()) - 1},
        {"exp": ...},
        {"exp": "tomorrow"},
        {"nbf": int(START.timestamp()) + 60},
        {"sub": ...},
        {"sub": "admin"},
        {"sub": ""},
        {"sub": "-1"},
        {"jti": ...},
        {"distributor_id": "101"},
        {"distributor_id": True},
        {"permissions": "*"},
        {"permissions": [1]},
        {"roles": None},
        {"data_scope": "everything"},
        {"data_scope": None},
    ],
    ids=str,
)
async def test_a_wrong_claim_is_refused(verify: Verifier, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        await verify(signed(claims(**changes)))


async def test_tricks_with_keys_and_algorithms_are_refused(verify: Verifier) -> None:
    rsa = RSAKey.generate_key(2048)
    head, body, tail = signed().split(".")
    unsigned = base64.urlsafe_b64encode(
        json.dumps({"alg": "none", "kid": KEY.kid, "typ": ACCESS_TOKEN_TYPE}).encode()
    )
    altered = base64.urlsafe_b64encode(json.dumps(claims(permissions=["*"])).encode()).decode().rstrip("=")
    forged = [
        hs256_with(KEY.as_pem(private=False)),
        hs256_with(json.dumps(KEY.as_dict(private=False)).encode()),
        signed(key=rsa, alg="RS256"),
        signed(key=new_key()),
        signed(kid=...),
        signed(kid="unknown"),
        signed(typ="JWT"),
        signed(typ=...),
        f"{unsigned.decode().rstrip('=')}.{body}.",
        f"{head}.{altered}.{tail}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{tail}x",
        "",
        "...",
        "é" * 10,
        "x" * 100_000,
        base64.urlsafe_b64encode(b"[]").decode() + "." + body + "." + tail,
        base64.urlsafe_b64encode(b'{"kid": 5}').decode() + "." + body + "." + tail,
    ]
    for token in forged:
        with pytest.raises(Unauthenticated):
            await verify(token)


async def test_an_id_token_does_not_open_the_api(verify: Verifier) -> None:
    with pytest.raises(Unauthenticated):
        await verify(signed(claims(aud="fenxiao-console"), typ="JWT"))


async def test_a_verified_token_is_remembered_until_it_expires(
    verify: Verifier, source: Keys, clock: Stopped
) -> None:
    token = signed()
    first = await verify(token)
    assert await verify(token) is first
    assert source.asked == 1
    clock.now = START + timedelta(seconds=899)
    assert await verify(token) is first
    clock.now = START + timedelta(seconds=900)
    with pytest.raises(Unauthenticated):
        await verify(token)


async def test_the_cache_is_bounded(source: Keys, clock: Stopped) -> None:
    verify = Verifier(keys=source, issuer=ISSUER, clock=clock, capacity=3)
    tokens = [signed(claims(jti=str(number))) for number in range(5)]
    people = [await verify(token) for token in tokens]
    assert await verify(tokens[4]) is people[4]
    assert await verify(tokens[0]) is not people[0]
    assert len(verify._verified) == 3


async def test_a_revoked_token_stops_at_once(source: Keys, clock: Stopped) -> None:
    revoked: set[str] = set()
    verify = Verifier(
        keys=source, issuer=ISSUER, clock=clock, revoked=lambda claims: claims["sid"] in revoked
    )
    token = signed()
    await verify(token)
    revoked.add("s1")
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await verify(token)
    assert (await verify(signed(claims(sid="s2")))).account_id == 12


async def test_a_new_key_is_found_but_forged_ones_are_no_flood(
    verify: Verifier, source: Keys, clock: Stopped
) -> None:
    await verify(signed())
    fresh = new_key()
    source.keys.append(fresh)
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await verify(signed(kid=f"forged {number}"))
    assert source.asked == 1
    clock.now += COOLDOWN
    assert (await verify(signed(key=fresh, kid=fresh.kid))).account_id == 12
    assert source.asked == 2


async def test_a_key_that_is_taken_back_stops_working(verify: Verifier, source: Keys, clock: Stopped) -> None:
    token, fresh = signed(), new_key()
    await verify(token)
    source.keys = [fresh]
    clock.now += FRESH
    await verify(signed(key=fresh, kid=fresh.kid))
    with pytest.raises(Unauthenticated):
        await verify(token)


async def test_known_keys_outlive_a_short_outage(verify: Verifier, source: Keys, clock: Stopped) -> None:
    source.silent = True
    with pytest.raises(Unavailable):
        await verify(signed())
    source.silent = False
    await verify(signed())
    source.silent = True
    clock.now += FRESH
    assert (await verify(signed(claims(jti="t2")))).account_id == 12


@given(st.text(max_size=80))
async def test_any_text_is_refused_cleanly(token: str) -> None:
    with pytest.raises(Unauthenticated):
        await Verifier(keys=Keys(KEY), issuer=ISSUER, clock=Stopped())(token)


@given(st.binary(max_size=60), st.binary(max_size=60))
async def test_any_header_is_refused_cleanly(header: bytes, body: bytes) -> None:
    token = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, body, b"x" * 64)
    )
    with pytest.raises(Unauthenticated):
        await Verifier(keys=Keys(KEY), issuer=ISSUER, clock=Stopped())(token)


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, text="<html>"), None])
async def test_keys_that_cannot_be_fetched(answer: httpx.Response | None) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        if answer is None:
            raise httpx.ConnectError("nobody there")
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        with pytest.raises(Unavailable):
            await FetchedKeys("http://identity/oauth2/jwks", client).jwks()


@pytest.mark.parametrize(
    "document", [{}, {"keys": None}, {"keys": []}, {"keys": [{"kty": "EC"}]}, {"keys": ["x"]}]
)
async def test_a_key_document_that_makes_no_sense(document: dict[str, Any], clock: Stopped) -> None:
    class Odd:
        async def jwks(self) -> Mapping[str, Any]:
            return document

    with pytest.raises(Unavailable):
        await Verifier(keys=Odd(), issuer=ISSUER, clock=clock)(signed())
