"""From the history of an order, as the orders tell it, to what the engine takes and to what is to be booked."""

from dataclasses import replace
from functools import lru_cache

from fenxiao.commission.domain.booking import Claim
from fenxiao.commission.domain.figures import NOTHING, OfPeople
from fenxiao.engine.evaluate import release_at, steps
from fenxiao.engine.facts import LineFacts, OrderFacts, Party, RefundFacts, RefundLine
from fenxiao.engine.plan import Plan
from fenxiao.orders.api import FrozenLine, FrozenMember, OrderHistory, Refund


def facts(history: OrderHistory, figures: OfPeople = NOTHING) -> OrderFacts:
    """The frozen facts of an order and its refunds, with the figures that its plan's conditions ask for."""
    return OrderFacts(
        order_id=history.order_id,
        currency=history.currency,
        seller=_standing(history.seller, figures),
        upline=tuple(
            [_standing(one, figures) for one in history.upline] if figures else map(_party, history.upline)
        ),
        lines=tuple(map(_line, history.lines)),
        refunds=tuple(map(_refund, history.refunds)),
        created_at=history.created_at,
        paid_at=history.paid_at,
        completed_at=history.completed_at,
    )


def accrued(history: OrderHistory, plan: Plan) -> bool:
    """Whether the order has come to the state in which the plan pays."""
    return (history.paid_at if plan.accrue_on == "paid" else history.completed_at) is not None


def claim(history: OrderHistory, plan: Plan, figures: OfPeople = NOTHING) -> Claim | None:
    """What the history says is to be booked under the plan; None while the order has not accrued."""
    if history.rule_id is None or not accrued(history, plan):
        return None
    order = facts(history, figures)
    made = steps(plan, order)
    sequences = tuple(order.refunds[step.refunds_applied - 1].seq if step.step else None for step in made)
    return Claim(
        history.order_id, history.rule_id, history.currency, made, sequences, release_at(plan, order)
    )


def _standing(member: FrozenMember, figures: OfPeople) -> Party:
    party = _party(member)
    return replace(party, facts=figures.get(member.distributor_id)) if figures else party


@lru_cache(maxsize=100_000)
def _party(member: FrozenMember) -> Party:
    # The same few stand above many sellers.
    return Party(member.distributor_id, member.grade, member.rank, member.active)


def _line(line: FrozenLine) -> LineFacts:
    # By position, and in the order of the fields: this runs for every line of every order.
    return LineFacts(
        line.line_id,
        line.product_id,
        line.category_path,
        line.tags,
        line.quantity,
        line.amount_minor,
        line.unit_list_minor,
        line.unit_cost_minor,
    )


def _refund(refund: Refund) -> RefundFacts:
    taken = tuple(RefundLine(line.line_id, line.quantity, line.amount_minor) for line in refund.lines)
    return RefundFacts(refund.sequence, refund.at, taken)
