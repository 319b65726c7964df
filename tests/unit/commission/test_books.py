"""Days of the book, names of accounts, and the after-sale state."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fenxiao.commission.domain.accounts import AccountName, account_name, balance
from fenxiao.commission.domain.after_sale import steps_told
from fenxiao.commission.domain.books import BEGINNING, Content, Span, Sum, balanced, chained, next_day

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_days_follow_each_other_in_the_zone() -> None:
    first = next_day(None, NOON, SHANGHAI)
    assert first == Span(date(2026, 3, 1), datetime(2026, 3, 1, 16, tzinfo=UTC))
    assert next_day(first, NOON, SHANGHAI).ends_at == first.ends_at + timedelta(days=1)
    # West of it the same moment is in the day that is closed already.
    assert next_day(first, NOON, ZoneInfo("UTC")) == Span(date(2026, 3, 2), datetime(2026, 3, 3, tzinfo=UTC))
    # A day of summer time has 23 hours.
    before = Span(date(2026, 3, 28), datetime(2026, 3, 28, 23, tzinfo=UTC))
    assert next_day(before, NOON, ZoneInfo("Europe/Berlin")).ends_at - before.ends_at == timedelta(hours=23)


def test_a_hash_depends_on_all_that_it_is_about() -> None:
    span = Span(date(2026, 3, 1), NOON)
    content = Content(2, (Sum("CNY", "cash", 1, 2),), (b"a", b"b"))
    variants = [
        (BEGINNING, span, 5, content),
        (b"x" * 32, span, 5, content),
        (BEGINNING, Span(date(2026, 3, 2), NOON), 5, content),
        (BEGINNING, Span(span.day, NOON + timedelta(seconds=1)), 5, content),
        (BEGINNING, span, 6, content),
        (BEGINNING, span, 5, Content(3, content.sums, content.blocks)),
        (BEGINNING, span, 5, Content(2, (Sum("CNY", "cash", 1, 3),), content.blocks)),
        (BEGINNING, span, 5, Content(2, content.sums, (b"b", b"a"))),
    ]
    assert len({chained(*one) for one in variants}) == len(variants)


def test_debits_must_equal_credits_in_each_currency() -> None:
    even = [Sum("CNY", "cash", 5, 0), Sum("CNY", "available", 0, 5), Sum("JPY", "cash", 1, 1)]
    assert balanced([])
    assert balanced(even)
    assert not balanced([*even, Sum("JPY", "cash", 1, 0), Sum("USD", "cash", 0, 1)])


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("cash", AccountName("cash", None)),
        ("available:30", AccountName("available", 30)),
        *((text, None) for text in ("available", "cash:30", "available:", "available:030", "available:x", "other:3", "pending:３", "pending:" + "9" * 19)),
    ],
)  # fmt: skip
def test_an_account_has_one_name(text: str, account: AccountName | None) -> None:
    assert account_name(text) == account
    assert account is None or str(account) == text


def test_an_expense_stands_on_the_left() -> None:
    assert balance("cash", debit_minor=7, credit_minor=2) == 5
    assert balance("available", debit_minor=7, credit_minor=2) == -5


def test_a_refund_from_the_accrual_on_is_a_step() -> None:
    before, after = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    assert steps_told([], NOON, on_payment=False) == 1
    assert steps_told([before], NOON, on_payment=False) == 1
    assert steps_told([before, NOON, after], NOON, on_payment=False) == 3
    # What stands behind one that follows does so too, whatever its clock said.
    assert steps_told([after, before], NOON, on_payment=False) == 3
    assert steps_told([before], NOON, on_payment=True) == 2
