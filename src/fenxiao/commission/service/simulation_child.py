"""A program of its own: evaluates pages of packed orders under one plan and adds up what comes of them.

The server's loop would stand still meanwhile. It is told the plan, then pages, and now and then to hand over its sums:
`python -m fenxiao.commission.service.simulation_child`, frames of MessagePack on its standard input and output, each
behind its length in four bytes. It has no database, no keys and no settings; when its input ends, so does it.
"""

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, BinaryIO, cast

import msgspec

from fenxiao.commission.domain import hashes
from fenxiao.commission.domain.simulation import WAS, WOULD, Chain, Outcome, Pay, Share
from fenxiao.engine.evaluate import accrued_at, evaluate
from fenxiao.engine.facts import LineFacts, OrderFacts, Party, RefundFacts, RefundLine
from fenxiao.engine.plan import Plan, parse_plan
from fenxiao.infra.db import arrays

PEOPLE = 20_000
"""Distributors in one batch of sums."""

_CHAINS = 200_000
_NICE = 10
Figures = Mapping[int, Mapping[int, Mapping[str, int]]]
"""By order, distributor and fact: what the plan's conditions ask about people."""

Columns = tuple[str, str, str, str, str]
"""Of a batch of people, as PostgreSQL writes arrays: who, own orders, their sales, would, was."""


class _Line(msgspec.Struct, array_like=True, gc=False):
    """A line as it arrives, and at once as the engine wants it: these are the names of `LineFacts`."""

    line_id: int
    product_id: int
    quantity: int
    paid_minor: int
    unit_list_minor: int | None
    unit_cost_minor: int | None
    category_path: tuple[int, ...]
    tags: tuple[str, ...]


class _Refund(msgspec.Struct, array_like=True, gc=False):
    sequence: int
    at: datetime
    lines: tuple[tuple[int, int, int], ...]


class _Order(msgspec.Struct, array_like=True, gc=False):
    """As `FactsPage` says it."""

    order_id: int
    currency: str
    created_at: datetime
    paid_at: datetime
    completed_at: datetime | None
    chain: msgspec.Raw
    lines: tuple[_Line, ...]
    refunds: tuple[_Refund, ...] | None


class _Chain(msgspec.Struct, array_like=True, gc=False):
    seller: int
    grade: str | None
    rank: int | None
    active: bool
    ids: tuple[int, ...]
    grades: tuple[str | None, ...]
    ranks: tuple[int | None, ...]
    actives: tuple[bool, ...]


class Booked(msgspec.Struct, array_like=True, gc=False):
    """What is booked of an order under one key: the sum of its entries."""

    order_id: int
    component: str
    level: int
    distributor_id: int
    amount_minor: int


class Page(msgspec.Struct, array_like=True, tag="page"):
    """Packed orders, what is booked of them as JSON, ordered by order, and the figures that conditions ask for."""

    facts: str
    booked: str
    figures: Figures | None


class Begin(msgspec.Struct, array_like=True, tag="begin"):
    """The plan, before any page."""

    document: dict[str, Any]


class HandOver(msgspec.Struct, array_like=True, tag="sums"):
    """Tell the sums, and start anew."""


class Worked(msgspec.Struct, array_like=True, tag="worked"):
    """A page is done; the hashes of what went in and of what came out."""

    orders: int
    input_hash: bytes
    output_hash: bytes


class Sums(msgspec.Struct, array_like=True, tag="handed"):
    """All pages since the last time: the outcome, and per distributor batches of columns as PostgreSQL writes arrays."""

    outcome: dict[str, Any]
    people: list[Columns]


class Failed(msgspec.Struct, array_like=True, tag="failed"):
    """It cannot be done, and why."""

    message: str


Asked = Begin | Page | HandOver
Told = Worked | Sums | Failed

_orders: msgspec.json.Decoder[list[_Order]] = msgspec.json.Decoder(list[_Order])
_chain: msgspec.json.Decoder[_Chain] = msgspec.json.Decoder(_Chain)
_booked: msgspec.json.Decoder[list[Booked]] = msgspec.json.Decoder(list[Booked])
_asked: msgspec.msgpack.Decoder[Asked] = msgspec.msgpack.Decoder(Asked)


class Work:
    """Evaluates pages and keeps the sums."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._outcome = Outcome()
        self._people: dict[int, Share] = {}
        # The same few stand above many sellers, and a seller sells often.
        self._chains: dict[bytes, Chain] = {}
        self._parties: dict[Party, Party] = {}

    def page(self, page: Page) -> Worked:
        """Evaluate each order of a page, and count what is booked of it."""
        orders = _orders.decode(page.facts)
        booked: dict[int, list[Pay]] = {}
        for one in _booked.decode(page.booked):
            pay = (one.component, one.level, one.distributor_id, one.amount_minor)
            booked.setdefault(one.order_id, []).append(pay)
        figures: Figures = page.figures or {}
        written: list[tuple[int, Sequence[Pay]]] = []
        for order in orders:
            chain = self._chain(order.chain)
            facts = _facts(order, _told(chain, figures.get(order.order_id)))
            pays = self._paid(facts)
            if pays:
                written.append((order.order_id, pays))
            self._count(facts, chain, pays, booked.get(order.order_id, ()))
        return Worked(
            orders=len(orders),
            input_hash=hashes.page(page.facts.encode(), page.booked.encode(), _in_order(figures)),
            output_hash=hashes.page(msgspec.json.encode(written)),
        )

    def sums(self) -> Sums:
        """What has been added up; the counting starts anew."""
        sums = Sums(self._outcome.document(), batches(self._people))
        self._outcome, self._people = Outcome(), {}
        return sums

    def _paid(self, facts: OrderFacts) -> Sequence[Pay]:
        if accrued_at(self._plan, facts) is None:
            return ()
        # What is left after the last refund is what all its entries together come to.
        awards = evaluate(self._plan, facts, len(facts.refunds)).awards
        return [(one.component, one.level, one.distributor_id, one.amount_minor) for one in awards]

    def _count(self, facts: OrderFacts, chain: Chain, would: Sequence[Pay], was: Sequence[Pay]) -> None:
        sales = sum([line.paid_minor for line in facts.lines])
        for refund in facts.refunds:
            sales -= sum([line.amount_minor for line in refund.lines])
        self._outcome.orders += 1
        self._outcome.sales_minor += sales
        seller = self._people.get(facts.seller.distributor_id)
        if seller is None:
            seller = self._people[facts.seller.distributor_id] = Share()
        seller.orders += 1
        seller.sales_minor += sales
        try:
            self._outcome.add(chain, WOULD, would, self._people)
            self._outcome.add(chain, WAS, was, self._people)
        except ValueError as error:
            raise ValueError(f"order {facts.order_id}: {error}") from error

    def _chain(self, packed: msgspec.Raw) -> Chain:
        key = bytes(packed)
        chain = self._chains.get(key)
        if chain is None:
            if len(self._chains) >= _CHAINS:
                self._chains, self._parties = {}, {}
            one = _chain.decode(key)
            above = zip(one.ids, one.grades, one.ranks, one.actives, strict=True)
            everybody = (
                Party(one.seller, one.grade, one.rank, one.active),
                *(Party(*each) for each in above),
            )
            chain = self._chains[key] = tuple([self._parties.setdefault(each, each) for each in everybody])
        return chain


def _in_order(figures: Figures) -> bytes:
    """The figures as bytes that are the same for equal ones."""
    rows = [
        (order_id, who, *one)
        for order_id in sorted(figures)
        for who in sorted(figures[order_id])
        for one in sorted(figures[order_id][who].items())
    ]
    return msgspec.json.encode(rows)


def _told(chain: Chain, figures: Mapping[int, Mapping[str, int]] | None) -> Chain:
    if figures is None:
        return chain
    return tuple([replace(party, facts=figures.get(party.distributor_id)) for party in chain])


def _facts(order: _Order, chain: Chain) -> OrderFacts:
    return OrderFacts(
        order.order_id,
        order.currency,
        chain[0],
        chain[1:],
        cast("tuple[LineFacts, ...]", order.lines),
        () if order.refunds is None else tuple([_refund(refund) for refund in order.refunds]),
        order.created_at,
        order.paid_at,
        order.completed_at,
    )


def _refund(refund: _Refund) -> RefundFacts:
    return RefundFacts(refund.sequence, refund.at, tuple([RefundLine(*line) for line in refund.lines]))


def batches(people: Mapping[int, Share]) -> list[Columns]:
    """The people by id, so many to a batch."""
    some = sorted(people.items())
    return [_columns(some[start : start + PEOPLE]) for start in range(0, len(some), PEOPLE)]


def _columns(batch: Sequence[tuple[int, Share]]) -> Columns:
    return (
        arrays.numbers([distributor_id for distributor_id, _ in batch]),
        arrays.numbers([share.orders for _, share in batch]),
        arrays.numbers([share.sales_minor for _, share in batch]),
        arrays.numbers([share.would_minor for _, share in batch]),
        arrays.numbers([share.was_minor for _, share in batch]),
    )


def framed(message: Asked | Told) -> bytes:
    """A message behind its length."""
    content = msgspec.msgpack.encode(message)
    return len(content).to_bytes(4, "big") + content


def _read(stream: BinaryIO) -> Asked | None:
    length = stream.read(4)
    return _asked.decode(stream.read(int.from_bytes(length, "big"))) if len(length) == 4 else None  # noqa: PLR2004


def _answered(asked: Asked, work: Work | None) -> tuple[Work | None, Told | None]:
    if isinstance(asked, Begin):
        return Work(parse_plan(asked.document)), None
    if work is None:
        raise ValueError("a page came before its plan")
    return work, work.sums() if isinstance(asked, HandOver) else work.page(asked)


def main() -> None:
    """Answer until the input ends."""
    # Whoever waits for an answer of the server comes first.
    with suppress(OSError):
        os.nice(_NICE)
    # Nothing here is made in circles, and to look for them among all chains takes longer than to evaluate.
    gc.disable()
    work: Work | None = None
    while (asked := _read(sys.stdin.buffer)) is not None:
        answer: Told | None
        try:
            work, answer = _answered(asked, work)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            answer = Failed(f"{type(error).__name__}: {error}")
        if answer is not None:
            sys.stdout.buffer.write(framed(answer))
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
