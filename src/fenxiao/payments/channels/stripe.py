"""Stripe Connect: transfers to connected accounts, known by their transfer group, which is our number.

https://docs.stripe.com/api/transfers, /api/idempotent_requests (keys live a day), /webhooks/signature.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fenxiao.kernel.clock import Clock
from fenxiao.payments.channels import csv_files
from fenxiao.payments.channels.channel import Thanks, Told
from fenxiao.payments.channels.line import Line, NoAnswer, Reply, code, part, read_object, text
from fenxiao.payments.channels.settings import Stripe as Settings
from fenxiao.payments.domain.differences import StatementLine
from fenxiao.payments.domain.refusals import CallbackForged, CallbackUnreadable
from fenxiao.payments.domain.transfers import ChannelName, Order, Outcome

PATH = "/v1/transfers"
TOLERANCE = 300
"""Seconds that a webhook may be old, as in Stripe's own libraries."""

OK = 200
REFUSED = range(400, 409)
REASONS: Mapping[str, str] = {
    "balance_insufficient": "insufficient-funds",
    "account_invalid": "payee-unknown",
    "resource_missing": "payee-unknown",
    "insufficient_capabilities_for_transfer": "payee-account",
    "transfers_not_allowed": "payee-account",
    "amount_too_small": "limit-exceeded",
    "amount_too_large": "limit-exceeded",
}
"""Codes of which it is certain that no transfer was made; any other is asked about. Stripe repeats an error for as long
as it knows the key, so that lack of funds, too, ends the number: whoever tries again gets a new one."""


class Stripe:
    """Stripe 转账."""

    name: ChannelName = "stripe"
    currencies: frozenset[str] | None = None
    resend_within = timedelta(hours=23)
    """A key lives twenty-four hours at least."""
    thanks = Thanks()

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._line = Line(settings.url)

    async def submit(self, order: Order) -> Outcome:
        """See `Channel`."""
        form = {
            "amount": str(order.amount_minor),
            "currency": order.currency.lower(),
            "destination": order.number,
            "transfer_group": order.payout_number,
            "metadata[payout_number]": order.payout_number,
        }
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "idempotency-key": order.payout_number,
        }
        try:
            reply = await self._call("POST", PATH, headers, urlencode(form).encode())
        except NoAnswer as none:
            return Outcome(word="unknown" if none.sent else "later")
        return _answer(reply, order.payout_number)

    async def ask(self, order: Order) -> Outcome:
        """See `Channel`."""
        query = urlencode({"transfer_group": order.payout_number, "limit": "10"})
        try:
            reply = await self._call("GET", f"{PATH}?{query}", {}, b"")
        except NoAnswer:
            return Outcome(word="unknown")
        items = reply.json().get("data")
        if reply.status != OK or not isinstance(items, list):
            return Outcome(word="unknown", code=_code(reply))
        mine = [one for one in items if isinstance(one, dict) and _number(one) == order.payout_number]
        return _read(mine[0]) if mine else Outcome(word="absent")

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        """See `Channel`."""
        if not self._is_theirs(headers.get("stripe-signature", ""), body):
            raise CallbackForged(channel=self.name)
        event = read_object(body)
        if not (text(event, "type") or "").startswith("transfer."):
            # Other business of the same account.
            return []
        found = part(part(event, "data"), "object")
        number = _number(found)
        if number is None:
            raise CallbackUnreadable(channel=self.name)
        return [Told(payout_number=number, outcome=_read(found))]

    def read_statement(self, content: bytes) -> list[StatementLine]:
        """The export of transfers, with the column of our number among the metadata."""
        mark = "payout_number (metadata)"
        lines = []
        for row in csv_files.rows(content, ("id", "Amount", "Currency", mark)):
            if not row[1][mark]:
                continue
            currency = csv_files.currency(row, "Currency")
            amount = csv_files.amount(row, "Amount", currency)
            reversed_text = row[1].get("amount reversed", "")
            back = csv_files.amount(row, "amount reversed", currency) if reversed_text else 0
            lines.append(
                StatementLine(
                    line=row[0],
                    payout_number=csv_files.number(row, mark),
                    amount_minor=amount,
                    currency=currency,
                    status="failed" if back else "paid",
                    reference=csv_files.reference(row, "id"),
                )
            )
        return lines

    async def _call(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        secret = {"authorization": f"Bearer {self._settings.secret_key}", "user-agent": "Fenxiao"}
        return await self._line.call(method, path, headers={**secret, **headers}, content=content)

    def _is_theirs(self, header: str, body: bytes) -> bool:
        parts = [one.partition("=") for one in header.split(",")]
        at = next((value for name, _, value in parts if name == "t"), "")
        given = [value for name, _, value in parts if name == "v1"]
        if not at.isascii() or not at.isdigit() or len(at) > 12:  # noqa: PLR2004
            return False
        if abs(int(at) - self._clock().timestamp()) > TOLERANCE:
            return False
        expected = hmac.new(
            self._settings.webhook_secret.encode(), at.encode() + b"." + body, hashlib.sha256
        ).hexdigest()
        return any(hmac.compare_digest(one.encode(), expected.encode()) for one in given)


def _answer(reply: Reply, number: str) -> Outcome:
    found = reply.json()
    if reply.status == OK and _number(found) == number:
        return _read(found)
    said = _code(reply)
    if reply.status in REFUSED and said in REASONS:
        return Outcome(word="failed", code=said, reason=REASONS[said])
    if reply.status == 429:  # noqa: PLR2004
        return Outcome(word="later", code=said)
    return Outcome(word="unknown", code=said)


def _code(reply: Reply) -> str:
    error = part(reply.json(), "error")
    return code(text(error, "code")) or str(reply.status)


def _number(found: Mapping[str, Any]) -> str | None:
    return text(part(found, "metadata"), "payout_number") or text(found, "transfer_group")


def _read(found: Mapping[str, Any]) -> Outcome:
    amount, created = found.get("amount"), found.get("created")
    # A part taken back is for a person too: the payee does not have what he was to get.
    back = found.get("amount_reversed") or found.get("reversed")
    return Outcome(
        word="failed" if back else "paid",
        code="reversed" if back else None,
        reason="returned" if back else None,
        reference=code(text(found, "id")),
        at=datetime.fromtimestamp(created, UTC) if type(created) is int and not back else None,
        amount_minor=amount if type(amount) is int else None,
        currency=(text(found, "currency") or "").upper() or None,
    )
