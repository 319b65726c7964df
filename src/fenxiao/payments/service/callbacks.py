"""Callbacks: what channels say by themselves, believed by their signature alone."""

from collections.abc import Mapping

from fenxiao.infra import telemetry
from fenxiao.payments.channels.channel import Channel, Thanks
from fenxiao.payments.domain.refusals import CallbackForged, CallbackUnreadable
from fenxiao.payments.service.hearing import Heard, Hearing

_refused = telemetry.counter(
    "fenxiao_payout_callbacks_refused_total", "Callbacks that were not the channel's.", ("channel", "reason")
)


class Callbacks:
    """Hears callbacks."""

    def __init__(self, channels: Mapping[str, Channel], hearing: Hearing) -> None:
        self._channels = channels
        self._hearing = hearing

    async def take(self, name: str, headers: Mapping[str, str], body: bytes) -> Thanks:
        """Hear it; CallbackForged, CallbackUnreadable (also for a channel that is not configured).

        A number that is not ours is thanked for: the same account may serve others.
        """
        channel = self._channels.get(name)
        if channel is None:
            raise CallbackUnreadable(channel=name)
        try:
            told = await channel.read_callback(headers, body)
        except (CallbackForged, CallbackUnreadable) as refusal:
            _refused.labels(name, refusal.code).inc()
            raise
        if told:
            await self._hearing.hear(
                [Heard(payout_number=one.payout_number, kind="callback", outcome=one.outcome) for one in told]
            )
        return channel.thanks
