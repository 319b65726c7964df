"""Products, categories, tags and stock over HTTP.

Who may `catalog:read` sees what is sold, at what price; costs and changes need `catalog:write`. What lies in the
warehouse is for `stock:read`, changing it for `stock:write`.
"""

from fastapi import APIRouter

from fenxiao.catalog.http import categories, counts, exports, imports, inventory, products, recalls
from fenxiao.catalog.service import Catalog


def router(catalog: Catalog, *, currency: str) -> APIRouter:
    """The routes of this context; `currency` is that of a product which names none."""
    routes = APIRouter()
    routes.include_router(categories.categories(catalog.categories))
    routes.include_router(categories.tags(catalog.tags))
    routes.include_router(exports.router(catalog.exports, currency))
    routes.include_router(imports.router(catalog.imports))
    routes.include_router(products.router(catalog.products, currency))
    # Before the products' stock: a path of words must not be read as a product's number.
    routes.include_router(counts.router(catalog.counts))
    routes.include_router(recalls.router(catalog.recalls))
    routes.include_router(inventory.router(catalog.warehouse))
    return routes
