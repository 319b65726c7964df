"""Distributors: registration, lists, changes."""

import re
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from fenxiao.infra.http.auth import Caller, MaybeCaller, Principal, require
from fenxiao.infra.http.fields import MAX_ID, Body, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Idempotency, IfMatch, Limit, etag
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Forbidden, Invalid, Unauthenticated
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT
from fenxiao.network.api import Status
from fenxiao.network.http.answers import WRITE, DistributorAnswer, DownlineAnswer, shaped, viewer, whole
from fenxiao.network.queries.profiles import Profile, ProfileFilter
from fenxiao.network.service import Network
from fenxiao.network.service.registration import Registration

_IDS = re.compile(r"[0-9]{1,18}(,[0-9]{1,18}){0,199}", re.ASCII)
_EXAMPLE: dict[str, JsonValue] = {
    "username": "wang",
    "password": "a-long-password",
    "display_name": "王芳",
    "invite_code": "7KQ2M9XW4T",
}


class NewDistributor(Body):
    """Who registers; `invite_code` or, for administrators, `sponsor_id` says below whom."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    username: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1000)]
    display_name: Annotated[str, Field(max_length=200)]
    phone: Annotated[str | None, Field(max_length=50)] = None
    email: Annotated[str | None, Field(max_length=300)] = None
    invite_code: Annotated[str | None, Field(max_length=50)] = None
    sponsor_id: Id | None = None
    external_id: Annotated[str | None, Field(max_length=300)] = None


class DistributorChanges(Body):
    """What to change; fields left out stay, null takes a contact away."""

    display_name: Annotated[str, Field(max_length=200)] = ""
    phone: Annotated[str | None, Field(max_length=50)] = None
    email: Annotated[str | None, Field(max_length=300)] = None


class GradeChange(Body):
    """The new grade; null takes the grade away."""

    grade: Annotated[str | None, Field(max_length=100)]


class SponsorChange(Body):
    """The new sponsor; null makes the distributor a root. `reason` is kept with the history.

    A binding in its protection time is changed with `override_protection` only.
    """

    sponsor_id: Id | None
    reason: Annotated[str, Field(max_length=500)] = ""
    override_protection: bool = False


def router(network: Network) -> APIRouter:
    """Routes of distributors."""
    routes = new_router(tags=["network"])
    _register(routes, network)
    _read(routes, network)
    _change(routes, network)
    _place(routes, network)
    return routes


def _register(routes: APIRouter, network: Network) -> None:
    @routes.post("/api/distributors", status_code=201)
    async def register_distributor(
        request: Request, response: Response, body: NewDistributor, who: MaybeCaller, once: Idempotency
    ) -> DistributorAnswer:
        """Register a distributor: anybody with an invite code, an administrator also below a given sponsor or as a root."""
        await _admit(network, request, body, who)
        profile = await network.registrations.register(
            Registration(
                username=body.username,
                password=body.password,
                display_name=body.display_name,
                phone=body.phone,
                email=body.email,
                external_id=body.external_id,
                sponsor_id=None if body.sponsor_id is None else DistributorId(body.sponsor_id),
                invite_code=body.invite_code,
            ),
            once=once,
        )
        _tag(response, profile)
        response.headers["Location"] = f"/api/distributors/{profile.distributor_id}"
        return whole(network, profile)


async def _admit(network: Network, request: Request, body: NewDistributor, who: Principal | None) -> None:
    """Let in whoever has an invite code, and administrators."""
    if body.invite_code is not None and body.sponsor_id is not None:
        raise Invalid(errors=(FieldError("sponsor_id", "Send either invite_code or sponsor_id."),))
    if who is None:
        await network.registrations.count_anonymous(request.client.host if request.client else "")
    by_operator = body.invite_code is None or body.external_id is not None
    if by_operator and who is None:
        raise Unauthenticated
    if by_operator and who is not None and not who.may(WRITE):
        raise Forbidden(permission=WRITE)


def _read(routes: APIRouter, network: Network) -> None:
    @routes.get("/api/distributors")
    async def list_distributors(  # noqa: PLR0917 - FastAPI passes them by name
        who: Caller,
        status: Status | None = None,
        grade: Annotated[str | None, Query(max_length=100)] = None,
        q: Annotated[str | None, Query(max_length=100)] = None,
        sponsor_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
        external_id: Annotated[str | None, Query(max_length=300)] = None,
        ids: Annotated[
            str | None, Query(max_length=4000, description="Ids with commas between, at most 200.")
        ] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[DistributorAnswer | DownlineAnswer]:
        """Distributors by id; a distributor sees itself and its downline."""
        named = None if ids is None else _ids(ids)
        wanted = ProfileFilter(
            status=status, grade=grade, text=q, sponsor_id=sponsor_id, external_id=external_id, ids=named
        )
        # Whoever names the ids wants them all; a page of names is fetched in one go.
        page = await network.views.listed(
            wanted, viewer(who), limit=limit if named is None else MAX_LIMIT, cursor=cursor
        )
        return items(page, [shaped(network, profile, who) for profile in page.items])

    @routes.get("/api/distributors/{distributor_id}")
    async def get_distributor(
        distributor_id: Id, response: Response, who: Caller
    ) -> DistributorAnswer | DownlineAnswer:
        """One distributor."""
        profile = await network.views.profile(distributor_id, viewer(who))
        _tag(response, profile)
        return shaped(network, profile, who)


def _change(routes: APIRouter, network: Network) -> None:
    @routes.patch("/api/distributors/{distributor_id}")
    async def amend_distributor(
        distributor_id: Id, response: Response, body: DistributorChanges, version: IfMatch, who: Caller
    ) -> DistributorAnswer:
        """Change name or contacts: one's own, or as an administrator."""
        found = await network.views.profile(distributor_id, viewer(who))
        if not who.owns(distributor_id):
            who.demand(WRITE)
        changes = body.model_dump(include=body.model_fields_set)
        profile = await network.profiles.amend(found.distributor_id, changes, version=version)
        _tag(response, profile)
        return whole(network, profile)

    async def set_status(
        distributor_id: int, status: Status, version: int | None, response: Response
    ) -> DistributorAnswer:
        profile = await network.placing.set_status(DistributorId(distributor_id), status, version=version)
        _tag(response, profile)
        return whole(network, profile)

    @routes.post("/api/distributors/{distributor_id}/activate")
    async def activate_distributor(
        distributor_id: Id, response: Response, version: IfMatch, _: Annotated[Principal, require(WRITE)]
    ) -> DistributorAnswer:
        """Let a distributor sell and earn."""
        return await set_status(distributor_id, "active", version, response)

    @routes.post("/api/distributors/{distributor_id}/suspend")
    async def suspend_distributor(
        distributor_id: Id, response: Response, version: IfMatch, _: Annotated[Principal, require(WRITE)]
    ) -> DistributorAnswer:
        """Stop a distributor from selling and from earning on new orders; what was earned stays."""
        return await set_status(distributor_id, "suspended", version, response)


def _place(routes: APIRouter, network: Network) -> None:
    @routes.put("/api/distributors/{distributor_id}/grade")
    async def put_grade(
        distributor_id: Id,
        response: Response,
        body: GradeChange,
        version: IfMatch,
        _: Annotated[Principal, require(WRITE)],
    ) -> DistributorAnswer:
        """Give a distributor a grade."""
        profile = await network.placing.set_grade(DistributorId(distributor_id), body.grade, version=version)
        _tag(response, profile)
        return whole(network, profile)

    @routes.put("/api/distributors/{distributor_id}/sponsor")
    async def put_sponsor(
        distributor_id: Id,
        response: Response,
        body: SponsorChange,
        version: IfMatch,
        _: Annotated[Principal, require(WRITE)],
    ) -> DistributorAnswer:
        """Move a distributor with its whole downline below another sponsor; a loop is refused."""
        sponsor_id = None if body.sponsor_id is None else DistributorId(body.sponsor_id)
        profile = await network.placing.move(
            DistributorId(distributor_id),
            sponsor_id,
            version=version,
            reason=body.reason,
            override_protection=body.override_protection,
        )
        _tag(response, profile)
        return whole(network, profile)


def _tag(response: Response, profile: Profile) -> None:
    response.headers["ETag"] = etag(profile.version)


def _ids(text: str) -> list[int]:
    if not _IDS.fullmatch(text):
        message = "Send at most {most} ids with commas between, such as 1,2,3."
        raise Invalid(errors=(FieldError("ids", message, {"most": MAX_LIMIT}),))
    return [int(part) for part in text.split(",")]
