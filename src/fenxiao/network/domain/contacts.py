"""Names and contacts of a distributor: what they may look like, and how much of them is shown."""

import re

from fenxiao.kernel.errors import FieldError

NAME_CHARACTERS = 100

_PHONE = re.compile(r"\+?[0-9][0-9 \-]{3,22}[0-9]")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


def name_faults(display_name: str) -> tuple[FieldError, ...]:
    """What is wrong with a display name; empty when nothing is."""
    if display_name.strip() and display_name.isprintable() and len(display_name) <= NAME_CHARACTERS:
        return ()
    return (
        FieldError(
            "display_name", "Send a name of 1 to {most} visible characters.", {"most": NAME_CHARACTERS}
        ),
    )


def phone_faults(phone: str | None) -> tuple[FieldError, ...]:
    """What is wrong with a phone number; none at all is fine."""
    if phone is None or _PHONE.fullmatch(phone):
        return ()
    return (FieldError("phone", "Send a phone number of 5 to 25 digits, such as +86 138 1234 5678."),)


def email_faults(email: str | None) -> tuple[FieldError, ...]:
    """What is wrong with an e-mail address; none at all is fine."""
    if email is None or (_EMAIL.fullmatch(email) and email.isprintable()):
        return ()
    return (FieldError("email", "Send an e-mail address, such as wang@example.com."),)


def masked_phone(phone: str) -> str:
    """The first three and the last four digits of a long number, the last two of a short one: 138****5678."""
    digits = "".join(character for character in phone if character.isdigit())
    ahead, behind = (3, 4) if len(digits) >= 11 else (0, 2)  # noqa: PLR2004 - a mainland mobile number has eleven
    return digits[:ahead] + "*" * (len(digits) - ahead - behind) + digits[-behind:]


def masked_email(email: str) -> str:
    """The first letter and the domain: w***@example.com."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}***@{domain}"
