"""The kinds of notices. A notice keeps its kind and its values; the sentence is made where somebody reads it."""

from collections.abc import Mapping
from typing import Any

STOCK_LOW = "stock.low"
WEBHOOK_DISABLED = "webhook.disabled"
PAYOUT_CONTRADICTED = "payout.contradicted"

TITLES: Mapping[str, str] = {
    STOCK_LOW: "Stock is low",
    WEBHOOK_DISABLED: "A webhook was disabled",
    PAYOUT_CONTRADICTED: "A payout channel contradicts the book",
}
TEXTS: Mapping[str, str] = {
    STOCK_LOW: "Only {sellable} of product {product_id} can still be sold; the alert threshold is {threshold}.",
    WEBHOOK_DISABLED: (
        "Webhook {webhook_id} ({origin}) was disabled: nothing it was sent has arrived for three days."
        " Put the receiver right, enable the webhook, and replay what it has missed."
    ),
    PAYOUT_CONTRADICTED: (
        "The channel now says that payout {payout_number} of withdrawal {withdrawal_id} was made, after it had failed"
        " or been rejected; the money may have left twice. The book stands as it was: ask the channel, then book by hand."
    ),
}
UNDONE = (
    "The channel now says that payout {payout_number} of withdrawal {withdrawal_id} failed, after it had said that it was"
    " made. The book stands as it was: ask the channel, then book by hand."
)
GONE = "Webhook {webhook_id} ({origin}) was disabled: the receiver answered 410 Gone, which asks never to be called again."


def template(kind: str, params: Mapping[str, Any]) -> str:
    """The sentence of a notice, with `{names}` for its values; also the key of its translation."""
    if kind == WEBHOOK_DISABLED and params.get("reason") == "gone":
        return GONE
    if kind == PAYOUT_CONTRADICTED and params.get("contradiction") == "failed-after-paid":
        return UNDONE
    return TEXTS[kind]
