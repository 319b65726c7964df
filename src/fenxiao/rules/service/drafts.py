"""Drafts: numbering versions, writing and demanding drafts."""

from datetime import datetime
from typing import Any

from fenxiao.engine.plan import Plan
from fenxiao.infra import context
from fenxiao.infra.db import locks
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid, StaleVersion
from fenxiao.kernel.ids import RuleId
from fenxiao.rules import queries
from fenxiao.rules.api import AlreadyPublished, RuleMissing
from fenxiao.rules.domain.documents import digest
from fenxiao.rules.queries import Rule

OTHER_CURRENCY = "Plan {name} is in {currency}; a plan keeps its currency, so give this one another name."
OTHER_NAME = "A draft keeps the name of its plan, {name}; draft a new plan for another name."


async def found(reader: Reader, rule_id: int) -> Rule:
    """The version with this id, or `RuleMissing`."""
    rule = await queries.find(reader, rule_id)
    if rule is None:
        raise RuleMissing(rule_id=rule_id)
    return rule


async def next_version(tx: Transaction, plan: Plan) -> tuple[int, RuleId | None]:
    """The number of the plan's next version, and its first published one; holds the plan until commit."""
    await locks.hold(tx, f"rules plan {plan.name}")
    row = await tx.fetchrow(
        "select max(version) as last, min(currency) as currency,"
        " (array_agg(rule_id order by version) filter (where state = 'published'))[1] as published"
        " from rules where name = $1",
        plan.name,
    )
    assert row is not None  # noqa: S101 - an aggregate answers a row
    if row["currency"] not in (None, plan.currency):
        values = {"name": plan.name, "currency": row["currency"]}
        raise Invalid(errors=(FieldError("currency", OTHER_CURRENCY, values),))
    return (row["last"] or 0) + 1, row["published"]


async def insert(tx: Transaction, plan: Plan, version: int, now: datetime) -> Rule:
    """Write a new draft."""
    canonical = plan.document()
    rule_id: int = await tx.fetchval(
        "insert into rules (name, version, currency, state, document, document_hash, created_by, created_at, updated_at)"
        " values ($1, $2, $3, 'draft', $4, $5, $6, $7, $7) returning rule_id",
        plan.name,
        version,
        plan.currency,
        canonical,
        digest(canonical),
        context.current().actor,
        now,
    )
    return await found(tx, rule_id)


async def rewrite(tx: Transaction, draft: Rule, plan: Plan, now: datetime) -> Rule:
    """Change the document of a locked draft; its check and its approval were of what stood there before."""
    canonical = plan.document()
    actor = context.current().actor
    changed_by = list(draft.changed_by) if draft.wrote(actor) else [*draft.changed_by, actor]
    await tx.execute(
        "update rules set state = 'draft', document = $2, document_hash = $3, revision = revision + 1, updated_at = $4,"
        " changed_by = $5, checked_by = null, checked_at = null, approved_by = null, approved_at = null"
        " where rule_id = $1 and state <> 'published'",
        draft.rule_id,
        canonical,
        digest(canonical),
        now,
        changed_by,
    )
    return await found(tx, draft.rule_id)


def demand_draft(rule: Rule | None, rule_id: int, revision: int | None) -> Rule:
    """The draft in the revision that the caller has read, or why it cannot be worked on."""
    if rule is None:
        raise RuleMissing(rule_id=rule_id)
    if rule.state == "published":
        raise AlreadyPublished(name=rule.name, version=rule.version)
    if revision is not None and revision != rule.revision:
        raise StaleVersion
    return rule


def demand_same(draft: Rule, plan: Plan) -> None:
    """A draft stays one of its plan."""
    wrong = []
    if plan.name != draft.name:
        wrong.append(FieldError("name", OTHER_NAME, {"name": draft.name}))
    elif plan.currency != draft.currency:
        wrong.append(FieldError("currency", OTHER_CURRENCY, {"name": draft.name, "currency": draft.currency}))
    if wrong:
        raise Invalid(errors=tuple(wrong))


def audited(rule: Rule) -> dict[str, Any]:
    """What the audit log keeps of a version; the document is told by its hash."""
    return {
        "name": rule.name,
        "version": rule.version,
        "currency": rule.currency,
        "revision": rule.revision,
        "state": rule.state,
        "document_hash": rule.document_hash.hex(),
        "effective_from": rule.effective_from,
        "effective_to": rule.effective_to,
        "checked_by": rule.checked_by,
        "approved_by": rule.approved_by,
    }
