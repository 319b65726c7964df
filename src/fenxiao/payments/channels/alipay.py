"""Alipay: alipay.fund.trans.uni.transfer and its query, RSA2.

The gateway's answers are signed over the very bytes of their inner object, notifications over their sorted fields.
https://opendocs.alipay.com/open/62987723_alipay.fund.trans.uni.transfer
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import msgspec

from fenxiao.kernel.clock import Clock
from fenxiao.kernel.money import from_minor, to_minor
from fenxiao.payments.channels import csv_files, signing
from fenxiao.payments.channels.channel import Thanks, Told
from fenxiao.payments.channels.line import Line, NoAnswer, code, read_object, text
from fenxiao.payments.channels.settings import Alipay as Settings
from fenxiao.payments.domain.differences import StatementLine
from fenxiao.payments.domain.refusals import CallbackForged, CallbackUnreadable
from fenxiao.payments.domain.transfers import NUMBER, ChannelName, Order, Outcome, Word

TRANSFER = "alipay.fund.trans.uni.transfer"
QUERY = "alipay.fund.trans.common.query"
PRODUCT = {"product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER"}
DONE = "10000"
BEIJING = ZoneInfo("Asia/Shanghai")

STATES: Mapping[str, Word] = {
    "SUCCESS": "paid",
    "FAIL": "failed",
    "CLOSED": "failed",
    "REFUND": "failed",
    "DEALING": "processing",
    "WAIT_PAY": "processing",
    "INIT": "processing",
}
LATER = frozenset({"PAYER_BALANCE_NOT_ENOUGH", "BALANCE_IS_NOT_ENOUGH"})
ABSENT = frozenset({"ORDER_NOT_EXIST"})
REASONS: Mapping[str, str] = {
    "PAYEE_NOT_EXIST": "payee-unknown",
    "PAYEE_USERINFO_ERROR": "payee-mismatch",
    "PAYEE_USER_INFO_ERROR": "payee-mismatch",
    "PAYEE_ACC_OCUPIED": "payee-account",
    "PAYEE_CERTIFY_LEVEL_LIMIT": "payee-account",
    "PERMIT_CHECK_PERM_LIMITED": "limit-exceeded",
    "EXCEED_LIMIT_SM_AMOUNT": "limit-exceeded",
    "EXCEED_LIMIT_DM_AMOUNT": "limit-exceeded",
    "INVALID_PARAMETER": "refused-by-channel",
}
"""Codes of which it is certain that no transfer was made; any other is asked about."""


class Alipay:
    """支付宝转账."""

    name: ChannelName = "alipay"
    currencies: frozenset[str] | None = frozenset({"CNY"})
    resend_within = timedelta(days=7)
    thanks = Thanks(media_type="text/plain", body=b"success")

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._line = Line(settings.url)
        self._own = signing.private_key(settings.private_key)
        self._theirs = signing.public_key(settings.alipay_key)

    async def submit(self, order: Order) -> Outcome:
        """See `Channel`."""
        content = {
            **PRODUCT,
            "out_biz_no": order.payout_number,
            "trans_amount": from_minor(order.amount_minor, order.currency),
            "order_title": self._settings.title,
            "payee_info": {
                "identity": order.number,
                "identity_type": "ALIPAY_LOGON_ID",
                "name": order.holder,
            },
        }
        return await self._call(TRANSFER, content, order)

    async def ask(self, order: Order) -> Outcome:
        """See `Channel`."""
        return await self._call(QUERY, {**PRODUCT, "out_biz_no": order.payout_number}, order)

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:  # noqa: ARG002
        """See `Channel`; alipay.fund.trans.order.changed."""
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=100)
        except ValueError as error:
            raise CallbackUnreadable(channel=self.name) from error
        form = dict(pairs)
        if len(form) != len(pairs) or not self._is_theirs(form):
            raise CallbackForged(channel=self.name)
        found = read_object(form.get("biz_content", ""))
        number, outcome = text(found, "out_biz_no"), _read(found)
        if form.get("app_id") != self._settings.app_id or number is None or outcome is None:
            raise CallbackUnreadable(channel=self.name)
        return [Told(payout_number=number, outcome=outcome)]

    def read_statement(self, content: bytes) -> list[StatementLine]:
        """The account's bill (账务明细): what went out under one of our numbers, or came back."""
        names = ("账务流水号", "商户订单号", "收入金额（+元）", "支出金额（-元）")
        lines = []
        for row in csv_files.rows(content, names):
            # Other business of the same account has numbers of another make, or none.
            if not NUMBER.fullmatch(row[1]["商户订单号"]) or "转账" not in row[1].get("业务类型", "转账"):
                continue
            out = csv_files.amount(row, "支出金额（-元）", "CNY") if row[1]["支出金额（-元）"] else 0
            back = csv_files.amount(row, "收入金额（+元）", "CNY") if row[1]["收入金额（+元）"] else 0
            lines.append(
                StatementLine(
                    line=row[0],
                    payout_number=row[1]["商户订单号"],
                    amount_minor=out or back,
                    currency="CNY",
                    status="paid" if out else "failed",
                    reference=csv_files.reference(row, "账务流水号"),
                )
            )
        return lines

    async def _call(self, method: str, content: Mapping[str, Any], order: Order) -> Outcome:
        form = self._form(method, content)
        headers = {"content-type": "application/x-www-form-urlencoded;charset=utf-8", "user-agent": "Fenxiao"}
        try:
            reply = await self._line.call("POST", "", headers=headers, content=urlencode(form).encode())
        except NoAnswer as none:
            return Outcome(word="unknown" if none.sent or method == QUERY else "later")
        found = self._inner(method, reply.body)
        if found is None:
            return Outcome(word="unknown", code="UNSIGNED")
        if text(found, "code") != DONE:
            refusal = _refusal(found)
            # Of a question that was refused nothing follows for the transfer.
            asked = method == QUERY and refusal.word in {"failed", "later"}
            return Outcome(word="unknown", code=refusal.code) if asked else refusal
        outcome = _read(found)
        mine = text(found, "out_biz_no") in {None, order.payout_number}
        return outcome if mine and outcome is not None else Outcome(word="unknown", code="UNREADABLE")

    def _form(self, method: str, content: Mapping[str, Any]) -> dict[str, str]:
        form = {
            "app_id": self._settings.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": self._clock().astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "app_cert_sn": self._settings.app_cert_sn,
            "alipay_root_cert_sn": self._settings.root_cert_sn,
            "biz_content": msgspec.json.encode(content).decode(),
        }
        form = {name: value for name, value in form.items() if value}
        return {**form, "sign": signing.signed(self._own, _sorted(form, without={"sign"}))}

    def _inner(self, method: str, body: bytes) -> dict[str, Any] | None:
        """The answer's inner object, whose very bytes are signed; None if the signature is not Alipay's."""
        head = f'"{method.replace(".", "_")}_response":'
        try:
            whole = body.decode()
            start = whole.index(head) + len(head)
            _, end = json.JSONDecoder().raw_decode(whole, start)
            signature = text(read_object(body), "sign") or ""
        except ValueError:
            return None
        inner = whole[start:end]
        return read_object(inner) if signing.is_signed(self._theirs, inner.encode(), signature) else None

    def _is_theirs(self, form: Mapping[str, str]) -> bool:
        # Plain notifications leave `sign_type` out of what is signed, those of the message service do not.
        return any(
            signing.is_signed(self._theirs, _sorted(form, without=without), form.get("sign", ""))
            for without in ({"sign", "sign_type"}, {"sign"})
        )


def _sorted(form: Mapping[str, str], *, without: set[str]) -> bytes:
    return "&".join(
        f"{name}={value}" for name, value in sorted(form.items()) if value and name not in without
    ).encode()


def _refusal(found: Mapping[str, Any]) -> Outcome:
    said = code(text(found, "sub_code"))
    if said in LATER:
        return Outcome(word="later", code=said, reason="insufficient-funds")
    if said in ABSENT:
        return Outcome(word="absent", code=said)
    if said is not None and said in REASONS:
        return Outcome(word="failed", code=said, reason=REASONS[said])
    return Outcome(word="unknown", code=said)


def _read(found: Mapping[str, Any]) -> Outcome | None:
    state = text(found, "status") or ""
    word = STATES.get(state)
    if word is None:
        return None
    said = code(text(found, "error_code")) or state
    return Outcome(
        word=word,
        code=said,
        reason=REASONS.get(said, "refused-by-channel") if word == "failed" else None,
        reference=code(text(found, "order_id")),
        at=_moment(text(found, "pay_date") or text(found, "trans_date")) if word == "paid" else None,
        amount_minor=_amount(found.get("trans_amount")),
    )


def _amount(value: Any) -> int | None:
    try:
        return None if value is None else to_minor(str(value), "CNY")
    except ValueError:
        return None


def _moment(value: str | None) -> datetime | None:
    try:
        return datetime.strptime(value or "", "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    except ValueError:
        return None
