"""The retail import on a real system: exact figures, resumed, repeated, overlapping; the same rules as the API."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.conftest import TestedSystem

from fenxiao.commands.import_retail.counts import Counts
from fenxiao.commands.import_retail.ports import Ports
from fenxiao.commands.import_retail.prepare import prepare
from fenxiao.orders.api import OrdersApi
from fenxiao.orders.domain import states

DATA = Path(__file__).resolve().parents[2] / "data"
CUT = DATA / "online_retail_cut.parquet"
SPONSORS = DATA / "distributors_cut.csv"
GROSS, REFUNDS, COMMISSION = 8493300, 40940, 892735


def ports(system: TestedSystem, orders: OrdersApi | None = None) -> Ports:
    apis = system.apis
    return Ports(catalog=apis.catalog, network=apis.network, rules=apis.rules, orders=orders or apis.orders)


async def load(system: TestedSystem, file: Path = CUT, *, orders: OrdersApi | None = None) -> Counts:
    run = await prepare(ports(system, orders), file, SPONSORS, lambda *_: None)
    await run.run()
    await system.drain()
    assert run.counts.refused == []
    return run.counts


async def figures(system: TestedSystem) -> tuple[int, int, int, int]:
    totals = await system.apis.analytics.totals(currency="GBP")
    booked = await system.apis.commission.total_minor(currency="GBP")
    assert totals.commission_minor == booked
    assert totals.net_minor == totals.gross_minor - totals.refunds_minor
    return totals.orders, totals.gross_minor, totals.refunds_minor, booked


async def differences(system: TestedSystem) -> list[str]:
    return [
        f"{finding.subject}: {finding.expected} / {finding.found}"
        for offer in system.offers
        for check in offer.checks
        async for finding in check.findings()
    ]


async def test_the_cut_comes_in_exact_to_the_penny(system: TestedSystem) -> None:
    counts = await load(system)
    assert (counts.orders, counts.lines, counts.gross_minor) == (172, 4015, GROSS)
    assert (counts.returns_whole, counts.returns_not_whole, counts.refunds) == (26, 125, 28)
    assert await figures(system) == (172, GROSS, REFUNDS, COMMISSION)
    assert await differences(system) == []


async def test_commission_is_what_a_plain_reckoning_gives_each_person(system: TestedSystem) -> None:
    await load(system)
    expected = reckon()
    rows = await system.databases["commission"].fetch(
        "select distributor_id, sum(commission_amount_minor)::bigint as total from commission group by 1"
    )
    names = await system.databases["network"].fetch("select distributor_id, external_id from distributor")
    name_of = {row["distributor_id"]: row["external_id"] for row in names}
    assert {name_of[row["distributor_id"]]: row["total"] for row in rows if row["total"]} == expected


def reckon() -> dict[str, int]:
    """Commission per person by the plainest means: 10 and 5 per cent of what is left of each order, halves up."""
    from fenxiao.commands.import_retail import rows, source
    from fenxiao.commands.import_retail.matching import Shelf, SoldLine, wanted

    sorted_out = rows.sort_out(source.read(CUT))
    with SPONSORS.open(newline="") as file:
        sponsor = {row["external_id"]: row["sponsor_external_id"] for row in csv.DictReader(file)}
    shelf = Shelf(wanted(sorted_out.returns))
    left: dict[str, int] = {}
    for sale in sorted_out.sales:
        left[sale.invoice] = sum(line.quantity * line.price_minor for line in sale.lines)
        for line in sale.lines:
            sold = SoldLine(sale.at, int(sale.invoice), line.place, sale.invoice, line.place, line.quantity)
            shelf.put((sale.customer or "", line.code, line.price_minor), sold)
    for back in sorted_out.returns:
        for match in shelf.match(back, back.quantity):
            left[str(match.order_id)] -= match.quantity * back.price_minor
    pay: dict[str, int] = {}
    for sale in sorted_out.sales:
        above = sponsor.get(sale.customer or "")
        for percent in (10, 5):
            if above:
                pay[above] = pay.get(above, 0) + (2 * percent * left[sale.invoice] + 100) // 200
                above = sponsor.get(above)
    return {name: amount for name, amount in pay.items() if amount}


async def test_again_it_changes_nothing(system: TestedSystem) -> None:
    await load(system)
    before = await rows_of_everything(system)
    counts = await load(system)
    assert (counts.orders, counts.known_orders, counts.refunds) == (0, 172, 0)
    assert await rows_of_everything(system) == before


async def rows_of_everything(system: TestedSystem) -> dict[str, int]:
    counted = {}
    for name, db in system.databases.items():
        tables = await db.fetch("select tablename from pg_tables where schemaname = $1", name)
        for row in tables:
            if row["tablename"] not in ("inbox", "alembic_version"):
                counted[f"{name}.{row['tablename']}"] = await db.fetchval(
                    f'select count(*) from "{row["tablename"]}"'
                )
    return counted


class Interrupted(Exception):
    """The process died here."""


class Dying:
    """The orders api, until its n-th changing call has been made: then the caller never hears the answer."""

    def __init__(self, orders: OrdersApi, calls: int) -> None:
        self._orders, self._left = orders, calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._orders, name)
        if name not in ("place_orders", "ship_orders", "complete_orders", "refund_orders"):
            return method

        async def call(**arguments: Any) -> Any:
            self._left -= 1
            last = self._left == 0
            answer = await method(**arguments)
            if last:
                raise Interrupted
            return answer

        return call


@pytest.mark.parametrize("calls", [1, 2, 3, 5, 8, 10])
async def test_interrupted_after_any_call_it_resumes(
    system: TestedSystem, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fenxiao.commands.import_retail.load.BATCH", 60)
    with pytest.raises(Interrupted):
        await load(system, orders=Dying(system.apis.orders, calls))
    await load(system)
    assert await figures(system) == (172, GROSS, REFUNDS, COMMISSION)
    assert await differences(system) == []


def cut(path: Path, choose: Callable[[pa.Table], Any], names: Sequence[str] | None = None) -> Path:
    table = pq.read_table(CUT)
    table = table.filter(choose(table))
    pq.write_table(table.rename_columns(names) if names else table, path)
    return path


async def test_overlapping_files_add_only_what_is_new(system: TestedSystem, tmp_path: Path) -> None:
    noon = "2009-12-01 12:00:00"
    second = [
        "InvoiceNo",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "UnitPrice",
        "CustomerID",
        "Country",
    ]
    early = cut(tmp_path / "early.parquet", lambda table: pc.less(table["InvoiceDate"], noon))
    late = cut(
        tmp_path / "late.parquet",
        lambda table: pc.greater(table["InvoiceDate"], "2009-12-01 10:00:00"),
        second,
    )
    first = await load(system, early)
    then = await load(system, late)
    assert first.orders
    assert then.known_orders
    assert first.orders + then.orders == 172
    assert await figures(system) == (172, GROSS, REFUNDS, COMMISSION)
    versions = await system.databases["rules"].fetchval("select count(*) from rules")
    assert versions == 1, "the plan is published once"


async def test_a_file_that_ends_within_an_invoice_is_completed_by_the_next(
    system: TestedSystem, tmp_path: Path
) -> None:
    short = cut(
        tmp_path / "short.parquet", lambda table: pa.array([row < 100 for row in range(table.num_rows)])
    )
    await load(system, short)
    await load(system)
    orders, gross, refunds, _ = await figures(system)
    assert (gross, refunds) == (GROSS, REFUNDS)
    assert orders in (172, 173), "the rest of the invoice that was cut is an order of its own"
    assert await differences(system) == []


async def test_one_broken_rule_fails_the_api_and_the_import_alike(
    system: TestedSystem, client: httpx.AsyncClient, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both go through the same service: with its state machine broken, neither gets an order shipped."""
    monkeypatch.setattr(states, "FOLLOWS", states.FOLLOWS | {"paid": frozenset()})
    run = await prepare(ports(system), CUT, SPONSORS, lambda *_: None)
    await run.run()
    await system.drain()
    assert run.counts.orders == 172
    assert sum("cannot become shipped" in line for line in run.counts.refused) == 172
    (order,) = await system.apis.orders.orders_after(cursor=0, limit=1)
    answer = await client.post(f"/api/orders/{order.order_id}/ship", json={}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state")
    monkeypatch.undo()
    answer = await client.post(f"/api/orders/{order.order_id}/ship", json={}, headers=admin)
    assert answer.status_code == 200
    await load(system)
    assert await figures(system) == (172, GROSS, REFUNDS, COMMISSION)
