"""The placement tree: places, its width, who stood where."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from fenxiao.infra.http.auth import Caller, Principal, require
from fenxiao.infra.http.fields import Answer, Body, Id, Items, Moment
from fenxiao.infra.http.headers import IfMatch, etag
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.ids import DistributorId
from fenxiao.network.domain.placement import MAX_WIDTH, Spill
from fenxiao.network.http.answers import WRITE, viewer
from fenxiao.network.queries.placements import Stretch, TreeSettings
from fenxiao.network.service import Network
from fenxiao.network.service.placements import Standing, Wish

WHERE = "Send a position, or spill to have a free place found."
BELOW_WHOM = "Send the parent_id below whom this position is."
EITHER = "Send either position or spill."


class PlacementChange(Body):
    """Where to: `parent_id` with `position` (1 is the left leg); `parent_id` null for the top of a tree; or `spill`.

    With `spill` the next free place at or below `parent_id` is found, without `parent_id` below the nearest one of the
    upline who has a place. `reason` is kept with the history.
    """

    parent_id: Id | None = None
    position: Annotated[int | None, Field(ge=1, le=MAX_WIDTH)] = None
    spill: Spill | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class TreeWidth(Body):
    """How many positions everybody has below; 2 is a binary tree."""

    width: Annotated[int, Field(ge=1, le=MAX_WIDTH)]


class TreeAnswer(Answer):
    """The placement tree's settings; `version` counts its changes."""

    width: int
    version: int


class Occupant(Answer):
    """Who stands at a position."""

    position: int
    distributor_id: int


class StretchAnswer(Answer):
    """A stretch of time at one place: by whom, how (`operator` or `spill`) and why; `valid_to` is null while it lasts."""

    parent_id: int | None
    position: int | None
    valid_from: datetime
    valid_to: datetime | None
    source: str
    actor: str
    evidence: str


class PlacementAnswer(StretchAnswer):
    """安置: a place with those directly below."""

    distributor_id: int
    below: Sequence[Occupant]


def router(network: Network) -> APIRouter:
    """Routes of the placement tree."""
    routes = new_router(tags=["network"])
    _tree(routes, network)
    _change(routes, network)
    _read(routes, network)
    return routes


def _tree(routes: APIRouter, network: Network) -> None:
    @routes.get("/api/placement")
    async def get_placement_tree(response: Response, _: Annotated[Principal, require(WRITE)]) -> TreeAnswer:
        """How wide the placement tree is."""
        return _settings(await network.placements.settings(), response)

    @routes.put("/api/placement")
    async def put_placement_tree(
        body: TreeWidth, version: IfMatch, response: Response, _: Annotated[Principal, require(WRITE)]
    ) -> TreeAnswer:
        """Make the placement tree wider, or narrower where no position is lost that somebody has."""
        return _settings(await network.placements.resize(body.width, version=version), response)


def _change(routes: APIRouter, network: Network) -> None:
    @routes.put("/api/distributors/{distributor_id}/placement")
    async def put_placement(
        distributor_id: Id,
        body: PlacementChange,
        version: IfMatch,
        response: Response,
        _: Annotated[Principal, require(WRITE)],
    ) -> PlacementAnswer:
        """Give a distributor a place, with everyone below; a loop or a place that is taken is refused."""
        wish = Wish(distributor_id=DistributorId(distributor_id), reason=body.reason, version=version)
        parent_id = None if body.parent_id is None else DistributorId(body.parent_id)
        if body.spill is None:
            await network.placements.place(wish, parent_id=parent_id, position=_position(body))
        elif body.position is None:
            await network.placements.spill(wish, under=parent_id, how=body.spill)
        else:
            raise Invalid(errors=(FieldError("position", EITHER),))
        return _placement(await network.placements.at(distributor_id, None), response)


def _position(body: PlacementChange) -> int:
    """The position asked for; 0 at the top of a tree, which only an explicit null for `parent_id` means."""
    if body.position is not None:
        if body.parent_id is None:
            raise Invalid(errors=(FieldError("parent_id", BELOW_WHOM),))
        return body.position
    if body.parent_id is not None or "parent_id" not in body.model_fields_set:
        raise Invalid(errors=(FieldError("position", WHERE),))
    return 0


def _read(routes: APIRouter, network: Network) -> None:
    @routes.get("/api/distributors/{distributor_id}/placement")
    async def get_placement(
        distributor_id: Id, who: Caller, response: Response, at: Moment | None = None
    ) -> PlacementAnswer:
        """Where a distributor stands in the placement tree and who stands directly below, now or at a moment."""
        who.demand(WRITE)
        await network.views.profile(distributor_id, viewer(who))
        return _placement(await network.placements.at(distributor_id, at), response)

    @routes.get("/api/distributors/{distributor_id}/placements")
    async def get_placements(distributor_id: Id, who: Caller) -> Items[StretchAnswer]:
        """Every place that the distributor had, since when, by whom and why; the first one first."""
        who.demand(WRITE)
        await network.views.profile(distributor_id, viewer(who))
        history = await network.placements.history(distributor_id)
        return Items(items=[StretchAnswer(**_stretch(one)) for one in history])


def _settings(settings: TreeSettings, response: Response) -> TreeAnswer:
    response.headers["ETag"] = etag(settings.version)
    return TreeAnswer(width=settings.width, version=settings.version)


def _placement(standing: Standing, response: Response) -> PlacementAnswer:
    response.headers["ETag"] = etag(standing.version)
    below = [
        Occupant(position=one.position or 0, distributor_id=one.distributor_id) for one in standing.below
    ]
    return PlacementAnswer(
        **_stretch(standing.place), distributor_id=standing.place.distributor_id, below=below
    )


def _stretch(one: Stretch) -> dict[str, Any]:
    return {name: getattr(one, name) for name in StretchAnswer.model_fields}
