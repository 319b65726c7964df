"""Payout accounts: what a holder and a number may look like in each channel, and how much of them is shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from fenxiao.kernel.errors import Conflict, FieldError, NotFound

Channel = Literal["bank", "alipay", "wechat", "paypal", "stripe"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
# Where a person makes the transfer and confirms it.
MANUAL: Channel = "bank"

HOLDER_CHARACTERS = 100
DETAIL_CHARACTERS = 200

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}", re.ASCII)
_PHONE = re.compile(r"\+?[0-9]{5,20}", re.ASCII)
_NUMBERS: Mapping[Channel, tuple[re.Pattern[str], ...]] = {
    "bank": (re.compile(r"[0-9A-Z]{5,34}", re.ASCII),),
    "alipay": (_EMAIL, _PHONE),
    "wechat": (re.compile(r"[0-9A-Za-z_\-]{6,64}", re.ASCII),),
    "paypal": (_EMAIL,),
    "stripe": (re.compile(r"acct_[0-9A-Za-z]{5,60}", re.ASCII),),
}
NUMBER_FAULTS: Mapping[Channel, str] = {
    "bank": "Send an account number or IBAN of 5 to 34 digits and letters.",
    "alipay": "Send the e-mail address or phone number of the Alipay account.",
    "wechat": "Send the openid of the WeChat user.",
    "paypal": "Send the e-mail address of the PayPal account.",
    "stripe": "Send the id of the connected account, such as acct_1A2b3C4d5E.",
}
HOLDER_FAULT = "Send the holder's name, 1 to {most} visible characters."
DETAIL_FAULT = "Send 1 to {most} visible characters, or leave the field out."


class PayoutAccountMissing(NotFound):
    """There is no payout account {account_id}."""

    code = "payout-account-missing"


class PayoutAccountClosed(Conflict):
    """Payout account {account_id} is closed; register the account anew."""

    code = "payout-account-closed"


class PayoutAccountKnown(Conflict):
    """The account is registered already, as payout account {account_id}."""

    code = "payout-account-known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where money goes, in the clear. `number` is in the form that `normalised` makes; never logged."""

    channel: Channel
    holder: str
    number: str
    bank: str | None = None
    branch: str | None = None

    def __repr__(self) -> str:
        """Nothing of it: a trace back must not print it."""
        return f"Destination({self.channel})"


def normalised(channel: Channel, number: str) -> str:
    """One form for one account: no spaces; capitals for a bank's, small letters for an address."""
    plain = re.sub(r"\s+", "", number) if channel != "bank" else re.sub(r"[\s\-]+", "", number)
    if channel == "bank":
        return plain.upper()
    return plain.lower() if "@" in plain else plain


def faults(destination: Destination) -> tuple[FieldError, ...]:
    """What is wrong with it; empty when nothing is."""
    found: list[FieldError] = []
    holder = destination.holder
    if not (holder.strip() and holder.isprintable() and len(holder) <= HOLDER_CHARACTERS):
        found.append(FieldError("holder", HOLDER_FAULT, {"most": HOLDER_CHARACTERS}))
    if not any(form.fullmatch(destination.number) for form in _NUMBERS[destination.channel]):
        found.append(FieldError("number", NUMBER_FAULTS[destination.channel]))
    for field, value in (("bank", destination.bank), ("branch", destination.branch)):
        if value is not None and not (
            value.strip() and value.isprintable() and len(value) <= DETAIL_CHARACTERS
        ):
            found.append(FieldError(field, DETAIL_FAULT, {"most": DETAIL_CHARACTERS}))
    return tuple(found)


def masked_holder(holder: str) -> str:
    """The first letter: 王**."""
    return holder[:1] + "*" * min(len(holder) - 1, 3)


def masked_number(number: str) -> str:
    """The last four of a long number, the last of a short one; of an address the first letter and the domain."""
    if "@" in number:
        name, _, domain = number.partition("@")
        return f"{name[:1]}***@{domain}"
    shown = 4 if len(number) >= 12 else 1  # noqa: PLR2004 - a third at most
    return "****" + number[-shown:]
