"""A text is first looked for among the next rows of a list, and only then in an index of texts."""

from typing import Any

from sqlalchemy import Select, func, select

from fenxiao.infra.db.sql import Reader

NEAR = 1000
"""So many rows of a list are looked through for a text before the index is asked."""


async def near(reader: Reader, ordered: Select[Any], text: str, limit: int) -> list[int] | None:
    """The ids of the first rows that contain the text, of a list with the columns `id` and `searched` (folded).

    None if the next rows do not fill the page. A word that many rows have is always found among them, and what other
    filters leave few of is looked through whole. So the index never has to name a share of all rows, whatever the
    planner expects: how often neighbours in a word occur together is not known to it.
    """
    folded: str = await reader.fetchval("select catalog.folded($1)", text)
    place = func.row_number().over().label("place")
    rows = select(ordered.limit(NEAR).subquery(), place).cte("near")
    seen = select(func.count()).select_from(rows).scalar_subquery()
    hits = (
        select(rows.c.id).where(func.strpos(rows.c.searched, folded) > 0).order_by(rows.c.place).limit(limit)
    )
    row = await reader.fetchrow(select(seen.label("seen"), func.array(hits.scalar_subquery()).label("found")))
    if row is None or (len(row["found"]) < limit and row["seen"] == NEAR):
        return None
    found: list[int] = row["found"]
    return found


def grams(text: str) -> list[str]:
    """The longest grams of which `catalog.grams` makes entries that cover the text."""
    threes = [place for place in range(len(text) - 2) if text[place : place + 3].isascii()]
    covered = {place + offset for place in threes for offset in (0, 1)}
    twos = [place for place in range(len(text) - 1) if place not in covered]
    found = {text[place : place + 3] for place in threes} | {text[place : place + 2] for place in twos}
    return sorted(found) or [text]
