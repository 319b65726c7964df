"""What is left of an order, summed by the overrides that apply: one addition per line, one more per refunded line."""

from collections.abc import Callable, Mapping

from fenxiao.engine.document import Base
from fenxiao.engine.facts import LineFacts, OrderFacts, RefundFacts
from fenxiao.engine.plan import Bucket, Plan

Measure = Callable[[LineFacts, int, int], int]
"""A line's base in minor units, from what is left of it: the amount paid (above 0) and the units."""


def _paid_amount(line: LineFacts, paid_minor: int, units: int) -> int:  # noqa: ARG001 - see Measure
    return paid_minor


def _profit(line: LineFacts, paid_minor: int, units: int) -> int:
    # Without a known cost no profit can be shown: nothing is paid on it.
    return 0 if line.unit_cost_minor is None else max(0, paid_minor - line.unit_cost_minor * units)


def _list_price(line: LineFacts, paid_minor: int, units: int) -> int:  # noqa: ARG001 - see Measure
    return 0 if line.unit_list_minor is None else line.unit_list_minor * units


MEASURES: Mapping[Base, Measure] = {"paid_amount": _paid_amount, "profit": _profit, "list_price": _list_price}


class Tally:
    """Base and units of what is left (剩余基数): `sums` has both for each combination of overrides.

    Where nothing of a line's amount is left, its base is 0 and its units do not count.
    """

    __slots__ = ("_everything", "_left", "_measure", "_order", "_plan", "sums")

    def __init__(self, plan: Plan, order: OrderFacts) -> None:
        self._plan = plan
        self._order = order
        self._measure = MEASURES[plan.base]
        self._everything: Bucket = ((),) * len(plan.components)
        self._left: dict[int, tuple[LineFacts, int, int]] = {}
        self.sums: dict[Bucket, list[int]] = {}
        if plan.uniform and plan.base == "paid_amount":
            self._add_everything()
        else:
            for line in order.lines:
                self._add(line, line.paid_minor, line.quantity, 1)

    @property
    def base_minor(self) -> int:
        """The order's base net of refunds."""
        return sum(base for base, _ in self.sums.values())

    def left(self, line: LineFacts) -> tuple[int, int]:
        """What is left of a line: the amount paid for it and its units."""
        _, paid_minor, units = self._left.get(line.line_id, (line, line.paid_minor, line.quantity))
        return paid_minor, units

    def base_of(self, line: LineFacts) -> int:
        """What is left of a line's base."""
        paid_minor, units = self.left(line)
        return self._measure(line, paid_minor, units) if paid_minor else 0

    def refund(self, refund: RefundFacts) -> None:
        """Take a refund off; ValueError if it takes more than is left or names a line the order does not have."""
        if not self._left:
            self._left = {line.line_id: (line, line.paid_minor, line.quantity) for line in self._order.lines}
            if len(self._left) != len(self._order.lines):
                message = f"order {self._order.order_id} has two lines of one id"
                raise ValueError(message)
        for taken in refund.lines:
            line, paid_minor, units = self._left.get(taken.line_id, (None, 0, 0))
            paid_left, units_left = paid_minor - taken.amount_minor, units - taken.quantity
            if line is None or not 0 <= paid_left <= paid_minor or not 0 <= units_left <= units:
                message = (
                    f"refund {refund.seq} of order {self._order.order_id} does not fit line {taken.line_id}"
                )
                raise ValueError(message)
            self._add(line, paid_minor, units, -1)
            self._add(line, paid_left, units_left, 1)
            self._left[taken.line_id] = (line, paid_left, units_left)

    def _add(self, line: LineFacts, paid_minor: int, units: int, sign: int) -> None:
        if not paid_minor:
            return
        bucket = self._everything if self._plan.uniform else self._plan.bucket(line)
        sums = self.sums.get(bucket)
        if sums is None:
            sums = self.sums[bucket] = [0, 0]
        sums[0] += sign * self._measure(line, paid_minor, units)
        sums[1] += sign * units

    def _add_everything(self) -> None:
        base = units = 0
        for line in self._order.lines:
            if line.paid_minor:
                base += line.paid_minor
                units += line.quantity
        self.sums[self._everything] = [base, units]
