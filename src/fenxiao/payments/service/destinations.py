"""Where transfers go: sealed at rest, opened for the channel alone."""

from typing import Any

import msgspec

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.sql import Record
from fenxiao.payments.api import TransferRequest
from fenxiao.payments.domain.transfers import Order

_FIELDS = ("holder", "number", "bank", "branch")


def written(asked: TransferRequest) -> str:
    """The destination as one text, the same for the same destination."""
    return msgspec.json.encode({name: getattr(asked, name) for name in _FIELDS}).decode()


def index(cipher: Cipher, asked: TransferRequest) -> bytes:
    """By it the same destination is known again when it is forgotten."""
    return cipher.blind(written(asked), column="transfer.destination")


def sealed(cipher: Cipher, asked: TransferRequest) -> bytes:
    """The destination, bound to its transfer."""
    return cipher.seal(written(asked), table="transfer", column="destination_sealed", row=asked.payout_number)


def opened(cipher: Cipher, row: Record, **more: Any) -> Order:
    """The transfer as the channel needs it; `CannotOpen` if the keys of the data folder are others."""
    text = cipher.open(
        row["destination_sealed"], table="transfer", column="destination_sealed", row=row["payout_number"]
    )
    destination = msgspec.json.decode(text, type=dict[str, str | None])
    return Order(
        payout_number=row["payout_number"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        holder=destination["holder"] or "",
        number=destination["number"] or "",
        bank=destination["bank"],
        branch=destination["branch"],
        **more,
    )
