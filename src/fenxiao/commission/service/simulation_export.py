"""The distributors of a simulation as a file, page by page, whatever their number."""

from collections.abc import AsyncIterator

from fenxiao.commission.queries import simulation as reads
from fenxiao.commission.queries.simulation import Difference, Simulation, Sort
from fenxiao.commission.service import sheets
from fenxiao.commission.service.sheets import Format, Layout, Rows
from fenxiao.commission.service.simulation import SimulationMissing, SimulationNotDone
from fenxiao.infra.db.database import Database
from fenxiao.kernel.money import from_minor

LAYOUT = Layout(
    heading=("distributor_id", "currency", "orders", "sales", "would", "was", "difference"),
    amounts=frozenset(("sales", "would", "was", "difference")),
)
_ROWS = 1000


class SimulationExports:
    """Writes what each distributor would have got and got as CSV or Excel."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def written(self, simulation_id: int, kind: Format, *, sort: Sort) -> AsyncIterator[bytes]:
        """The parts of the file; SimulationMissing, SimulationNotDone, SheetFull before there is any."""
        found = await reads.find(self._db, simulation_id)
        if found is None:
            raise SimulationMissing(simulation_id=simulation_id)
        if found.outcome is None:
            raise SimulationNotDone(simulation_id=simulation_id, status=found.status)
        return await sheets.written(kind, LAYOUT, self._pages(found, sort))

    async def _pages(self, found: Simulation, sort: Sort) -> AsyncIterator[Rows]:
        cursor: str | None = None
        while True:
            page = await reads.differences(
                self._db, found.simulation_id, sort=sort, limit=_ROWS, cursor=cursor
            )
            yield [_row(one, found.currency) for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return


def _row(one: Difference, currency: str) -> list[str | int]:
    amounts = (one.sales_minor, one.would_minor, one.was_minor, one.difference_minor)
    return [one.distributor_id, currency, one.orders, *(from_minor(amount, currency) for amount in amounts)]
