"""Placing orders: gather (seller and upline, rule version, and last the stock), decide the price, commit.

Stock is a hold in the catalogue. What happens to one: our commit records it as committed in the transaction of its
order, and the event confirms it; whatever is refused behind it fences it first and then releases it, so that a
commit of the same attempt elsewhere can never use stock that was given up.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import asyncpg
import structlog

from fenxiao.catalog.api import CatalogApi, StockLine, StockRequest
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import holds
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import Moved, starts_over
from fenxiao.kernel.errors import KeyReused, Refusal, Unavailable
from fenxiao.kernel.ids import DistributorId, RuleId
from fenxiao.network.api import NetworkApi, Seller, SellerQuestion
from fenxiao.orders.api import ExternalOrderTaken, PlacedOrder
from fenxiao.orders.queries import known
from fenxiao.orders.service.attempt import Answered, Asked, Attempt, first_of_each
from fenxiao.orders.service.committing import CATALOG, Committing
from fenxiao.rules.api import RuleQuestion, RulesApi

HOLD_FOR = timedelta(seconds=60)
"""How long an attempt may take; after that its hold is the sweep's."""

_log = structlog.get_logger(__name__)


class Placing:
    """下单: turns what was asked into orders, many at a time."""

    def __init__(
        self,
        db: Database,
        cipher: Cipher,
        *,
        network: NetworkApi,
        catalog: CatalogApi,
        rules: RulesApi,
        currency: str,
    ) -> None:
        self._db, self._cipher = db, cipher
        self._network, self._catalog, self._rules = network, catalog, rules
        self._currency = currency
        self._committing = Committing(db, cipher)

    async def place(self, asked: Sequence[Asked]) -> list[Answered | Refusal | Exception]:
        """Place each order or say why not; what cannot be digested fails alone, as an exception in its place."""
        answers: dict[int, Answered | Refusal | Exception] = {}
        places = list(range(len(asked)))
        while places:
            first, places = first_of_each(asked, places)
            answers |= zip(first, await self._together([asked[place] for place in first]), strict=True)
        return [answers[place] for place in range(len(asked))]

    async def _together(self, asked: Sequence[Asked]) -> Sequence[Answered | Refusal | Exception]:
        try:
            return await self._round(asked)
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not take the neighbours with it
            if len(asked) == 1:
                return [error]
            _log.warning("a batch of orders failed; each is tried alone", size=len(asked), exc_info=error)
        return [answer for each in asked for answer in await self._together([each])]

    @starts_over
    async def _round(self, asked: Sequence[Asked]) -> list[Answered | Refusal]:
        now = self._db.clock()
        batch = [Attempt(each, each.order.at or now) for each in asked]
        for attempt in batch:
            attempt.answer = attempt.screen()
        rules = await self._gather(_open(batch))
        await self._hold(_open(batch), now + HOLD_FOR)
        try:
            for attempt in _open(batch):
                attempt.price()
            await self._stamp(_open(batch), rules)
            await self._commit(_open(batch), now + HOLD_FOR)
        except Exception:
            # Also before starting over: the next try may find the order made by another and need no stock.
            with suppress(Exception):
                await self._give_up(batch)
            raise
        await self._give_up(
            a for a in batch if isinstance(a.answer, Refusal) or (a.answer and not a.answer.made)
        )
        return [a.answer for a in batch if a.answer is not None]

    async def _gather(self, batch: Sequence[Attempt]) -> dict[tuple[str, datetime], RuleId | None]:
        """Ask, all at once, what was done before, who the sellers are and which rules are in effect (the answer)."""
        _, sellers, rules = await asyncio.gather(
            self._find(batch),
            self._ask_sellers(batch),
            self._ask_rules(
                {(a.order.currency or self._currency, a.created_at) for a in batch if a.order.paid}
            ),
        )
        for attempt in _open(batch):
            attempt.sell(sellers[attempt.order.distributor_id, attempt.order.at])
        return rules

    async def _find(self, batch: Sequence[Attempt]) -> None:
        """Answer what was done before, so that a repeated request touches nobody's stock."""
        if not batch:
            return
        before = await known.before(self._db, [a.asked.once for a in batch if a.asked.once], self._db.clock())
        for attempt in batch:
            attempt.payment_limit = before.payment_limit
            prior = before.kept.get(_key(attempt.asked.once))
            if isinstance(prior, KeyReused):
                attempt.answer = prior
            elif prior is not None:
                attempt.answer = Answered(prior.load(PlacedOrder), made=False, replayed=True)
        named = {
            (a.order.channel, a.order.external_id): a for a in _open(batch) if a.order.external_id is not None
        }
        ids = await known.ids_by_external(self._db, list(named))
        there = await known.placed(self._db, list(ids.values()))
        for name, order_id in ids.items():
            attempt = named[name]
            same = attempt.is_of(there[order_id], known.buyer_index(self._cipher, attempt.order.buyer))
            taken = ExternalOrderTaken(
                external_id=attempt.order.external_id, currency=there[order_id].order.currency
            )
            attempt.answer = Answered(there[order_id].order, made=False) if same else taken

    async def _ask_sellers(
        self, batch: Sequence[Attempt]
    ) -> dict[tuple[DistributorId, datetime | None], Seller | Refusal]:
        """The seller of each order as he stands, or stood at its moment."""
        asked = list(dict.fromkeys([(a.order.distributor_id, a.order.at) for a in batch]))
        if not asked:
            return {}
        questions = [SellerQuestion(distributor_id=distributor_id, at=at) for distributor_id, at in asked]
        return dict(zip(asked, await self._network.sellers(asked=questions), strict=True))

    async def _ask_rules(self, asked: set[tuple[str, datetime]]) -> dict[tuple[str, datetime], RuleId | None]:
        """Which rule version is in effect for each currency and moment."""
        if not asked:
            return {}
        ordered = sorted(asked)
        rules = await self._rules.active(
            asked=[RuleQuestion(currency=currency, at=at) for currency, at in ordered]
        )
        return dict(zip(ordered, rules, strict=True))

    async def _hold(self, batch: Sequence[Attempt], deadline: datetime) -> None:
        if not batch:
            return
        requests = [
            StockRequest(
                caller=a.order.caller,
                key=a.order.key,
                lines=tuple(
                    StockLine(product_id=line.product_id, quantity=line.quantity) for line in a.order.lines
                ),
                deadline=deadline,
                at=a.order.at,
            )
            for a in batch
        ]
        for attempt, held in zip(batch, await self._catalog.hold_stock(requests=requests), strict=True):
            attempt.hold(held)

    async def _stamp(
        self, batch: Sequence[Attempt], rules: Mapping[tuple[str, datetime], RuleId | None]
    ) -> None:
        paid = [a for a in batch if a.order.paid]
        # The currency is the products', which the hold has told; where the guess was wrong, ask again.
        missing = {(a.currency, a.created_at) for a in paid} - rules.keys()
        found = {**rules, **await self._ask_rules(missing)}
        for attempt in paid:
            attempt.rule_id = found[attempt.currency, attempt.created_at]

    async def _commit(self, batch: Sequence[Attempt], deadline: datetime) -> None:
        if not batch:
            return
        try:
            await self._committing.commit(batch, deadline)
        except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
            # The same order came in by another way between our look and our commit, or the sweep took these for dead;
            # or the database came back from a crash in between, without the facts that had just been written.
            raise Moved from error

    async def _give_up(self, refused: Iterable[Attempt]) -> None:
        """Release what was held for orders that are not made. The fence decides against a commit of the same hold."""
        taken = [a.held.hold_id for a in refused if a.held is not None]
        if not taken:
            return
        async with self._db.begin() as tx:
            outcomes = await holds.fence(tx, CATALOG, taken)
        fenced = [hold for hold, outcome in outcomes.items() if outcome == "fenced"]
        if not fenced:
            return
        try:
            await self._catalog.release_holds(holds=fenced)
        except Unavailable:
            # Fenced is what counts: nobody can use this stock any more, and the sweep brings it back.
            _log.warning("stock of refused orders is left to the sweep", holds=len(fenced))


def _open(batch: Iterable[Attempt]) -> list[Attempt]:
    return [attempt for attempt in batch if attempt.answer is None]


def _key(once: Once | None) -> tuple[str, str]:
    return ("", "") if once is None else (once.account, once.key)
