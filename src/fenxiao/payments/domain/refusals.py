"""What payments refuses over HTTP."""

from typing import ClassVar

from fenxiao.kernel.errors import Conflict, Invalid, NotFound, Refusal


class PayoutUnknown(NotFound):
    """There is no payout with the number {payout_number}."""

    code = "payout-unknown"


class BatchMissing(NotFound):
    """There is no batch {batch_id}."""

    code = "batch-missing"


class BatchForgotten(Conflict):
    """All transfers of batch {batch_id} have ended, and where they went is forgotten; there is no file any more."""

    code = "batch-forgotten"


class NothingToPay(Conflict):
    """No transfer by bank waits for a batch in {currency}."""

    code = "nothing-to-pay"


class ReconciliationMissing(NotFound):
    """There is no reconciliation {reconciliation_id}."""

    code = "reconciliation-missing"


class PayoutFileRefused(Invalid):
    """The file was refused; nothing of it was taken."""

    code = "payout-file-refused"


class CallbackUnreadable(Refusal):
    """A callback of the payout channel {channel} does not look like this."""

    code = "callback-unreadable"
    status: ClassVar[int] = 400


class CallbackForged(Refusal):
    """The signature of this callback is not that of the payout channel {channel}."""

    code = "callback-forged"
    status: ClassVar[int] = 401
