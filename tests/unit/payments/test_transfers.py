"""What a channel's word does to a transfer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from fenxiao.payments.domain.transfers import HOPELESS_WAIT, Outcome, Standing, hear

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def standing(status: str = "queued", **changes: object) -> Standing:
    whole = Standing(
        channel="wechat",
        status=status,
        next_step="ask",
        asked=0,
        currency="CNY",
        amount_minor=100,
        first_sent_at=NOW,
    )
    return replace(whole, **changes)


@pytest.mark.parametrize(
    ("before", "word", "after", "step"),
    [
        ("queued", "processing", "processing", "ask"),
        ("queued", "awaiting_user", "awaiting_user", "ask"),
        ("queued", "unknown", "unknown", "ask"),
        ("queued", "later", "queued", "submit"),
        ("queued", "absent", "queued", "submit"),
        ("unknown", "unknown", "unknown", "ask"),
        ("unknown", "absent", "unknown", "submit"),
        ("unknown", "later", "unknown", "submit"),
        ("unknown", "paid", "paid", "ask"),
        ("unknown", "failed", "failed", "ask"),
        ("processing", "unknown", "processing", "ask"),
        ("processing", "absent", "processing", "ask"),
        ("awaiting_user", "processing", "processing", "ask"),
        ("awaiting_user", "absent", "awaiting_user", "ask"),
        ("processing", "paid", "paid", "ask"),
        ("paid", "processing", "paid", "ask"),
        ("paid", "absent", "paid", "ask"),
        ("failed", "unknown", "failed", "ask"),
        ("cancelled", "processing", "cancelled", "ask"),
    ],
)
def test_a_word_leads_to_a_status(before: str, word: str, after: str, step: str) -> None:
    verdict = hear(standing(before), Outcome(word=word), now=NOW, resend_within=DAY)
    assert (verdict.status, verdict.next_step) == (after, step)
    assert verdict.news is (before != after)
    assert verdict.contradiction is None
    assert (verdict.due_at is None) is (after in {"paid", "failed", "cancelled"})


@pytest.mark.parametrize("sent", [NOW - 2 * DAY, None])
def test_a_channel_that_may_have_forgotten_gets_nothing_again(sent: datetime | None) -> None:
    one = standing("unknown", first_sent_at=sent)
    verdict = hear(one, Outcome(word="absent"), now=NOW, resend_within=DAY)
    assert (verdict.status, verdict.next_step) == ("unknown", "ask")
    assert verdict.due_at == NOW + HOPELESS_WAIT


@pytest.mark.parametrize(
    ("before", "word", "kind"),
    [
        ("failed", "paid", "paid-after-failed"),
        ("cancelled", "paid", "paid-after-cancelled"),
        ("paid", "failed", "failed-after-paid"),
        ("paid", "paid", None),
        ("failed", "failed", None),
    ],
)
def test_a_word_against_the_end_is_told_once(before: str, word: str, kind: str | None) -> None:
    one = standing(before)
    verdict = hear(one, Outcome(word=word), now=NOW, resend_within=DAY)
    assert (verdict.status, verdict.contradiction, verdict.news) == (before, kind, False)
    known = replace(one, contradictions=frozenset({kind} if kind else ()))
    assert hear(known, Outcome(word=word), now=NOW, resend_within=DAY).contradiction is None


@pytest.mark.parametrize("changes", [{"amount_minor": 101}, {"currency": "USD"}])
@pytest.mark.parametrize("before", ["queued", "unknown", "paid"])
def test_another_amount_ends_nothing(before: str, changes: dict[str, object]) -> None:
    verdict = hear(standing(before), Outcome(word="paid", **changes), now=NOW, resend_within=DAY)
    assert (verdict.status, verdict.contradiction) == (before, "amount-differs")
    assert verdict.next_step == "ask"


def test_questions_become_rarer_and_never_cease() -> None:
    waits, one = [], standing("unknown")
    for _ in range(12):
        verdict = hear(one, Outcome(word="unknown"), now=NOW, resend_within=DAY)
        assert verdict.due_at is not None
        waits.append(verdict.due_at - NOW)
        one = replace(one, asked=verdict.asked)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=2), timedelta(hours=1))


def test_the_end_does_not_depend_on_the_order_of_the_words() -> None:
    for words in permutations(["processing", "unknown", "awaiting_user", "paid", "paid", "absent"]):
        one = standing("queued")
        for word in words:
            verdict = hear(one, Outcome(word=word), now=NOW, resend_within=DAY)
            assert verdict.contradiction is None
            one = replace(one, status=verdict.status, next_step=verdict.next_step, asked=verdict.asked)
        assert one.status == "paid"
