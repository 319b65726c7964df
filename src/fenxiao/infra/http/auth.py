"""Who calls: access tokens verified from the published keys, permissions, and the service token between services.

Signing belongs to `identity`; the names of the claims are here, once, because every service reads them.
An access token is a JWT as in RFC 9068: header `typ` = `at+jwt`, `kid`, ES256. The type is checked, so an
ID token, which the same keys sign, does not open the API.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from fenxiao.infra.context import current
from fenxiao.kernel.errors import Forbidden, Unauthenticated
from fenxiao.kernel.ids import AccountId, DistributorId

ALGORITHMS = ("ES256",)
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type, no secret
AUDIENCE = "fenxiao"

CLAIM_SUBJECT = "sub"
"""The account's id, as text (RFC 7519)."""
CLAIM_TOKEN_ID = "jti"  # noqa: S105
CLAIM_SESSION = "sid"
"""The login the token came from; revoking a session revokes its tokens."""
CLAIM_USERNAME = "username"
CLAIM_DISTRIBUTOR = "distributor_id"
CLAIM_ROLES = "roles"
CLAIM_PERMISSIONS = "permissions"
CLAIM_DATA_SCOPE = "data_scope"
CLAIM_CLIENT = "client_id"

EVERYTHING = "*"
"""The permission that includes all others; ROLE_ADMIN has it."""

DATA_SCOPES = ("self", "team", "downline", "all")
SERVICE_TOKEN_HEADER = "x-fenxiao-service-token"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """操作者: the account a request acts for, as its access token says.

    `data_scope` bounds whose rows it may see: self, team, downline or all. `claims` are the token's own.
    """

    account_id: AccountId
    username: str | None = None
    distributor_id: DistributorId | None = None
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    data_scope: str = "self"
    client_id: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def actor(self) -> str:
        """How it is named in logs, histories and the audit log."""
        return f"account:{self.account_id}"

    def may(self, permission: str) -> bool:
        """Whether it holds the permission, such as "orders:operate"."""
        return permission in self.permissions or EVERYTHING in self.permissions

    def demand(self, permission: str) -> None:
        """Refuse with `Forbidden` unless it holds the permission."""
        if not self.may(permission):
            raise Forbidden(permission=permission)

    def owns(self, distributor_id: int | None) -> bool:
        """Whether it is this distributor. An account without a distributor owns nobody's things."""
        return self.distributor_id is not None and self.distributor_id == distributor_id

    def sees_all(self) -> bool:
        """Whether every row is visible to it."""
        return self.data_scope == "all"


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """The principal that verified claims describe; `Unauthenticated` when they are not of our making."""
    subject, distributor = claims.get(CLAIM_SUBJECT), claims.get(CLAIM_DISTRIBUTOR)
    scope = claims.get(CLAIM_DATA_SCOPE, "self")
    if not isinstance(subject, str) or not subject.isdigit() or scope not in DATA_SCOPES:
        raise Unauthenticated
    if distributor is not None and type(distributor) is not int:
        raise Unauthenticated
    return Principal(
        account_id=AccountId(int(subject)),
        username=claims.get(CLAIM_USERNAME),
        distributor_id=None if distributor is None else DistributorId(distributor),
        roles=_names(claims, CLAIM_ROLES),
        permissions=_names(claims, CLAIM_PERMISSIONS),
        data_scope=scope,
        client_id=claims.get(CLAIM_CLIENT),
        claims=claims,
    )


def _names(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    names = claims.get(claim, [])
    # A text would be taken apart into letters, and "*" is a letter.
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Unauthenticated
    return frozenset(names)


Authenticate = Callable[[str], Awaitable[Principal]]
"""From the text of an access token to its principal; `Unauthenticated` otherwise. `tokens.Verifier` is one."""


async def maybe_principal(request: Request) -> Principal | None:
    """The caller, or None when no token was sent; a token that is sent must be valid."""
    header = request.headers.get("authorization")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    return await authenticate(request, token.strip())


async def authenticate(request: Request, token: str) -> Principal:
    """The principal of a token; it becomes the actor of the request."""
    verify: Authenticate | None = getattr(request.app.state, "authenticate", None)
    if verify is None:
        raise Unauthenticated
    return act_as(await verify(token))


def act_as(who: Principal) -> Principal:
    """The principal, who is the actor of the request from here on."""
    current().actor = who.actor
    return who


class Bearer(SecurityBase):
    """The dependency that demands a token and, if one is named, a permission.

    One object instead of FastAPI's chain of small dependencies: each link of that costs more than the token's check.
    """

    def __init__(self, permission: str | None = None) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="An access token from /oauth2/token.")
        self.scheme_name = "bearer"
        self._permission = permission

    async def __call__(self, request: Request) -> Principal:
        """The caller; 401 without a token, 403 without the permission."""
        who = await maybe_principal(request)
        if who is None:
            raise Unauthenticated
        if self._permission is not None:
            who.demand(self._permission)
        return who


MaybeCaller = Annotated[Principal | None, Depends(maybe_principal)]
"""A parameter of a public endpoint that treats known callers differently."""

Caller = Annotated[Principal, Depends(Bearer())]
"""A parameter of an endpoint that needs a token but no particular permission."""


def require(permission: str) -> Any:
    """A dependency that answers the caller, 403 without the permission.

    Used as `who: Annotated[Principal, require("orders:operate")]`.
    """
    return Depends(Bearer(permission))


def check_service_token(request: Request, expected: str) -> None:
    """Refuse with `Unauthenticated` unless the request carries the secret that services share."""
    given = request.headers.get(SERVICE_TOKEN_HEADER, "")
    # An empty secret would let everybody in; compared in constant time, as bytes, because given may hold anything.
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Unauthenticated
