"""What other contexts may ask of the orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from fenxiao.kernel.errors import Conflict, Invalid, NotFound, Refusal
from fenxiao.kernel.ids import CategoryId, DistributorId, LineId, OrderId, ProductId, RefundId, RuleId
from fenxiao.kernel.values import value
from fenxiao.orders.events import Status


@value(kw_only=True)
class NewLine:
    """One line to order. `unit_price_minor` None: the product's price. `discount_minor` is off the whole line."""

    product_id: ProductId
    quantity: int
    unit_price_minor: int | None = None
    discount_minor: int | None = None


@value(kw_only=True)
class NewOrder:
    """An order to place.

    `caller` and `key` name the attempt; `external_id` is unique per `channel` and an order that exists under it is
    answered as it is, if it is the same. `total_minor` None: what the lines come to, with `shipping_minor` and
    `tax_minor` and less `discount_minor`, which is spread over the lines. `may_set_price` says that the caller holds
    `orders:set-price`; `paid` (same permission): it arrives paid. `at`: the time of a past fact, which has no limit
    for its payment.
    """

    caller: str
    key: str
    distributor_id: DistributorId
    lines: tuple[NewLine, ...]
    channel: str = "api"
    external_id: str | None = None
    buyer: str | None = None
    total_minor: int | None = None
    may_set_price: bool = False
    paid: bool = False
    at: datetime | None = None
    currency: str | None = None
    """The currency that the caller's amounts are in, where he has said it; it must be the products'."""
    discount_minor: int | None = None
    shipping_minor: int | None = None
    tax_minor: int | None = None


@value(kw_only=True)
class PlacedLine:
    """A line as it was accepted; `amount_minor` is what the buyer pays for the whole line.

    `discount_minor` is all that is off the line, its share of the order's discount, `order_discount_minor`, included.
    """

    line_id: LineId
    product_id: ProductId
    quantity: int
    unit_price_minor: int
    amount_minor: int
    discount_minor: int = 0
    order_discount_minor: int = 0


@value(kw_only=True)
class PlacedOrder:
    """An order as it stands after being placed; lines in the order in which they were sent.

    The total is that of the lines' amounts, of `shipping_minor` and of `tax_minor`. `pay_by`: until when it waits for
    its payment, None where it waits for ever.
    """

    order_id: OrderId
    distributor_id: DistributorId
    external_id: str | None
    status: Status
    currency: str
    total_minor: int
    created_at: datetime
    lines: tuple[PlacedLine, ...]
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0
    pay_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """An order that is to go to its next state at a moment (None: now)."""

    order_id: OrderId
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundUnits:
    """So many units of a line."""

    line_id: LineId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefund:
    """A refund of units (`lines`), of an amount of the goods (`amount_minor`), or `full`: of all that is left.

    Of shipping and tax goes back what `shipping_minor` and `tax_minor` say, alone or with goods; `full` takes all.
    `key`, where given, makes it happen once: the same key again answers the first refund.
    """

    order_id: OrderId
    lines: tuple[RefundUnits, ...] = ()
    amount_minor: int | None = None
    restock: bool = False
    key: str | None = None
    at: datetime | None = None
    shipping_minor: int = 0
    tax_minor: int = 0
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundedLine:
    """What one refund took off one line: units (0 for a refund by amount) and money."""

    line_id: LineId
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """退款: one refund of an order; `sequence` counts from 1, `key` is the one it was made once by.

    `amount_minor` is that of the goods, the sum of `lines`; shipping and tax stand beside it.
    """

    refund_id: RefundId
    sequence: int
    at: datetime
    amount_minor: int
    restock: bool
    lines: tuple[RefundedLine, ...]
    key: str | None = None
    shipping_minor: int = 0
    tax_minor: int = 0

    @property
    def total_minor(self) -> int:
        """All the money that went back."""
        return self.amount_minor + self.shipping_minor + self.tax_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenMember:
    """A distributor as he stood when the order was created."""

    distributor_id: DistributorId
    grade: str | None
    rank: int | None
    active: bool


@value(kw_only=True)
class FrozenLine:
    """A line with the product facts frozen at the order's creation; prices per unit in minor units."""

    line_id: LineId
    product_id: ProductId
    quantity: int
    amount_minor: int
    unit_list_minor: int | None
    unit_cost_minor: int | None
    category_path: tuple[CategoryId, ...]
    tags: tuple[str, ...]


@value(kw_only=True)
class OrderHistory:
    """Everything that an order's commission and reports depend on; refunds in their order.

    Sales and commission rest on the goods alone: the lines' amounts, without shipping and tax.
    """

    order_id: OrderId
    status: Status
    version: int
    currency: str
    seller: FrozenMember
    upline: tuple[FrozenMember, ...]
    tree_version: int
    rule_id: RuleId | None
    lines: tuple[FrozenLine, ...]
    refunds: tuple[Refund, ...]
    total_minor: int
    created_at: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    channel: str = "api"
    external_id: str | None = None
    shipping_minor: int = 0
    tax_minor: int = 0

    @property
    def goods_minor(self) -> int:
        """What the buyer pays for the goods, after discounts and before refunds."""
        return self.total_minor - self.shipping_minor - self.tax_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityQuestion:
    """What a distributor had sold when an order was paid; `within_days` × 24 h before that, None: since ever.

    `earned_when` is the state at which the order earns commission: what was recorded behind it does not count, though
    it may tell of an earlier day. Where the order has not come to it, all that is recorded counts.
    """

    order_id: OrderId
    distributor_id: DistributorId
    within_days: int | None
    earned_when: Literal["paid", "completed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityBefore:
    """What a distributor had sold before a moment, by what was recorded until `recorded_until`; see `ActivityQuestion`."""

    distributor_id: DistributorId
    currency: str
    before: datetime
    within_days: int | None
    recorded_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Own orders in the currency of the order asked about, of whose goods something was left, and what was left of all.

    Amounts are of the goods, net of the refunds made up to the payment of that order, in minor units.
    """

    paid_orders: int
    sales_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidSpan:
    """Orders of a currency that were paid from `start` on and before `end`."""

    currency: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsPage:
    """What the commission of some orders rests on, packed as one text that is the same whenever the facts are.

    `content` is a JSON list with one list for each of `order_ids`, in their order: order_id, currency, created_at,
    paid_at, completed_at or null; the chain [seller, grade, rank, active, [upline ids, nearest first], [grades],
    [ranks], [active]]; the lines [[line_id, product_id, quantity, amount, unit list price, unit cost, [category path],
    [tags]], …]; the refunds [[sequence, at, [[line_id, quantity, amount], …]], …], null where nothing was refunded.
    Amounts are minor units, times ISO 8601 in UTC.
    """

    order_ids: tuple[OrderId, ...]
    content: str


Base = Literal["paid_amount", "profit", "list_price"]
"""What of a line counts: what was paid for it, that less the cost, or the list price of what was not returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldQuestion:
    """The orders of a currency that came to the state `reached` from `since` to before `until`.

    Their `base` counts net of refunds, all by what was recorded until `recorded_until` (see `OrdersApi.recorded_until`).
    """

    currency: str
    reached: Literal["paid", "completed"]
    since: datetime
    until: datetime
    base: Base
    recorded_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldBy:
    """What a distributor sold himself, and that with what was sold below him by the orders' frozen uplines; minor units."""

    distributor_id: DistributorId
    personal_minor: int
    team_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SellingStretch:
    """A stretch of time of a seller's, from `since` to before `until`."""

    distributor_id: DistributorId
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """What was sold in all, in minor units, and by those asked about; who has nothing is left out."""

    total_minor: int
    by: tuple[SoldBy, ...]


class OrderMissing(NotFound):
    """There is no order {order_id}."""

    code = "order-missing"


class WrongState(Conflict):
    """Order {order_id} is {status}; it cannot become {wanted}."""

    code = "wrong-state"


class ShippingUnderWay(Conflict):
    """Order {order_id} is being shipped at this moment; look at it again and repeat the request if need be."""

    code = "shipping-under-way"


class ExternalOrderTaken(Conflict):
    """The external id {external_id} belongs to another order of this channel; send the same order or a new id."""

    code = "external-order-taken"


class DistributorSuspended(Conflict):
    """Distributor {distributor_id} is {status} and cannot place orders."""

    code = "distributor-suspended"


class PriceMismatch(Invalid):
    """The total is {expected} by the price list, {given} was sent; leave total_price out or correct it."""

    code = "price-mismatch"


class PriceMissing(Invalid):
    """Product {product_id} has no price; set one, or send a price with the permission orders:set-price."""

    code = "price-missing"


class MixedCurrencies(Invalid):
    """An order has one currency; its products have {currencies}."""

    code = "mixed-currencies"


class OtherCurrency(MixedCurrencies):
    """The amounts were sent in {given}, the products are sold in {currency}; send them in that currency."""

    code = "other-currency"


class RefundTooLarge(Conflict):
    """Only {left} of order {order_id} is left to refund, {wanted} was asked for."""

    code = "refund-too-large"


class OrdersApi(Protocol):
    """订单."""

    async def place_orders(self, *, orders: Sequence[NewOrder]) -> list[PlacedOrder | Refusal]:
        """Place each order, or say why not, in the order asked."""

    async def ship_orders(self, *, orders: Sequence[Transition]) -> list[Refusal | None]:
        """Paid orders leave the warehouse; batches are allocated first-expired-first-out."""

    async def complete_orders(self, *, orders: Sequence[Transition]) -> list[Refusal | None]:
        """Shipped orders have arrived."""

    async def refund_orders(self, *, refunds: Sequence[NewRefund]) -> list[Refund | Refusal]:
        """Give money, and perhaps units, back. Several refunds of one order are made in the order asked."""

    async def known_external_ids(self, *, channel: str, external_ids: Sequence[str]) -> dict[str, OrderId]:
        """Those of these external ids that exist in the channel."""

    async def histories(self, *, order_ids: Sequence[OrderId]) -> list[OrderHistory]:
        """What these orders' commission and reports depend on, ordered by id; unknown ids are left out."""

    async def orders_after(self, *, cursor: OrderId, limit: int) -> list[OrderHistory]:
        """The next orders by id after `cursor` (0: from the first)."""

    async def activity(self, *, asked: Sequence[ActivityQuestion]) -> list[Activity | None]:
        """What each distributor had sold when the order beside him was paid; None for an order that is not paid.

        Own orders paid before it count, by moment and then by id. The same question always has the same answer once
        the order has earned, however late it is asked.
        """

    async def facts_after(self, *, span: PaidSpan, cursor: OrderId, limit: int) -> FactsPage:
        """The packed facts of the next orders of the span by id after `cursor` (0: from the first)."""

    async def paid_within(self, *, span: PaidSpan) -> int:
        """How many orders of the span there are."""

    async def activity_before(self, *, asked: Sequence[ActivityBefore]) -> list[Activity]:
        """What each distributor had sold before a moment."""

    async def recorded_until(self) -> datetime:
        """Until when all that was recorded can be seen now, by the database's clock; it never changes what was so."""

    async def sold(self, *, asked: SoldQuestion, distributor_ids: Sequence[DistributorId]) -> Sold:
        """What was sold in a stretch of time, in all and by these; the same question always has the same answer."""

    async def sold_in(
        self, *, currency: str, recorded_until: datetime, stretches: Sequence[SellingStretch]
    ) -> list[int]:
        """What each seller himself sold in the stretch: the goods of orders paid in it, net of refunds; minor units.

        All by what was recorded until `recorded_until`, as `sold` has it; the same question always has the same answer.
        """

    async def sold_anew(self, *, asked: Sequence[tuple[SoldQuestion, datetime]]) -> list[bool]:
        """Whether the answer to `sold` may be another than for a question with `recorded_until` as beside it."""

    async def currencies(self) -> list[str]:
        """The currencies in which anything was ever sold."""

    async def in_flight(self) -> list[OrderId]:
        """Orders whose events have not all been delivered yet."""
