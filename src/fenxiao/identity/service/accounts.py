"""Accounts: holds for new distributors, and the first administrator."""

import secrets
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from fenxiao.identity import queries
from fenxiao.identity.api import AccountRequest, HeldAccount, UsernameTaken
from fenxiao.identity.domain import credentials, roles
from fenxiao.identity.queries import StandingHold
from fenxiao.identity.service.passwords import Passwords
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.sql import Record
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Invalid, KeyReused, Refusal
from fenxiao.kernel.ids import AccountId, HoldId

ADMIN = "admin"


class Accounts:
    """Who may sign in."""

    def __init__(self, db: Database, passwords: Passwords) -> None:
        self._db = db
        self._passwords = passwords

    async def hold(self, requests: Sequence[AccountRequest]) -> list[HeldAccount | Refusal]:
        """See `IdentityApi.hold_accounts`."""
        answers: dict[int, HeldAccount | Refusal] = {}
        # In this order: whoever took the name meanwhile has left his hold with it, and perhaps it is this request's own.
        taken = await self._taken(requests)
        standing = await queries.standing_holds(
            self._db, [(request.caller, request.key) for request in requests]
        )
        fresh: list[int] = []
        for place, request in enumerate(requests):
            faults = credentials.faults(request.username, request.password)
            adopted = standing.get((request.caller, request.key))
            if faults:
                answers[place] = Invalid(errors=faults)
            elif adopted is not None:
                answers[place] = await self._adopt(adopted, request)
            elif credentials.folded(request.username) in taken:
                answers[place] = UsernameTaken(username=request.username)
            else:
                fresh.append(place)
        hashes = [await self._passwords.hashed(requests[place].password) for place in fresh]
        made = await self._make([requests[place] for place in fresh], hashes)
        answers.update(zip(fresh, made, strict=True))
        return [answers[place] for place in range(len(requests))]

    async def confirm(self, holds: Sequence[HoldId]) -> None:
        """See `IdentityApi.confirm_accounts`."""
        async with self._db.begin() as tx:
            await _confirm(tx, holds)

    async def confirm_registered(self, delivery: Delivery, holds: Mapping[UUID, HoldId]) -> None:
        """Confirm the holds that a batch of registrations names, by event."""
        async with self._db.begin(once=delivery) as tx:
            await _confirm(tx, [holds[envelope.id] for envelope in tx.fresh if envelope.id in holds])

    async def erase(self, account_ids: Sequence[AccountId], delivery: Delivery) -> None:
        """Close the logins of persons who were erased, and forget their names; again, it changes nothing.

        No password leads in any more, and every session ends, whatever tokens it has given. The number stays: the
        audit log names it.
        """
        ids = sorted(set(account_ids))
        unknown = await self._passwords.hashed(secrets.token_hex())
        async with self._db.begin(once=delivery) as tx:
            # A name with a space: nobody can register under it, so it can never be taken.
            await tx.execute(
                "update account set state = 'closed', username = 'erased ' || account_id,"
                " username_key = 'erased ' || account_id, password_hash = $2 where account_id in"
                " (select account_id from account where account_id = any($1::bigint[]) order by 1 for update)",
                ids,
                unknown,
            )
            await tx.execute(
                "update session set revoked_at = $2 where account_id = any($1::bigint[]) and revoked_at is null",
                ids,
                self._db.clock(),
            )

    async def release(self, holds: Sequence[HoldId]) -> None:
        """See `IdentityApi.release_accounts`."""
        async with self._db.begin() as tx:
            rows = await _lock_open(tx, holds)
            await tx.execute(
                "update account_hold set state = 'released', account_id = null where hold_id = any($1::bigint[])",
                [row["hold_id"] for row in rows],
            )
            await tx.execute(
                "delete from account where account_id = any($1::bigint[]) and state = 'held'",
                [row["account_id"] for row in rows],
            )

    async def overdue(self, before: datetime, limit: int) -> list[HoldId]:
        """See `IdentityApi.overdue_accounts`."""
        return await queries.overdue_holds(self._db, before, limit)

    async def provide_admin(self, password: str | None) -> None:
        """Make the first administrator if there is none; a password made here is printed this once."""
        if await queries.account_by_username(self._db, ADMIN) is not None:
            return
        given = password or secrets.token_hex(10)
        stored = await self._passwords.hashed(given)
        async with self._db.begin() as tx:
            account_id = await tx.fetchval(
                "insert into account (username, username_key, password_hash, state, created_at)"
                " values ($1, $1, $2, 'active', $3) on conflict do nothing returning account_id",
                ADMIN,
                stored,
                self._db.clock(),
            )
            if account_id is None:
                return
            await tx.execute("insert into account_role values ($1, $2)", account_id, roles.ADMIN)
            tx.audit(
                "account.created", f"accounts/{account_id}", after={"username": ADMIN, "roles": [roles.ADMIN]}
            )
            if password is None:
                # Before the commit: a password that was never stored is harmless, one never shown locks everybody out.
                sys.stdout.write(f"The password of the user {ADMIN} is {given} (it is not shown again).\n")
                sys.stdout.flush()

    async def _taken(self, requests: Sequence[AccountRequest]) -> set[str]:
        rows = await self._db.fetch(
            "select username_key from account where username_key = any($1::text[])",
            [credentials.folded(request.username) for request in requests],
        )
        return {row["username_key"] for row in rows}

    async def _adopt(self, hold: StandingHold, request: AccountRequest) -> HeldAccount | Refusal:
        """An earlier attempt with the same key left this account; it is ours if it was asked for in the same words."""
        async with self._passwords.turn:
            same = await self._passwords.matches(request.password, hold.password_hash)
        if not same or hold.username_key != credentials.folded(request.username):
            return KeyReused()
        return HeldAccount(
            hold_id=hold.hold_id, account_id=hold.account_id, distributor_id=hold.distributor_id
        )

    async def _make(
        self, requests: Sequence[AccountRequest], hashes: Sequence[str]
    ) -> list[HeldAccount | Refusal]:
        if not requests:
            return []
        async with self._db.begin() as tx:
            accounts = await self._insert_accounts(tx, requests, hashes)
            winners = [
                (request, accounts.pop(key, None))
                for request in requests
                for key in [credentials.folded(request.username)]
            ]
            holds = await self._insert_holds(
                tx, [(request, row) for request, row in winners if row is not None]
            )
        # Whoever lost the username to an attempt of the same request, a moment ago, adopts that one.
        lost = [(request.caller, request.key) for request, row in winners if row is None]
        standing = await queries.standing_holds(self._db, lost) if lost else {}
        answers: list[HeldAccount | Refusal] = []
        for request, row in winners:
            adopted = standing.get((request.caller, request.key))
            if row is not None:
                answers.append(holds[row["account_id"]])
            elif adopted is not None:
                answers.append(await self._adopt(adopted, request))
            else:
                answers.append(UsernameTaken(username=request.username))
        return answers

    async def _insert_accounts(
        self, tx: Transaction, requests: Sequence[AccountRequest], hashes: Sequence[str]
    ) -> dict[str, Record]:
        rows = await tx.fetch(
            "insert into account (username, username_key, password_hash, state, distributor_id, created_at)"
            " select u, k, p, 'held', d, $5 from unnest($1::text[], $2::text[], $3::text[], $4::bigint[])"
            " with ordinality as t(u, k, p, d, n) order by k, n"
            " on conflict (username_key) do nothing returning account_id, username_key",
            [request.username for request in requests],
            [credentials.folded(request.username) for request in requests],
            list(hashes),
            [request.distributor_id for request in requests],
            self._db.clock(),
        )
        await tx.execute(
            "insert into account_role select unnest($1::bigint[]), $2",
            [row["account_id"] for row in rows],
            roles.DISTRIBUTOR,
        )
        return {row["username_key"]: row for row in rows}

    async def _insert_holds(
        self, tx: Transaction, won: Sequence[tuple[AccountRequest, Record]]
    ) -> dict[int, HeldAccount]:
        rows = await tx.fetch(
            "insert into account_hold (caller, key, attempt, account_id, distributor_id, deadline, state, created_at)"
            " select c, k, 1 + (select count(*) from account_hold h where h.caller = c and h.key = k), a, d, l, 'open', $6"
            " from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[]) as t(c, k, a, d, l)"
            " returning hold_id, account_id, distributor_id",
            [request.caller for request, _ in won],
            [request.key for request, _ in won],
            [row["account_id"] for _, row in won],
            [request.distributor_id for request, _ in won],
            [request.deadline for request, _ in won],
            self._db.clock(),
        )
        return {row["account_id"]: HeldAccount(**row) for row in rows}


async def _confirm(tx: Transaction, holds: Sequence[HoldId]) -> None:
    """Open holds become accounts that may sign in; all others stay as they are."""
    rows = await _lock_open(tx, holds)
    await tx.execute(
        "update account_hold set state = 'confirmed' where hold_id = any($1::bigint[])",
        [row["hold_id"] for row in rows],
    )
    await tx.execute(
        "update account set state = 'active' where account_id = any($1::bigint[]) and state = 'held'",
        [row["account_id"] for row in rows],
    )


async def _lock_open(tx: Transaction, holds: Sequence[HoldId]) -> list[Record]:
    return await tx.fetch(
        "select hold_id, account_id from account_hold where hold_id = any($1::bigint[]) and state = 'open'"
        " order by hold_id for update",
        list(holds),
    )
