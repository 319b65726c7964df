"""What a username and a password may look like."""

import unicodedata

from fenxiao.kernel.errors import FieldError

USERNAME_CHARACTERS = (1, 64)
PASSWORD_CHARACTERS = (8, 200)
"""At least eight (NIST SP 800-63B §3.1.1.2); the upper bound only keeps hashing from becoming an attack."""

_LENGTH = "This must have from {least} to {most} characters."


def folded(username: str) -> str:
    """The form in which usernames are compared: compatibility forms and case do not make another name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def faults(username: str, password: str) -> tuple[FieldError, ...]:
    """What is wrong with the credentials of a new account; empty when nothing is."""
    return (*_username_faults(username), *_length("password", password, PASSWORD_CHARACTERS))


def _username_faults(username: str) -> tuple[FieldError, ...]:
    if any(character.isspace() or not character.isprintable() for character in username):
        return (FieldError("username", "A username has no spaces and no invisible characters."),)
    return _length("username", username, USERNAME_CHARACTERS)


def _length(field: str, value: str, bounds: tuple[int, int]) -> tuple[FieldError, ...]:
    least, most = bounds
    if least <= len(value) <= most:
        return ()
    return (FieldError(field, _LENGTH, {"least": least, "most": most}),)
