"""What the catalogue offers to a process."""

from fenxiao.catalog.api import CatalogApi
from fenxiao.catalog.checks import checks
from fenxiao.catalog.consumers import consumers
from fenxiao.catalog.http import router
from fenxiao.catalog.http.imports import LARGER_BODIES
from fenxiao.catalog.jobs import jobs
from fenxiao.catalog.service import Catalog
from fenxiao.catalog.service.files.imports import KIND
from fenxiao.infra.wiring import Offer, Tools

NAME = "catalog"


def offer(tools: Tools) -> Offer[CatalogApi]:
    """The catalogue on the given tools; it needs no port."""
    catalog = Catalog(tools.db, tools.settings.currency)
    return Offer(
        name=NAME,
        api=catalog,
        router=lambda: router(catalog, currency=tools.settings.currency),
        consumers=consumers(catalog.following, tools.db),
        jobs=jobs(tools.db, catalog.alerts),
        runs={KIND: catalog.imports.apply_chunk},
        checks=checks(tools.db),
        larger_bodies=LARGER_BODIES,
    )
