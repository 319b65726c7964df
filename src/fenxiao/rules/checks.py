"""What must always hold of plans."""

from collections.abc import AsyncIterator, Sequence

from fenxiao.engine.plan import parse_plan
from fenxiao.infra.wiring import Check, Finding
from fenxiao.kernel.errors import Invalid
from fenxiao.rules.domain.documents import digest
from fenxiao.rules.queries import Rule
from fenxiao.rules.service import Rules

CHUNK = 200
TIMELINE = "rules.timeline"
DOCUMENTS = "rules.documents"


def checks(service: Rules) -> Sequence[Check]:
    """One version in effect at a time; every stored document is a plan and is the one that was stored."""

    async def timeline() -> AsyncIterator[Finding]:
        for earlier, later in await service.overlaps():
            yield Finding(
                check=TIMELINE,
                subject=f"rules/{later}",
                expected="one version in effect per currency and moment",
                found=f"in effect together with rules/{earlier}",
            )

    async def documents() -> AsyncIterator[Finding]:
        cursor = 0
        while chunk := await service.rules_after(cursor, CHUNK):
            for rule in chunk:
                for expected, found in _faults(rule):
                    yield Finding(
                        check=DOCUMENTS, subject=f"rules/{rule.rule_id}", expected=expected, found=found
                    )
            cursor = chunk[-1].rule_id

    return (Check(TIMELINE, timeline), Check(DOCUMENTS, documents))


def _faults(rule: Rule) -> list[tuple[str, str]]:
    faults = []
    hashed = digest(rule.document).hex()
    if hashed != rule.document_hash.hex():
        faults.append((f"document with hash {rule.document_hash.hex()}", hashed))
    try:
        plan = parse_plan(rule.document)
    except Invalid as refusal:
        fields = ", ".join(error.field for error in refusal.errors)
        return [*faults, ("a valid plan", f"faulty fields: {fields}")]
    if (plan.name, plan.currency) != (rule.name, rule.currency):
        faults.append((f"plan {plan.name} in {plan.currency}", f"{rule.name} in {rule.currency}"))
    return faults
