"""Why a refund is refused, in the words of the order and with the fields of the request."""

from collections.abc import Mapping

from fenxiao.kernel.errors import FieldError, Invalid, Refusal
from fenxiao.kernel.money import from_minor
from fenxiao.orders.api import NewRefund, RefundTooLarge
from fenxiao.orders.domain.refunds import Part, TooMuch
from fenxiao.orders.store.refunds import Left
from fenxiao.orders.store.transitions import Standing

_TOO_MUCH: Mapping[Part, str] = {
    "amount": "Only {left} of the goods is left; shipping and tax go back by fields of their own.",
    "shipping": "Only {left} of the shipping is left.",
    "tax": "Only {left} of the tax is left.",
}


def too_large(new: NewRefund, standing: Standing, too_much: TooMuch) -> RefundTooLarge:
    """More was asked for than is left: of units of a line, of the goods, of shipping or of tax."""
    if too_much.line_id is None:
        left, wanted = (
            from_minor(too_much.left, standing.currency),
            from_minor(too_much.wanted, standing.currency),
        )
        fault = FieldError(too_much.of, _TOO_MUCH[too_much.of], {"left": left})
        return RefundTooLarge(order_id=new.order_id, errors=(fault,), left=left, wanted=wanted)
    place = [line.line_id for line in new.lines].index(too_much.line_id)
    figures = {"left": too_much.left, "wanted": too_much.wanted}
    fault = FieldError(f"lines.{place}.quantity", "Only {left} units of this line are left.", figures)
    return RefundTooLarge(order_id=new.order_id, errors=(fault,), **figures)


def fault_of(new: NewRefund, left: Left) -> Refusal | None:
    """Why this cannot be a refund of this order, whatever is left of it."""
    goods = (new.amount_minor is not None) + bool(new.lines)
    charges = bool(new.shipping_minor or new.tax_minor)
    if new.full and (goods or charges):
        message = "A full refund gives back all that is left; send no lines and no amounts with it."
        return Invalid(errors=(FieldError("full", message),))
    if goods > 1 or not (goods or charges or new.full):
        return Invalid(errors=(FieldError("lines", "Send either lines or an amount."),))
    if new.amount_minor is not None and new.amount_minor <= 0:
        return Invalid(errors=(FieldError("amount", "Send an amount above zero."),))
    named = (("shipping", new.shipping_minor), ("tax", new.tax_minor))
    faults = [FieldError(name, "An amount here is never negative.") for name, amount in named if amount < 0]
    seen = set()
    for place, line in enumerate(new.lines):
        if line.line_id not in left.lines:
            faults.append(FieldError(f"lines.{place}.line_id", "This order has no such line."))
        elif line.line_id in seen:
            faults.append(FieldError(f"lines.{place}.line_id", "This line stands in the refund twice."))
        if line.quantity < 1:
            faults.append(FieldError(f"lines.{place}.quantity", "Send a whole number, such as 10."))
        seen.add(line.line_id)
    return Invalid(errors=tuple(faults)) if faults else None
