"""What the catalogue offers to a process."""

from fenxiao.catalog.api import CatalogApi
from fenxiao.catalog.checks import checks
from fenxiao.catalog.consumers import consumers
from fenxiao.catalog.http import router
from fenxiao.catalog.service import Catalog
from fenxiao.infra.wiring import Offer, Tools

NAME = "catalog"


def offer(tools: Tools) -> Offer[CatalogApi]:
    """The catalogue on the given tools; it needs no port."""
    catalog = Catalog(tools.db)
    return Offer(
        name=NAME,
        api=catalog,
        router=router(catalog, currency=tools.settings.currency),
        consumers=consumers(catalog.following, tools.db),
        checks=checks(tools.db),
    )
