"""Whether there is anything new to a close, and which others have to be looked at because of it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.closing import Close
from fenxiao.commission.queries import periods
from fenxiao.commission.service.periods.due import Wanted, of_close
from fenxiao.commission.service.periods.facts import Evaluated
from fenxiao.commission.service.periods.gathering import question
from fenxiao.engine.periods import period_after
from fenxiao.engine.plan import Plan
from fenxiao.infra.db.database import Database
from fenxiao.orders.api import OrdersApi


def names(plan: Plan) -> list[str]:
    """Its components, whose entries its caps look at."""
    return [component.name for component in plan.components]


async def told(
    db: Database, plan: Plan, close: Close, *, orders: OrdersApi, before: Close | None, recorded: datetime
) -> bool:
    """Whether the orders, the carries of the period before, or what was earned tell what the last step did not know."""
    last = (await periods.evaluations(db, close.close_id))[-1]
    if close.purpose == "caps":
        then = await periods.accrued_then(db, close.close_id, last.step)
        if then != await periods.accrued(db, close.currency, close.since, close.until, names(plan)):
            return True
    elif before is not None and (before.close_id, before.steps - 1) != (last.carried_from, last.carried_step):
        known = (
            await periods.carries(db, last.carried_from, last.carried_step)
            if last.carried_from is not None and last.carried_step is not None
            else []
        )
        if set(known) != set(await periods.carries(db, before.close_id, before.steps - 1)):
            return True
    asked = question(plan, close.since, close.until, recorded)
    (changed,) = await orders.sold_anew(asked=[(asked, close.known_until)])
    return changed


async def following(db: Database, close: Close, evaluated: Evaluated, zone: ZoneInfo) -> list[Wanted]:
    """The period in which the carries count, where it is closed and they are others than before; and closed caps."""
    if close.purpose == "caps":
        return []
    found = []
    step = evaluated.evaluation.step
    known = await periods.carries(db, close.close_id, step - 1) if step else []
    if set(evaluated.carries) != set(known):
        after = period_after(of_close(close).period, zone)
        later = await periods.of(db, close.currency, close.kind, after.key, close.purpose)
        found += [] if later is None else [of_close(later)]
    caps = await periods.caps_since(db, close.until, close.currency)
    return [*found, *(of_close(one) for one in caps if one.since < close.until)]
