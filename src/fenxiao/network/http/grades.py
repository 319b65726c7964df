"""Grades over HTTP."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from fenxiao.infra.http.auth import Caller, Principal, require
from fenxiao.infra.http.fields import Answer, Body, Items
from fenxiao.infra.http.headers import Idempotency
from fenxiao.infra.http.routing import router as new_router
from fenxiao.network.queries.grades import Grade
from fenxiao.network.service import Network


class GradeBody(Body):
    """A grade and its place in the order; ranks are not shared."""

    grade: Annotated[str, Field(min_length=1, max_length=50, pattern=r"^\S(.*\S)?$")]
    rank: Annotated[int, Field(ge=1, le=10_000)]


class GradeAnswer(Answer):
    """等级: a higher rank is a higher grade."""

    grade: str
    rank: int


def router(network: Network) -> APIRouter:
    """Routes of grades."""
    routes = new_router(tags=["network"])

    @routes.get("/api/grades")
    async def list_grades(_: Caller) -> Items[GradeAnswer]:
        """All grades, the lowest first."""
        return Items(items=[_shaped(grade) for grade in await network.views.grades()])

    @routes.post("/api/grades", status_code=201)
    async def create_grade(
        body: GradeBody, once: Idempotency, _: Annotated[Principal, require("grades:write")]
    ) -> GradeAnswer:
        """Add a grade; its rank stays, because orders have frozen it."""
        return _shaped(await network.grades.create(body.grade, body.rank, once=once))

    return routes


def _shaped(grade: Grade) -> GradeAnswer:
    return GradeAnswer(grade=grade.grade, rank=grade.rank)
