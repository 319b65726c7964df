"""What payments offers to a process."""

from fenxiao.infra.wiring import Offer, Tools
from fenxiao.payments.api import PaymentsApi
from fenxiao.payments.channels.configured import channels
from fenxiao.payments.checks import checks
from fenxiao.payments.http import LARGER_BODIES, router
from fenxiao.payments.jobs import jobs
from fenxiao.payments.service import Payments

NAME = "payments"


def offer(tools: Tools) -> Offer[PaymentsApi]:
    """Payments on the given tools; it hears nobody and needs no port."""
    service = Payments(tools.db, tools.cipher, channels(tools.settings.payout_channels, tools.clock))
    return Offer(
        name=NAME,
        api=service,
        router=lambda: router(service),
        jobs=jobs(service, tools.db),
        checks=checks(service),
        larger_bodies=LARGER_BODIES,
    )
