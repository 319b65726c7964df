"""Tokens (OAuth 2.0, OpenID Connect) and the audit log over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fenxiao.identity.domain.chain import Line
from fenxiao.identity.queries import AuditFilter
from fenxiao.identity.service import Identity
from fenxiao.identity.service.faults import (
    NotAForm,
    OAuthRefusal,
    ParameterMissing,
    ParameterRepeated,
    UnsupportedGrantType,
)
from fenxiao.identity.service.sessions import Tokens
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http.auth import CLAIM_SESSION, Caller, Principal, authenticate, require
from fenxiao.infra.http.fields import Answer, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.infra.http.routing import joined
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import Unauthenticated
from fenxiao.kernel.paging import DEFAULT_LIMIT

_FORM = "application/x-www-form-urlencoded"
_GRANTS = ("password", "refresh_token")
# RFC 6749 §5.1: nobody may keep a copy of a token on its way.
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class AuditLine(Answer):
    """One change: who made it, what it was before and after (masked)."""

    audit_id: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any


class TokenAnswer(Answer):
    """What a client gets (RFC 6749 §5.1); `expires_in` in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a scheme, no secret
    expires_in: int
    refresh_token: str
    scope: str


class TokenRefusal(Answer):
    """Why it gets nothing (RFC 6749 §5.2)."""

    error: str
    error_description: str


class UserInfo(Answer):
    """The account of an access token (OpenID Connect Core 1.0 §5.3)."""

    sub: str
    preferred_username: str | None
    distributor_id: int | None
    roles: list[str]
    permissions: list[str]
    data_scope: str


# A form that cannot be read at all is refused before OAuth comes in, as a problem like everywhere else.
_UNREAD = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": TokenRefusal, "content": _UNREAD},
    401: {"model": TokenRefusal},
    429: {"model": TokenRefusal},
}


def router(identity: Identity, issuer: str) -> APIRouter:
    """The routes of this context."""
    routes = APIRouter()
    joined(routes, _protocol(identity, issuer))
    joined(routes, _audit(identity))
    return routes


def _protocol(identity: Identity, issuer: str) -> APIRouter:
    routes = new_router(tags=["identity"], strict_query=False)

    @routes.post(
        "/oauth2/token",
        response_model=TokenAnswer,
        responses=_REFUSALS,
        openapi_extra=_form_of("grant_type", "client_id", "username", "password", "refresh_token"),
    )
    async def token(request: Request) -> Response:
        """A token for a password (first-party clients only) or for a refresh token."""
        try:
            form = await _form(request)
            return _granted(await _grant(identity, form, request))
        except OAuthRefusal as refusal:
            return _refused(refusal)

    @routes.post("/oauth2/revoke", responses=_REFUSALS, openapi_extra=_form_of("token", "client_id"))
    async def revoke(request: Request) -> Response:
        """End the session of a refresh token or of an access token (RFC 7009)."""
        try:
            await _revoke(identity, await _form(request), request)
        except OAuthRefusal as refusal:
            return _refused(refusal)
        return Response(status_code=200, headers=_NO_STORE)

    @routes.get("/oauth2/jwks")
    async def jwks() -> dict[str, Any]:
        """The public keys with which anyone verifies an access token (RFC 7517)."""
        return await identity.public_keys()

    @routes.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, Any]:
        """Where everything is (OpenID Connect Discovery 1.0)."""
        return _configuration(issuer)

    @routes.get("/oauth2/userinfo")
    async def userinfo(who: Caller) -> UserInfo:
        """Who the access token speaks for."""
        return UserInfo(
            sub=str(who.account_id),
            preferred_username=who.username,
            distributor_id=who.distributor_id,
            roles=sorted(who.roles),
            permissions=sorted(who.permissions),
            data_scope=who.data_scope,
        )

    return routes


def _audit(identity: Identity) -> APIRouter:
    routes = new_router(tags=["identity"])

    @routes.get("/api/audit-log")
    async def audit_log(  # noqa: PLR0917 - FastAPI reads them by name
        who: Annotated[Principal, require("audit:read")],  # noqa: ARG001 - asked for its permission
        subject: Annotated[str | None, Query(max_length=200)] = None,
        actor: Annotated[str | None, Query(max_length=200)] = None,
        action: Annotated[str | None, Query(max_length=200)] = None,
        from_: Annotated[Moment | None, Query(alias="from")] = None,
        to: Moment | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[AuditLine]:
        """Who changed what, before and after; newest first."""
        wanted = AuditFilter(subject=subject, actor=actor, action=action, from_time=from_, to_time=to)
        page = await identity.audit_page(wanted, limit=limit, cursor=cursor)
        return items(page, [_line(line) for line in page.items])

    return routes


def _line(line: Line) -> AuditLine:
    return AuditLine(
        audit_id=line.audit_id,
        at=line.at,
        actor=line.actor,
        action=line.action,
        subject=line.subject,
        before=line.before,
        after=line.after,
    )


async def _grant(identity: Identity, form: Mapping[str, str], request: Request) -> Tokens:
    kind = _needed(form, "grant_type")
    if kind not in _GRANTS:
        raise UnsupportedGrantType
    if kind == "refresh_token":
        return await identity.sessions.go_on(
            refresh_token=_needed(form, "refresh_token"), client_id=form.get("client_id")
        )
    address = request.client.host if request.client else ""
    return await identity.sessions.sign_in(
        username=_needed(form, "username"),
        password=_needed(form, "password"),
        client_id=form.get("client_id"),
        address=address,
    )


async def _revoke(identity: Identity, form: Mapping[str, str], request: Request) -> None:
    token = _needed(form, "token")
    if token.count(".") == 2:  # noqa: PLR2004 - a JWT has three parts, a refresh token one
        try:
            who = await authenticate(request, token)
        except Unauthenticated:
            return
        await identity.sessions.end_session(UUID(str(who.claims[CLAIM_SESSION])))
        return
    await identity.sessions.end(token=token, client_id=form.get("client_id"))


async def _form(request: Request) -> dict[str, str]:
    """The parameters of a token request: each at most once, those without a value left out (RFC 6749 §3.2)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise NotAForm
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError as error:
        raise NotAForm from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise ParameterRepeated
    return {name: value for name, value in form.items() if value}


def _needed(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if value is None:
        raise ParameterMissing(name=name)
    return value


def _granted(tokens: Tokens) -> Response:
    body = TokenAnswer(
        access_token=tokens.access_token,
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
        scope=tokens.scope,
    )
    return JSONResponse(body.model_dump(), headers=_NO_STORE)


def _refused(refusal: OAuthRefusal) -> Response:
    body = TokenRefusal(error=refusal.error, error_description=i18n.detail(refusal, current().language))
    headers = dict(_NO_STORE)
    if "retry_after" in refusal.params:
        headers["retry-after"] = str(refusal.params["retry_after"])
    return JSONResponse(body.model_dump(), status_code=refusal.status, headers=headers)


def _configuration(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth2/token",
        "jwks_uri": f"{issuer}/oauth2/jwks",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "userinfo_endpoint": f"{issuer}/oauth2/userinfo",
        "grant_types_supported": list(_GRANTS),
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
    }


def _form_of(*names: str) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in names}
    schema = {"type": "object", "properties": properties, "required": list(names[:1])}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}
