"""Why a token is not given, in the words of OAuth 2.0 (RFC 6749 §5.2)."""

from typing import ClassVar

from fenxiao.kernel.errors import Refusal


class OAuthRefusal(Refusal):
    """The token request was refused."""

    code = "oauth-refused"
    status = 400
    error: ClassVar[str] = "invalid_request"


class NotAForm(OAuthRefusal):
    """Send the request as a form, application/x-www-form-urlencoded, in UTF-8."""

    code = "not-a-form"
    error = "invalid_request"


class ParameterMissing(OAuthRefusal):
    """The parameter {name} is missing."""

    code = "parameter-missing"
    error = "invalid_request"


class ParameterRepeated(OAuthRefusal):
    """Each parameter may be sent once."""

    code = "parameter-repeated"
    error = "invalid_request"


class InvalidClient(OAuthRefusal):
    """There is no such client; send client_id=fenxiao-console."""

    code = "invalid-client"
    status = 401
    error = "invalid_client"


class WrongPassword(OAuthRefusal):
    """The username or the password is wrong."""

    code = "wrong-password"
    error = "invalid_grant"


class AccountNotReady(OAuthRefusal):
    """The account is still being set up; try again in a moment."""

    code = "account-not-ready"
    error = "invalid_grant"


class InvalidRefreshToken(OAuthRefusal):
    """The refresh token is not valid any more; sign in again."""

    code = "invalid-refresh-token"
    error = "invalid_grant"


class UnsupportedGrantType(OAuthRefusal):
    """Only the grant types password and refresh_token are supported."""

    code = "unsupported-grant-type"
    error = "unsupported_grant_type"


class TooManyLogins(OAuthRefusal):
    """Too many failed logins; try again in {retry_after} seconds."""

    code = "too-many-logins"
    status = 429
    error = "temporarily_unavailable"
