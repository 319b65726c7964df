"""What other contexts may ask of payments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fenxiao.kernel.errors import Conflict, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """转账: pay this amount, in minor units, to this account; once, however often the number is sent.

    `payout_number` is letters and digits, 32 at most: every channel takes that. Holder and number are in the clear,
    for the channel alone.
    """

    payout_number: str
    channel: str
    currency: str
    amount_minor: int
    holder: str
    number: str
    bank: str | None = None
    branch: str | None = None

    def __repr__(self) -> str:
        """Nothing of the payee: a trace back must not print it."""
        return f"TransferRequest({self.payout_number})"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferState:
    """What is known of a transfer; `version` counts what became of it.

    `status`: queued, processing, awaiting_user, unknown, paid, failed, cancelled. `reference` is the channel's own.
    """

    payout_number: str
    channel: str
    status: str
    version: int
    reference: str | None
    reason: str | None


class ChannelUnknown(Conflict):
    """There is no payout channel {channel}."""

    code = "channel-unknown"


class ChannelNotConfigured(Conflict):
    """The payout channel {channel} is not configured; add its section to the file that FENXIAO_PAYOUT_CHANNELS names."""

    code = "channel-not-configured"


class ChannelCurrency(Conflict):
    """The payout channel {channel} does not transfer {currency}."""

    code = "channel-currency"


class TransferInvalid(Conflict):
    """A transfer needs a number of 1 to 32 letters and digits and an amount above zero."""

    code = "transfer-invalid"


class TransferDiffers(Conflict):
    """Transfer {payout_number} is known with another amount, channel or payee; nothing was sent."""

    code = "transfer-differs"


class TransferUnderWay(Conflict):
    """Transfer {payout_number} was handed to its channel and cannot be taken back; it is {status}."""

    code = "transfer-under-way"


class TransferMissing(Conflict):
    """There is no transfer {payout_number}."""

    code = "transfer-missing"
    status = 404


class PaymentsApi(Protocol):
    """支付渠道."""

    async def transfer(self, *, requests: Sequence[TransferRequest]) -> list[TransferState | Refusal]:
        """Take transfers in, to be sent soon; a known number answers what became of it and sends nothing again.

        A refusal (ChannelUnknown, ChannelNotConfigured, ChannelCurrency, TransferInvalid) means that this number was not
        taken and no money moves; TransferDiffers that it was taken before, with other content.
        """

    async def cancel(self, *, numbers: Sequence[str]) -> list[TransferState | Refusal]:
        """Send these no more; TransferUnderWay where the channel may have them already, TransferMissing."""

    async def transfers(self, *, numbers: Sequence[str]) -> list[TransferState]:
        """What became of these, by number; unknown ones are left out."""
