"""Grades."""

from dataclasses import dataclass

from fenxiao.infra.db.sql import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """等级: a named rank; a higher rank is a higher grade."""

    grade: str
    rank: int


async def grades(reader: Reader) -> list[Grade]:
    """All grades, the lowest first."""
    rows = await reader.fetch("select grade, rank from grade order by rank")
    return [Grade(**row) for row in rows]


async def exists(reader: Reader, grade: str) -> bool:
    """Whether there is such a grade."""
    return bool(await reader.fetchval("select exists(select from grade where grade = $1)", grade))
