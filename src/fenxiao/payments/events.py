"""What has happened to transfers."""

from dataclasses import dataclass

from fenxiao.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutStatusChanged(Event):
    """A channel has spoken of a transfer, or has not answered: processing, awaiting_user, unknown, paid or failed.

    `version` orders what is said of one number. A word against the one that ended it is told too, once: the transfer
    keeps its status, `contradicts` names it. `reason` is one of our codes; the channel's
    own reference is asked of `PaymentsApi.transfers`.
    """

    type = "payout.status_changed"
    payout_number: str
    channel: str
    status: str
    version: int
    currency: str
    amount_minor: int
    reason: str | None
    contradicts: str | None

    def subject(self) -> str:
        """The transfer."""
        return f"payouts/{self.payout_number}"
