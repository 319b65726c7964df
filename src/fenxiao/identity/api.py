"""What other contexts may ask of identity.

A new distributor's account is a hold: taken before the distributor is committed, confirmed by the event
of that commit, given up only by the caller's sweep. A held account cannot sign in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fenxiao.kernel.errors import Conflict, Refusal
from fenxiao.kernel.ids import AccountId, DistributorId, HoldId


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """An account for a distributor that is about to be registered.

    `caller` and `key` name the attempt (account and idempotency key): a retry adopts what it left behind.
    """

    caller: str
    key: str
    username: str
    password: str
    distributor_id: DistributorId
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccount:
    """An account that waits for its distributor. `distributor_id` is the one of the first attempt with this key."""

    hold_id: HoldId
    account_id: AccountId
    distributor_id: DistributorId


class UsernameTaken(Conflict):
    """The username {username} is taken; choose another."""

    code = "username-taken"


class IdentityApi(Protocol):
    """身份."""

    async def hold_accounts(self, *, requests: Sequence[AccountRequest]) -> list[HeldAccount | Refusal]:
        """Reserve an account for each request; a refusal (UsernameTaken, Invalid, KeyReused) stands in its place."""

    async def release_accounts(self, *, holds: Sequence[HoldId]) -> None:
        """Give up accounts that were never used; confirmed ones and unknown ones are left alone."""

    async def confirm_accounts(self, *, holds: Sequence[HoldId]) -> None:
        """The distributors exist: these accounts may sign in. Doing it again changes nothing."""

    async def overdue_accounts(self, *, before: datetime, limit: int) -> list[HoldId]:
        """Holds still open whose deadline has passed, oldest first, for the caller's sweep."""

    async def public_keys(self) -> dict[str, object]:
        """The JWKS (RFC 7517) with which anyone verifies an access token."""

    async def revoked_sessions(self, *, since: datetime) -> list[str]:
        """The sessions (claim `sid`) that were revoked at `since` or later; every process asks each second."""
