"""Alipay, played: one gateway, RSA2 both ways."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from tests.fakes.wires import Asked, Money, Played, Says, key, private_pem, public_pem


def signed(signer: str, message: bytes) -> str:
    return base64.b64encode(key(signer).sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def joined(form: dict[str, str], *without: str) -> bytes:
    return "&".join(f"{name}={form[name]}" for name in sorted(form) if name not in without).encode()


class Alipay(Played):
    name = "alipay"
    payee = "wang@example.com"
    done = "SUCCESS"

    def section(self) -> str:
        return f"""
[alipay]
url = "{self.url}/gateway.do"
app_id = "2021000000000001"
private_key = '''{private_pem("application")}'''
alipay_key = '''{public_pem("ant")}'''
app_cert_sn = "0a1b"
root_cert_sn = "2c3d"
title = "佣金"
"""

    def answer(self, asked: Asked) -> Says:
        form = dict(parse_qsl(asked.body.decode()))
        method, content = form["method"], json.loads(form["biz_content"])
        try:
            key("application").public_key().verify(
                base64.b64decode(form["sign"]), joined(form, "sign"), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return self._says(method, {"code": "40002", "sub_code": "isv.invalid-signature"})
        number = content["out_biz_no"]
        if method == "alipay.fund.trans.common.query":
            asks = self.asks.pop(0) if self.asks else "ok"
            one = self.money.get(number)
            found = {"code": "40004", "sub_code": "ORDER_NOT_EXIST"} if one is None else self._order(one)
            if asks == "refuse":
                found = {"code": "40004", "sub_code": "INVALID_PARAMETER"}
            return Says(none=True) if asks == "drop" else self._says(method, found, forged=asks == "forge")
        return self._transfer(method, number, content)

    def _transfer(self, method: str, number: str, content: dict[str, Any]) -> Says:
        fares = self.fares()
        if fares == "lost":
            return Says(none=True)
        if fares == "poor":
            return self._says(method, {"code": "40004", "sub_code": "PAYER_BALANCE_NOT_ENOUGH"})
        if number not in self.money:
            payee = content["payee_info"]
            whole, cents = content["trans_amount"].split(".")
            self.money[number] = Money(
                number,
                int(whole) * 100 + int(cents),
                "CNY",
                f"{payee['name']} {payee['identity']}",
                "",
                uuid4().hex[:28],
            )
            self.settle(number, {"fail": "FAIL", "wait": "WAIT_PAY"}.get(fares, "SUCCESS"))
        if fares == "drop":
            return Says(none=True)
        said = self._says(method, self._order(self.money[number]), forged=fares == "forge")
        said.late = fares == "late"
        return said

    def callback(self, number: str, *, forged: bool = False) -> tuple[dict[str, str], bytes]:
        form = {
            "app_id": "2021000000000001",
            "msg_method": "alipay.fund.trans.order.changed",
            "biz_content": json.dumps({**self._order(self.money[number]), "code": None}, ensure_ascii=False),
            "sign_type": "RSA2",
            "charset": "utf-8",
            "notify_id": uuid4().hex,
        }
        form["sign"] = signed("somebody" if forged else "ant", joined(form, "sign", "sign_type"))
        return {"content-type": "application/x-www-form-urlencoded"}, urlencode(form).encode()

    def _order(self, one: Money) -> dict[str, Any]:
        order = {
            "code": "10000",
            "msg": "Success",
            "out_biz_no": one.number,
            "order_id": one.reference,
            "status": one.state,
            "trans_amount": f"{one.amount_minor // 100}.{one.amount_minor % 100:02}",
        }
        return {**order, "error_code": "PAYEE_USERINFO_ERROR"} if one.state == "FAIL" else order

    def _says(self, method: str, content: dict[str, Any], *, forged: bool = False) -> Says:
        # Spaces and an escape, so that whoever writes the object anew gets other bytes.
        inner = json.dumps({**content, "msg": "成功 / ok"}, indent=1)
        name = method.replace(".", "_") + "_response"
        sign = signed("somebody" if forged else "ant", inner.encode())
        return Says(200, f'{{"{name}":{inner},"sign":"{sign}"}}'.encode())
