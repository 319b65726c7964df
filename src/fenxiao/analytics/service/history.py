"""From an order's history and its booked commission to its sales facts."""

from collections.abc import Container, Iterator
from datetime import datetime

from fenxiao.analytics.domain.facts import Fact, Key, by_product, left_before, spread
from fenxiao.commission.api import BookedOrder, BookedStep
from fenxiao.orders.api import OrderHistory, Refund


def facts_of(history: OrderHistory, booked: BookedOrder | None, known: Container[Key] = ()) -> Iterator[Fact]:
    """The facts of one order but those that are known, in order; a step that booked nothing is none.

    Gross stands on the moment of payment, a refund on that of the refund, commission on that of the fact that
    it follows. All three are of the goods: shipping and tax are nobody's sales, so a refund of these alone is none.
    """
    if history.paid_at is None:
        return
    order_id = history.order_id
    if (order_id, "payment", 0) not in known:
        yield _payment(history, history.paid_at)
    for refund in history.refunds:
        if refund.lines and (order_id, "refund", refund.sequence) not in known:
            yield _refund(history, refund)
    for step in booked.steps if booked else ():
        if step.amount_minor and (order_id, "commission", step.step) not in known:
            yield _commission(history, step)


def _payment(history: OrderHistory, paid_at: datetime) -> Fact:
    units = [line.quantity for line in history.lines]
    return Fact(
        order_id=history.order_id,
        kind="payment",
        sequence=0,
        at=paid_at,
        distributor_id=history.seller.distributor_id,
        currency=history.currency,
        units=sum(units),
        amount_minor=history.goods_minor,
        products=by_product(history.lines, [line.amount_minor for line in history.lines], units),
    )


def _refund(history: OrderHistory, refund: Refund) -> Fact:
    return Fact(
        order_id=history.order_id,
        kind="refund",
        sequence=refund.sequence,
        at=refund.at,
        distributor_id=history.seller.distributor_id,
        currency=history.currency,
        units=0,
        amount_minor=refund.amount_minor,
        products=by_product(history.lines, _refunded(history, refund)),
    )


def _commission(history: OrderHistory, step: BookedStep) -> Fact:
    amounts = [line.amount_minor for line in history.lines]
    shares = spread(step.amount_minor, _weights(history, step), amounts)
    return Fact(
        order_id=history.order_id,
        kind="commission",
        sequence=step.step,
        at=step.at,
        distributor_id=history.seller.distributor_id,
        currency=history.currency,
        units=0,
        amount_minor=step.amount_minor,
        products=by_product(history.lines, shares),
    )


def _weights(history: OrderHistory, step: BookedStep) -> list[int]:
    """The accrual is spread by what was left of each line then, a correction by what its refund took off each."""
    if step.refund_sequence is None:
        earlier = (refund for refund in history.refunds if refund.at < step.at)
        return left_before(
            history.lines, ((line.line_id, line.amount_minor) for refund in earlier for line in refund.lines)
        )
    refund = next(refund for refund in history.refunds if refund.sequence == step.refund_sequence)
    return _refunded(history, refund)


def _refunded(history: OrderHistory, refund: Refund) -> list[int]:
    taken = {line.line_id: line.amount_minor for line in refund.lines}
    return [taken.get(line.line_id, 0) for line in history.lines]
