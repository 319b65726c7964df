"""What the import is given: the contexts it works through, and whom it tells how far it has come."""

from collections.abc import Callable
from dataclasses import dataclass

from fenxiao.catalog.api import CatalogApi
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import OrdersApi
from fenxiao.rules.api import RulesApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The contexts that the import works through."""

    catalog: CatalogApi
    network: NetworkApi
    rules: RulesApi
    orders: OrdersApi


Advance = Callable[[str, int, int], None]
"""Told after every step: what is being done, how much is done, how much there is."""
