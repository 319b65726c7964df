"""Exposure: how deep pay goes, to how many, on what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from fenxiao.commission.domain.exposure import Basis, Exposure, basis
from fenxiao.commission.domain.simulation import Outcome, ratio
from fenxiao.commission.http import access
from fenxiao.commission.service.exposure import ExposureReports
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http.auth import require
from fenxiao.infra.http.fields import Answer, Moment
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.money import from_minor

NO_SAFE_HARBOUR = (
    "No number of levels is a safe harbour: a seller and two paid uplines already are three levels in the law's count,"
    " and from three levels with thirty people on it becomes a criminal matter."
)
"""Said with every figure of exposure."""


class LevelAnswer(Answer):
    """Pay at one level: on one's own sales at level 0, on those of the downline above; `share` of all pay."""

    level: int
    basis: Basis
    pay: str
    share: str


class ExposureAnswer(Answer):
    """`depth`: the deepest upline level paid; `levels_in_law` counts the seller's own too; `heads`: people paid.

    `people` are those and, in a simulation, who else sold; `three_levels_and_thirty_people`: both are reached.
    """

    depth: int
    levels_in_law: int
    heads: int
    people: int
    three_levels_and_thirty_people: bool
    currency: str
    pay: str
    levels: Sequence[LevelAnswer]
    note: str


class ExposureReportAnswer(ExposureAnswer):
    """The exposure of what is booked; levels are those of the entries, for matching at most."""

    start: datetime | None
    end: datetime | None


def router(reports: ExposureReports, currency: str) -> APIRouter:
    """The exposure of the book."""
    routes = new_router(tags=["reports"])

    @routes.get(
        "/api/reports/exposure",
        summary="How deep pay goes, to how many people, on what",
        dependencies=[require(access.SIMULATE)],
    )
    async def exposure_report(
        start: Annotated[Moment | None, Query(alias="from", description="Facts from here on.")] = None,
        end: Annotated[Moment | None, Query(alias="to", description="Facts before this.")] = None,
        of: Annotated[str | None, Query(alias="currency", pattern="^[A-Z]{3}$")] = None,
    ) -> ExposureReportAnswer:
        asked = of or currency
        found = await reports.exposure(currency=asked, start=start, end=end)
        return ExposureReportAnswer(**answer(found, asked).model_dump(), start=start, end=end)

    return routes


def answer(found: Exposure, currency: str) -> ExposureAnswer:
    """An exposure as it is told."""
    total = found.total_minor
    return ExposureAnswer(
        depth=found.depth,
        levels_in_law=found.levels,
        heads=found.heads,
        people=found.people,
        three_levels_and_thirty_people=found.over_the_line,
        currency=currency,
        pay=from_minor(total, currency),
        levels=[
            LevelAnswer(
                level=level, basis=basis(level), pay=from_minor(pay, currency), share=ratio(pay, total)
            )
            for level, pay in sorted(found.pay.items())
            if pay
        ],
        note=i18n.translate(NO_SAFE_HARBOUR, current().language),
    )


def simulated(outcome: Outcome, which: int, heads: int, people: int, currency: str) -> ExposureAnswer:
    """The exposure of one side of a simulation, by places in the tree."""
    pay = {place: pair[which] for place, pair in outcome.by_place().items()}
    return answer(Exposure(pay, heads, people), currency)
