"""Drafting, publishing, reading, comparing."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import MAX_ID, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Idempotency, IfMatch, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.rules.http.answers import (
    COMPONENT_TYPES,
    REWARD_TYPES,
    CheckAnswer,
    ComponentType,
    ConditionForm,
    DifferenceAnswer,
    PublicationAnswer,
    RewardType,
    RuleAnswer,
    change_answer,
    check_answer,
    condition_form,
    publication_answer,
    rule_answer,
)
from fenxiao.rules.http.bodies import PlanDocument, PublishBody
from fenxiao.rules.queries import Status
from fenxiao.rules.service import Rules

RuleNumber = Annotated[int, Path(ge=1, le=MAX_ID)]
CurrencyCode = Annotated[str, Query(pattern="^[A-Z]{3}$", description="ISO 4217 code, such as CNY.")]


def router(service: Rules, *, clock: Clock, currency: str) -> APIRouter:
    """All routes of plans; `currency` is the one meant where none is named."""
    routes = new_router(tags=["rules"])
    _add_writes(routes, service, clock)
    _add_review(routes, service, clock)
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
        return rule_answer(await service.draft(document, once=once), clock(), response)

    @routes.put("/api/rules/{rule_id}")
    async def change_draft(
        rule_id: RuleNumber,
        document: PlanDocument,
        revision: IfMatch,
        response: Response,
        _: Annotated[Principal, require("rules:write")],
    ) -> RuleAnswer:
        """Replace the document of a draft; a published version never changes."""
        return rule_answer(await service.redraft(rule_id, document, revision=revision), clock(), response)

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
        return publication_answer(publication, clock(), response)


def _add_review(routes: APIRouter, service: Rules, clock: Clock) -> None:
    @routes.post("/api/rules/{rule_id}/check")
    async def check_rule(
        rule_id: RuleNumber,
        revision: IfMatch,
        response: Response,
        _: Annotated[Principal, require("rules:write")],
    ) -> CheckAnswer:
        """Check a draft: worst case, law, rules that never apply. If nothing is refused it is `checked` until it changes."""
        return check_answer(await service.check(rule_id, revision=revision), clock(), response)

    @routes.get("/api/rules/{rule_id}/check")
    async def find_check(
        rule_id: RuleNumber, response: Response, _: Annotated[Principal, require("rules:read")]
    ) -> CheckAnswer:
        """What a check of this version finds now; changes nothing."""
        return check_answer(await service.examined(rule_id), clock(), response)

    @routes.post("/api/rules/{rule_id}/approve")
    async def approve_rule(
        rule_id: RuleNumber,
        revision: IfMatch,
        response: Response,
        _: Annotated[Principal, require("rules:approve")],
    ) -> RuleAnswer:
        """Approve a checked draft that others wrote; `If-Match` says which one was read. A change makes the approval void."""
        return rule_answer(await service.approve(rule_id, revision=revision), clock(), response)


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
        return items(page, [rule_answer(rule, now) for rule in page.items])

    @routes.get("/api/rules/active")
    async def active_rule(
        response: Response,
        _: Annotated[Principal, require("rules:read")],
        at: Moment | None = None,
        currency: CurrencyCode | None = None,
    ) -> RuleAnswer:
        """The version in effect at a moment (default: now) for a currency (default: the server's)."""
        return rule_answer(
            await service.find_active(currency=currency or default_currency, at=at), clock(), response
        )

    @routes.get("/api/rules/component-types")
    async def component_types(_: Annotated[Principal, require("rules:read")]) -> Items[ComponentType]:
        """The component types that a plan may use."""
        return Items(items=COMPONENT_TYPES)

    @routes.get("/api/rules/reward-types")
    async def reward_types(_: Annotated[Principal, require("rules:read")]) -> Items[RewardType]:
        """The reward types that a plan may use."""
        return Items(items=REWARD_TYPES)

    @routes.get("/api/rules/conditions")
    async def conditions(_: Annotated[Principal, require("rules:read")]) -> ConditionForm:
        """What the condition of a component may ask, and how it is written."""
        return condition_form()

    @routes.get("/api/rules/{rule_id}")
    async def find_rule(
        rule_id: RuleNumber, response: Response, _: Annotated[Principal, require("rules:read")]
    ) -> RuleAnswer:
        """One version."""
        return rule_answer(await service.find(rule_id), clock(), response)

    @routes.get("/api/rules/{rule_id}/diff")
    async def compare_rules(
        rule_id: RuleNumber,
        _: Annotated[Principal, require("rules:read")],
        against: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    ) -> DifferenceAnswer:
        """What this version changes against another, by default against the plan's published version before it."""
        other, changes = await service.compare(rule_id, against=against)
        told = tuple(change_answer(change) for change in changes)
        return DifferenceAnswer(
            rule_id=rule_id, against=None if other is None else other.rule_id, changes=told
        )
