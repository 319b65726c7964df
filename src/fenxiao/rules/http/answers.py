"""What is answered: versions, publications, differences, and the forms of components and conditions."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from fastapi import Response

from fenxiao.engine.components import KINDS
from fenxiao.engine.conditions.form import form, json_schema
from fenxiao.engine.rewards import REWARDS
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http.fields import Answer
from fenxiao.infra.http.headers import etag
from fenxiao.kernel.errors import FieldError
from fenxiao.rules.domain.conditions import gathered
from fenxiao.rules.domain.difference import Change, tell
from fenxiao.rules.domain.examination import Remark, Severity
from fenxiao.rules.domain.exposure import Basis
from fenxiao.rules.queries import Rule, Status
from fenxiao.rules.service import Checked, Publication


class RuleAnswer(Answer):
    """One version of a plan. `status`: draft, checked, published, or superseded once it is over or replaced.

    `changed_by`: who changed the draft besides its creator. `checked_…` and `approved_…` are of the document as it stands.
    """

    rule_id: int
    name: str
    version: int
    currency: str
    status: Status
    document: dict[str, Any]
    document_hash: str
    announced_at: datetime | None
    effective_from: datetime | None
    effective_to: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    published_by: str | None
    changed_by: Sequence[str]
    checked_at: datetime | None
    checked_by: str | None
    approved_at: datetime | None
    approved_by: str | None


class Warned(Answer):
    """Something that an author should know; it stopped nothing."""

    code: str
    message: str


class PublicationAnswer(RuleAnswer):
    """A version as it was published, with what its author should know."""

    warnings: tuple[Warned, ...]


class RemarkAnswer(Answer):
    """One thing that a check found, in the reader's language; what is `refused` keeps the plan from being published."""

    severity: Severity
    code: str
    field: str | None
    message: str


class ComponentExposureAnswer(Answer):
    """What a component exposes the operator to.

    `depth`: the deepest upline level it can pay, null without an end. `levels`: its rates or amounts by upline level
    where it has such a list. `rate` (of the base) and `per_unit` are its worst case; null where no rate bounds it.
    """

    component: str
    type: str
    basis: Basis
    of: str | None
    depth: int | None
    levels: Sequence[str] | None
    rate: str | None
    per_unit: str


class ShareAnswer(Answer):
    """What one person of an example gets of it."""

    component: str
    level: int
    amount: str


class WorstCaseAnswer(Answer):
    """The sale that was found to pay most, before caps and limit: what special terms it has (`match`), the grades from
    the seller up, and who gets what.
    """

    base: str
    match: dict[str, Any]
    grades: Sequence[str | None]
    total: str
    shares: Sequence[ShareAnswer]


class ExposureAnswer(Answer):
    """What a plan exposes the operator to: its worst case before caps and limit, and how deep it pays.

    `law_levels` counts as the law does, the seller's own level included; `people` at most are paid for one sale. Both
    are null where a component has no end, `people` also where one pays by the period.
    """

    currency: str
    depth: int | None
    law_levels: int | None
    people: int | None
    rate: str | None
    per_unit: str
    max_payout_rate: str
    components: Sequence[ComponentExposureAnswer]
    worst_case: WorstCaseAnswer | None


class CheckAnswer(RuleAnswer):
    """A version with what its check found. `passed`: nothing keeps it from being published."""

    passed: bool
    findings: Sequence[RemarkAnswer]
    exposure: ExposureAnswer


class ChangeAnswer(Answer):
    """One difference: where it stands in the document, the values, and the sentence in the reader's language."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any
    text: str


class DifferenceAnswer(Answer):
    """What a version changes against another; `against` is null where there is nothing to compare with."""

    rule_id: int
    against: int | None
    changes: tuple[ChangeAnswer, ...]


class ComponentType(Answer):
    """A component type with the JSON Schema of its parameters."""

    type: str
    scope: str
    json_schema: dict[str, Any]


class RewardType(Answer):
    """A reward type with the JSON Schema of its parameters."""

    type: str
    json_schema: dict[str, Any]


class Operator(Answer):
    """How a fact is compared with a value."""

    op: str
    label: str


class ConditionField(Answer):
    """One thing that a condition may ask about a person.

    `unit` of its value: `rank` (of a grade), `orders`, `amount` (of the plan's currency), `days`; null where only the
    window is entered. `window`: whether `within_days` is to be given. `publishable`: whether plans that ask for it can
    be published; drafts can always be saved.
    """

    field: str
    label: str
    unit: Literal["rank", "orders", "amount", "days"] | None
    ops: tuple[Operator, ...]
    window: Literal["none", "optional", "required"]
    publishable: bool


class ConditionGroup(Answer):
    """A way in which conditions are put together."""

    name: Literal["all", "any", "not"]
    label: str


class ConditionLimits(Answer):
    """How large a condition may be."""

    comparisons: int
    nested: int


class ConditionForm(Answer):
    """What it takes to let people build a condition, labels in the reader's language, and its JSON Schema."""

    fields: tuple[ConditionField, ...]
    groups: tuple[ConditionGroup, ...]
    limits: ConditionLimits
    json_schema: dict[str, Any]


COMPONENT_TYPES = tuple(
    ComponentType(type=name, scope=kind.scope, json_schema=kind.Params.model_json_schema())
    for name, kind in KINDS.items()
)
REWARD_TYPES = tuple(
    RewardType(type=name, json_schema=kind.Params.model_json_schema()) for name, kind in REWARDS.items()
)
_CONDITION_SCHEMA = json_schema()


def _fields(rule: Rule, now: datetime) -> dict[str, Any]:
    return {
        "rule_id": rule.rule_id,
        "name": rule.name,
        "version": rule.version,
        "currency": rule.currency,
        "status": rule.status(now),
        "document": rule.document,
        "document_hash": rule.document_hash.hex(),
        "announced_at": rule.announced_at,
        "effective_from": rule.effective_from,
        "effective_to": rule.effective_to,
        "created_by": rule.created_by,
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
        "published_by": rule.published_by,
        "changed_by": rule.changed_by,
        "checked_at": rule.checked_at,
        "checked_by": rule.checked_by,
        "approved_at": rule.approved_at,
        "approved_by": rule.approved_by,
    }


def rule_answer(rule: Rule, now: datetime, response: Response | None = None) -> RuleAnswer:
    """A version as it stands now; its revision goes into the headers of `response`."""
    if response is not None:
        response.headers["ETag"] = etag(rule.revision)
    return RuleAnswer(**_fields(rule, now))


def publication_answer(publication: Publication, now: datetime, response: Response) -> PublicationAnswer:
    """A version as it was published, with the warnings in the reader's language."""
    response.headers["ETag"] = etag(publication.rule.revision)
    language = current().language
    warnings = tuple(Warned(code=w.code, message=w.text(language)) for w in publication.warnings)
    return PublicationAnswer(**_fields(publication.rule, now), warnings=warnings)


def check_answer(checked: Checked, now: datetime, response: Response) -> CheckAnswer:
    """A version with what its check found, in the reader's language."""
    rule, examination = checked.rule, checked.examination
    response.headers["ETag"] = etag(rule.revision)
    exposure = asdict(examination.exposure)
    return CheckAnswer(
        **_fields(rule, now),
        passed=examination.passed,
        findings=[_remark(remark) for remark in examination.remarks],
        exposure=ExposureAnswer(currency=rule.currency, **exposure),
    )


def _remark(remark: Remark) -> RemarkAnswer:
    language, said = current().language, remark.said
    message = i18n.field_message(said, language) if isinstance(said, FieldError) else said.text(language)
    return RemarkAnswer(severity=remark.severity, code=remark.code, field=remark.field, message=message)


def change_answer(change: Change) -> ChangeAnswer:
    """A difference in the reader's language."""
    text = tell(change, current().language, i18n.translate)
    return ChangeAnswer(
        path=change.path, kind=change.kind, before=change.before, after=change.after, text=text
    )


def condition_form() -> ConditionForm:
    """The form of a condition in the reader's language."""
    told = form(current().language)
    fields = tuple({**field, "publishable": gathered(field["field"])} for field in told["fields"])
    return ConditionForm.model_validate({**told, "fields": fields, "json_schema": _CONDITION_SCHEMA})
