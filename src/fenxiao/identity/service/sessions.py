"""Sessions: signing in, going on with a refresh token, signing out."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from fenxiao.identity import queries
from fenxiao.identity.domain import credentials, limits
from fenxiao.identity.domain.limits import Counted
from fenxiao.identity.domain.roles import rights
from fenxiao.identity.queries import Account
from fenxiao.identity.service.faults import (
    AccountNotReady,
    InvalidClient,
    InvalidRefreshToken,
    TooManyLogins,
    WrongPassword,
)
from fenxiao.identity.service.keys import ACCESS_LIFE, Keys, access_claims
from fenxiao.identity.service.passwords import Passwords
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction

FIRST_PARTY = frozenset({"fenxiao-console"})
"""Clients of our own: public ones, and the only ones that may see a user's password."""

REFRESH_LIFE = timedelta(days=30)
"""A session that is not used for so long has ended."""

PATIENCE_SECONDS = 2.0
"""How long a login waits for the event that confirms a new account."""

LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a client gets; `expires_in` in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    scope: str


class Sessions:
    """Gives and takes back tokens."""

    def __init__(self, db: Database, passwords: Passwords, keys: Keys, issuer: str) -> None:
        self._db = db
        self._passwords = passwords
        self._keys = keys
        self._issuer = issuer

    async def sign_in(self, *, username: str, password: str, client_id: str | None, address: str) -> Tokens:
        """Tokens for a username and password; refused with WrongPassword, TooManyLogins, AccountNotReady."""
        client = _first_party(client_id)
        key = credentials.folded(username)
        account = await self._proven(key, password, limits.counted(key, address))
        if account.state == "held":
            account = await self._confirmed(key)
        async with self._db.begin() as tx:
            session = uuid4()
            # It may have been closed since its password was proven.
            open_ = "select true from account where account_id = $1 and state = 'active' for key share"
            if not await tx.fetchval(open_, account.account_id):
                raise WrongPassword
            await tx.execute(
                "insert into session (session_id, account_id, client_id, created_at) values ($1, $2, $3, $4)",
                session,
                account.account_id,
                client,
                self._db.clock(),
            )
            refresh = await self._new_refresh(tx, session)
        return await self._tokens(account, client, session, refresh)

    async def go_on(self, *, refresh_token: str, client_id: str | None) -> Tokens:
        """New tokens for a refresh token, which is used up by it.

        One that is used twice was copied: then the whole session ends, for the thief and for the owner
        (RFC 9700 §4.14.2).
        """
        client = _first_party(client_id)
        async with self._db.begin() as tx:
            row = await tx.fetchrow(
                "select r.used_at, r.expires_at, s.session_id, s.account_id, s.client_id, s.revoked_at"
                " from refresh_token r join session s using (session_id) where r.token_hash = $1 for update",
                _hash(refresh_token),
            )
            now = self._db.clock()
            account, refresh = None, ""
            if row is not None and row["client_id"] == client:
                if row["used_at"] is not None:
                    await self._revoke(tx, row["session_id"])
                elif row["revoked_at"] is None and row["expires_at"] > now:
                    await tx.execute(
                        "update refresh_token set used_at = $2 where token_hash = $1",
                        _hash(refresh_token),
                        now,
                    )
                    account = await queries.account(tx, row["account_id"])
                    refresh = await self._new_refresh(tx, row["session_id"])
        # Refused only here: the end of a stolen session must be committed.
        if row is None or account is None or account.state != "active":
            raise InvalidRefreshToken
        return await self._tokens(account, client, row["session_id"], refresh)

    async def end(self, *, token: str, client_id: str | None) -> None:
        """Revoke the session of a refresh token (RFC 7009); an unknown token is no fault."""
        client = _first_party(client_id)
        async with self._db.begin() as tx:
            session = await tx.fetchval(
                "select s.session_id from refresh_token r join session s using (session_id)"
                " where r.token_hash = $1 and s.client_id = $2 for update of s",
                _hash(token),
                client,
            )
            if session is not None:
                await self._revoke(tx, session)

    async def end_session(self, session: UUID) -> None:
        """Revoke a session by its id, such as the claim `sid` of an access token of it."""
        async with self._db.begin() as tx:
            await self._revoke(tx, session)

    async def forget(self) -> None:
        """Delete what can be of no use any more: spent login limits, refresh tokens and sessions long over."""
        now = self._db.clock()
        async with self._db.begin() as tx:
            await tx.execute("delete from login_failure where window_ends < $1", now)
            # A used token stays as long as it would have lived: presented again, it must be known as stolen.
            await tx.execute("delete from refresh_token where expires_at < $1", now)
            await tx.execute(
                "delete from session s where created_at < $1"
                " and not exists (select 1 from refresh_token r where r.session_id = s.session_id)",
                now - REFRESH_LIFE,
            )

    async def _proven(self, key: str, password: str, counted: tuple[Counted, ...]) -> Account:
        # The limit is looked at within the turn, so that no more than the few at work can pass it together.
        async with self._passwords.turn:
            await self._check_limit(counted)
            account = await queries.account_by_username(self._db, key)
            right = await self._passwords.matches(password, account.password_hash if account else None)
            if account is None or not right or account.state == "closed":
                await self._count(counted)
                raise WrongPassword
        return account

    async def _check_limit(self, counted: tuple[Counted, ...]) -> None:
        rows = await self._db.fetch(
            "select subject, failures, window_ends from login_failure where subject = any($1::bytea[])",
            [limit.subject for limit in counted],
        )
        by_subject = {limit.subject: limit for limit in counted}
        standing = [(by_subject[row["subject"]], row["failures"], row["window_ends"]) for row in rows]
        wait = limits.wait_seconds(standing, self._db.clock())
        if wait:
            raise TooManyLogins(retry_after=wait)

    async def _count(self, counted: tuple[Counted, ...]) -> None:
        now = self._db.clock()
        async with self._db.begin() as tx:
            await tx.execute(
                "insert into login_failure as f (subject, failures, window_ends)"
                " select s, 1, $3 from unnest($1::bytea[]) as s order by s"
                " on conflict (subject) do update set"
                " failures = case when f.window_ends > $2 then f.failures + 1 else 1 end,"
                " window_ends = case when f.window_ends > $2 then f.window_ends else $3 end",
                [limit.subject for limit in counted],
                now,
                now + limits.WINDOW,
            )

    async def _confirmed(self, key: str) -> Account:
        """The account once the event of its distributor's commit has arrived."""
        # Real time, not the clock: it is the relay that is waited for.
        end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(LOOK_SECONDS)
            account = await queries.account_by_username(self._db, key)
            if account is not None and account.state == "active":
                return account
        raise AccountNotReady

    async def _new_refresh(self, tx: Transaction, session: UUID) -> str:
        token = secrets.token_urlsafe(32)
        await tx.execute(
            "insert into refresh_token (token_hash, session_id, expires_at) values ($1, $2, $3)",
            _hash(token),
            session,
            self._db.clock() + REFRESH_LIFE,
        )
        return token

    async def _revoke(self, tx: Transaction, session: UUID) -> None:
        await tx.execute(
            "update session set revoked_at = $2 where session_id = $1 and revoked_at is null",
            session,
            self._db.clock(),
        )

    async def _tokens(self, account: Account, client: str, session: UUID, refresh: str) -> Tokens:
        granted = rights(account.roles)
        now: datetime = self._db.clock()
        claims = access_claims(
            account, granted, issuer=self._issuer, client_id=client, session=str(session), now=now
        )
        return Tokens(
            access_token=await self._keys.sign({"typ": "at+jwt"}, claims),
            expires_in=int(ACCESS_LIFE.total_seconds()),
            refresh_token=refresh,
            scope=" ".join(granted.permissions),
        )


def _first_party(client_id: str | None) -> str:
    if client_id not in FIRST_PARTY:
        raise InvalidClient
    return client_id


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
