"""Review: a draft is checked, and approved by somebody who did not write it. Both hold for what was read."""

from datetime import datetime

from fenxiao.infra import context
from fenxiao.infra.db.transaction import Transaction
from fenxiao.rules.api import ApprovalMissing, NotChecked, OwnVersion
from fenxiao.rules.queries import Rule
from fenxiao.rules.service.drafts import audited, found


async def record(tx: Transaction, draft: Rule, now: datetime, *, passed: bool) -> Rule:
    """Keep how the check of a locked draft went: one that passed is checked, one that no longer does is a draft again.

    What is so already stays as it is, with the first one who checked it.
    """
    if passed == (draft.state == "checked"):
        return draft
    await tx.execute(
        "update rules set state = $2, checked_by = $3, checked_at = $4, approved_by = null, approved_at = null"
        " where rule_id = $1 and state <> 'published'",
        draft.rule_id,
        "checked" if passed else "draft",
        context.current().actor if passed else None,
        now if passed else None,
    )
    rule = await found(tx, draft.rule_id)
    action = "rule.checked" if passed else "rule.check_failed"
    tx.audit(action, f"rules/{rule.rule_id}", before=audited(draft), after=audited(rule))
    return rule


async def approve(tx: Transaction, draft: Rule, now: datetime) -> Rule:
    """Approve a locked draft as it stands; one that is approved already stays as it is.

    Raises `OwnVersion` for whoever drafted or ever changed it, `NotChecked` before its check.
    """
    actor = context.current().actor
    if draft.wrote(actor):
        raise OwnVersion(name=draft.name, version=draft.version)
    if draft.state != "checked":
        raise NotChecked(name=draft.name, version=draft.version, rule_id=draft.rule_id)
    if draft.approved_by is not None:
        return draft
    await tx.execute(
        "update rules set approved_by = $2, approved_at = $3 where rule_id = $1 and state = 'checked'",
        draft.rule_id,
        actor,
        now,
    )
    rule = await found(tx, draft.rule_id)
    tx.audit("rule.approved", f"rules/{rule.rule_id}", before=audited(draft), after=audited(rule))
    return rule


def demand_approval(draft: Rule) -> None:
    """Refuse a version that nobody but its authors has looked at."""
    if draft.approved_by is None:
        raise ApprovalMissing(name=draft.name, version=draft.version, rule_id=draft.rule_id)
