"""The placement tree under its lock: parents, positions, paths, history and width are changed here and nowhere else.

Whoever changes it locks its one row first and looks afterwards, so that nobody takes a place that was found free. The
lock is not the sponsor tree's: registering and placing do not wait for each other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fenxiao.infra import context
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.path import subtree
from fenxiao.network.domain.placement import child_path, root_path

DEFAULT_WIDTH = 2
"""Of a new installation: a binary tree, a left and a right leg."""

Source = Literal["operator", "spill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A distributor in the placement tree; `version` counts the changes of its own place (its ETag)."""

    distributor_id: DistributorId
    parent_id: DistributorId | None
    position: int | None
    path: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that is free: the position below someone."""

    parent: Placed
    position: int


_PLACED = "select distributor_id, parent_id, position, path, version from placement"

_UPSERT = """
insert into placement (distributor_id, parent_id, position, path, open) values ($1, $2, $3, $4, true)
on conflict (distributor_id) do update
  set parent_id = excluded.parent_id, position = excluded.position, path = excluded.path, version = placement.version + 1
"""

_OPEN = """
update placement p set open = (select count(*) from placement c where c.parent_id = p.distributor_id) < $2
 where distributor_id = any($1::bigint[])
"""

_OPEN_ALL = """
update placement p set open = n.open from (
  select a.distributor_id, count(c.distributor_id) < $1 as open
    from placement a left join placement c on c.parent_id = a.distributor_id group by 1) n
 where p.distributor_id = n.distributor_id and p.open <> n.open
"""

_CLOSE_LINK = """
update placement_link set to_version = $2, valid_to = $3 where distributor_id = $1 and to_version is null
"""

_NEXT_LINK = """
insert into placement_link (distributor_id, from_version, valid_from, valid_to, parent_id, position, source, actor, evidence)
values ($1, $2, $3, 'infinity', $4, $5, $6, $7, $8)
"""

# A level that has a free place above which all are full is at most so deep as a full tree of all people would be; on
# the way each level costs one step of the index.
_BREADTH_FIRST = """
select found.* from generate_series(octet_length($1::bytea), octet_length($1::bytea) + $3::int) as level
 cross join lateral (
  select distributor_id, parent_id, position, path, version from placement
   where open and octet_length(path) = level and path >= $1 and path < $2 order by path limit 1) as found
 order by level limit 1
"""

_OUTER = """
with recursive leg as (
  select distributor_id, 0 as n from placement where distributor_id = $1
  union all
  select c.distributor_id, l.n + 1 from leg l join placement c on c.parent_id = l.distributor_id and c.position = $2
)
select p.distributor_id, p.parent_id, p.position, p.path, p.version
  from (select distributor_id from leg order by n desc limit 1) l join placement p using (distributor_id)
"""


class PlacementTree:
    """安置树: the placement tree while its lock is held, that is until the transaction ends. Made by `locked`."""

    def __init__(self, tx: Transaction, version: int, width: int, now: datetime) -> None:
        self._tx = tx
        self.version = version
        self.width = width
        # Never before an earlier change, whatever the clocks of two servers say.
        self.now = now

    async def placed(self, distributor_id: DistributorId) -> Placed | None:
        """Where someone stands now."""
        row = await self._tx.fetchrow(f"{_PLACED} where distributor_id = $1", distributor_id)
        return None if row is None else Placed(**row)

    async def nearest(self, distributor_ids: list[DistributorId]) -> Placed | None:
        """The first of these who has a place."""
        rows = await self._tx.fetch(f"{_PLACED} where distributor_id = any($1::bigint[])", distributor_ids)
        found = {row["distributor_id"]: Placed(**row) for row in rows}
        return next((found[one] for one in distributor_ids if one in found), None)

    async def occupants(self, parent_id: DistributorId) -> dict[int, DistributorId]:
        """Who stands directly below, by position."""
        rows = await self._tx.fetch(
            "select position, distributor_id from placement where parent_id = $1", parent_id
        )
        return {row["position"]: row["distributor_id"] for row in rows}

    async def longest(self, placed: Placed) -> int:
        """The length in bytes of the longest path at or below someone."""
        length: int = await self._tx.fetchval(
            "select max(octet_length(path)) from placement where path >= $1 and path < $2",
            *subtree(placed.path),
        )
        return length

    async def shallowest_open(self, under: Placed, levels: int) -> Placed | None:
        """The leftmost one on the nearest level at or below `under` who has a free position."""
        row = await self._tx.fetchrow(_BREADTH_FIRST, *subtree(under.path), levels)
        return None if row is None else Placed(**row)

    async def end_of_leg(self, under: Placed, position: int) -> Placed:
        """The last one on the way down from `under` that always takes this position."""
        row = await self._tx.fetchrow(_OUTER, under.distributor_id, position)
        assert row is not None  # noqa: S101 - the leg begins with `under`
        return Placed(**row)

    async def put(
        self,
        distributor_id: DistributorId,
        present: Placed | None,
        spot: Spot | None,
        *,
        source: Source,
        evidence: str,
    ) -> None:
        """Give someone a place (None: at the top), with everyone below. That it is free and closes no loop is the caller's to see to."""
        await self._advance()
        path = root_path(distributor_id) if spot is None else child_path(spot.parent.path, spot.position)
        if present is not None:
            await self._tx.execute(
                "update placement set path = $3 || substring(path from $4) where path > $1 and path < $2",
                *subtree(present.path),
                path,
                len(present.path) + 1,
            )
        parent_id, position = (None, None) if spot is None else (spot.parent.distributor_id, spot.position)
        await self._tx.execute(_UPSERT, distributor_id, parent_id, position, path)
        touched = {parent_id, None if present is None else present.parent_id} - {None}
        await self._tx.execute(_OPEN, list(touched), self.width)
        await self._tx.execute(_CLOSE_LINK, distributor_id, self.version, self.now)
        await self._tx.execute(
            _NEXT_LINK,
            distributor_id,
            self.version,
            self.now,
            parent_id,
            position,
            source,
            context.current().actor,
            evidence,
        )

    async def widest(self) -> Placed | None:
        """Someone at the highest position in use."""
        row = await self._tx.fetchrow(
            f"{_PLACED} where position is not null order by position desc, distributor_id limit 1"
        )
        return None if row is None else Placed(**row)

    async def resize(self, width: int) -> None:
        """Give everybody so many positions below. That no position in use is lost is the caller's to see to."""
        await self._advance()
        self.width = width
        await self._tx.execute("update placement_tree set width = $1", width)
        await self._tx.execute(_OPEN_ALL, width)

    async def _advance(self) -> None:
        self.version += 1
        await self._tx.execute(
            "update placement_tree set version = $1, changed_at = $2", self.version, self.now
        )


async def locked(tx: Transaction, now: datetime) -> PlacementTree:
    """Take the placement tree's lock, which every change of it holds until it commits."""
    row = await tx.fetchrow(
        "insert into placement_tree as t (one, version, width) values (true, 0, $1)"
        " on conflict (one) do update set version = t.version returning version, width, changed_at",
        DEFAULT_WIDTH,
    )
    assert row is not None  # noqa: S101 - an upsert answers its row
    changed: datetime | None = row["changed_at"]
    return PlacementTree(tx, row["version"], row["width"], now if changed is None else max(now, changed))
