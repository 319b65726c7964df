"""Signatures, delays, verdicts, subscriptions, and the texts of notices."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.infra import i18n
from fenxiao.kernel.errors import Invalid
from fenxiao.notifications.domain import attempts, notices, patience, signature, subscription
from fenxiao.notifications.domain.attempts import Fault, Outcome

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
# The worked example that the libraries of Standard Webhooks share.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_worked_example_of_the_specification() -> None:
    made = signature.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [SECRET])
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": EXAMPLE,
    }


def test_while_keys_change_each_signs() -> None:
    other = signature.secret(bytes(range(32)))
    made = signature.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [other, SECRET]
    )
    first, second = made["webhook-signature"].split(" ")
    assert second == EXAMPLE
    assert first.startswith("v1,")
    assert first != second


def test_a_secret_has_the_form_that_libraries_take() -> None:
    assert signature.secret(bytes(32)) == "whsec_" + "A" * 43 + "="


def test_ten_attempts_in_about_a_day() -> None:
    assert patience.ATTEMPTS == 10
    least = [patience.next_delay(failed, 0.0) for failed in range(1, 10)]
    most = [patience.next_delay(failed, 1.0) for failed in range(1, 10)]
    assert sum(least, timedelta()) == timedelta(hours=22, minutes=42, seconds=35)
    assert sum(most, timedelta()) == 1.2 * sum(least, timedelta())
    assert least == sorted(least)
    assert patience.next_delay(10, 0.0) is None


@given(st.integers(1, 9), st.floats(0, 1), st.integers(0, 10**8))
def test_a_receivers_wish_only_makes_us_wait_longer_and_not_too_long(
    failed: int, chance: float, wish: int
) -> None:
    alone = patience.next_delay(failed, chance)
    wished = patience.next_delay(failed, chance, timedelta(seconds=wish))
    assert alone is not None
    assert wished is not None
    assert alone <= wished <= max(alone, patience.LONGEST_WISH)


@pytest.mark.parametrize(
    ("days", "failures", "broken"), [(2.9, 50, False), (3, 19, False), (3, 20, True), (10, 500, True)]
)
def test_when_a_webhook_counts_as_broken(days: float, failures: int, broken: bool) -> None:
    assert patience.is_broken(NOW - timedelta(days=days), failures, NOW) is broken
    assert patience.is_broken(None, 0, NOW) is False


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (200, None),
        (204, None),
        (299, None),
        (101, Fault.STATUS),
        (301, Fault.REDIRECT),
        (307, Fault.REDIRECT),
        (400, Fault.STATUS),
        (410, Fault.GONE),
        (429, Fault.STATUS),
        (500, Fault.STATUS),
    ],
)
def test_what_a_status_means(status: int, fault: Fault | None) -> None:
    assert attempts.fault_of(status) is fault


@pytest.mark.parametrize(
    ("fault", "failed", "once", "state"),
    [
        (None, 0, False, "delivered"),
        (None, 9, True, "delivered"),
        (Fault.STATUS, 0, False, "pending"),
        (Fault.STATUS, 8, False, "pending"),
        (Fault.STATUS, 9, False, "dead"),
        (Fault.STATUS, 0, True, "dead"),
        (Fault.GONE, 0, False, "dead"),
        (Fault.TIMEOUT, 3, False, "pending"),
    ],
)
def test_what_follows_from_an_attempt(fault: Fault | None, failed: int, once: bool, state: str) -> None:
    outcome = Outcome(at=NOW, milliseconds=5, fault=fault)
    verdict = attempts.judge(outcome, failed_before=failed, once=once, now=NOW, chance=lambda: 0.0)
    assert verdict.state == state
    assert (verdict.due_at is not None) == (state == "pending")
    if state == "pending":
        assert verdict.due_at == NOW + patience.DELAYS[failed]


def test_an_answer_is_cut_and_can_be_stored() -> None:
    assert attempts.kept(b"\xff\x00" + b"a" * 5000) == "\N{REPLACEMENT CHARACTER}" * 2 + "a" * 1022


def test_subscriptions() -> None:
    known = ("a.b", "c.d")
    assert subscription.settled(["c.d", "a.b", "c.d"], known) == ("a.b", "c.d")
    assert subscription.settled(["a.b", "*"], known) == ("*",)
    assert subscription.wants({"*"}, "x.y")
    assert subscription.wants({"a.b"}, "a.b")
    assert not subscription.wants({"a.b"}, "c.d")
    for wrong in ([], ["a.b", "no.such"]):
        with pytest.raises(Invalid) as refused:
            subscription.settled(wrong, known)
        assert refused.value.errors[0].field == "event_types"


@pytest.mark.parametrize(
    "text", [*notices.TITLES.values(), *notices.TEXTS.values(), notices.GONE, notices.UNDONE]
)
def test_every_notice_is_told_in_chinese_too(text: str) -> None:
    assert i18n.translate(text, "zh") != text


def test_every_kind_has_a_title_and_a_text() -> None:
    assert set(notices.TITLES) == set(notices.TEXTS)
    assert notices.template(notices.WEBHOOK_DISABLED, {"reason": "gone"}) == notices.GONE
    assert notices.template(notices.WEBHOOK_DISABLED, {"reason": "failing"}) != notices.GONE
    kinds = ("paid-after-failed", "paid-after-rejected", "failed-after-paid")
    twice, again, undone = (
        notices.template(notices.PAYOUT_CONTRADICTED, {"contradiction": kind}) for kind in kinds
    )
    assert twice == again != undone == notices.UNDONE
