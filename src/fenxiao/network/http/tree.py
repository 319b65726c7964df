"""The tree around a distributor: upline, downline, history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from fenxiao.infra.http.auth import Caller
from fenxiao.infra.http.fields import Answer, Id, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.network.http.answers import viewer
from fenxiao.network.service import Network


class UplineMember(Answer):
    """上级: one of the upline; `level` 1 is the sponsor."""

    distributor_id: int
    level: int
    display_name: str
    status: str
    grade: str | None


class DownlineMember(Answer):
    """下级: one of the downline; `level` 1 was sponsored directly, `direct` is how many it sponsors itself."""

    distributor_id: int
    level: int
    display_name: str
    sponsor_id: int
    status: str
    grade: str | None
    joined_at: datetime
    direct: int


class LevelCount(Answer):
    """Heads so many levels below."""

    level: int
    count: int
    active: int


class DownlineSummary(Answer):
    """Heads of a whole downline, per level."""

    distributor_id: int
    count: int
    active: int
    levels: Sequence[LevelCount]


class SponsorshipAnswer(Answer):
    """A stretch of time with one sponsor; `valid_to` is null while it lasts."""

    sponsor_id: int | None
    valid_from: datetime
    valid_to: datetime | None
    source: str
    evidence: str


def router(network: Network) -> APIRouter:
    """Routes of the tree."""
    routes = new_router(tags=["network"])
    _up(routes, network)
    _down(routes, network)
    return routes


def _up(routes: APIRouter, network: Network) -> None:
    @routes.get("/api/distributors/{distributor_id}/upline")
    async def get_upline(distributor_id: Id, who: Caller, at: Moment | None = None) -> Items[UplineMember]:
        """All above, nearest first, now or as of a moment; a distributor sees no further up than to itself."""
        chain = await network.views.upline(distributor_id, viewer(who), at=at)
        names = await network.views.names([member.distributor_id for member in chain])
        shaped = [
            UplineMember(
                distributor_id=member.distributor_id,
                level=level,
                display_name=names[member.distributor_id],
                status=member.status,
                grade=member.grade,
            )
            for level, member in enumerate(chain, 1)
        ]
        return Items(items=shaped)

    @routes.get("/api/distributors/{distributor_id}/sponsors")
    async def get_sponsors(distributor_id: Id, who: Caller) -> Items[SponsorshipAnswer]:
        """Who sponsored the distributor, since when and on what evidence; the first one first."""
        who.demand("distributors:write")
        history = await network.views.sponsorships(distributor_id, viewer(who))
        shaped = [
            SponsorshipAnswer(
                sponsor_id=one.sponsor_id,
                valid_from=one.valid_from,
                valid_to=one.valid_to,
                source=one.source,
                evidence=one.evidence,
            )
            for one in history
        ]
        return Items(items=shaped)


def _down(routes: APIRouter, network: Network) -> None:
    @routes.get("/api/distributors/{distributor_id}/downline")
    async def get_downline(
        distributor_id: Id,
        who: Caller,
        depth: Annotated[
            int | None, Query(ge=1, le=1000, description="Levels below; all by default.")
        ] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[DownlineMember]:
        """Everybody below in the order of the tree: each one is followed by its own downline."""
        page = await network.views.downline(
            distributor_id, viewer(who), depth=depth, limit=limit, cursor=cursor
        )
        shaped = [
            DownlineMember(
                distributor_id=below.distributor_id,
                level=below.level,
                display_name=below.display_name,
                sponsor_id=below.sponsor_id,
                status=below.status,
                grade=below.grade,
                joined_at=below.joined_at,
                direct=below.direct,
            )
            for below in page.items
        ]
        return items(page, shaped)

    @routes.get("/api/distributors/{distributor_id}/downline/summary")
    async def get_downline_summary(distributor_id: Id, who: Caller) -> DownlineSummary:
        """How many stand below, per level."""
        levels = await network.views.levels(distributor_id, viewer(who))
        return DownlineSummary(
            distributor_id=distributor_id,
            count=sum(level.count for level in levels),
            active=sum(level.active for level in levels),
            levels=[
                LevelCount(level=level.level, count=level.count, active=level.active) for level in levels
            ],
        )
