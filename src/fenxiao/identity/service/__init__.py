"""Use cases of identity; `Identity` is its near api."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.identity import queries
from fenxiao.identity.api import AccountRequest, HeldAccount
from fenxiao.identity.domain.chain import Line
from fenxiao.identity.queries import AuditFilter
from fenxiao.identity.service.accounts import Accounts
from fenxiao.identity.service.audit import Audit
from fenxiao.identity.service.keys import Keys
from fenxiao.identity.service.passwords import Passwords
from fenxiao.identity.service.sessions import Sessions
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.settings import Settings
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import HoldId
from fenxiao.kernel.paging import Page


class Identity:
    """身份: accounts, sessions, keys and the audit log of this process."""

    def __init__(self, db: Database, cipher: Cipher, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        passwords = Passwords()
        self.keys = Keys(db, cipher)
        self.accounts = Accounts(db, passwords)
        self.sessions = Sessions(db, passwords, self.keys, settings.issuer)
        self.audit = Audit(db)

    async def start(self) -> None:
        """Provide the signing key and the administrator; again, it changes nothing."""
        await self.keys.provide()
        await self.accounts.provide_admin(self._settings.admin_password)

    async def hold_accounts(self, *, requests: Sequence[AccountRequest]) -> list[HeldAccount | Refusal]:
        """See `IdentityApi`."""
        return await self.accounts.hold(requests)

    async def release_accounts(self, *, holds: Sequence[HoldId]) -> None:
        """See `IdentityApi`."""
        await self.accounts.release(holds)

    async def confirm_accounts(self, *, holds: Sequence[HoldId]) -> None:
        """See `IdentityApi`."""
        await self.accounts.confirm(holds)

    async def overdue_accounts(self, *, before: datetime, limit: int) -> list[HoldId]:
        """See `IdentityApi`."""
        return await self.accounts.overdue(before, limit)

    async def public_keys(self) -> dict[str, object]:
        """See `IdentityApi`."""
        return await self.keys.public()

    async def revoked_sessions(self, *, since: datetime) -> list[str]:
        """See `IdentityApi`."""
        return await queries.revoked_sessions(self._db, since)

    async def audit_page(self, wanted: AuditFilter, *, limit: int, cursor: str | None) -> Page[Line]:
        """Lines of the audit log, newest first."""
        return await queries.audit_page(self._db, wanted, limit=limit, cursor=cursor)
