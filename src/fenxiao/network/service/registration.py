"""Registration of one distributor with a login.

The account is held in identity first, then the distributor is committed together with the mark that its hold
is used; the event of that commit confirms the account. An attempt that fails after the hold is fenced before
the hold is given back, so that no commit of the same attempt can come later.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg

from fenxiao.identity.api import AccountRequest, HeldAccount, IdentityApi
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import holds
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.kernel.errors import Invalid, KeyBusy, KeyFenced, KeyReused, Refusal
from fenxiao.kernel.ids import DistributorId, HoldId
from fenxiao.kernel.path import join
from fenxiao.network import queries, store
from fenxiao.network.api import SponsorMissing
from fenxiao.network.domain import contacts
from fenxiao.network.domain.faults import ExternalIdTaken, TooManyRegistrations, UnknownInviteCode
from fenxiao.network.domain.joining import CannotSponsor, TreeTooDeep, external_id_faults
from fenxiao.network.domain.tree import MAX_DEPTH, too_deep
from fenxiao.network.events import DistributorRegistered
from fenxiao.network.queries.profiles import Profile
from fenxiao.network.store import NewNode, Node, Source

HOLDER = "identity"
HOLD_LIFE = timedelta(seconds=60)
"""How long an attempt may take; the sweep gives up what is older."""

SWEPT = 500

REGISTRATIONS = 60
"""Anonymous registrations that one address may try in a window."""

WINDOW = timedelta(minutes=10)

# No I, L, O, U, 0, 1: a code is read aloud and typed by hand.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a new distributor says about itself, and who brings it: a sponsor by id or by invite code, or nobody."""

    username: str
    password: str
    display_name: str
    phone: str | None = None
    email: str | None = None
    external_id: str | None = None
    sponsor_id: DistributorId | None = None
    invite_code: str | None = None


class Registrations:
    """Registers distributors and clears up after attempts that were cut short."""

    def __init__(self, db: Database, cipher: Cipher, identity: IdentityApi) -> None:
        self._db = db
        self._cipher = cipher
        self._identity = identity

    async def count_anonymous(self, address: str) -> None:
        """Let an address try to register, or refuse with TooManyRegistrations. The count is kept in the database."""
        now = self._db.clock()
        async with self._db.begin() as tx:
            row = await tx.fetchrow(
                "insert into registration_count as c (subject, tries, window_ends) values ($1, 1, $3)"
                " on conflict (subject) do update set tries = case when c.window_ends > $2 then c.tries + 1 else 1 end,"
                " window_ends = case when c.window_ends > $2 then c.window_ends else $3 end returning tries, window_ends",
                hashlib.sha256(address.encode()).digest(),
                now,
                now + WINDOW,
            )
        if row is not None and row["tries"] > REGISTRATIONS:
            raise TooManyRegistrations(retry_after=int((row["window_ends"] - now).total_seconds()) + 1)

    async def register(self, new: Registration, *, once: Once | None) -> Profile:
        """Register a distributor; the answer of the same key if it was done before."""
        if once is not None:
            async with self._db.begin(once=once) as tx:
                if tx.prior is not None:
                    return tx.prior.load(Profile)
        await self._examine(new)
        (drawn,) = await queries.profiles.drawn_ids(self._db, 1)
        deadline = self._db.clock() + HOLD_LIFE
        request = AccountRequest(
            caller="anonymous" if once is None else once.account,
            # A request without a key gets one here: what it leaves behind must be known by something.
            key=f"request {uuid4()}" if once is None else once.key,
            username=new.username,
            password=new.password,
            distributor_id=drawn,
            deadline=deadline,
        )
        (held,) = await self._identity.hold_accounts(requests=[request])
        if isinstance(held, Refusal):
            raise held
        try:
            return await self._commit(new, held, deadline, once)
        except KeyBusy:
            # The hold is that of the request which has the key and is still at work.
            raise
        except Refusal:
            await self._give_up(held.hold_id)
            raise

    async def sweep(self) -> None:
        """Settle overdue holds: what was committed is confirmed, all else is fenced and given back."""
        overdue = await self._identity.overdue_accounts(before=self._db.clock(), limit=SWEPT)
        if not overdue:
            return
        async with self._db.begin() as tx:
            outcomes = await holds.fence(tx, HOLDER, overdue)
        await self._identity.confirm_accounts(
            holds=[hold for hold, outcome in outcomes.items() if outcome == "committed"]
        )
        await self._identity.release_accounts(
            holds=[hold for hold, outcome in outcomes.items() if outcome == "fenced"]
        )

    async def forget(self) -> None:
        """Delete spent counts of registrations."""
        async with self._db.begin() as tx:
            await tx.execute("delete from registration_count where window_ends < $1", self._db.clock())

    async def _examine(self, new: Registration) -> None:
        """Refuse early what the commit would refuse, before the password is hashed."""
        faults = (
            *contacts.name_faults(new.display_name),
            *contacts.phone_faults(new.phone),
            *contacts.email_faults(new.email),
            *external_id_faults(new.external_id),
        )
        if faults:
            raise Invalid(errors=faults)
        if new.invite_code is not None:
            await self._inviter(new.invite_code)
        if new.sponsor_id is not None and await queries.profiles.profile(self._db, new.sponsor_id) is None:
            raise SponsorMissing(sponsor=new.sponsor_id)

    async def _inviter(self, invite_code: str) -> Profile:
        inviter = await queries.profiles.by_invite_code(self._db, _code(invite_code))
        if inviter is None or inviter.status != "active":
            raise UnknownInviteCode(invite_code=invite_code)
        return inviter

    async def _commit(
        self, new: Registration, held: HeldAccount, deadline: datetime, once: Once | None
    ) -> Profile:
        inviter = None if new.invite_code is None else await self._inviter(new.invite_code)
        sponsor_id = new.sponsor_id if inviter is None else inviter.distributor_id
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(Profile)
            tree = await store.locked(tx, self._db.clock())
            sponsor = await _sponsor(tree, sponsor_id)
            # Looked at once more under the lock: an inviter may have been suspended meanwhile.
            if inviter is not None and (sponsor is None or sponsor.status != "active"):
                raise UnknownInviteCode(invite_code=new.invite_code)
            node = self._node(new, held, sponsor, tree.now)
            await _add(tree, node)
            await holds.commit_one(tx, HOLDER, held.hold_id)
            if self._db.clock() > deadline:
                raise KeyFenced
            tx.emit(_registered(node, tree.version, held.hold_id))
            tx.audit(
                "distributor.registered",
                f"distributors/{node.distributor_id}",
                # For ever, as the audit log is: so nothing of who it is.
                after={"sponsor_id": sponsor_id, "status": node.status},
            )
            return tx.keep(_profile(node))

    def _node(self, new: Registration, held: HeldAccount, sponsor: Node | None, now: datetime) -> NewNode:
        distributor_id = held.distributor_id
        source: Source = "operator" if new.invite_code is None else "invite_code"
        return NewNode(
            distributor_id=distributor_id,
            external_id=new.external_id,
            account_id=held.account_id,
            display_name=new.display_name.strip(),
            phone_sealed=self._sealed("phone_sealed", new.phone, distributor_id),
            email_sealed=self._sealed("email_sealed", new.email, distributor_id),
            sponsor_id=None if sponsor is None else sponsor.distributor_id,
            path=join(b"" if sponsor is None else sponsor.path, distributor_id),
            status="active",
            earns=True,
            invite_code=new_invite_code(),
            joined_at=now,
            source=source,
            evidence="registration" if new.invite_code is None else f"invite code {_code(new.invite_code)}",
        )

    def _sealed(self, column: str, value: str | None, row: int) -> bytes | None:
        return (
            None if value is None else self._cipher.seal(value, table="distributor", column=column, row=row)
        )

    async def _give_up(self, hold: HoldId) -> None:
        async with self._db.begin() as tx:
            outcomes = await holds.fence(tx, HOLDER, [hold])
        if outcomes[hold] == "fenced":
            await self._identity.release_accounts(holds=[hold])


def new_invite_code() -> str:
    """A code of ten letters and digits that are not mistaken for each other; 30¹⁰ of them cannot be guessed."""
    number, letters = secrets.randbelow(len(_LETTERS) ** _CODE_LENGTH), ""
    for _ in range(_CODE_LENGTH):
        number, letter = divmod(number, len(_LETTERS))
        letters += _LETTERS[letter]
    return letters


def _code(typed: str) -> str:
    return typed.strip().upper()


async def _sponsor(tree: store.Tree, sponsor_id: DistributorId | None) -> Node | None:
    if sponsor_id is None:
        return None
    sponsor = await tree.node(sponsor_id)
    if sponsor is None:
        raise SponsorMissing(sponsor=sponsor_id)
    if not sponsor.earns:
        raise CannotSponsor(sponsor=sponsor_id)
    if too_deep(sponsor.path, 0):
        raise TreeTooDeep(most=MAX_DEPTH)
    return sponsor


async def _add(tree: store.Tree, node: NewNode) -> None:
    try:
        await tree.add([node])
    except asyncpg.UniqueViolationError as error:
        if "external_id" in (error.constraint_name or ""):
            raise ExternalIdTaken(external_id=node.external_id) from error
        if "pk_distributor" in (error.constraint_name or ""):
            # The hold is that of a request so long ago that its answer was forgotten.
            raise KeyReused from error
        raise


def _profile(node: NewNode) -> Profile:
    """What a distributor is who has just joined."""
    return Profile(
        distributor_id=node.distributor_id,
        external_id=node.external_id,
        account_id=node.account_id,
        display_name=node.display_name,
        phone_sealed=node.phone_sealed,
        email_sealed=node.email_sealed,
        sponsor_id=node.sponsor_id,
        path=node.path,
        status=node.status,
        grade=None,
        earns=node.earns,
        invite_code=node.invite_code,
        joined_at=node.joined_at,
        version=1,
    )


def _registered(node: NewNode, version: int, hold_id: HoldId | None) -> DistributorRegistered:
    return DistributorRegistered(
        distributor_id=node.distributor_id,
        tree_version=version,
        sponsor_id=node.sponsor_id,
        status=node.status,
        joined_at=node.joined_at,
        account_id=node.account_id,
        hold_id=hold_id,
    )
