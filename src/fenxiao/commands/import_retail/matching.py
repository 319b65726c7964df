"""Returns find their sales: the latest earlier line of the same customer, code and price with units left."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fenxiao.commands.import_retail.rows import Return
from fenxiao.kernel.ids import LineId, OrderId

Key = tuple[str, str, int]
"""Customer, stock code, price in pence."""


@dataclass(slots=True)
class SoldLine:
    """A line of a loaded order and the units of it that have not come back."""

    at: datetime
    invoice: int
    place: int
    order_id: OrderId
    line_id: LineId
    left: int


@dataclass(frozen=True, slots=True)
class Match:
    """So many units of a return row go back to this line."""

    back: Return
    order_id: OrderId
    line_id: LineId
    quantity: int


def wanted(returns: Iterable[Return]) -> set[Key]:
    """The keys that returns will look for; no other line need be kept."""
    return {(back.customer, back.code, back.price_minor) for back in returns if back.customer is not None}


class Shelf:
    """The sold lines that returns may be matched to."""

    def __init__(self, keys: set[Key]) -> None:
        self._lines: dict[Key, list[SoldLine]] = {key: [] for key in keys}
        self._sorted: set[Key] = set()

    def put(self, key: Key, line: SoldLine) -> None:
        """Add a line if some return may want it."""
        lines = self._lines.get(key)
        if lines is not None:
            lines.append(line)
            self._sorted.discard(key)

    def match(self, back: Return, units: int) -> list[Match]:
        """Take `units` of a return from earlier or same-time lines, latest order first (a tie: higher invoice number).

        Within one order, earlier lines first. What the matches do not add up to has no sale.
        """
        if back.customer is None:
            return []
        lines = self._in_order((back.customer, back.code, back.price_minor))
        matches: list[Match] = []
        place = bisect_right(lines, back.at, key=lambda line: line.at)
        while units and place:
            place -= 1
            line = lines[place]
            taken = min(units, line.left)
            if taken:
                line.left -= taken
                units -= taken
                matches.append(Match(back, line.order_id, line.line_id, taken))
        return matches

    def _in_order(self, key: Key) -> list[SoldLine]:
        lines = self._lines.get(key, [])
        if key not in self._sorted:
            # Walked from the end: within an order the first line must therefore stand last.
            lines.sort(key=lambda line: (line.at, line.invoice, -line.place))
            self._sorted.add(key)
        return lines
