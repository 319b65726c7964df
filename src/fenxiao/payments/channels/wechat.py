"""WeChat Pay, merchant transfer (商家转账, v3 since 2025): the payee confirms in WeChat.

Requests are signed with the merchant's key; answers and callbacks must be signed by the platform's, or they are nobody's
word. https://pay.weixin.qq.com/doc/v3/merchant/4012716434 (transfer), 4012716437 (query), 4012712115 (callback).
"""

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fenxiao.kernel.clock import Clock
from fenxiao.payments.channels import csv_files, signing
from fenxiao.payments.channels.channel import Thanks, Told
from fenxiao.payments.channels.line import Line, NoAnswer, Reply, code, part, read_object, text
from fenxiao.payments.channels.settings import WeChat as Settings
from fenxiao.payments.domain.differences import StatementLine
from fenxiao.payments.domain.refusals import CallbackForged, CallbackUnreadable
from fenxiao.payments.domain.transfers import ChannelName, Order, Outcome, Word

PATH = "/v3/fund-app/mch-transfer/transfer-bills"
NAMED_FROM = 30
"""Fen; of less than this WeChat refuses a name, from 2,000 yuan on it demands one."""

CLOCKS_APART = 300
"""Seconds that a callback may be old; WeChat says five minutes."""

STATES: Mapping[str, Word] = {
    "ACCEPTED": "processing",
    "PROCESSING": "processing",
    "WAIT_USER_CONFIRM": "awaiting_user",
    "TRANSFERING": "processing",
    "CANCELING": "processing",
    "SUCCESS": "paid",
    "FAIL": "failed",
    "CANCELLED": "failed",
}
LATER = frozenset({"NOT_ENOUGH", "RATELIMIT_EXCEEDED", "FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED"})
REFUSED = frozenset({"PARAM_ERROR", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "OPENID_ERROR"})
"""Codes of which it is certain that no transfer was made; any other is asked about."""

REASONS: Mapping[str, str] = {
    "OVERDUE_CLOSE": "expired",
    "CANCELLED": "cancelled-at-channel",
    "NAME_NOT_CORRECT": "payee-mismatch",
    "OPENID_INVALID": "payee-unknown",
    "PAYEE_ACCOUNT_ABNORMAL": "payee-account",
    "REALNAME_ACCOUNT_RECEIVED_QUOTA_EXCEED": "limit-exceeded",
    "TRANSFER_QUOTA_EXCEED": "limit-exceeded",
    "DAY_RECEIVED_QUOTA_EXCEED": "limit-exceeded",
}


class WeChat:
    """微信商家转账."""

    name: ChannelName = "wechat"
    currencies: frozenset[str] | None = frozenset({"CNY"})
    resend_within = timedelta(days=25)
    """A query knows thirty days."""
    thanks = Thanks(body=b'{"code":"SUCCESS"}')

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._line = Line(settings.url)
        self._own = signing.private_key(settings.private_key)
        self._platform = signing.public_key(settings.platform_key)
        self._aead = AESGCM(settings.api_v3_key.encode())

    async def submit(self, order: Order) -> Outcome:
        """See `Channel`."""
        body: dict[str, Any] = {
            "appid": self._settings.appid,
            "out_bill_no": order.payout_number,
            "transfer_scene_id": self._settings.transfer_scene_id,
            "openid": order.number,
            "transfer_amount": order.amount_minor,
            "transfer_remark": self._settings.remark,
            "transfer_scene_report_infos": [
                {"info_type": kind, "info_content": content}
                for kind, content in self._settings.scene_report.items()
            ],
        }
        if self._settings.notify_url:
            body["notify_url"] = self._settings.notify_url
        if order.amount_minor >= NAMED_FROM:
            body["user_name"] = signing.encrypted(self._platform, order.holder)
        return await self._call("POST", PATH, msgspec.json.encode(body), order)

    async def ask(self, order: Order) -> Outcome:
        """See `Channel`."""
        return await self._call("GET", f"{PATH}/out-bill-no/{order.payout_number}", b"", order)

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        """See `Channel`."""
        if not self._is_platforms(headers, body):
            raise CallbackForged(channel=self.name)
        sealed = part(read_object(body), "resource")
        try:
            plain = self._aead.decrypt(
                (text(sealed, "nonce") or "").encode(),
                base64.b64decode(sealed.get("ciphertext") or "", validate=True),
                (sealed.get("associated_data") or "").encode(),
            )
        except (InvalidTag, binascii.Error, ValueError, TypeError, AttributeError) as error:
            raise CallbackUnreadable(channel=self.name) from error
        bill = read_object(plain)
        number, outcome = text(bill, "out_bill_no"), _read(bill)
        if number is None or outcome is None or text(bill, "mch_id") not in {None, self._settings.mchid}:
            raise CallbackUnreadable(channel=self.name)
        return [Told(payout_number=number, outcome=outcome)]

    def read_statement(self, content: bytes) -> list[StatementLine]:
        """The bill of the day's movements (资金账单) of the operating account: what went out for transfers, or came back."""
        names = ("微信支付业务单号", "业务类型", "收支类型", "收支金额（元）", "业务凭证号")
        found = csv_files.rows(content, names)
        return [
            StatementLine(
                line=row[0],
                payout_number=csv_files.number(row, "业务凭证号"),
                amount_minor=csv_files.amount(row, "收支金额（元）", "CNY"),
                currency="CNY",
                status="paid" if row[1]["收支类型"] == "支出" else "failed",
                reference=csv_files.reference(row, "微信支付业务单号"),
            )
            for row in found
            if "转账" in row[1]["业务类型"]
        ]

    async def _call(self, method: str, path: str, body: bytes, order: Order) -> Outcome:
        try:
            reply = await self._line.call(
                method, path, headers=self._headers(method, path, body), content=body
            )
        except NoAnswer as none:
            return Outcome(word="unknown" if none.sent or method == "GET" else "later")
        if not self._is_platforms(reply.headers, reply.body):
            return Outcome(word="unknown", code="UNSIGNED")
        outcome = _answer(reply, order)
        refused = method == "GET" and reply.status != 200 and outcome.word in {"failed", "later"}  # noqa: PLR2004
        # It is the question that was refused: nothing is said of the transfer.
        return Outcome(word="unknown", code=outcome.code) if refused else outcome

    def _headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        at, nonce = str(int(self._clock().timestamp())), secrets.token_hex(16)
        message = f"{method}\n{path}\n{at}\n{nonce}\n{body.decode()}\n"
        fields = {
            "mchid": self._settings.mchid,
            "nonce_str": nonce,
            "signature": signing.signed(self._own, message.encode()),
            "timestamp": at,
            "serial_no": self._settings.serial,
        }
        written = ",".join(f'{name}="{value}"' for name, value in fields.items())
        return {
            "authorization": f"WECHATPAY2-SHA256-RSA2048 {written}",
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": "Fenxiao",
            # Whose key the name is encrypted for.
            "wechatpay-serial": self._settings.platform_serial,
        }

    def _is_platforms(self, headers: Mapping[str, str], body: bytes) -> bool:
        at, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
        if headers.get("wechatpay-serial") != self._settings.platform_serial or not _plain(at):
            return False
        # An old callback said again says nothing new.
        if abs(int(at) - self._clock().timestamp()) > CLOCKS_APART:
            return False
        message = at.encode() + b"\n" + nonce.encode() + b"\n" + body + b"\n"
        return signing.is_signed(self._platform, message, headers.get("wechatpay-signature", ""))


def _plain(at: str) -> bool:
    return at.isascii() and at.isdigit() and len(at) < 13  # noqa: PLR2004 - seconds


def _answer(reply: Reply, order: Order) -> Outcome:
    found = reply.json()
    if reply.status == 200:  # noqa: PLR2004
        outcome = _read(found)
        mine = text(found, "out_bill_no") == order.payout_number
        return outcome if mine and outcome is not None else Outcome(word="unknown", code="UNREADABLE")
    said = code(text(found, "code"))
    if said in LATER:
        return Outcome(word="later", code=said, reason="insufficient-funds" if said == "NOT_ENOUGH" else None)
    if said == "NOT_FOUND":
        return Outcome(word="absent", code=said)
    if said in REFUSED:
        return Outcome(word="failed", code=said, reason="refused-by-channel")
    return Outcome(word="unknown", code=said)


def _read(bill: Mapping[str, Any]) -> Outcome | None:
    state = text(bill, "state") or ""
    word = STATES.get(state)
    if word is None:
        return None
    said = code(text(bill, "fail_reason")) or state
    amount = bill.get("transfer_amount")
    return Outcome(
        word=word,
        code=said,
        reason=REASONS.get(said, "refused-by-channel") if word == "failed" else None,
        reference=code(text(bill, "transfer_bill_no")),
        confirmation=text(bill, "package_info") if word == "awaiting_user" else None,
        at=_moment(text(bill, "update_time")) if word == "paid" else None,
        amount_minor=amount if type(amount) is int else None,
    )


def _moment(value: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
