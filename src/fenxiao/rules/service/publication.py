"""Publication: the notice, the legal limits, and the place in the timeline."""

from datetime import datetime

from fenxiao.engine import law
from fenxiao.engine.plan import Plan
from fenxiao.infra import context
from fenxiao.infra.db import locks
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError
from fenxiao.rules import queries
from fenxiao.rules.api import FactsNotGathered, NamesMissing, StartsTooEarly, StartTaken, UnlawfulPlan
from fenxiao.rules.domain.examination import ungathered, unlawful
from fenxiao.rules.domain.timeline import earliest_start, place
from fenxiao.rules.events import RulePublished
from fenxiao.rules.queries import Rule
from fenxiao.rules.service.drafts import audited, found

IN_THE_PAST = "This moment has passed; leave the field out to publish as soon as possible."
NOTICE = "At least {days} days must lie between announcement and effect; the earliest moment is {earliest}."


def demand_lawful(plan: Plan, limits: law.LawProfile) -> None:
    """Refuse a plan that the limits forbid, with the engine's reasons."""
    if reasons := unlawful(plan, limits):
        raise UnlawfulPlan(errors=reasons)


def demand_facts(plan: Plan) -> None:
    """Refuse a plan whose conditions ask for facts that nobody gathers: its orders could not be evaluated."""
    if reasons := ungathered(plan):
        raise FactsNotGathered(errors=reasons)


def demand_names(missing: tuple[FieldError, ...]) -> None:
    """Refuse a plan with special terms for what does not exist, as it was looked up before the transaction."""
    if missing:
        raise NamesMissing(errors=missing)


def demand_notice(days: int, announced_at: datetime, start: datetime | None) -> datetime:
    """When a version takes effect that is announced now: at `start`, or as soon as the notice allows."""
    earliest = earliest_start(announced_at, days)
    if start is None:
        return earliest
    if start < earliest:
        moment = earliest.isoformat().replace("+00:00", "Z")
        values = {"days": days, "earliest": moment}
        error = FieldError("effective_from", IN_THE_PAST if start < announced_at else NOTICE, values)
        raise StartsTooEarly(earliest=moment, errors=(error,))
    return start


async def hold_timeline(tx: Transaction, currency: str) -> None:
    """Let one publication per currency happen at a time, until the transaction ends.

    The exclusion constraint would refuse the second; the lock lets it wait and see the first. Read the clock
    behind it, so that waiting never turns a start into a past one.
    """
    await locks.hold(tx, f"rules timeline {currency}")


async def put_in_effect(
    tx: Transaction, draft: Rule, *, announced_at: datetime, start: datetime, replace: bool
) -> Rule:
    """Publish a draft from `start` on; the timeline must be held.

    One that begins at the same moment is replaced, or with `replace` False refused by `StartTaken`.
    """
    placement = place(await queries.timeline(tx, draft.currency, start), start)
    if placement.cut is not None:
        if placement.cut.effective_from == start and not replace:
            other = await found(tx, placement.cut.rule_id)
            raise StartTaken(name=other.name, currency=draft.currency)
        await tx.execute(
            "update rules set effective_to = $2 where rule_id = $1", placement.cut.rule_id, start
        )
    await tx.execute(
        "update rules set state = 'published', announced_at = $2, effective_from = $3, effective_to = $4,"
        " published_by = $5, updated_at = $2, checked_by = coalesce(checked_by, $5), checked_at = coalesce(checked_at, $2)"
        " where rule_id = $1 and state <> 'published'",
        draft.rule_id,
        announced_at,
        start,
        placement.effective_to,
        context.current().actor,
    )
    rule = await found(tx, draft.rule_id)
    _announce(tx, rule, start)
    return rule


def _announce(tx: Transaction, rule: Rule, start: datetime) -> None:
    tx.emit(
        RulePublished(
            rule_id=rule.rule_id,
            name=rule.name,
            version=rule.version,
            currency=rule.currency,
            effective_from=start,
        )
    )
    tx.audit("rule.published", f"rules/{rule.rule_id}", after=audited(rule))
