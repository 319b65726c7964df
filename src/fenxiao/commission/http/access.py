"""Whose commission somebody may see."""

from fenxiao.infra.http.auth import Principal
from fenxiao.kernel.errors import NotFound

READ = "commission:read"
SETTLE = "commission:settle"


class AccountMissing(NotFound):
    """There is no commission account of distributor {distributor_id}."""

    code = "commission-account-missing"


def sees_all(who: Principal) -> bool:
    """Whether everybody's commission is visible to the caller."""
    return who.may(READ) and who.sees_all()


def sees(who: Principal, distributor_id: int) -> bool:
    """Whether this distributor's commission is visible to the caller: his own always is."""
    return who.owns(distributor_id) or sees_all(who)


def demand(who: Principal, distributor_id: int) -> None:
    """Somebody else's does not exist, so that ids cannot be probed; AccountMissing."""
    if not sees(who, distributor_id):
        raise AccountMissing(distributor_id=distributor_id)
