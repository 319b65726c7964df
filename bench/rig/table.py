"""The table of results, in Markdown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.rig.figures import Spread, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure over all rounds. `ratio` is against the limit of the same round; None: nothing counted."""

    name: str
    unit: str
    value: Spread | None
    ratio: Spread | None = None
    target: Target | None = None
    of_ratio: bool = True
    """Whether the target is about the ratio, or about the value itself."""
    void: int = 0
    places: int = 0


HEAD = ("", "median", "min to max", "unit", "ratio", "min to max", "target", "void rounds")


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, ready to be pasted."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        *_spread(row.value, row.places),
        row.unit,
        *_spread(row.ratio, 2),
        _target(row),
        str(row.void or ""),
    )


def _spread(spread: Spread | None, places: int) -> tuple[str, str]:
    if spread is None:
        return "–", ""
    return f"{spread.middle:,.{places}f}", f"{spread.low:,.{places}f} to {spread.high:,.{places}f}"


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    sign = "≥" if row.target.at_least else "≤"
    aim = "" if row.target.aim is None else f" (aim {row.target.aim:g})"
    judged = row.ratio if row.of_ratio else row.value
    verdict = "not measured" if judged is None else "met" if row.target.met(judged.middle) else "missed"
    return f"{sign} {row.target.bound:g}{aim}: {verdict}"
