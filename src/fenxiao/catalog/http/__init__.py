"""Products, categories, tags and stock over HTTP.

Who may `catalog:read` sees what is sold, at what price; costs and changes need `catalog:write`. What lies in the
warehouse is for `stock:read`, changing it for `stock:write`.
"""

from fastapi import APIRouter

from fenxiao.catalog.http import categories, counts, exports, imports, inventory, products, recalls
from fenxiao.catalog.service import Catalog
from fenxiao.infra.http.routing import joined


def router(catalog: Catalog, *, currency: str) -> APIRouter:
    """The routes of this context; `currency` is that of a product which names none."""
    routes = APIRouter()
    joined(routes, categories.categories(catalog.categories))
    joined(routes, categories.tags(catalog.tags))
    joined(routes, exports.router(catalog.exports, currency))
    joined(routes, imports.router(catalog.imports))
    joined(routes, products.router(catalog.products, currency))
    # Before the products' stock: a path of words must not be read as a product's number.
    joined(routes, counts.router(catalog.counts))
    joined(routes, recalls.router(catalog.recalls))
    joined(routes, inventory.router(catalog.warehouse))
    return routes
