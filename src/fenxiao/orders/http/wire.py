"""Answers of placing for who places many: the same members as `PlacedAnswer`, written without a model."""

from typing import Any

from fenxiao.kernel.money import from_minor
from fenxiao.orders.api import PlacedLine, PlacedOrder


def placed(order: PlacedOrder) -> dict[str, Any]:
    """An order as it was placed."""
    currency, lines = order.currency, order.lines
    single = lines[0] if len(lines) == 1 else None
    return {
        "order_id": order.order_id,
        "distributor_id": order.distributor_id,
        "external_id": order.external_id,
        "status": order.status,
        "currency": currency,
        "total_price": from_minor(order.total_minor, currency),
        "discount": from_minor(order.discount_minor, currency),
        "shipping": from_minor(order.shipping_minor, currency),
        "tax": from_minor(order.tax_minor, currency),
        "product_id": single.product_id if single else None,
        "quantity": single.quantity if single else None,
        "created_at": order.created_at,
        "pay_by": order.pay_by,
        "lines": [_line(line, currency) for line in lines],
    }


def _line(line: PlacedLine, currency: str) -> dict[str, Any]:
    return {
        "line_id": line.line_id,
        "product_id": line.product_id,
        "quantity": line.quantity,
        "unit_price": from_minor(line.unit_price_minor, currency),
        "discount": from_minor(line.discount_minor, currency),
        "order_discount": from_minor(line.order_discount_minor, currency),
        "amount": from_minor(line.amount_minor, currency),
    }
