"""Who orders what: 10,000 products and 100,000 distributors, loaded through the system's own use cases."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.rig.database import Ground
from fenxiao.catalog.api import NewProduct, StockChange
from fenxiao.entrypoints import ground
from fenxiao.entrypoints.compose import System, composed
from fenxiao.infra import context, settings
from fenxiao.kernel.errors import Refusal
from fenxiao.network.api import NewMember

PRODUCTS = 10_000
DISTRIBUTORS = 100_000
DEEPEST = 12
HOT = 10
CURRENCY = "CNY"
_SEED = 20260101
_AT_ONCE = 5_000
_STOCK = 1_000_000_000
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

PLAN = {
    "name": "two levels, on payment",
    "currency": CURRENCY,
    "accrue_on": "paid",
    "hold_days": 7,
    "components": [{"type": "unilevel", "name": "upline", "levels": ["0.10", "0.05"]}],
}
"""Two payees for each order whose seller has two or more above him."""


@dataclass(frozen=True, slots=True)
class Population:
    """The files that the load generators draw from, and the ids that pgbench does."""

    products: Path
    hot_products: Path
    sellers: Path
    deep_sellers: Path
    product_ids: tuple[int, int]
    distributor_ids: tuple[int, int]


def sponsors(count: int, chance: random.Random) -> list[int | None]:
    """A tree as recruiting makes it: the place of each one's sponsor among those before him, None for a root.

    One in fifty comes by himself. The others join whom they met: of two people drawn the one nearer to the top, for
    those have been at it longer. Nobody stands deeper than twelve; the median stands at five or six.
    """
    depths: list[int] = []
    chosen: list[int | None] = []
    for number in range(count):
        sponsor = None
        if number and chance.random() > 0.02:
            first, second = chance.randrange(number), chance.randrange(number)
            sponsor = first if depths[first] <= depths[second] else second
            if depths[sponsor] >= DEEPEST:
                sponsor = None
        chosen.append(sponsor)
        depths.append(1 if sponsor is None else depths[sponsor] + 1)
    return chosen


def prices(count: int, chance: random.Random) -> list[int]:
    """In minor units, from 10.00 to 999.99."""
    return [chance.randrange(1_000, 100_000) for _ in range(count)]


async def load(here: Ground, folder: Path, password: str, say: Callable[[str], None]) -> Population:
    """Load everything that is not there yet, deliver its events, and write the files."""
    chance = random.Random(_SEED)
    place, _ = await ground.prepare(
        ground.Ground(settings.Settings(data_dir=folder, admin_password=password), here.dsn, None)
    )
    async with composed(place) as system:
        await system.start()
        with context.use(context.RequestContext(actor="bench")):
            if not await _is_loaded(here):
                say(f"loading {PRODUCTS:,} products")
                await _stock_products(system, chance)
                say(f"loading {DISTRIBUTORS:,} distributors")
                await _register(system, chance)
                await system.apis.rules.publish_once(document=PLAN, effective_from=_LONG_AGO)
            say("delivering what is left to deliver")
            await system.drain()
    await _limit(here)
    await here.tend()
    return await _written_down(here, folder)


async def _stock_products(system: System, chance: random.Random) -> None:
    new = [
        NewProduct(sku=f"B{number:05}", name=f"Product {number}", currency=CURRENCY, price_minor=price)
        for number, price in enumerate(prices(PRODUCTS, chance), 1)
    ]
    ids = await system.apis.catalog.create_products(products=new)
    changes = [
        StockChange(product_id=product_id, delta=_STOCK, batch_id="OPENING", reason="opening stock")
        for product_id in ids
    ]
    for start in range(0, len(changes), _AT_ONCE):
        await system.apis.catalog.change_stock(
            changes=changes[start : start + _AT_ONCE], key=f"bench {start}"
        )


async def _register(system: System, chance: random.Random) -> None:
    chosen = sponsors(DISTRIBUTORS, chance)
    members = [
        NewMember(
            external_id=f"D{number}",
            display_name=f"Distributor {number}",
            joined_at=_LONG_AGO,
            sponsor_external_id=None if sponsor is None else f"D{sponsor}",
        )
        for number, sponsor in enumerate(chosen)
    ]
    for start in range(0, len(members), _AT_ONCE):
        answers = await system.apis.network.register_members(members=members[start : start + _AT_ONCE])
        refused = [answer for answer in answers if isinstance(answer, Refusal)]
        if refused:
            raise refused[0]


async def _is_loaded(here: Ground) -> bool:
    """The limit's tables come last and all at once, so where they are, everything is."""
    return bool(await here.connection.fetchval("select to_regnamespace('bench_limit') is not null"))


async def _limit(here: Ground) -> None:
    """The limit's own tables, filled with the same products and distributors. By SQL: it is no part of the system."""
    if await _is_loaded(here):
        return
    async with here.connection.transaction():
        await here.connection.execute(Path(__file__).with_name("limit.sql").read_text(encoding="utf-8"))
        await here.connection.execute(
            f"insert into bench_limit.stock select product_id, {_STOCK}, price_minor from catalog.product order by 1"
        )
        await here.connection.execute(
            "with recursive chain as ("
            " select distributor_id, sponsor_id, '{}'::int[] as upline"
            " from network.distributor where sponsor_id is null"
            " union all"
            " select d.distributor_id, d.sponsor_id, d.sponsor_id::int || c.upline"
            " from network.distributor d join chain c on c.distributor_id = d.sponsor_id)"
            " insert into bench_limit.seller"
            " select distributor_id, upline, array_fill(1::smallint, array[cardinality(upline)]) from chain order by 1"
        )


async def _written_down(here: Ground, folder: Path) -> Population:
    rows = await here.connection.fetch("select product_id, price_minor from bench_limit.stock order by 1")
    products = [f"{row['product_id']} {row['price_minor']}" for row in rows]
    product_ids = [row["product_id"] for row in rows]
    people = await here.connection.fetch(
        "select distributor_id, cardinality(upline) as above from bench_limit.seller order by 1"
    )
    everybody = [row["distributor_id"] for row in people]
    # Spread over the list: neighbours in it lie on one page of the table, and those ten are to be hot, not the page.
    hot = products[:: len(products) // HOT][:HOT]
    return Population(
        products=_file(folder, "products", products),
        hot_products=_file(folder, "hot-products", hot),
        sellers=_file(folder, "sellers", everybody),
        deep_sellers=_file(folder, "deep-sellers", [p["distributor_id"] for p in people if p["above"] >= 2]),
        product_ids=_without_gaps(product_ids),
        distributor_ids=_without_gaps(everybody),
    )


def _file(folder: Path, name: str, lines: Sequence[object]) -> Path:
    path = folder / f"bench-{name}.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _without_gaps(ids: Sequence[int]) -> tuple[int, int]:
    """The first and the last id; pgbench draws between them, so each between them must exist."""
    first, last = min(ids), max(ids)
    if last - first + 1 != len(ids):
        message = f"ids from {first} to {last} have gaps: {len(ids)} are there"
        raise RuntimeError(message)
    return first, last
