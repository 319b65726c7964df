"""HTTP of plans: drafting, publishing, reading, comparing."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi import Body as FromBody
from pydantic import WithJsonSchema

from fenxiao.engine.components import KINDS
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import MAX_ID, Answer, Body, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Idempotency, IfMatch, Limit, etag
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.rules.domain.difference import Change, tell
from fenxiao.rules.queries import Rule, Status
from fenxiao.rules.service import Publication, Rules

_RATE = {"type": "string", "examples": ["0.5"]}
_PLAN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Plan",
    "description": "The plan document; `/api/rules/component-types` has the fields of each component type.",
    "required": ["name", "currency", "components"],
    "properties": {
        "name": {"type": "string", "maxLength": 64},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["CNY"]},
        "accrue_on": {"enum": ["paid", "completed"], "default": "completed"},
        "hold_days": {"type": "integer", "minimum": 0, "default": 0},
        "rounding": {"enum": ["half_up", "down"], "default": "half_up"},
        "base": {"enum": ["paid_amount", "profit", "list_price"], "default": "paid_amount"},
        "max_payout_rate": {**_RATE, "default": "1.00"},
        "components": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "name"],
                "properties": {"type": {"enum": sorted(KINDS)}, "name": {"type": "string"}},
                "additionalProperties": True,
            },
        },
        "rewards": {"type": "array", "items": {"type": "object"}},
    },
    "additionalProperties": False,
    "examples": [
        {
            "name": "standard",
            "currency": "CNY",
            "accrue_on": "completed",
            "hold_days": 7,
            "rounding": "half_up",
            "base": "paid_amount",
            "max_payout_rate": "0.5",
            "components": [{"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}],
            "rewards": [],
        }
    ],
}

PlanDocument = Annotated[dict[str, Any], FromBody(), WithJsonSchema(_PLAN_SCHEMA)]
RuleNumber = Annotated[int, Path(ge=1, le=MAX_ID)]
CurrencyCode = Annotated[str, Query(pattern="^[A-Z]{3}$", description="ISO 4217 code, such as CNY.")]


class PublishBody(Body):
    """When a version takes effect; without `effective_from` as soon as the notice allows."""

    effective_from: Moment | None = None


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


def router(service: Rules, *, clock: Clock, currency: str) -> APIRouter:
    """All routes of plans; `currency` is the one meant where none is named."""
    routes = new_router(tags=["rules"])
    _add_writes(routes, service, clock)
    _add_reads(routes, service, clock, currency)
    return routes


def _add_writes(routes: APIRouter, service: Rules, clock: Clock) -> None:
    @routes.post("/api/rules", status_code=201)
    async def draft_rule(
        document: PlanDocument,
        once: Idempotency,
        response: Response,
        _: Annotated[Principal, require("rules:write")],
    ) -> RuleAnswer:
        """Draft a plan; the name of an existing plan drafts its next version."""
        return _answer(await service.draft(document, once=once), clock(), response)

    @routes.put("/api/rules/{rule_id}")
    async def change_draft(
        rule_id: RuleNumber,
        document: PlanDocument,
        revision: IfMatch,
        response: Response,
        _: Annotated[Principal, require("rules:write")],
    ) -> RuleAnswer:
        """Replace the document of a draft; a published version never changes."""
        return _answer(await service.redraft(rule_id, document, revision=revision), clock(), response)

    @routes.post("/api/rules/{rule_id}/publish")
    async def publish_rule(
        rule_id: RuleNumber,
        revision: IfMatch,
        once: Idempotency,
        response: Response,
        _: Annotated[Principal, require("rules:publish")],
        body: PublishBody | None = None,
    ) -> PublicationAnswer:
        """Publish a draft; it supersedes whatever version of any plan is in effect for its currency from then on."""
        start = None if body is None else body.effective_from
        publication = await service.publish(rule_id, effective_from=start, revision=revision, once=once)
        return _publication(publication, clock(), response)


def _add_reads(routes: APIRouter, service: Rules, clock: Clock, default_currency: str) -> None:
    @routes.get("/api/rules")
    async def list_rules(
        _: Annotated[Principal, require("rules:read")],
        name: str | None = None,
        currency: CurrencyCode | None = None,
        status: Status | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[RuleAnswer]:
        """Versions of all plans, the newest first."""
        page = await service.list_rules(
            name=name, currency=currency, status=status, cursor=cursor, limit=limit
        )
        now = clock()
        return items(page, [_answer(rule, now) for rule in page.items])

    @routes.get("/api/rules/active")
    async def active_rule(
        response: Response,
        _: Annotated[Principal, require("rules:read")],
        at: Moment | None = None,
        currency: CurrencyCode | None = None,
    ) -> RuleAnswer:
        """The version in effect at a moment (default: now) for a currency (default: the server's)."""
        return _answer(
            await service.find_active(currency=currency or default_currency, at=at), clock(), response
        )

    @routes.get("/api/rules/component-types")
    async def component_types(_: Annotated[Principal, require("rules:read")]) -> Items[ComponentType]:
        """The component types that a plan may use."""
        return Items(items=_TYPES)

    @routes.get("/api/rules/{rule_id}")
    async def find_rule(
        rule_id: RuleNumber, response: Response, _: Annotated[Principal, require("rules:read")]
    ) -> RuleAnswer:
        """One version."""
        return _answer(await service.find(rule_id), clock(), response)

    @routes.get("/api/rules/{rule_id}/diff")
    async def compare_rules(
        rule_id: RuleNumber,
        _: Annotated[Principal, require("rules:read")],
        against: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    ) -> DifferenceAnswer:
        """What this version changes against another, by default against the plan's published version before it."""
        other, changes = await service.compare(rule_id, against=against)
        told = tuple(_change(change) for change in changes)
        return DifferenceAnswer(
            rule_id=rule_id, against=None if other is None else other.rule_id, changes=told
        )


_TYPES = tuple(
    ComponentType(type=name, scope=kind.scope, json_schema=kind.Params.model_json_schema())
    for name, kind in KINDS.items()
)


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


def _answer(rule: Rule, now: datetime, response: Response | None = None) -> RuleAnswer:
    if response is not None:
        response.headers["ETag"] = etag(rule.revision)
    return RuleAnswer(**_fields(rule, now))


def _publication(publication: Publication, now: datetime, response: Response) -> PublicationAnswer:
    response.headers["ETag"] = etag(publication.rule.revision)
    language = current().language
    warnings = tuple(Warned(code=w.code, message=w.text(language)) for w in publication.warnings)
    return PublicationAnswer(**_fields(publication.rule, now), warnings=warnings)


def _change(change: Change) -> ChangeAnswer:
    language = current().language
    text = tell(change, lambda template: i18n.translate(template, language))
    return ChangeAnswer(
        path=change.path, kind=change.kind, before=change.before, after=change.after, text=text
    )
