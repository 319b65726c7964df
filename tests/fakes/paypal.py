"""PayPal, played: tokens, payout batches that are never made twice, webhooks that it verifies itself."""

import base64
import json
import zlib
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from tests.fakes.wires import Asked, Money, Played, Says, key

WEBHOOK = "8PT597110X687430LKGECATA"


class PayPal(Played):
    name = "paypal"
    payee = "wang@example.com"
    done = "SUCCESS"

    def section(self) -> str:
        return f"""
[paypal]
url = "{self.url}"
client_id = "client"
client_secret = "client-secret"
webhook_id = "{WEBHOOK}"
note = "Commission"
"""

    def answer(self, asked: Asked) -> Says:
        if asked.path == "/v1/oauth2/token":
            right = (
                asked.headers["authorization"]
                == "Basic " + base64.b64encode(b"client:client-secret").decode()
            )
            return _json({"access_token": "A21", "expires_in": 32400}) if right else _json({}, 401)
        if asked.headers["authorization"] != "Bearer A21":
            return _json({"name": "AUTHENTICATION_FAILURE"}, 401)
        if asked.path == "/v1/notifications/verify-webhook-signature":
            return _json({"verification_status": "SUCCESS" if _is_ours(asked.body) else "FAILURE"})
        if asked.method == "GET":
            asks = self.asks.pop(0) if self.asks else "ok"
            one = next(m for m in self.money.values() if m.reference == asked.path.rsplit("/", 1)[1])
            return Says(none=True) if asks == "drop" else _json(self._batch(one))
        return self._transfer(json.loads(asked.body))

    def _transfer(self, body: dict[str, Any]) -> Says:
        fares, number = self.fares(), body["sender_batch_header"]["sender_batch_id"]
        (item,) = body["items"]
        if fares == "lost":
            return Says(none=True)
        if fares == "poor":
            return _json({"name": "INSUFFICIENT_FUNDS"}, 422)
        if number in self.money:
            link = f"https://api-m.paypal.com/v1/payments/payouts/{self.money[number].reference}"
            return _json({"name": "USER_BUSINESS_ERROR", "links": [{"rel": "self", "href": link}]}, 400)
        whole, cents = item["amount"]["value"].split(".")
        self.money[number] = Money(
            number,
            int(whole) * 100 + int(cents),
            item["amount"]["currency"],
            item["receiver"],
            {"wait": "UNCLAIMED", "fail": "FAILED"}.get(fares, "PENDING"),
            uuid4().hex[:13].upper(),
        )
        if fares == "drop":
            return Says(none=True)
        said = _json({"batch_header": self._batch(self.money[number])["batch_header"]}, 201)
        said.late = fares == "late"
        return said

    def callback(self, number: str, *, forged: bool = False) -> tuple[dict[str, str], bytes]:
        one = self.money[number]
        (item,) = self._batch(one)["items"]
        body = json.dumps({"event_type": "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "resource": item}).encode()
        at, transmission = self.clock().isoformat(), uuid4().hex
        signature = key("somebody" if forged else "paypal").sign(
            _message(transmission, at, body), padding.PKCS1v15(), hashes.SHA256()
        )
        headers = {
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-cert-url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
            "paypal-transmission-id": transmission,
            "paypal-transmission-sig": base64.b64encode(signature).decode(),
            "paypal-transmission-time": at,
            "content-type": "application/json",
        }
        return headers, body

    def _batch(self, one: Money) -> dict[str, Any]:
        status = "PENDING" if one.state == "PENDING" else "SUCCESS"
        item = {
            "payout_item_id": f"I{one.reference}",
            "transaction_id": f"T{one.reference}",
            "payout_batch_id": one.reference,
            "transaction_status": one.state,
            "time_processed": self.clock().isoformat(),
            "payout_item": {
                "sender_item_id": one.number,
                "amount": {
                    "value": f"{one.amount_minor // 100}.{one.amount_minor % 100:02}",
                    "currency": one.currency,
                },
            },
        }
        return {"batch_header": {"payout_batch_id": one.reference, "batch_status": status}, "items": [item]}


def _json(content: dict[str, Any], status: int = 200) -> Says:
    return Says(status, json.dumps(content).encode())


def _message(transmission: str, at: str, body: bytes) -> bytes:
    return f"{transmission}|{at}|{WEBHOOK}|{zlib.crc32(body)}".encode()


def _is_ours(body: bytes) -> bool:
    """The event's very bytes are what was signed, so they are cut out of the request."""
    asked = json.loads(body)
    event = body[body.index(b'"webhook_event":') + len(b'"webhook_event":') : -1]
    message = _message(asked["transmission_id"], asked["transmission_time"], event)
    try:
        key("paypal").public_key().verify(
            base64.b64decode(asked["transmission_sig"]), message, padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return False
    return bool(asked["webhook_id"] == WEBHOOK)
