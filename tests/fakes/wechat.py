"""WeChat Pay, played: checks our signatures, signs its own, encrypts its callbacks."""

import base64
import json
import re
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.fakes.wires import Asked, Money, Played, Says, key, private_pem, public_pem

API_KEY = "0123456789abcdef0123456789abcdef"
PATH = "/v3/fund-app/mch-transfer/transfer-bills"
STATES = {"ok": "ACCEPTED", "wait": "WAIT_USER_CONFIRM", "fail": "FAIL"}


class WeChat(Played):
    name = "wechat"
    payee = "oWx-openid_000001"
    done = "SUCCESS"

    def section(self) -> str:
        return f"""
[wechat]
url = "{self.url}"
mchid = "1900000001"
appid = "wx0000000000000001"
serial = "MERCHANT01"
private_key = '''{private_pem("merchant")}'''
platform_serial = "PUB_KEY_ID_01"
platform_key = '''{public_pem("tencent")}'''
api_v3_key = "{API_KEY}"
transfer_scene_id = "1005"
scene_report = {{ "岗位类型" = "分销商", "报酬说明" = "佣金" }}
remark = "佣金"
notify_url = "https://shop.example/api/payments/callbacks/wechat"
"""

    def answer(self, asked: Asked) -> Says:
        if not self._is_merchants(asked):
            return self._says(401, {"code": "SIGN_ERROR"})
        if asked.method == "GET":
            asks = self.asks.pop(0) if self.asks else "ok"
            one = self.money.get(asked.path.rsplit("/", 1)[1])
            found = (404, {"code": "NOT_FOUND"}) if one is None else (200, self._bill(one))
            if asks == "refuse":
                found = (400, {"code": "PARAM_ERROR"})
            return Says(none=True) if asks == "drop" else self._says(*found, forged=asks == "forge")
        return self._transfer(json.loads(asked.body))

    def _transfer(self, body: dict[str, Any]) -> Says:
        fares, number = self.fares(), body["out_bill_no"]
        if fares == "lost":
            return Says(none=True)
        if fares == "poor":
            return self._says(403, {"code": "NOT_ENOUGH"})
        if number not in self.money:
            name = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
            holder = key("tencent").decrypt(base64.b64decode(body["user_name"]), name).decode()
            state = STATES.get(fares, "ACCEPTED")
            self.money[number] = Money(
                number, body["transfer_amount"], "CNY", f"{holder} {body['openid']}", state, uuid4().hex[:20]
            )
        if fares == "drop":
            return Says(none=True)
        said = self._says(200, self._bill(self.money[number]), forged=fares == "forge")
        said.late = fares == "late"
        return said

    def callback(self, number: str, *, forged: bool = False) -> tuple[dict[str, str], bytes]:
        nonce, kind = "abcdefghijkl", b"mch_payment"
        plain = json.dumps(self._bill(self.money[number])).encode()
        resource = {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": kind.decode(),
            "ciphertext": base64.b64encode(
                AESGCM(API_KEY.encode()).encrypt(nonce.encode(), plain, kind)
            ).decode(),
        }
        body = json.dumps({"event_type": "MCHTRANSFER.BILL.FINISHED", "resource": resource}).encode()
        return self._signed(body, "somebody" if forged else "tencent"), body

    def _bill(self, one: Money) -> dict[str, Any]:
        bill = {
            "mch_id": "1900000001",
            "out_bill_no": one.number,
            "transfer_bill_no": one.reference,
            "transfer_amount": one.amount_minor,
            "state": one.state,
            "update_time": self.clock().isoformat(),
        }
        if one.state == "WAIT_USER_CONFIRM":
            bill["package_info"] = f"package-of-{one.number}"
        if one.state == "FAIL":
            bill["fail_reason"] = "OVERDUE_CLOSE"
        return bill

    def _is_merchants(self, asked: Asked) -> bool:
        fields = dict(re.findall(r'(\w+)="([^"]*)"', asked.headers["authorization"]))
        message = f"{asked.method}\n{asked.target}\n{fields['timestamp']}\n{fields['nonce_str']}\n{asked.body.decode()}\n"
        try:
            key("merchant").public_key().verify(
                base64.b64decode(fields["signature"]), message.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return False
        return fields["mchid"] == "1900000001" and fields["serial_no"] == "MERCHANT01"

    def _signed(self, body: bytes, signer: str) -> dict[str, str]:
        at, nonce = str(int(self.clock().timestamp())), uuid4().hex
        message = f"{at}\n{nonce}\n{body.decode()}\n".encode()
        signature = key(signer).sign(message, padding.PKCS1v15(), hashes.SHA256())
        return {
            "wechatpay-timestamp": at,
            "wechatpay-nonce": nonce,
            "wechatpay-serial": "PUB_KEY_ID_01",
            "wechatpay-signature": base64.b64encode(signature).decode(),
            "content-type": "application/json",
        }

    def _says(self, status: int, content: dict[str, Any], *, forged: bool = False) -> Says:
        body = json.dumps(content).encode()
        return Says(status, body, self._signed(body, "somebody" if forged else "tencent"))
