"""Payout accounts (收款账户): registered, shown masked, closed, erased; opened for payouts alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from fenxiao.commission.api import PayoutDestination
from fenxiao.commission.domain.payout_accounts import (
    Channel,
    Destination,
    PayoutAccountClosed,
    PayoutAccountKnown,
    PayoutAccountMissing,
    faults,
    masked_holder,
    masked_number,
    normalised,
)
from fenxiao.commission.queries import payout_accounts as queries
from fenxiao.commission.queries.payout_accounts import SealedAccount
from fenxiao.commission.store import withdrawals as store
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.kernel.errors import Invalid
from fenxiao.kernel.ids import DistributorId, PayoutAccountId
from fenxiao.kernel.paging import Page
from fenxiao.network.api import DistributorGone

_TABLE = "payout_account"


def _accounts_of(distributor_id: int) -> str:
    """The lock under which somebody's accounts are registered and erased."""
    return f"payout accounts of {distributor_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedAccount:
    """One account as it is shown; holder and number are masked, None once it is erased."""

    account_id: int
    distributor_id: int
    channel: Channel
    status: str
    holder: str | None
    number: str | None
    created_at: datetime


class PayoutAccounts:
    """Keeps where distributors' money goes."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher

    async def register(self, distributor_id: int, given: Destination, *, once: Once | None) -> MaskedAccount:
        """Register an account; `Invalid` names what is wrong with it, PayoutAccountKnown if it is there already."""
        plain = Destination(
            channel=given.channel,
            holder=given.holder.strip(),
            number=normalised(given.channel, given.number),
            bank=given.bank,
            branch=given.branch,
        )
        wrong = faults(plain)
        if wrong:
            raise Invalid(errors=wrong)
        index = self._cipher.blind(f"{plain.channel}:{plain.number}", column=f"{_TABLE}.number")
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(MaskedAccount)
            # Two requests for the same account at once: the second sees the first.
            await locks.hold(tx, _accounts_of(distributor_id))
            # His login has ended, his last token perhaps not quite.
            if await tx.fetchval("select true from erased_person where distributor_id = $1", distributor_id):
                raise DistributorGone(distributor_id=distributor_id)
            known = await tx.fetchval(
                "select account_id from payout_account"
                " where distributor_id = $1 and channel = $2 and number_index = $3 and status = 'active'",
                distributor_id,
                plain.channel,
                index,
            )
            if known is not None:
                raise PayoutAccountKnown(account_id=known)
            account_id: int = await tx.fetchval("select nextval('payout_account_account_id_seq')")
            holder, number, details = self._sealed(account_id, plain)
            await tx.execute(
                "insert into payout_account (account_id, distributor_id, channel, holder_sealed, number_sealed,"
                " details_sealed, number_index, status, created_at) values ($1, $2, $3, $4, $5, $6, $7, 'active', $8)",
                account_id,
                distributor_id,
                plain.channel,
                holder,
                number,
                details,
                index,
                now,
            )
            # The audit log is for ever, and the person may be erased: it says nothing of what the account says.
            after = {"distributor_id": distributor_id, "channel": plain.channel}
            tx.audit("payout-account.registered", f"payout-accounts/{account_id}", after=after)
            return tx.keep(
                MaskedAccount(
                    account_id=account_id,
                    distributor_id=distributor_id,
                    channel=plain.channel,
                    status="active",
                    holder=masked_holder(plain.holder),
                    number=masked_number(plain.number),
                    created_at=now,
                )
            )

    async def page(
        self, *, distributor_id: int | None, limit: int, cursor: str | None
    ) -> Page[MaskedAccount]:
        """Accounts, the newest first; None: of everybody."""
        found = await queries.page(self._db, distributor_id=distributor_id, limit=limit, cursor=cursor)
        return Page(tuple(self._masked(one) for one in found.items), found.next_cursor)

    async def find(self, account_id: int) -> MaskedAccount:
        """One account; PayoutAccountMissing."""
        found = await queries.some(self._db, [account_id])
        if account_id not in found:
            raise PayoutAccountMissing(account_id=account_id)
        return self._masked(found[account_id])

    async def close(self, account_id: int) -> None:
        """No new withdrawal goes there; what is under way still does. PayoutAccountMissing, PayoutAccountClosed."""
        async with self._db.begin() as tx:
            row = await tx.fetchrow(
                "select status from payout_account where account_id = $1 for update", account_id
            )
            if row is None:
                raise PayoutAccountMissing(account_id=account_id)
            if row["status"] != "active":
                raise PayoutAccountClosed(account_id=account_id)
            await tx.execute(
                "update payout_account set status = 'closed', closed_at = $2 where account_id = $1",
                account_id,
                self._db.clock(),
            )
            tx.audit("payout-account.closed", f"payout-accounts/{account_id}")

    @starts_over
    async def erase(
        self,
        distributor_ids: Sequence[int],
        account_ids: Sequence[int] = (),
        *,
        delivery: Delivery | None = None,
    ) -> int:
        """Close and empty the accounts of persons who were erased; again, that changes nothing.

        An account that a payout still needs is emptied when that has ended. The book, the withdrawals and their
        histories stay, under the pseudonymous id. Answers how many are empty now that were not before. What was kept for
        repeated requests of the logins `account_ids` is forgotten.
        """
        erased = sorted(set(distributor_ids))
        async with self._db.begin(once=delivery) as tx:
            for distributor_id in erased:
                await locks.hold(tx, _accounts_of(distributor_id))
            await tx.execute(
                "insert into erased_person select unnest($1::bigint[]), $2 on conflict do nothing",
                erased,
                self._db.clock(),
            )
            await tx.execute(
                "delete from idempotency where account = any($1::text[])", [str(one) for one in account_ids]
            )
            rows = await tx.fetch(
                "select account_id from payout_account where distributor_id = any($1::bigint[]) and status <> 'erased'"
                " order by account_id for update",
                erased,
            )
            ids = [row["account_id"] for row in rows]
            await tx.execute(
                "update payout_account set erasing = true, closed_at = coalesce(closed_at, $2),"
                " status = case status when 'active' then 'closed' else status end where account_id = any($1::bigint[])",
                ids,
                self._db.clock(),
            )
            return await store.wipe(tx, ids)

    async def destinations(self, account_ids: Sequence[PayoutAccountId]) -> list[PayoutDestination]:
        """Where payouts go, in the clear, for the channels alone; by id, without those erased or unknown."""
        found = await queries.some(self._db, account_ids)
        return [
            self._open(one) for _, one in sorted(found.items()) if one.number_sealed and one.holder_sealed
        ]

    def _sealed(self, account_id: int, plain: Destination) -> tuple[bytes, bytes, bytes | None]:
        def seal(column: str, value: str) -> bytes:
            return self._cipher.seal(value, table=_TABLE, column=column, row=account_id)

        details = {name: value for name in ("bank", "branch") if (value := getattr(plain, name))}
        return (
            seal("holder_sealed", plain.holder),
            seal("number_sealed", plain.number),
            seal("details_sealed", msgspec.json.encode(details).decode()) if details else None,
        )

    def _clear(self, one: SealedAccount, column: str) -> str | None:
        sealed: bytes | None = getattr(one, column)
        if sealed is None:
            return None
        return self._cipher.open(sealed, table=_TABLE, column=column, row=one.account_id)

    def _masked(self, one: SealedAccount) -> MaskedAccount:
        holder, number = self._clear(one, "holder_sealed"), self._clear(one, "number_sealed")
        return MaskedAccount(
            account_id=one.account_id,
            distributor_id=one.distributor_id,
            channel=one.channel,
            status=one.status,
            holder=None if holder is None else masked_holder(holder),
            number=None if number is None else masked_number(number),
            created_at=one.created_at,
        )

    def _open(self, one: SealedAccount) -> PayoutDestination:
        details = msgspec.json.decode(self._clear(one, "details_sealed") or "{}", type=dict[str, str])
        return PayoutDestination(
            account_id=PayoutAccountId(one.account_id),
            distributor_id=DistributorId(one.distributor_id),
            channel=one.channel,
            holder=self._clear(one, "holder_sealed") or "",
            number=self._clear(one, "number_sealed") or "",
            bank=details.get("bank"),
            branch=details.get("branch"),
        )
