"""Forgetting simulations that ended long ago: of the book they change nothing, and they say who earned what."""

from datetime import timedelta

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction

CHUNK = 2000
"""Rows of one transaction, so that nobody waits for long."""

_OLDEST = """
select s.simulation_id, s.run_id from simulation s join run r using (run_id)
where s.created_at < $1 and r.state in ('done', 'failed', 'cancelled') order by s.simulation_id limit 1
"""


class SimulationRetention:
    """The daily forgetting; a run that was killed leaves less to the next one."""

    def __init__(self, db: Database, keep_days: int | None) -> None:
        self._db = db
        self._keep = None if keep_days is None else timedelta(days=keep_days)

    async def forget(self) -> int:
        """Delete simulations older than they are kept; how many."""
        gone = 0
        while self._keep is not None and await self._next(self._keep):
            gone += 1
        return gone

    async def _next(self, keep: timedelta) -> bool:
        """Delete the oldest that is due, and first what it says of each distributor; False where none is."""
        while True:
            async with self._db.begin() as tx:
                row = await tx.fetchrow(_OLDEST, self._db.clock() - keep)
                if row is None:
                    return False
                if await _some(tx, row["simulation_id"]) == CHUNK:
                    continue
                await tx.execute("delete from simulation where simulation_id = $1", row["simulation_id"])
                await tx.execute("delete from run where run_id = $1", row["run_id"])
                tx.audit("simulation.forgotten", f"simulations/{row['simulation_id']}")
                return True


async def _some(tx: Transaction, simulation_id: int) -> int:
    tag = await tx.execute(
        "delete from simulation_distributor where simulation_id = $1 and distributor_id in"
        " (select distributor_id from simulation_distributor where simulation_id = $1 order by 1 limit $2)",
        simulation_id,
        CHUNK,
    )
    return int(tag.rsplit(" ", 1)[1])
