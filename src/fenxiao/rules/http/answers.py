"""What is answered: versions, publications, differences, and the forms of components and conditions."""

from datetime import datetime
from typing import Any, Literal

from fastapi import Response

from fenxiao.engine.components import KINDS
from fenxiao.engine.conditions.form import form, json_schema
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http.fields import Answer
from fenxiao.infra.http.headers import etag
from fenxiao.rules.domain.conditions import gathered
from fenxiao.rules.domain.difference import Change, tell
from fenxiao.rules.queries import Rule, Status
from fenxiao.rules.service import Publication


class RuleAnswer(Answer):
    """One version of a plan. `status`: draft, published, or superseded once it is over or replaced."""

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


class Warned(Answer):
    """Something that an author should know; it stopped nothing."""

    code: str
    message: str


class PublicationAnswer(RuleAnswer):
    """A version as it was published, with what its author should know."""

    warnings: tuple[Warned, ...]


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
