"""Why a withdrawal, or something done to it, is refused."""

from fenxiao.kernel.errors import Conflict, NotFound


class WithdrawalMissing(NotFound):
    """There is no withdrawal {withdrawal_id}."""

    code = "withdrawal-missing"


class PayoutMissing(NotFound):
    """There is no payout {payout_number}."""

    code = "payout-missing"


class FindingMissing(NotFound):
    """There is no payout finding {finding_id}."""

    code = "payout-finding-missing"


class FindingResolved(Conflict):
    """Payout finding {finding_id} is resolved already."""

    code = "payout-finding-resolved"


class InsufficientBalance(Conflict):
    """{available} {currency} can be withdrawn; {amount} were asked for."""

    code = "insufficient-balance"


class BelowMinimum(Conflict):
    """The least that can be withdrawn is {minimum} {currency}."""

    code = "below-minimum"


class DailyLimit(Conflict):
    """At most {limit} {currency} can be withdrawn in a day; {left} are left today."""

    code = "daily-limit"


class NothingLeft(Conflict):
    """Fee {fee} and tax {tax} {currency} leave nothing of this amount to transfer."""

    code = "nothing-left-to-transfer"


class WithdrawalWrongState(Conflict):
    """Withdrawal {withdrawal_id} is {status}; {action} is not possible now."""

    code = "withdrawal-wrong-state"


class ManualChannelOnly(Conflict):
    """Withdrawal {withdrawal_id} goes by {channel}, which reports for itself; only transfers by bank are confirmed by hand."""

    code = "manual-channel-only"


class OwnWithdrawal(Conflict):
    """Nobody approves or carries out a withdrawal of their own; somebody else has to decide on {withdrawal_id}."""

    code = "own-withdrawal"


class WithdrawalWaits(Conflict):
    """Distributor {distributor_id} is {status}; withdrawals wait until the distributor is active."""

    code = "withdrawal-waits"
