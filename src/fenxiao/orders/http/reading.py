"""Orders to read: one, its history, and lists by every filter."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from fenxiao.infra.http.auth import Caller, Principal
from fenxiao.infra.http.fields import MAX_ID, Amount, Items, items, minor
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.kernel.ids import DistributorId, OrderId, ProductId
from fenxiao.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT, Page
from fenxiao.orders.api import OrderMissing
from fenxiao.orders.events import Status
from fenxiao.orders.http.answers import HistoryAnswer, OrderAnswer, history_answer, order_answer
from fenxiao.orders.http.bodies import CHANNEL_PATTERN, CURRENCY_PATTERN, Bound
from fenxiao.orders.http.placing import OPERATE, READ
from fenxiao.orders.queries.listing import Filter
from fenxiao.orders.queries.views import Head
from fenxiao.orders.service import Orders

OrderNumber = Annotated[int, Path(ge=1, le=MAX_ID)]
_Id = Annotated[int | None, Query(ge=1, le=MAX_ID)]
_Name = Annotated[str | None, Query(min_length=1, max_length=255)]


def add_reading(routes: APIRouter, orders: Orders, currency: str) -> None:
    """The routes that change nothing; `currency` is the one meant where amounts come without one."""

    @routes.get("/api/orders/{order_id}")
    async def order(who: Caller, order_id: OrderNumber) -> OrderAnswer:
        """One order with its lines and refunds."""
        await visible(orders, who, order_id)
        return order_answer(await orders.order(OrderId(order_id)))

    @routes.get("/api/orders/{order_id}/history")
    async def history(who: Caller, order_id: OrderNumber) -> Items[HistoryAnswer]:
        """Every version of the order: who brought it from state to state, who refunded what, and when."""
        head = await visible(orders, who, order_id)
        entries = await orders.history(OrderId(order_id))
        return Items(items=[history_answer(entry, head.currency) for entry in entries])

    @routes.get("/api/orders")
    async def list_orders(
        who: Caller,
        asked: Annotated[_Asked, Depends()],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[OrderAnswer]:
        """Orders, the newest first; every filter that is named must be met."""
        who.demand(READ)
        distributor_id = asked.distributor_id
        if not who.sees_all():
            if who.distributor_id is None or distributor_id not in (None, who.distributor_id):
                return items(Page((), None), [])
            distributor_id = who.distributor_id
        page = await orders.page(asked.filter(distributor_id, currency), limit=limit, cursor=cursor)
        return items(page, [order_answer(each) for each in page.items])


async def visible(orders: Orders, who: Principal, order_id: int) -> Head:
    """The head of an order that the caller may see; 404 for any other."""
    head = await orders.head(OrderId(order_id))
    if not (who.sees_all() and (who.may(READ) or who.may(OPERATE))) and not who.owns(head.distributor_id):
        raise OrderMissing(order_id=order_id)
    return head


@dataclass(slots=True)
class _Asked:
    """The filters as they are sent."""

    distributor_id: _Id = None
    status: Annotated[
        list[Status] | None,
        Query(max_length=6, description="One state or several: status=paid&status=shipped."),
    ] = None
    start: Annotated[Bound | None, Query(alias="from", description="Created at or after.")] = None
    end: Annotated[Bound | None, Query(alias="to", description="Created before.")] = None
    channel: Annotated[str | None, Query(pattern=CHANNEL_PATTERN)] = None
    external_id: _Name = None
    product_id: _Id = None
    buyer: Annotated[
        str | None, Query(min_length=1, max_length=255, description="The whole name; case does not matter.")
    ] = None
    currency: Annotated[str | None, Query(pattern=CURRENCY_PATTERN)] = None
    total_from: Annotated[
        Amount | None, Query(description="The total is this or more, in `currency`, else in the server's.")
    ] = None
    total_to: Annotated[
        Amount | None, Query(description="The total is this or less, in `currency`, else in the server's.")
    ] = None
    paid_from: Annotated[Bound | None, Query(description="Paid at or after.")] = None
    paid_to: Annotated[Bound | None, Query(description="Paid before.")] = None
    ids: Annotated[
        str | None,
        Query(max_length=3800, pattern=r"^[0-9]{1,15}(,[0-9]{1,15})*$", description="1,2,3, at most 200"),
    ] = None

    def filter(self, distributor_id: int | None, default: str) -> Filter:
        """The filters as the query takes them; a total is one of a currency, `default` where none is named."""
        currency = self.currency
        if currency is None and (self.total_from is not None or self.total_to is not None):
            currency = default
        return Filter(
            distributor_id=None if distributor_id is None else DistributorId(distributor_id),
            statuses=frozenset(self.status or ()),
            start=self.start,
            end=self.end,
            channel=self.channel,
            external_id=self.external_id,
            product_id=None if self.product_id is None else ProductId(self.product_id),
            buyer=self.buyer,
            currency=currency,
            total_from_minor=None
            if self.total_from is None
            else minor("total_from", self.total_from, currency or default),
            total_to_minor=None
            if self.total_to is None
            else minor("total_to", self.total_to, currency or default),
            paid_from=self.paid_from,
            paid_to=self.paid_to,
            ids=None
            if self.ids is None
            else tuple(OrderId(int(number)) for number in self.ids.split(",")[:MAX_LIMIT]),
        )
