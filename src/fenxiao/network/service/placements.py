"""The placement tree: places given by hand or found by spilling over, its width, and who stood where."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Invalid, StaleVersion
from fenxiao.kernel.ids import DistributorId
from fenxiao.network import queries
from fenxiao.network.api import DistributorMissing
from fenxiao.network.domain import placement as shape
from fenxiao.network.domain.faults import DirectSeller
from fenxiao.network.domain.placement import (
    LegTooLong,
    NobodyPlacedAbove,
    NotPlaced,
    ParentNotPlaced,
    PlacementLoop,
    PositionTaken,
    Spill,
    WidthInUse,
)
from fenxiao.network.queries.placements import Stretch, TreeSettings
from fenxiao.network.store import placements as store
from fenxiao.network.store.placements import Placed, PlacementTree, Source, Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who is to be placed, why, and in which version his place was read."""

    distributor_id: DistributorId
    reason: str
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A place, who stands directly below, and the version of the place as it is now."""

    place: Stretch
    below: tuple[Stretch, ...]
    version: int


class Placements:
    """安置: places, moves and reads of the placement tree."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def place(self, wish: Wish, *, parent_id: DistributorId | None, position: int) -> Placed:
        """Put someone at a position below a parent (None: at the top); everyone below comes along."""
        await self._demand_placeable(wish.distributor_id)
        async with self._db.begin() as tx:
            tree, present = await self._locked(tx, wish)
            if parent_id is None:
                if present is None or present.parent_id is not None:
                    return await _put(tx, tree, wish, present, spot=None, source="operator")
                return present
            if present is not None and (present.parent_id, present.position) == (parent_id, position):
                return present
            parent = await _parent(tree, wish, present, parent_id)
            await _demand_free(tree, parent, position)
            return await _put(tx, tree, wish, present, spot=Spot(parent, position), source="operator")

    async def spill(self, wish: Wish, *, under: DistributorId | None, how: Spill) -> Placed:
        """Put someone at the next free place at or below `under` (None: the nearest placed one of the upline).

        Whoever stands below it already stays where he is.
        """
        upline = await self._demand_placeable(wish.distributor_id)
        async with self._db.begin() as tx:
            tree, present = await self._locked(tx, wish)
            above = await tree.nearest(upline) if under is None else await _parent(tree, wish, present, under)
            if above is None:
                raise NobodyPlacedAbove(distributor_id=wish.distributor_id)
            if present is not None and shape.is_below(present.path, above.path):
                return present
            _demand_no_loop(wish, present, above)
            spot = await _next_free(tree, above, how)
            return await _put(tx, tree, wish, present, spot=spot, source="spill")

    async def resize(self, width: int, *, version: int | None) -> TreeSettings:
        """Let everybody have so many positions below; no narrower than what is in use."""
        async with self._db.begin() as tx:
            tree = await store.locked(tx, self._db.clock())
            if version is not None and version != tree.version:
                raise StaleVersion
            if width != tree.width:
                before, widest = tree.width, await tree.widest()
                if widest is not None and (widest.position or 0) > width:
                    raise WidthInUse(distributor_id=widest.distributor_id, position=widest.position)
                await tree.resize(width)
                tx.audit(
                    "placement.width_changed", "placement", before={"width": before}, after={"width": width}
                )
            return TreeSettings(width=tree.width, version=tree.version)

    async def settings(self) -> TreeSettings:
        """The width of the tree and the version it stands at."""
        return await queries.placements.settings(self._db, store.DEFAULT_WIDTH)

    async def at(self, distributor_id: int, at: datetime | None) -> Standing:
        """Where someone stood at a moment (None: stands now), and who stood directly below."""
        # Before the rest: whoever then changes a newer place is told that it has changed.
        version = await queries.placements.version(self._db, distributor_id)
        found = await queries.placements.stretch(self._db, distributor_id, at)
        if found is None:
            raise NotPlaced(distributor_id=distributor_id)
        below = await queries.placements.below(self._db, distributor_id, at)
        return Standing(place=found, below=tuple(below), version=version)

    async def history(self, distributor_id: int) -> list[Stretch]:
        """Every place that someone had, the first one first."""
        return await queries.placements.history(self._db, distributor_id)

    async def _demand_placeable(self, distributor_id: DistributorId) -> list[DistributorId]:
        """The upline of someone who may have a place."""
        found = (await queries.sellers.present(self._db, [distributor_id])).sellers.get(distributor_id)
        if found is None:
            raise DistributorMissing(distributor_id=distributor_id)
        if not found.member.earns:
            raise DirectSeller(distributor_id=distributor_id)
        return [member.distributor_id for member in found.upline]

    async def _locked(self, tx: Transaction, wish: Wish) -> tuple[PlacementTree, Placed | None]:
        tree = await store.locked(tx, self._db.clock())
        present = await tree.placed(wish.distributor_id)
        if wish.version is not None and wish.version != (0 if present is None else present.version):
            raise StaleVersion
        return tree, present


async def _parent(
    tree: PlacementTree, wish: Wish, present: Placed | None, parent_id: DistributorId
) -> Placed:
    parent = await tree.placed(parent_id)
    if parent is None:
        raise ParentNotPlaced(parent_id=parent_id)
    _demand_no_loop(wish, present, parent)
    return parent


def _demand_no_loop(wish: Wish, present: Placed | None, parent: Placed) -> None:
    if present is not None and shape.is_below(parent.path, present.path):
        raise PlacementLoop(distributor_id=wish.distributor_id, parent_id=parent.distributor_id)


async def _demand_free(tree: PlacementTree, parent: Placed, position: int) -> None:
    if faults := shape.position_faults(position, tree.width):
        raise Invalid(errors=faults)
    occupant = (await tree.occupants(parent.distributor_id)).get(position)
    if occupant is not None:
        raise PositionTaken(position=position, parent_id=parent.distributor_id, distributor_id=occupant)


async def _next_free(tree: PlacementTree, under: Placed, how: Spill) -> Spot:
    if how != "breadth_first":
        position = shape.leg(how, tree.width)
        return Spot(await tree.end_of_leg(under, position), position)
    parent = await tree.shallowest_open(under, shape.levels_to_look_at(tree.width))
    if parent is None:
        raise LegTooLong(most=shape.MAX_LEVELS)
    position_free = shape.first_free(await tree.occupants(parent.distributor_id), tree.width)
    assert position_free is not None  # noqa: S101 - it is open, and the tree is locked
    return Spot(parent, position_free)


async def _put(
    tx: Transaction,
    tree: PlacementTree,
    wish: Wish,
    present: Placed | None,
    *,
    spot: Spot | None,
    source: Source,
) -> Placed:
    below = 0 if present is None else await tree.longest(present) - len(present.path)
    if spot is not None and shape.levels(spot.parent.path) + 1 + below > shape.MAX_LEVELS:
        raise LegTooLong(most=shape.MAX_LEVELS)
    await tree.put(wish.distributor_id, present, spot, source=source, evidence=wish.reason)
    placed = await tree.placed(wish.distributor_id)
    assert placed is not None  # noqa: S101 - it was just put there
    before = None if present is None else {"parent_id": present.parent_id, "position": present.position}
    after = {"parent_id": placed.parent_id, "position": placed.position, "reason": wish.reason}
    tx.audit("distributor.placed", f"distributors/{wish.distributor_id}", before=before, after=after)
    return placed
