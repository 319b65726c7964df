"""Stripe, played: keys remember their first answer, webhooks are signed."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from uuid import uuid4

from tests.fakes.wires import Asked, Money, Played, Says

SECRET = "whsec_played"


class Stripe(Played):
    name = "stripe"
    payee = "acct_1A2b3C4d5E"
    done = "paid"

    def section(self) -> str:
        return f"""
[stripe]
url = "{self.url}"
secret_key = "sk_test_played"
webhook_secret = "{SECRET}"
"""

    def answer(self, asked: Asked) -> Says:
        if asked.headers["authorization"] != "Bearer sk_test_played":
            return Says(401, b'{"error": {"code": "api_key_invalid"}}')
        if asked.method == "GET":
            asks = self.asks.pop(0) if self.asks else "ok"
            number = parse_qs(asked.target.partition("?")[2])["transfer_group"][0]
            found = [self._transfer(self.money[number])] if number in self.money else []
            return Says(none=True) if asks == "drop" else Says(200, json.dumps({"data": found}).encode())
        form = dict(parse_qsl(asked.body.decode()))
        fares, number = self.fares(), asked.headers["idempotency-key"]
        if fares == "lost":
            return Says(none=True)
        if fares in {"poor", "fail"}:
            code = "balance_insufficient" if fares == "poor" else "account_invalid"
            return Says(400, json.dumps({"error": {"code": code}}).encode())
        if number not in self.money:
            currency = form["currency"].upper()
            self.money[number] = Money(
                number, int(form["amount"]), currency, form["destination"], "", f"tr_{uuid4().hex[:20]}"
            )
            self.settle(number, "paid")
        if fares == "drop":
            return Says(none=True)
        body = json.dumps(self._transfer(self.money[number])).encode()
        return Says(200, body, late=fares == "late")

    def callback(self, number: str, *, forged: bool = False) -> tuple[dict[str, str], bytes]:
        one = self.money[number]
        kind = "transfer.created" if one.state == "paid" else "transfer.reversed"
        body = json.dumps({"type": kind, "data": {"object": self._transfer(one)}}).encode()
        at = str(int(self.clock().timestamp()))
        secret = "whsec_somebody" if forged else SECRET
        signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={at},v1={signature}", "content-type": "application/json"}, body

    def _transfer(self, one: Money) -> dict[str, Any]:
        return {
            "id": one.reference,
            "object": "transfer",
            "amount": one.amount_minor,
            "amount_reversed": 0 if one.state == "paid" else one.amount_minor,
            "reversed": one.state != "paid",
            "currency": one.currency.lower(),
            "created": int(self.clock().timestamp()),
            "transfer_group": one.number,
            "metadata": {"payout_number": one.number},
        }
