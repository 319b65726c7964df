"""Erasing a person over HTTP. Here and not in the network: whether somebody is owed money is known here."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter

from fenxiao.commission.http import access
from fenxiao.commission.service.erasure import Erasures, Ground
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Body, Id
from fenxiao.infra.http.headers import IfMatch
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.ids import DistributorId


class EraseBody(Body):
    """Why, by the cases of the law; `waive`: what is still held, on hold or owed is given up."""

    ground: Ground
    waive: bool = False


class ErasedAnswer(Answer):
    """Since when nothing says any more who the distributor is."""

    distributor_id: int
    erased_at: datetime


def router(erasures: Erasures) -> APIRouter:
    """The one route."""
    routes = new_router(tags=["network"])

    @routes.post("/api/distributors/{distributor_id}/erase")
    async def erase_distributor(
        distributor_id: Id, body: EraseBody, version: IfMatch, _: Annotated[Principal, require(access.ERASE)]
    ) -> ErasedAnswer:
        """Erase the person; the book stays under the number. It cannot be undone; again, it changes nothing."""
        at = await erasures.erase(
            DistributorId(distributor_id), body.ground, waive=body.waive, version=version
        )
        return ErasedAnswer(distributor_id=distributor_id, erased_at=at)

    return routes
