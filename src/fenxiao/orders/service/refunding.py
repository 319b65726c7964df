"""Refunds: decided and written under the order's row lock, so that several at once never give back more than is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra import context
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import OrderId, RefundId
from fenxiao.orders.api import NewRefund, OrderMissing, Refund, RefundedLine
from fenxiao.orders.domain.refunds import ChargesLeft, TooMuch, all_units, take_amount, take_units
from fenxiao.orders.domain.states import is_refunded, refusal
from fenxiao.orders.events import OrderRefunded, OrderStatusChanged, ReturnedUnits, Status
from fenxiao.orders.queries.histories import refunds_of
from fenxiao.orders.service.refund_refusals import fault_of, too_large
from fenxiao.orders.store import refunds as store
from fenxiao.orders.store import transitions
from fenxiao.orders.store.refunds import Left
from fenxiao.orders.store.transitions import Change, Standing

Kind = store.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A refund that will happen, and what it makes of its order."""

    new: NewRefund
    at: datetime
    sequence: int
    taken: Sequence[RefundedLine]
    amount_minor: int
    shipping_minor: int
    tax_minor: int
    kind: Kind
    units: tuple[ReturnedUnits, ...]
    standing: Standing
    version: int
    previous: Status
    status: Status


class Refunding:
    """退款: gives money, and perhaps units, back."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def refund_one(self, refund: NewRefund, once: Once | None) -> Refund:
        """One refund, kept under an idempotency key if one was given; raises its refusal."""
        (answer,) = await self._refund([refund], once)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def refund(self, refunds: Sequence[NewRefund]) -> list[Refund | Refusal]:
        """Refunds in the order asked; each whole or not at all."""
        return await self._refund(refunds, None) if refunds else []

    @starts_over
    async def _refund(self, refunds: Sequence[NewRefund], once: Once | None) -> list[Refund | Refusal]:
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return [tx.prior.load(Refund)]
            found = await transitions.lock(tx, [refund.order_id for refund in refunds])
            known = await _earlier(tx, refunds)
            left = await store.left(tx, found)
            decided: dict[int, _Decided] = {}
            refused: dict[int, Refusal] = {}
            first: dict[tuple[OrderId, str], int] = {}
            for place, refund in enumerate(refunds):
                if refund.key is not None and first.setdefault(_name(refund), place) != place:
                    continue
                if _name(refund) in known:
                    continue
                outcome = _decide(refund, found.get(refund.order_id), left, refund.at or now)
                if isinstance(outcome, Refusal):
                    refused[place] = outcome
                else:
                    decided[place] = outcome
            made = dict(zip(decided, await _write(tx, list(decided.values())), strict=True))
            answers = [
                known.get(_name(refund)) or made.get(origin) or refused[origin]
                for place, refund in enumerate(refunds)
                for origin in (first.get(_name(refund), place),)
            ]
            if once is not None and made:
                tx.keep(answers[0])
        return answers


def _name(refund: NewRefund) -> tuple[OrderId, str]:
    # No key is ever empty, so the empty one names nothing.
    return refund.order_id, refund.key or ""


async def _earlier(tx: Transaction, refunds: Sequence[NewRefund]) -> dict[tuple[OrderId, str], Refund]:
    """Refunds that were made before under the keys of these."""
    ids = await store.by_key(tx, [(refund.order_id, refund.key) for refund in refunds if refund.key])
    if not ids:
        return {}
    stored = await refunds_of(tx, sorted({order_id for order_id, _ in ids}))
    by_id = {refund.refund_id: refund for of_order in stored.values() for refund in of_order}
    return {name: by_id[refund_id] for name, refund_id in ids.items()}


def _decide(
    new: NewRefund, standing: Standing | None, left: Mapping[OrderId, Left], at: datetime
) -> _Decided | Refusal:
    """Decide one refund; what is left and where the order stands move along with it."""
    if standing is None:
        return OrderMissing(order_id=new.order_id)
    refused = refusal(standing.order_id, standing.status, "refunded") or fault_of(new, left[new.order_id])
    if refused is not None:
        return refused
    own = left[new.order_id]
    charges = ChargesLeft(
        standing.shipping_minor - own.refunded_shipping_minor, standing.tax_minor - own.refunded_tax_minor
    )
    shipping, tax = (
        (charges.shipping_minor, charges.tax_minor) if new.full else (new.shipping_minor, new.tax_minor)
    )
    try:
        taken, kind = _goods(new, own)
        charges.take(shipping_minor=shipping, tax_minor=tax)
    except TooMuch as too_much:
        return too_large(new, standing, too_much)
    return _taken(new, standing, own, _Taken(taken, shipping, tax, kind), standing.moment(at))


def _goods(new: NewRefund, own: Left) -> tuple[list[RefundedLine], Kind]:
    if new.amount_minor is not None:
        return take_amount(list(own.lines.values()), new.amount_minor), "amount"
    asked = all_units(own.lines) if new.full else [(line.line_id, line.quantity) for line in new.lines]
    taken = take_units(own.lines, asked)
    return taken, "units" if taken else "charges"


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a refund takes: of the goods by line, of shipping, of tax."""

    lines: Sequence[RefundedLine]
    shipping_minor: int
    tax_minor: int
    kind: Kind


def _taken(new: NewRefund, standing: Standing, own: Left, taken: _Taken, at: datetime) -> _Decided:
    for line in taken.lines:
        own.lines[line.line_id].take(line)
    amount = sum(line.amount_minor for line in taken.lines)
    previous = standing.status
    own.refunds += 1
    own.refunded_shipping_minor += taken.shipping_minor
    own.refunded_tax_minor += taken.tax_minor
    standing.version += 1
    standing.refunded_minor += amount + taken.shipping_minor + taken.tax_minor
    if is_refunded(
        total_minor=standing.total_minor, refunded_minor=standing.refunded_minor, units_left=own.units()
    ):
        standing.status = "refunded"
    return _Decided(
        new=new,
        at=at,
        sequence=own.refunds,
        taken=taken.lines,
        amount_minor=amount,
        shipping_minor=taken.shipping_minor,
        tax_minor=taken.tax_minor,
        kind=taken.kind,
        units=tuple(
            ReturnedUnits(product_id=own.products[line.line_id], quantity=line.quantity)
            for line in taken.lines
            if line.quantity
        ),
        standing=standing,
        version=standing.version,
        previous=previous,
        status=standing.status,
    )


async def _write(tx: Transaction, decided: Sequence[_Decided]) -> list[Refund]:
    """Write refunds and the orders as they stand after them, and tell of both."""
    if not decided:
        return []
    ids = await store.allocate_ids(tx, len(decided))
    refunds = [_refund(refund_id, each) for refund_id, each in zip(ids, decided, strict=True)]
    actor = context.current().actor
    rows = [
        store.NewRow(
            order_id=each.new.order_id,
            refund=refund,
            kind=each.kind,
            key=each.new.key,
            actor=actor,
        )
        for each, refund in zip(decided, refunds, strict=True)
    ]
    last = {each.new.order_id: each.standing for each in decided}
    after = [
        store.After(order.order_id, order.status, order.version, order.refunded_minor)
        for order in last.values()
    ]
    await store.insert(tx, rows, after)
    await transitions.record(
        tx,
        [
            Change(each.new.order_id, each.version, each.previous, each.status, each.at, actor)
            for each in decided
            if each.status != each.previous
        ],
    )
    for each, refund in zip(decided, refunds, strict=True):
        _announce(tx, each, refund)
    return refunds


def _refund(refund_id: RefundId, each: _Decided) -> Refund:
    return Refund(
        refund_id=refund_id,
        sequence=each.sequence,
        at=each.at,
        amount_minor=each.amount_minor,
        restock=each.new.restock,
        lines=tuple(each.taken),
        key=each.new.key,
        shipping_minor=each.shipping_minor,
        tax_minor=each.tax_minor,
    )


def _announce(tx: Transaction, each: _Decided, refund: Refund) -> None:
    tx.emit(
        OrderRefunded(
            order_id=each.new.order_id,
            version=each.version,
            refund_id=refund.refund_id,
            sequence=refund.sequence,
            currency=each.standing.currency,
            amount_minor=refund.amount_minor,
            units=each.units,
            restock=refund.restock,
            shipped=each.standing.shipped,
            shipping_minor=refund.shipping_minor,
            tax_minor=refund.tax_minor,
        ),
        at=each.at,
    )
    if each.status != each.previous:
        tx.emit(
            OrderStatusChanged(
                order_id=each.new.order_id, version=each.version, status=each.status, previous=each.previous
            ),
            at=each.at,
        )
