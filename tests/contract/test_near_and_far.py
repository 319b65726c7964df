"""Every method of every api answers the same near, in this process, and far, over a socket to another one.

Each call is made near and then far with the same arguments; all of them are made to happen once, so the answers
must be equal, refusals included. A method that this walk does not call fails the test.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.e2e.instance import Instance

from fenxiao.catalog.api import NewProduct, Shipment, StockChange, StockLine, StockRequest
from fenxiao.entrypoints import ground
from fenxiao.entrypoints.compose import PROTOCOLS, System, composed
from fenxiao.identity.api import AccountRequest
from fenxiao.infra.http.client import FarFault, open_client, remote
from fenxiao.infra.http.remote import methods
from fenxiao.infra.settings import load
from fenxiao.kernel.errors import Refusal
from fenxiao.network.api import Erasure, GradeChange, NewMember, SellerQuestion
from fenxiao.orders.api import (
    ActivityBefore,
    ActivityQuestion,
    NewLine,
    NewOrder,
    NewRefund,
    PaidSpan,
    RefundUnits,
    SellingStretch,
    SoldQuestion,
    Transition,
)
from fenxiao.payments.api import TransferRequest
from fenxiao.rules.api import RuleQuestion

TOKEN = "what-the-services-of-this-test-share"
LONG_AGO = datetime(2020, 5, 1, 12, tzinfo=UTC)
PLAN = {
    "name": "walk",
    "currency": "GBP",
    "components": [{"type": "unilevel", "name": "up", "levels": ["0.10"]}],
}


@dataclass
class Both:
    """The apis of one system, near and far."""

    near: System
    far: dict[str, Any]
    url: str
    called: set[tuple[str, str]] = field(default_factory=set)

    async def __call__(self, context: str, method: str, **arguments: Any) -> Any:
        """The answer, which is the same near and far."""
        self.called.add((context, method))
        near = await getattr(getattr(self.near.apis, context), method)(**arguments)
        far = await getattr(self.far[context], method)(**arguments)
        assert plain(far) == plain(near), f"{context}.{method}"
        return near


def plain(answer: Any) -> Any:
    """An answer in which refusals can be compared."""
    if isinstance(answer, list):
        return [plain(item) for item in answer]
    if isinstance(answer, Refusal):
        return type(answer), answer.params, answer.errors
    return answer


@pytest_asyncio.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    instance = Instance(tmp_path / "folder", extra={"FENXIAO_SERVICE_TOKEN": TOKEN})
    settings = load(instance.environment())
    with ground.ground(settings) as here:
        place, _ = await ground.prepare(here)
        instance.start()
        try:
            async with composed(place) as near, open_client() as client:
                far = {
                    name: remote(protocol, base_url=instance.url, context=name, token=TOKEN, client=client)
                    for name, protocol in PROTOCOLS.items()
                }
                yield Both(near, far, instance.url)
        finally:
            instance.stop()


@pytest.mark.timeout(180)
async def test_every_api_answers_the_same_near_and_far(both: Both) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await accounts(both, later)
    a, b = await members(both)
    flour = await goods(both, later)
    rule = await both("rules", "publish_once", document=PLAN, effective_from=datetime(2020, 1, 1, tzinfo=UTC))
    await both(
        "rules",
        "active",
        asked=[RuleQuestion(currency="GBP", at=LONG_AGO), RuleQuestion(currency="XXX", at=LONG_AGO)],
    )
    (version,) = await both("rules", "versions", rule_ids=[rule, 999])
    assert version.document["name"] == "walk"
    assert await both("rules", "documents", rule_ids=[rule, 999]) == [version]
    await sales(both, a, b, flour)
    await payouts(both)
    backlog = await both("notifications", "backlog")
    assert (backlog.deliveries, backlog.due_since, backlog.mails) == (0, None, 0)
    everything = {(name, method) for name, protocol in PROTOCOLS.items() for method in methods(protocol)}
    assert everything - both.called == set(), "not called by this test"


async def payouts(both: Both) -> None:
    asked = [
        TransferRequest(
            payout_number=number,
            channel=channel,
            currency="CNY",
            amount_minor=100,
            holder="王小明",
            number="6222021234567890123",
        )
        for number, channel in (("walk1", "bank"), ("walk2", "wechat"), ("walk3", "none"))
    ]
    taken, *refused = await both("payments", "transfer", requests=asked)
    assert (taken.payout_number, taken.status) == ("walk1", "queued")
    assert [one.code for one in refused] == ["channel-not-configured", "channel-unknown"]
    assert await both("payments", "transfers", numbers=["walk1", "walk2"]) == [taken]
    cancelled, missing = await both("payments", "cancel", numbers=["walk1", "walk2"])
    assert (cancelled.status, missing.code) == ("cancelled", "transfer-missing")


async def accounts(both: Both, later: datetime) -> None:
    request = AccountRequest(
        caller="7",
        key="k",
        username="walker",
        password="a long pass word",
        distributor_id=4_000_000,
        deadline=later,
    )
    (held,) = await both("identity", "hold_accounts", requests=[request])
    (taken,) = await both(
        "identity",
        "hold_accounts",
        requests=[
            AccountRequest(
                caller="7",
                key="other",
                username="WALKER",
                password="a long pass word",
                distributor_id=4_000_001,
                deadline=later,
            )
        ],
    )
    assert isinstance(taken, Refusal)
    assert taken.code == "username-taken"
    assert await both("identity", "overdue_accounts", before=later + timedelta(days=1), limit=10) == [
        held.hold_id
    ]
    await both("identity", "confirm_accounts", holds=[held.hold_id])
    await both("identity", "release_accounts", holds=[held.hold_id, 999])
    assert await both("identity", "revoked_sessions", since=LONG_AGO) == []
    keys = await both("identity", "public_keys")
    assert keys["keys"]


async def members(both: Both) -> tuple[int, int]:
    new = [
        NewMember(external_id="A", display_name="A", joined_at=LONG_AGO),
        NewMember(external_id="B", display_name="B", joined_at=LONG_AGO, sponsor_external_id="A"),
        NewMember(external_id="C", display_name="C", joined_at=LONG_AGO, sponsor_external_id="nobody"),
    ]
    a, b, refused = await both("network", "register_members", members=new)
    assert isinstance(refused, Refusal)
    await both("network", "known_external_ids", external_ids=["A", "C"])
    seller, missing = await both(
        "network",
        "sellers",
        asked=[SellerQuestion(distributor_id=b), SellerQuestion(distributor_id=999, at=LONG_AGO)],
    )
    assert [member.distributor_id for member in seller.upline] == [a]
    assert isinstance(missing, Refusal)
    assert await both("network", "placements_at", at=LONG_AGO, cursor=0, limit=10) == []
    await both("network", "members_at", asked=[(b, seller.tree_version)])
    assert await both("network", "joined", distributor_ids=[b, 999]) == {b: LONG_AGO}
    assert await both("network", "names", distributor_ids=[b, 999]) == {b: "B"}
    assert await both("network", "grade_ranks") == {}
    change = GradeChange(distributor_id=b, grade="gold", expected=None, reason="reward")
    assert await both("network", "set_grades", changes=[change]) == [False]
    roster = await both("network", "roster", at=LONG_AGO + timedelta(days=1), cursor=0, limit=10)
    assert [(one.member.distributor_id, one.sponsor_id) for one in roster] == [(a, None), (b, a)]
    assert await both("network", "roster", at=LONG_AGO, cursor=0, limit=10) == []
    await teams(both, a, b)
    gone = NewMember(external_id="gone", display_name="Gone", joined_at=LONG_AGO)
    (person,) = await both("network", "register_members", members=[gone])
    erasures = [Erasure(distributor_id=one, ground="request") for one in (person, 9999)]
    since, missing = await both("network", "erase", erasures=erasures)
    assert (since.at > LONG_AGO, missing.code) == (True, "distributor-missing")
    return a, b


async def teams(both: Both, a: int, b: int) -> None:
    """Who led a team and who was in it: made near and asked for far."""
    made = await both.near.apis.network.teams.create(name="walk", leader_id=a, parent_id=None, once=None)
    await both.near.apis.network.teams.add(made.team_id, b, once=None)
    now = datetime.now(UTC) + timedelta(seconds=1)
    assert await both("network", "teams_led", at=now, distributor_ids=[a, b]) == {a: made.team_id}
    assert await both("network", "teams_led", at=LONG_AGO, distributor_ids=[a, b]) == {}
    asked = {"team_ids": [made.team_id, 999], "since": LONG_AGO, "until": now}
    first, second = await both("network", "team_stretches", **asked, after=None, limit=10)
    assert ((first.distributor_id, second.distributor_id), second.until) == ((a, b), now)
    assert await both("network", "team_stretches", **asked, after=first, limit=10) == [second]


async def goods(both: Both, later: datetime) -> int:
    (flour,) = await both(
        "catalog",
        "create_products",
        products=[NewProduct(sku="F", name="面粉", currency="GBP", tags=("热销",))],
    )
    there = await both(
        "catalog", "existing", product_ids=[flour, 999], category_ids=[999], tags=["热销", "nothing"]
    )
    assert (there.products, there.category_ids, there.tags) == ({flour: "GBP"}, (), ("热销",))
    change = StockChange(product_id=flour, delta=100, batch_id="B1", reason="opening stock")
    await both("catalog", "change_stock", changes=[change], key="opening")
    line = (StockLine(product_id=flour, quantity=2),)
    wanted = [
        StockRequest(caller="test", key="h1", lines=line, deadline=later),
        StockRequest(
            caller="test", key="h2", lines=(StockLine(product_id=flour, quantity=2000),), deadline=later
        ),
        StockRequest(caller="test", key="h3", lines=(StockLine(product_id=999, quantity=2),), deadline=later),
    ]
    held, too_much, missing = await both("catalog", "hold_stock", requests=wanted)
    assert (too_much.code, missing.code) == ("out-of-stock", "product-missing")
    await both("catalog", "overdue_holds", before=later + timedelta(days=1), limit=10)
    order = 4_000_000
    await both("catalog", "confirm_holds", holds=[(held.hold_id, order)])
    shipment = Shipment(order_id=order, hold_id=held.hold_id, lines=line, deadline=later, at=LONG_AGO)
    (shipped,) = await both("catalog", "ship", shipments=[shipment])
    assert [(one.batch_id, one.quantity) for one in shipped.allocations] == [("B1", 2)]
    await both("catalog", "unship", orders=[order])
    await both("catalog", "release_holds", holds=[held.hold_id, 999])
    return flour


async def sales(both: Both, a: int, b: int, flour: int) -> None:
    new = NewOrder(
        caller="test", key="o1", distributor_id=b, channel="walk", external_id="1", may_set_price=True, paid=True,
        at=LONG_AGO, lines=(NewLine(product_id=flour, quantity=3, unit_price_minor=1000),),
    )  # fmt: skip
    (placed,) = await both("orders", "place_orders", orders=[new])
    assert placed.total_minor == 3000
    await both("orders", "known_external_ids", channel="walk", external_ids=["1", "2"])
    step = [Transition(order_id=placed.order_id, at=LONG_AGO)]
    shipped = await both.near.apis.orders.ship_orders(orders=step)
    again = await both.far["orders"].ship_orders(orders=step)
    assert (shipped, again[0].code) == ([None], "wrong-state")
    completed = await both.far["orders"].complete_orders(orders=step)
    again = await both.near.apis.orders.complete_orders(orders=step)
    assert (completed, again[0].code) == ([None], "wrong-state")
    both.called |= {("orders", "ship_orders"), ("orders", "complete_orders")}
    back = NewRefund(
        order_id=placed.order_id, lines=(RefundUnits(line_id=placed.lines[0].line_id, quantity=1),), restock=True,
        key="r1", at=LONG_AGO + timedelta(days=1),
    )  # fmt: skip
    refund, missing = await both(
        "orders", "refund_orders", refunds=[back, NewRefund(order_id=999, amount_minor=1)]
    )
    assert (refund.amount_minor, missing.code) == (1000, "order-missing")
    await until_delivered(both)
    (history,) = await both("orders", "histories", order_ids=[placed.order_id, 999])
    assert history.refunds[0].key == "r1"
    assert await both("orders", "orders_after", cursor=0, limit=10) == [history]
    span = PaidSpan(currency="GBP", start=LONG_AGO - timedelta(days=1), end=LONG_AGO + timedelta(days=1))
    packed = await both("orders", "facts_after", span=span, cursor=0, limit=10)
    assert packed.order_ids == (placed.order_id,)
    assert json.loads(packed.content)[0][0] == placed.order_id
    assert await both("orders", "paid_within", span=span) == 1
    await sold(both, b, placed.order_id)
    assert await both("orders", "in_flight") == []
    assert await both("commission", "in_flight") == []
    (booked,) = await both("commission", "booked", order_ids=[placed.order_id])
    assert [step.amount_minor for step in booked.steps] == [300, -100]
    assert await both("commission", "total_minor", currency="GBP") == 200
    # Where payouts go: nobody has registered anything here.
    assert await both("commission", "payout_accounts", account_ids=[1, 999]) == []
    totals = await both("analytics", "totals", currency="GBP")
    assert (totals.net_minor, totals.commission_minor) == (2000, 200)


async def sold(both: Both, seller: int, order: int) -> None:
    """What was sold, as the close of a period and the conditions of plans ask it."""
    near, far = await both.near.apis.orders.recorded_until(), await both.far["orders"].recorded_until()
    assert near <= far
    both.called.add(("orders", "recorded_until"))
    assert await both("orders", "currencies") == ["GBP"]
    first, unknown = await both(
        "orders",
        "activity",
        asked=[
            ActivityQuestion(order_id=one, distributor_id=seller, within_days=30, earned_when="completed")
            for one in (order, 999)
        ],
    )
    assert (first.paid_orders, first.sales_minor, unknown) == (0, 0, None)
    day = timedelta(days=1)
    before = ActivityBefore(
        distributor_id=seller, currency="GBP", before=LONG_AGO + 2 * day, within_days=None, recorded_until=far
    )
    (activity,) = await both("orders", "activity_before", asked=[before])
    assert (activity.paid_orders, activity.sales_minor) == (1, 2000)
    question = SoldQuestion(
        currency="GBP",
        reached="completed",
        since=LONG_AGO,
        until=LONG_AGO + day,
        base="profit",
        recorded_until=far,
    )
    assert (await both("orders", "sold", asked=question, distributor_ids=[seller])).total_minor == 0
    whole = replace(question, base="paid_amount")
    found = await both("orders", "sold", asked=whole, distributor_ids=[seller, 999])
    assert (found.total_minor, [one.team_minor for one in found.by]) == (2000, [2000])
    stretches = [
        SellingStretch(distributor_id=one, since=LONG_AGO, until=LONG_AGO + span)
        for one, span in ((seller, day), (seller, timedelta(0)), (999, day))
    ]
    own = await both("orders", "sold_in", currency="GBP", recorded_until=far, stretches=stretches)
    assert own == [2000, 0, 0]
    long_before = await both(
        "orders", "sold_in", currency="GBP", recorded_until=LONG_AGO, stretches=stretches
    )
    assert long_before == [0, 0, 0]
    anew = await both("orders", "sold_anew", asked=[(whole, LONG_AGO), (whole, far)])
    assert anew == [True, False]


async def until_delivered(both: Both) -> None:
    async with asyncio.timeout(30):
        while await both.near.waiting():
            await asyncio.sleep(0.05)


async def test_a_far_call_without_the_token_is_refused(both: Both) -> None:
    async with open_client() as client:
        stranger = remote(
            PROTOCOLS["rules"], base_url=both.url, context="rules", token="guessed", client=client
        )
        with pytest.raises(FarFault, match="401"):
            await stranger.versions(rule_ids=[1])
