"""Signing keys and the tokens they sign."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from fenxiao.identity import queries
from fenxiao.identity.domain.roles import Rights
from fenxiao.identity.queries import Account
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database

ACCESS_LIFE = timedelta(minutes=15)
KEY_LIFE = timedelta(days=30)
"""How long a key signs before the next takes over."""

PUBLISHED = timedelta(hours=1)
"""How long a retired key stays published; longer than anything it signed is valid."""

RELOAD = timedelta(seconds=30)
"""How long a process goes on signing with the key it knows; the old key is published for longer than that."""


class Keys:
    """Keeps ES256 key pairs in the database, the private half sealed, and signs with the newest."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher
        self._signing: ECKey | None = None
        self._read_at: datetime | None = None

    async def public(self) -> dict[str, object]:
        """The JWK Set of the keys that may have signed something still valid."""
        keys = await queries.published_keys(self._db, self._db.clock() - PUBLISHED)
        return {"keys": [key.public for key in keys]}

    async def provide(self) -> None:
        """Make the first key if there is none."""
        await self._renew(older_than=None)

    async def rotate(self) -> None:
        """Make a new key if the present one has signed long enough."""
        await self._renew(older_than=self._db.clock() - KEY_LIFE)

    async def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """A JWT signed with the present key."""
        key = await self._current()
        return jwt.encode({**header, "alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])

    async def _current(self) -> ECKey:
        now = self._db.clock()
        if self._signing is None or self._read_at is None or not timedelta(0) <= now - self._read_at < RELOAD:
            row = await self._db.fetchrow(
                "select kid, private_sealed from signing_key where retired_at is null"
            )
            if row is None:
                await self.provide()
                return await self._current()
            text = self._cipher.open(
                row["private_sealed"], table="signing_key", column="private_sealed", row=row["kid"]
            )
            self._signing, self._read_at = ECKey.import_key(text, {"kid": row["kid"]}), now
        return self._signing

    async def _renew(self, older_than: datetime | None) -> None:
        key = ECKey.generate_key("P-256", {"kid": secrets.token_urlsafe(12)}, private=True)
        kid = str(key.kid)
        sealed = self._cipher.seal(
            key.as_pem(private=True).decode(), table="signing_key", column="private_sealed", row=kid
        )
        async with self._db.begin() as tx:
            # Two processes that start on an empty database must not both make the first key.
            await locks.hold(tx, "signing key")
            now = self._db.clock()
            created = await tx.fetchval(
                "select created_at from signing_key where retired_at is null for update"
            )
            if created is not None and (older_than is None or created > older_than):
                return
            await tx.execute("update signing_key set retired_at = $1 where retired_at is null", now)
            public = {**key.as_dict(private=False), "alg": "ES256", "use": "sig"}
            await tx.execute(
                "insert into signing_key (kid, public, private_sealed, created_at) values ($1, $2, $3, $4)",
                kid,
                public,
                sealed,
                now,
            )
            tx.audit("signing-key.created", f"signing-keys/{kid}", after={"kid": kid, "alg": "ES256"})
        self._signing = None


def access_claims(
    account: Account, rights: Rights, *, issuer: str, client_id: str, session: str, now: datetime
) -> dict[str, Any]:
    """What an access token says (RFC 9068); the names are those that every service reads in `infra.http.auth`."""
    issued = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": "fenxiao",
        "sub": str(account.account_id),
        "jti": secrets.token_urlsafe(16),
        "sid": session,
        "iat": issued,
        "exp": issued + int(ACCESS_LIFE.total_seconds()),
        "client_id": client_id,
        "username": account.username,
        "roles": list(rights.roles),
        "permissions": list(rights.permissions),
        "data_scope": rights.data_scope,
    }
    if account.distributor_id is not None:
        claims["distributor_id"] = account.distributor_id
    return claims
