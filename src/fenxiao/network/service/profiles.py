"""What a distributor says about itself: name and contacts."""

from dataclasses import dataclass
from typing import Any

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import Invalid, StaleVersion
from fenxiao.kernel.ids import DistributorId
from fenxiao.network import queries
from fenxiao.network.api import DistributorGone, DistributorMissing
from fenxiao.network.domain import contacts
from fenxiao.network.queries.profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """How a distributor is reached, masked."""

    phone: str | None
    email: str | None


class Profiles:
    """Names and contacts, sealed in the database and masked outside it."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher

    def contacts(self, profile: Profile) -> Contacts:
        """The masked contacts of a distributor."""
        phone = self._opened("phone_sealed", profile.phone_sealed, profile.distributor_id)
        email = self._opened("email_sealed", profile.email_sealed, profile.distributor_id)
        return Contacts(
            phone=None if phone is None else contacts.masked_phone(phone),
            email=None if email is None else contacts.masked_email(email),
        )

    async def amend(
        self, distributor_id: DistributorId, changes: dict[str, Any], *, version: int | None
    ) -> Profile:
        """Change `display_name`, `phone` or `email`, those of them that are given."""
        _examine(changes)
        async with self._db.begin() as tx:
            row = await tx.fetchrow(
                "select version, erased_at from distributor where distributor_id = $1 for update",
                distributor_id,
            )
            if row is None:
                raise DistributorMissing(distributor_id=distributor_id)
            if row["erased_at"] is not None:
                raise DistributorGone(distributor_id=distributor_id)
            if version is not None and version != row["version"]:
                raise StaleVersion
            before = await queries.profiles.profile(tx, distributor_id)
            assert before is not None  # noqa: S101 - its row is locked
            await tx.execute(
                "update distributor set display_name = $2, phone_sealed = $3, email_sealed = $4, version = version + 1"
                " where distributor_id = $1",
                distributor_id,
                changes.get("display_name", before.display_name).strip(),
                self._next("phone", before.phone_sealed, changes, distributor_id),
                self._next("email", before.email_sealed, changes, distributor_id),
            )
            after = await queries.profiles.profile(tx, distributor_id)
            assert after is not None  # noqa: S101 - its row is locked
            # The audit log is for ever, and the person may be erased: it says what was changed, and neither from nor to.
            tx.audit(
                "distributor.amended", f"distributors/{distributor_id}", after={"fields": sorted(changes)}
            )
        return after

    def _next(self, field: str, present: bytes | None, changes: dict[str, Any], row: int) -> bytes | None:
        if field not in changes:
            return present
        value: str | None = changes[field]
        return (
            None
            if value is None
            else self._cipher.seal(value, table="distributor", column=f"{field}_sealed", row=row)
        )

    def _opened(self, column: str, sealed: bytes | None, row: int) -> str | None:
        return (
            None if sealed is None else self._cipher.open(sealed, table="distributor", column=column, row=row)
        )


def _examine(changes: dict[str, Any]) -> None:
    faults = (
        *(contacts.name_faults(changes["display_name"]) if "display_name" in changes else ()),
        *contacts.phone_faults(changes.get("phone")),
        *contacts.email_faults(changes.get("email")),
    )
    if faults:
        raise Invalid(errors=faults)
