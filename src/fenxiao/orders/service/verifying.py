"""What must always hold of orders, asked anew: from their own rows, from the tree's history, from the rules."""

from collections.abc import AsyncIterator, Iterator, Sequence

from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import LineId, OrderId
from fenxiao.network.api import Member, NetworkApi, Seller
from fenxiao.orders.domain.refunds import LineLeft, TooMuch, take_amount, take_units
from fenxiao.orders.domain.states import is_refunded
from fenxiao.orders.queries import checking
from fenxiao.orders.queries.checking import Fault, Frozen, RefundedOrder, RefundRow
from fenxiao.rules.api import RulesApi

CHUNK = 500


class Verifying:
    """核对: recomputes and compares; writes nothing."""

    def __init__(self, db: Database, *, network: NetworkApi, rules: RulesApi) -> None:
        self._db, self._network, self._rules = db, network, rules

    async def ask(self, queries: Sequence[str]) -> AsyncIterator[Fault]:
        """What these questions to the schema find."""
        for query in queries:
            for fault in await checking.faults(self._db, query):
                yield fault

    async def facts(self) -> AsyncIterator[Fault]:
        """Frozen facts of products that were touched."""
        cursor = 0
        while chunk := await checking.facts_after(self._db, cursor, CHUNK):
            for facts_id, facts, digest in chunk:
                if facts.digest() != digest:
                    yield Fault(
                        f"orders.product_facts/{facts_id}",
                        "the facts of its digest",
                        "other facts, or another digest",
                    )
            cursor = chunk[-1][0]

    async def refunds(self) -> AsyncIterator[Fault]:
        """Refunds that are not what their rule makes of the order."""
        cursor = OrderId(0)
        while chunk := await checking.refunded_after(self._db, cursor, CHUNK):
            for order in chunk:
                for fault in replayed(order):
                    yield fault
            cursor = chunk[-1].order_id

    async def uplines(self) -> AsyncIterator[Fault]:
        """Frozen chains that the tree's history does not have at their version."""
        cursor = OrderId(0)
        while chunk := await checking.frozen_after(self._db, cursor, CHUNK):
            asked = list({(frozen.seller.distributor_id, frozen.tree_version): None for frozen in chunk})
            there = dict(zip(asked, await self._network.members_at(asked=asked), strict=True))
            for frozen in chunk:
                seller = there[frozen.seller.distributor_id, frozen.tree_version]
                fault = _compared(frozen, seller)
                if fault is not None:
                    yield fault
            cursor = chunk[-1].order_id

    async def stamps(self) -> AsyncIterator[Fault]:
        """Rule versions that orders are stamped with and that do not exist, or are of another currency."""
        used = await checking.rules_in_use(self._db)
        rules = await self._rules.versions(rule_ids=sorted({rule_id for rule_id, _, _ in used}))
        currencies = {rule.rule_id: rule.currency for rule in rules}
        for rule_id, currency, order_id in used:
            if currencies.get(rule_id) != currency:
                found = f"{currencies[rule_id]}" if rule_id in currencies else "no such version"
                yield Fault(f"orders.orders/{order_id}", f"rule version {rule_id} in {currency}", found)


def replayed(order: RefundedOrder) -> Iterator[Fault]:
    """The refunds of an order made again, one after the other, against what is stored."""
    left = {
        LineId(line_id): LineLeft(LineId(line_id), units, amount) for line_id, units, amount in order.lines
    }
    total = shipping = tax = 0
    for place, refund in enumerate(order.refunds, 1):
        subject = f"orders.refund/{refund.refund_id}"
        if refund.sequence != place:
            yield Fault(subject, f"sequence {place}", f"sequence {refund.sequence}")
        kind = _kind(refund)
        if refund.kind != kind:
            yield Fault(subject, f"kind {kind}, as its lines say", f"kind {refund.kind}")
        sum_of_lines = sum(amount for _, _, amount in refund.lines)
        if refund.amount_minor != sum_of_lines:
            yield Fault(
                subject,
                f"amount_minor {sum_of_lines}, the sum of its lines",
                f"amount_minor {refund.amount_minor}",
            )
        yield from _replayed(refund, left)
        total += refund.amount_minor + refund.shipping_minor + refund.tax_minor
        shipping += refund.shipping_minor
        tax += refund.tax_minor
    subject = f"orders.orders/{order.order_id}"
    if order.refunded_minor != total:
        yield Fault(
            subject,
            f"refunded_minor {total}, the sum of its refunds",
            f"refunded_minor {order.refunded_minor}",
        )
    for name, charged, returned in (
        ("shipping_minor", order.shipping_minor, shipping),
        ("tax_minor", order.tax_minor, tax),
    ):
        if returned > charged:
            yield Fault(subject, f"{name} {charged} or less in its refunds", f"{name} {returned}")
    whole = is_refunded(
        total_minor=order.total_minor,
        refunded_minor=total,
        units_left=sum(line.quantity for line in left.values()),
    )
    if bool(order.refunds) and whole != (order.status == "refunded"):
        yield Fault(subject, "refunded" if whole else "not refunded in full", order.status)


def _kind(refund: RefundRow) -> str:
    if any(units for _, units, _ in refund.lines):
        return "units"
    return "amount" if refund.lines else "charges"


def _replayed(refund: RefundRow, left: dict[LineId, LineLeft]) -> Iterator[Fault]:
    subject = f"orders.refund_line/{refund.refund_id}"
    try:
        if refund.kind == "units":
            expected = take_units(left, [(LineId(line_id), units) for line_id, units, _ in refund.lines])
        elif refund.kind == "amount":
            expected = take_amount(list(left.values()), refund.amount_minor)
        else:
            expected = []
    except (TooMuch, KeyError) as error:
        yield Fault(subject, "what was left of the order's lines", f"more than that: {error}")
        return
    stored = {line_id: (units, amount) for line_id, units, amount in refund.lines}
    for line in expected:
        found = stored.pop(line.line_id, (0, 0))
        if found != (line.quantity, line.amount_minor):
            yield Fault(
                f"{subject}/{line.line_id}",
                f"quantity {line.quantity}, amount_minor {line.amount_minor}",
                f"quantity {found[0]}, amount_minor {found[1]}",
            )
        # Goes on with what should have been: one wrong row is one finding.
        left[line.line_id].take(line)
    for line_id in stored:
        yield Fault(f"{subject}/{line_id}", "nothing of this line", "a row")


def _compared(frozen: Frozen, there: Seller | Refusal) -> Fault | None:
    subject = f"orders.orders/{frozen.order_id}"
    chain = [(m.distributor_id, m.grade, m.active) for m in (frozen.seller, *frozen.upline)]
    if isinstance(there, Refusal):
        return Fault(subject, f"no seller: {there.message()}", f"seller and upline {_told(chain)}")
    history = [_standing(member) for member in (there.member, *there.upline)]
    if history == chain:
        return None
    return Fault(
        subject, f"seller and upline {_told(history)} at tree version {frozen.tree_version}", _told(chain)
    )


def _standing(member: Member) -> tuple[int, str | None, bool]:
    return member.distributor_id, member.grade, member.status == "active" and member.earns


def _told(chain: Sequence[tuple[int, str | None, bool]]) -> str:
    return ", ".join(
        f"{number} ({grade or 'no grade'}{'' if active else ', inactive'})" for number, grade, active in chain
    )
