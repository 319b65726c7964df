"""What identity offers to a process."""

from fenxiao.identity.api import IdentityApi
from fenxiao.identity.checks import checks
from fenxiao.identity.consumers import consumers
from fenxiao.identity.http import router
from fenxiao.identity.jobs import jobs
from fenxiao.identity.service import Identity
from fenxiao.infra.wiring import Offer, Tools

NAME = "identity"


def offer(tools: Tools) -> Offer[IdentityApi]:
    """Identity on the given tools; it needs no port."""
    identity = Identity(tools.db, tools.cipher, tools.settings)
    return Offer(
        name=NAME,
        api=identity,
        router=lambda: router(identity, tools.settings.issuer),
        consumers=consumers(identity, tools.db),
        jobs=jobs(identity, tools.db),
        checks=checks(tools.db),
        start=identity.start,
    )
