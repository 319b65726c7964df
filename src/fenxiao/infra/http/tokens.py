"""Verification of access tokens: signature, type, issuer, audience, expiry, revocation; with a bounded cache.

A verified token costs a dictionary look-up instead of a signature check (80 µs). The cache keeps a token
until it expires; revocation is asked at every use, so a revoked token stops at once where the hook knows of it.
"""

from asyncio import Lock
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fenxiao.infra.telemetry import counter
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import Unauthenticated, Unavailable

from .auth import ACCESS_TOKEN_TYPE, ALGORITHMS, AUDIENCE, Principal, principal_of

Claims = Mapping[str, Any]

MAX_TOKEN_CHARS = 16_384
"""Longer ones are refused unread."""

FRESH = timedelta(minutes=5)
"""How long fetched keys are used without asking again; a key taken back stops working after this."""

COOLDOWN = timedelta(seconds=10)
"""How often an unknown key id may cause a fetch; forged ids must not become a flood."""

_looked_up = counter(
    "fenxiao_token_cache_total", "Look-ups of access tokens by result (hit, miss, refused).", ("result",)
)
# Looking a series up by its label costs more than the rest of a hit.
_hits = _looked_up.labels("hit")


class KeySource(Protocol):
    """Where the public keys come from: identity's own (near) or its published document (far)."""

    async def jwks(self) -> Mapping[str, Any]:
        """The JWK Set document (RFC 7517) of public keys; `Unavailable` when it cannot be had."""
        ...


class FetchedKeys:
    """The keys as another service publishes them at `url`."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self._url, self._client = url, client

    async def jwks(self) -> Mapping[str, Any]:
        """The published document."""
        try:
            answer = await self._client.get(self._url)
            answer.raise_for_status()
            document: Mapping[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable from error
        return document


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    expires: int
    kid: str


def _nothing_revoked(_: Claims) -> bool:
    return False


class Verifier:
    """Turns the text of an access token into its principal; an `auth.Authenticate`.

    `revoked` is asked with the claims at every use and must not wait for anything; each process keeps what it
    needs to answer in memory. `capacity` bounds the cache; the oldest entries go first.
    """

    def __init__(
        self,
        *,
        keys: KeySource,
        issuer: str,
        clock: Clock,
        audience: str = AUDIENCE,
        revoked: Callable[[Claims], bool] = _nothing_revoked,
        capacity: int = 20_000,
    ) -> None:
        self._source, self._clock, self._revoked, self._capacity = keys, clock, revoked, capacity
        self._issuer, self._audience = issuer, audience
        self._verified: dict[str, _Verified] = {}
        self._keys: KeySet | None = None
        self._fetched = datetime.min.replace(tzinfo=UTC)
        self._fetching = Lock()

    async def __call__(self, token: str) -> Principal:
        """The token's principal; `Unauthenticated` if it is not valid now, `Unavailable` if no keys can be had."""
        now = self._clock()
        known = self._verified.get(token)
        if known is not None and known.expires > now.timestamp():
            if self._revoked(known.principal.claims):
                del self._verified[token]
                raise Unauthenticated
            _hits.inc()
            return known.principal
        try:
            verified = await self._verify(token, now)
        except Unauthenticated:
            _looked_up.labels("refused").inc()
            raise
        self._remember(token, verified)
        _looked_up.labels("miss").inc()
        return verified.principal

    def forget(self) -> None:
        """Drop what is cached, keys included; the next token is verified anew."""
        self._verified.clear()
        self._keys = None

    async def _verify(self, token: str, now: datetime) -> _Verified:
        if len(token) > MAX_TOKEN_CHARS:
            raise Unauthenticated
        kid = _kid(token)
        keys = await self._keys_with(kid, now)
        try:
            decoded = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
            self._claims_registry(now).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise Unauthenticated from error
        if decoded.header.get("typ") != ACCESS_TOKEN_TYPE or self._revoked(decoded.claims):
            raise Unauthenticated
        return _Verified(principal_of(decoded.claims), decoded.claims["exp"], kid)

    def _claims_registry(self, now: datetime) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=0,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            jti={"essential": True},
        )

    async def _keys_with(self, kid: str, now: datetime) -> KeySet:
        keys = self._keys
        if keys is not None and _has(keys, kid) and now - self._fetched < FRESH:
            return keys
        async with self._fetching:
            # Whoever waited for the lock finds the keys that the one before fetched.
            fresh = self._keys is not None and now - self._fetched < (
                FRESH if _has(self._keys, kid) else COOLDOWN
            )
            if not fresh:
                await self._fetch(now)
        if self._keys is None or not _has(self._keys, kid):
            raise Unauthenticated
        return self._keys

    async def _fetch(self, now: datetime) -> None:
        try:
            document = await self._source.jwks()
            keys = KeySet.import_key_set({"keys": list(document["keys"])})
        except Unavailable:
            # Known keys outlive a short outage of their publisher; without any there is nothing to go by.
            if self._keys is None:
                raise
            self._fetched = now - FRESH + COOLDOWN
            return
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise Unavailable from error
        self._keys, self._fetched = keys, now
        # A key that is published no more was taken back: what it signed is not remembered either.
        self._verified = {token: kept for token, kept in self._verified.items() if _has(keys, kept.kid)}

    def _remember(self, token: str, verified: _Verified) -> None:
        while len(self._verified) >= self._capacity:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = verified


def _has(keys: KeySet, kid: str) -> bool:
    return any(key.kid == kid for key in keys)


def _kid(token: str) -> str:
    first, _, _ = token.partition(".")
    try:
        header = msgspec.json.decode(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, msgspec.DecodeError) as error:
        raise Unauthenticated from error
    kid = header.get("kid") if isinstance(header, dict) else None
    if not isinstance(kid, str):
        raise Unauthenticated
    return kid
