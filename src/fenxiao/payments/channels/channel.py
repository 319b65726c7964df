"""What every payout channel can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from fenxiao.payments.domain.differences import StatementLine
from fenxiao.payments.domain.transfers import ChannelName, Order, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a channel said of a number without being asked."""

    payout_number: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Thanks:
    """How a channel wants its callbacks to be acknowledged."""

    media_type: str = "application/json"
    body: bytes = b"{}"


class Channel(Protocol):
    """打款渠道: carries out "transfer this number".

    Nothing here raises for what a channel says or does not say: that is an `Outcome`. What cannot be proved to be the
    channel's own word is `unknown`.
    """

    name: ChannelName
    currencies: frozenset[str] | None
    """None: any."""
    resend_within: timedelta
    """So long after the first sending the channel surely still knows every number that it has taken."""
    thanks: Thanks

    async def submit(self, order: Order) -> Outcome:
        """Ask for the transfer. Under a number that the channel has, it makes no second one."""

    async def ask(self, order: Order) -> Outcome:
        """What became of it."""

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        """What a callback says, header names in small letters; CallbackForged, CallbackUnreadable."""

    def read_statement(self, content: bytes) -> list[StatementLine]:
        """The transfers of a statement; PayoutFileRefused."""
