"""The kinds of notices. A notice keeps its kind and its values; the sentence is made where somebody reads it."""

from collections.abc import Mapping
from typing import Any

STOCK_LOW = "stock.low"
WEBHOOK_DISABLED = "webhook.disabled"

TITLES: Mapping[str, str] = {
    STOCK_LOW: "Stock is low",
    WEBHOOK_DISABLED: "A webhook was disabled",
}
TEXTS: Mapping[str, str] = {
    STOCK_LOW: "Only {sellable} of product {product_id} can still be sold; the alert threshold is {threshold}.",
    WEBHOOK_DISABLED: (
        "Webhook {webhook_id} ({origin}) was disabled: nothing it was sent has arrived for three days."
        " Put the receiver right, enable the webhook, and replay what it has missed."
    ),
}
GONE = "Webhook {webhook_id} ({origin}) was disabled: the receiver answered 410 Gone, which asks never to be called again."


def template(kind: str, params: Mapping[str, Any]) -> str:
    """The sentence of a notice, with `{names}` for its values; also the key of its translation."""
    if kind == WEBHOOK_DISABLED and params.get("reason") == "gone":
        return GONE
    return TEXTS[kind]
