"""PayPal payouts: one batch of one item for each number, so that a batch's identity is the transfer's.

PayPal cannot be asked by our number, only by its own. Where its own was never heard, the same batch is sent again: under
a `sender_batch_id` that it has had within thirty days it makes no second payout and names the first. Webhooks are put to
PayPal itself, which knows its signatures. https://developer.paypal.com/api/payments.payouts-batch/v1
"""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fenxiao.kernel.clock import Clock
from fenxiao.kernel.money import from_minor, to_minor
from fenxiao.payments.channels import csv_files
from fenxiao.payments.channels.channel import Thanks, Told
from fenxiao.payments.channels.line import Line, NoAnswer, Reply, code, part, read_object, text
from fenxiao.payments.channels.settings import PayPal as Settings
from fenxiao.payments.domain.differences import StatementLine
from fenxiao.payments.domain.refusals import CallbackForged, CallbackUnreadable
from fenxiao.payments.domain.transfers import NUMBER, ChannelName, Order, Outcome, Word

PATH = "/v1/payments/payouts"
TOKEN = "/v1/oauth2/token"  # noqa: S105 - a path
VERIFY = "/v1/notifications/verify-webhook-signature"
EARLY = timedelta(minutes=1)
"""So long before its end a token is not used any more."""

STATES: Mapping[str, Word] = {
    "SUCCESS": "paid",
    "PENDING": "processing",
    "ONHOLD": "processing",
    "UNCLAIMED": "awaiting_user",
    "FAILED": "failed",
    "RETURNED": "failed",
    "BLOCKED": "failed",
    "REFUNDED": "failed",
    "REVERSED": "failed",
    "DENIED": "failed",
    "CANCELED": "failed",
}
REASONS: Mapping[str, str] = {
    "RETURNED": "expired",
    "RECEIVER_UNREGISTERED": "payee-unknown",
    "RECEIVER_UNCONFIRMED": "payee-account",
    "RECEIVER_ACCOUNT_LOCKED": "payee-account",
}
REFUSED = frozenset({"VALIDATION_ERROR", "MALFORMED_REQUEST", "AUTHORIZATION_ERROR"})
LATER = frozenset({"INSUFFICIENT_FUNDS", "RATE_LIMIT_REACHED"})
SIGNATURE = {
    "auth_algo": "paypal-auth-algo",
    "cert_url": "paypal-cert-url",
    "transmission_id": "paypal-transmission-id",
    "transmission_sig": "paypal-transmission-sig",
    "transmission_time": "paypal-transmission-time",
}
_ID = re.compile(r"[0-9A-Z\-]{1,64}", re.ASCII)


class PayPal:
    """PayPal 付款."""

    name: ChannelName = "paypal"
    currencies: frozenset[str] | None = None
    resend_within = timedelta(days=25)
    thanks = Thanks()

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._line = Line(settings.url)
        self._token: tuple[str, datetime] | None = None

    async def submit(self, order: Order) -> Outcome:
        """See `Channel`."""
        amount = {"value": from_minor(order.amount_minor, order.currency), "currency": order.currency}
        body = {
            "sender_batch_header": {"sender_batch_id": order.payout_number},
            "items": [
                {
                    "recipient_type": "EMAIL",
                    "receiver": order.number,
                    "amount": amount,
                    "sender_item_id": order.payout_number,
                    "note": self._settings.note,
                }
            ],
        }
        headers = {"content-type": "application/json", "paypal-request-id": order.payout_number}
        try:
            token = await self._signed_in()
        except NoAnswer:
            # Without a token nothing was sent.
            return Outcome(word="later")
        try:
            reply = await self._call("POST", PATH, token, headers, msgspec.json.encode(body))
        except NoAnswer as none:
            return Outcome(word="unknown" if none.sent else "later")
        return _answer(reply)

    async def ask(self, order: Order) -> Outcome:
        """See `Channel`."""
        if order.reference is None or not _ID.fullmatch(order.reference):
            if order.first_sent_at is None or self._clock() - order.first_sent_at > self.resend_within:
                # It might have forgotten the number, and would pay a second time.
                return Outcome(word="unknown")
            again = await self.submit(order)
            # What was not taken now may have been taken before.
            return again if again.word == "processing" else Outcome(word="unknown", code=again.code)
        try:
            token = await self._signed_in()
            reply = await self._call("GET", f"{PATH}/{order.reference}", token, {}, b"")
        except NoAnswer:
            return Outcome(word="unknown")
        items = reply.json().get("items")
        for one in items if isinstance(items, list) else []:
            outcome = _read(one) if isinstance(one, dict) else None
            if outcome is not None and _number(one) == order.payout_number:
                return outcome
        denied = text(part(reply.json(), "batch_header"), "batch_status") == "DENIED"
        return Outcome(word="failed", code="DENIED", reason="refused-by-channel") if denied else _wait(reply)

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        """See `Channel`."""
        event = read_object(body)
        found = part(event, "resource")
        number, outcome = _number(found), _read(found)
        if not (text(event, "event_type") or "").startswith("PAYMENT.PAYOUTS-ITEM."):
            # News of batches says nothing of items.
            return []
        if number is None or outcome is None:
            raise CallbackUnreadable(channel=self.name)
        if not await self._is_theirs(headers, body):
            raise CallbackForged(channel=self.name)
        return [Told(payout_number=number, outcome=outcome)]

    def read_statement(self, content: bytes) -> list[StatementLine]:
        """The payouts' activity report."""
        names = ("Sender Item ID", "Transaction ID", "Transaction Status", "Amount", "Currency")
        words = {state: "processing" if word == "awaiting_user" else word for state, word in STATES.items()}
        lines = []
        for row in csv_files.rows(content, names):
            if not NUMBER.fullmatch(row[1]["sender item id"]):
                continue
            currency = csv_files.currency(row, "Currency")
            status: Any = csv_files.choice(row, "Transaction Status", words)
            lines.append(
                StatementLine(
                    line=row[0],
                    payout_number=row[1]["sender item id"],
                    amount_minor=csv_files.amount(row, "Amount", currency),
                    currency=currency,
                    status=status,
                    reference=csv_files.reference(row, "Transaction ID"),
                )
            )
        return lines

    async def _is_theirs(self, headers: Mapping[str, str], body: bytes) -> bool:
        given = {name: headers.get(header, "") for name, header in SIGNATURE.items()}
        if not all(given.values()):
            return False
        asked = msgspec.json.encode({**given, "webhook_id": self._settings.webhook_id})
        # The event goes back as it came: what is signed are its very bytes.
        whole = asked[:-1] + b',"webhook_event":' + body + b"}"
        try:
            token = await self._signed_in()
            reply = await self._call("POST", VERIFY, token, {"content-type": "application/json"}, whole)
        except NoAnswer:
            return False
        return text(reply.json(), "verification_status") == "SUCCESS"

    async def _signed_in(self) -> str:
        if self._token is not None and self._clock() < self._token[1]:
            return self._token[0]
        pair = f"{self._settings.client_id}:{self._settings.client_secret}".encode()
        headers = {
            "authorization": f"Basic {base64.b64encode(pair).decode()}",
            "content-type": "application/x-www-form-urlencoded",
            "user-agent": "Fenxiao",
        }
        content = b"grant_type=client_credentials"
        reply = await self._line.call("POST", TOKEN, headers=headers, content=content)
        token, seconds = text(reply.json(), "access_token"), reply.json().get("expires_in")
        if token is None or type(seconds) is not int:
            raise NoAnswer(sent=False)
        self._token = (token, self._clock() + timedelta(seconds=seconds) - EARLY)
        return token

    async def _call(
        self, method: str, path: str, token: str, headers: Mapping[str, str], content: bytes
    ) -> Reply:
        whole = {"authorization": f"Bearer {token}", "user-agent": "Fenxiao", **headers}
        reply = await self._line.call(method, path, headers=whole, content=content)
        if reply.status == 401:  # noqa: PLR2004
            self._token = None
        return reply


def _answer(reply: Reply) -> Outcome:
    found = reply.json()
    batch = text(part(found, "batch_header"), "payout_batch_id")
    if reply.status in {200, 201, 202} and batch is not None and _ID.fullmatch(batch):
        return Outcome(word="processing", code=_status(found), reference=batch)
    said = code(text(found, "name"))
    links = found.get("links")
    for one in links if isinstance(links, list) else []:
        place = urlsplit(text(one, "href") or "").path if isinstance(one, dict) else ""
        known = place.removeprefix(f"{PATH}/")
        # It has this number already: that batch is ours.
        if place.startswith(f"{PATH}/") and _ID.fullmatch(known):
            return Outcome(word="processing", code=said, reference=known)
    if said in LATER or reply.status in {401, 429}:
        return Outcome(word="later", code=said, reason="insufficient-funds" if said in LATER else None)
    if said in REFUSED and reply.status in {400, 403, 422}:
        return Outcome(word="failed", code=said, reason="refused-by-channel")
    return Outcome(word="unknown", code=said or str(reply.status))


def _status(found: Mapping[str, Any]) -> str | None:
    return code(text(part(found, "batch_header"), "batch_status"))


def _wait(reply: Reply) -> Outcome:
    waits = _status(reply.json()) in {"PENDING", "PROCESSING", "NEW", "ACKNOWLEDGED", "SUCCESS"}
    return Outcome(word="processing" if waits else "unknown", code=_status(reply.json()) or str(reply.status))


def _number(found: Mapping[str, Any]) -> str | None:
    return text(part(found, "payout_item"), "sender_item_id")


def _read(found: Mapping[str, Any]) -> Outcome | None:
    state = text(found, "transaction_status") or ""
    word = STATES.get(state)
    if word is None:
        return None
    amount = part(part(found, "payout_item"), "amount")
    currency = text(amount, "currency")
    said = code(text(part(found, "errors"), "name")) or state
    ended = word in {"paid", "failed"}
    return Outcome(
        word=word,
        code=said,
        reason=REASONS.get(said, "refused-by-channel") if word == "failed" else None,
        reference=code(text(found, "transaction_id" if ended else "payout_batch_id")),
        at=_moment(text(found, "time_processed")) if word == "paid" else None,
        amount_minor=_minor(text(amount, "value"), currency),
        currency=currency,
    )


def _minor(value: str | None, currency: str | None) -> int | None:
    try:
        return None if value is None or currency is None else to_minor(value, currency)
    except ValueError:
        return None


def _moment(value: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
