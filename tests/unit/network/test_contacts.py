"""Names and contacts: what they may be and what is shown of them."""

import pytest

from fenxiao.network.domain.contacts import (
    email_faults,
    masked_email,
    masked_phone,
    name_faults,
    phone_faults,
)


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13812345678", "138****5678"),
        ("+86 138 1234 5678", "861******5678"),
        ("12345", "***45"),
        ("0571-8765432", "057****5432"),
    ],
)
def test_phones_are_masked(phone: str, masked: str) -> None:
    assert phone_faults(phone) == ()
    assert masked_phone(phone) == masked


@pytest.mark.parametrize(
    ("email", "masked"), [("wang@example.com", "w***@example.com"), ("w@x.cn", "w***@x.cn")]
)
def test_mail_addresses_are_masked(email: str, masked: str) -> None:
    assert email_faults(email) == ()
    assert masked_email(email) == masked


@pytest.mark.parametrize(
    "phone", ["", "1", "1234", "call 12345", "12345678901234567890123456", "+", "１２３４５６７"]
)
def test_what_is_no_phone(phone: str) -> None:
    assert [fault.field for fault in phone_faults(phone)] == ["phone"]


@pytest.mark.parametrize("email", ["", "wang", "@x", "a@", "a b@x.cn", "a@b@c", "a\u200b\n@x.cn"])
def test_what_is_no_mail_address(email: str) -> None:
    assert [fault.field for fault in email_faults(email)] == ["email"]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_what_is_no_name(name: str) -> None:
    assert [fault.field for fault in name_faults(name)] == ["display_name"]


def test_a_name_in_any_script_is_fine() -> None:
    assert name_faults("王芳 (Wang)") == ()
