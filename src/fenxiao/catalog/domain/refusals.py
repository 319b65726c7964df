"""What the catalogue declines at its own edge; the refusals that other contexts meet stand in api.py."""

from fenxiao.kernel.errors import Conflict, NotFound, Refusal


class ProductNotFound(NotFound):
    """There is no product with the id {product_id}."""

    code = "product-not-found"


class CategoryNotFound(NotFound):
    """There is no category with the id {category_id}."""

    code = "category-not-found"


class TagNotFound(NotFound):
    """There is no tag with the id {tag_id}."""

    code = "tag-not-found"


class CategoryExists(Conflict):
    """There is a category {name} in this place already."""

    code = "category-exists"


class CategoryInUse(Conflict):
    """Category {category_id} still has products or categories in it; move them first."""

    code = "category-in-use"


class CategoryLoop(Conflict):
    """Category {category_id} lies above {parent_id}; this would close a loop."""

    code = "category-loop"


class TagExists(Conflict):
    """There is a tag {name} already."""

    code = "tag-exists"


class SkuTaken(Conflict):
    """Another product has the SKU {sku} already."""

    code = "sku-taken"


class BelowReserved(Conflict):
    """{reserved} units of product {product_id} are reserved for orders, this would leave {left}: ship or cancel orders first."""

    code = "below-reserved"


class AdjustmentsRefused(Conflict):
    """Some of these changes cannot be made, so none was; errors says which."""

    code = "adjustments-refused"


class BatchNotFound(NotFound):
    """Product {product_id} has no batch {batch_id}."""

    code = "batch-not-found"


class BatchRecalled(Conflict):
    """Batch {batch_id} of product {product_id} is recalled already."""

    code = "batch-recalled"


class BatchNotRecalled(Conflict):
    """Batch {batch_id} of product {product_id} is not recalled."""

    code = "batch-not-recalled"


class CountNotFound(NotFound):
    """There is no stock count with the id {count_id}."""

    code = "count-not-found"


class CountEnded(Conflict):
    """Stock count {count_id} is {state}; open another one to count again."""

    code = "count-ended"


class CountRefused(Conflict):
    """Stock count {count_id} cannot be booked as it stands, so nothing was; errors says which lines stand in the way."""

    code = "count-refused"


class CountOverlaps(Conflict):
    """Some of these batches are being counted already; errors says which, and where."""

    code = "count-overlaps"


class ImportNotFound(NotFound):
    """There is no import with the id {import_id}."""

    code = "import-not-found"


class StockFailed(Refusal):
    """The stock could not be served through a fault on our side, which was recorded."""

    code = "stock-failed"
    status = 500


class Contradiction(Exception):  # noqa: N818 - not a refusal: nobody asked
    """An event tells of an order what its hold says cannot be; a person has to look."""
