"""What notifications offers to a process."""

from fenxiao.infra.wiring import Offer, Tools
from fenxiao.notifications.api import NotificationsApi
from fenxiao.notifications.checks import checks
from fenxiao.notifications.consumers import consumers, published
from fenxiao.notifications.http import router
from fenxiao.notifications.jobs import jobs
from fenxiao.notifications.service import Notifications
from fenxiao.notifications.service.deliveries import REPLAY

NAME = "notifications"


def offer(tools: Tools) -> Offer[NotificationsApi]:
    """Notifications on the given tools; it listens to everybody and needs no port."""
    types = {kind.type for kind in published()}
    service = Notifications(tools.db, tools.cipher, tools.settings, types)
    return Offer(
        name=NAME,
        api=service,
        router=lambda: router(service),
        consumers=consumers(service, tools.db),
        jobs=jobs(service, tools.db),
        runs={REPLAY: service.deliveries.replay_step},
        checks=checks(service),
    )
