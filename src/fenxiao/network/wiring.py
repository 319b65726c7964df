"""What the network offers to a process."""

from fenxiao.identity.api import IdentityApi
from fenxiao.infra.wiring import Offer, Tools
from fenxiao.network.api import NetworkApi
from fenxiao.network.checks import checks
from fenxiao.network.http import router
from fenxiao.network.jobs import jobs
from fenxiao.network.service import Network

NAME = "network"


def offer(tools: Tools, *, identity: IdentityApi) -> Offer[NetworkApi]:
    """The network on the given tools; accounts come from identity."""
    network = Network(tools.db, tools.cipher, identity)
    return Offer(
        name=NAME,
        api=network,
        router=lambda: router(network),
        jobs=jobs(network, tools.db),
        checks=checks(tools.db),
    )
