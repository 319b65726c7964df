"""Whose commission somebody may see."""

from fenxiao.infra.http.auth import Principal
from fenxiao.kernel.errors import Forbidden, NotFound

READ = "commission:read"
SETTLE = "commission:settle"
SIMULATE = "commission:simulate"
LEDGER = "ledger:read"
ERASE = "distributors:erase"


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


def sees_ledger_of(who: Principal, distributor_id: int) -> bool:
    """Whether this distributor's accounts are visible to the caller: his own always are."""
    return who.owns(distributor_id) or (who.may(LEDGER) and who.sees_all())


def whose_ledger(who: Principal, wanted: int | None) -> int | None:
    """Whose accounts are listed: anybody's (None: everybody's) for who reads the ledger, otherwise the caller's own."""
    if who.may(LEDGER) and who.sees_all():
        return wanted
    if who.distributor_id is None:
        raise Forbidden(permission=LEDGER)
    if wanted is not None and not who.owns(wanted):
        raise AccountMissing(distributor_id=wanted)
    return who.distributor_id


REQUEST = "withdrawals:request"
WITHDRAWALS = "withdrawals:read"
APPROVE = "withdrawals:approve"
MANAGE = "withdrawals:manage"


def sees_all_withdrawals(who: Principal) -> bool:
    """Whether everybody's withdrawals are visible to the caller."""
    return who.may(WITHDRAWALS) and who.sees_all()


def sees_withdrawals_of(who: Principal, distributor_id: int) -> bool:
    """Whether this distributor's withdrawals are visible to the caller: his own always are, an upline's view is not."""
    return who.owns(distributor_id) or sees_all_withdrawals(who)


def whose(who: Principal, wanted: int | None) -> int | None:
    """Whose withdrawals are listed: anybody's (None: everybody's) for whoever sees all, otherwise the caller's own."""
    if sees_all_withdrawals(who):
        return wanted
    if who.distributor_id is None:
        raise Forbidden(permission=WITHDRAWALS)
    if wanted is not None and not who.owns(wanted):
        raise AccountMissing(distributor_id=wanted)
    return who.distributor_id


def requesting(who: Principal) -> int:
    """The distributor for whom the caller acts, which is himself; NotADistributor."""
    who.demand(REQUEST)
    if who.distributor_id is None:
        raise NotADistributor
    return who.distributor_id


class NotADistributor(Forbidden):
    """Only a distributor has accounts and withdrawals; sign in as one."""

    code = "not-a-distributor"
