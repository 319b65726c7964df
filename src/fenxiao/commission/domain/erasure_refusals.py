"""Why a person is not erased yet."""

from fenxiao.kernel.errors import Conflict


class WithdrawalUnderWay(Conflict):
    """Distributor {distributor_id} has a withdrawal under way; let it end or reject it first."""

    code = "withdrawal-under-way"


class BalanceLeft(Conflict):
    """Distributor {distributor_id} still has {left}; settle and pay it out first, or send waive if it is given up."""

    code = "balance-left"
