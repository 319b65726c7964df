"""Transfers (转账): their states, and what a channel's word does to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

ChannelName = Literal["bank", "alipay", "wechat", "paypal", "stripe"]
CHANNELS: tuple[ChannelName, ...] = get_args(ChannelName)
BANK: ChannelName = "bank"

Status = Literal["queued", "processing", "awaiting_user", "unknown", "paid", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = get_args(Status)
ENDED: frozenset[Status] = frozenset({"paid", "failed", "cancelled"})

Word = Literal["processing", "awaiting_user", "paid", "failed", "later", "absent", "unknown"]
"""What a channel says. `later`: it did not take the transfer, the same number may be sent again. `absent`: it does not
know the number. `unknown`: it did not answer, or nobody can tell that the answer was its own."""

Kind = Literal["submit", "ask", "callback", "file"]
"""How it came to say so."""

NextStep = Literal["submit", "ask"]

NUMBER = re.compile(r"[0-9A-Za-z]{1,32}", re.ASCII)

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
DOUBLINGS = 6
HOPELESS_WAIT = timedelta(days=1)
"""How often a channel is asked that no longer knows whether it ever had a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a channel is to carry out, or is asked about. Holder and number are in the clear: never logged."""

    payout_number: str
    currency: str
    amount_minor: int
    holder: str = ""
    number: str = ""
    bank: str | None = None
    branch: str | None = None
    reference: str | None = None
    first_sent_at: datetime | None = None

    def __repr__(self) -> str:
        """Nothing of the payee."""
        return f"Order({self.payout_number})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was said. `code` is the channel's own word, `reason` ours; `amount_minor` is told where the channel tells it.

    `confirmation` is what the payee's app needs to ask him (WeChat: `package_info`).
    """

    word: Word
    code: str | None = None
    reason: str | None = None
    reference: str | None = None
    confirmation: str | None = None
    at: datetime | None = None
    amount_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A transfer as it is known, under its row lock. `asked` counts questions since the last news."""

    channel: str
    status: Status
    next_step: NextStep
    asked: int
    currency: str
    amount_minor: int
    first_sent_at: datetime | None
    contradictions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of it. `news`: the status changed. `contradiction`: the word is against what is known; told once."""

    status: Status
    next_step: NextStep
    asked: int
    due_at: datetime | None
    news: bool = False
    contradiction: str | None = None


def hear(one: Standing, told: Outcome, *, now: datetime, resend_within: timedelta) -> Verdict:
    """What the word does. Ends do not depend on order or number of the words; an end is never taken back.

    `resend_within`: how long after the first sending a channel that does not know a number surely never had it.
    """
    if one.status in ENDED or _other_amount(one, told):
        return _against(one, told, now)
    if told.word in {"paid", "failed"}:
        status: Status = "paid" if told.word == "paid" else "failed"
        return Verdict(status=status, next_step="ask", asked=0, due_at=None, news=True)
    if told.word == "later" or (told.word == "absent" and _never_had_it(one, now, resend_within)):
        return _again(one, now)
    if told.word == "absent":
        return _wait(one, one.status, now, HOPELESS_WAIT)
    if told.word == "unknown":
        # One question without an answer changes nothing of what was said before.
        return _wait(one, "unknown" if one.status == "queued" else one.status, now)
    return _wait(one, told.word, now)


def _never_had_it(one: Standing, now: datetime, resend_within: timedelta) -> bool:
    """Whether a channel that does not know the number surely never had it."""
    known = one.status in {"processing", "awaiting_user"}
    return not known and one.first_sent_at is not None and now - one.first_sent_at <= resend_within


def _again(one: Standing, now: datetime) -> Verdict:
    due = None if one.channel == BANK else now + _patience(one.asked)
    return Verdict(status=one.status, next_step="submit", asked=one.asked + 1, due_at=due)


def _wait(one: Standing, status: Status, now: datetime, patience: timedelta | None = None) -> Verdict:
    news = status != one.status
    asked = 0 if news else one.asked + 1
    due = None if one.channel == BANK else now + (patience or _patience(asked))
    return Verdict(status=status, next_step="ask", asked=asked, due_at=due, news=news)


def _patience(asked: int) -> timedelta:
    doubled: int = 2 ** min(asked, DOUBLINGS)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)


def _other_amount(one: Standing, told: Outcome) -> bool:
    wrong = told.amount_minor is not None and told.amount_minor != one.amount_minor
    return wrong or (told.currency is not None and told.currency != one.currency)


def _against(one: Standing, told: Outcome, now: datetime) -> Verdict:
    kinds: Mapping[tuple[str, str], str] = {
        ("failed", "paid"): "paid-after-failed",
        ("cancelled", "paid"): "paid-after-cancelled",
        ("paid", "failed"): "failed-after-paid",
    }
    kind = "amount-differs" if _other_amount(one, told) else kinds.get((one.status, told.word))
    waits = one.status not in ENDED and one.channel != BANK
    return Verdict(
        status=one.status,
        next_step="ask" if waits else one.next_step,
        asked=one.asked + waits,
        due_at=now + _patience(one.asked) if waits else None,
        contradiction=kind if kind not in one.contradictions else None,
    )
