"""Rewards: granting them, what was granted, and how it came about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from fenxiao.commission.http import access
from fenxiao.commission.http.settlements import ProgressAnswer
from fenxiao.commission.queries.rewards import Reward, RewardRun
from fenxiao.commission.service.rewards.explanation import RewardExplained, RewardExplanations, RewardMissing
from fenxiao.commission.service.rewards.starting import RewardRunMissing, Rewards
from fenxiao.engine.reward_trace import render_reward
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http.auth import Caller, require
from fenxiao.infra.http.fields import Answer, Body, Id
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT

RULE = "Rule version {rule_id} was in effect at the end of the period {period}."
CORRECTED = "What became known later of the period {period} changed this reward from {before} to {after} {currency}; that is {amount}."


class NewRewardRun(Body):
    """`period`: 2026-03 or 2026-Q1, in the server's time zone; it must be over."""

    period: Annotated[str, Field(min_length=1, max_length=20)]


class RewardRunAnswer(Answer):
    """A run that grants rewards: `status` is queued, running, done, failed or cancelled; `period` is null for whatever was due.

    `progress` counts periods of a currency.
    """

    reward_run_id: int
    status: str
    period: str | None
    created_at: datetime
    progress: ProgressAnswer


class RewardAnswer(Answer):
    """奖励: what was granted for a period, or, with `kind` clawback, taken back of what `corrects` names.

    `reward` is its name in the plan; `tier` counts from 1 and is null where none is reached any more.
    """

    reward_id: int
    distributor_id: int
    reward_type: str
    reward: str
    rule_id: int
    period: str
    tier: int | None
    kind: str
    reward_amount: str
    currency: str
    status: str
    created_at: datetime
    release_at: datetime
    corrects: int | None


class RewardList(Answer):
    """A page of rewards, the latest first."""

    items: Sequence[RewardAnswer]
    next_cursor: str | None


class RewardExplanation(RewardAnswer):
    """The reward, what stood for the period before and after it, the text to read, and every step of the evaluation."""

    engine_version: str
    before: str
    after: str
    text: str
    trace: dict[str, Any]


def router(rewards: Rewards, explanations: RewardExplanations) -> APIRouter:
    """Granting by hand, how far it has come, what was granted and why."""
    routes = new_router(tags=["commission"])

    @routes.post(
        "/api/rewards/runs",
        status_code=202,
        summary="Grant the rewards of a period",
        dependencies=[require(access.SETTLE)],
    )
    async def grant_rewards(body: NewRewardRun, once: Idempotency, response: Response) -> RewardRunAnswer:
        queued = await rewards.start(body.period, once=once)
        response.headers["Location"] = f"/api/rewards/runs/{queued.reward_run_id}"
        return _run(queued)

    @routes.get("/api/rewards/runs/{reward_run_id}", summary="How far the granting of rewards has come")
    async def reward_run(who: Caller, reward_run_id: Id) -> RewardRunAnswer:
        if not (who.may(access.SETTLE) or access.sees_all(who)):
            raise RewardRunMissing(reward_run_id=reward_run_id)
        return _run(await rewards.find(reward_run_id))

    @routes.get("/api/rewards", summary="Rewards")
    async def granted(
        who: Caller, distributor_id: Id | None = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> RewardList:
        whose = _whose(who, distributor_id)
        found = await rewards.page(
            None if whose is None else DistributorId(whose), limit=limit, cursor=cursor
        )
        return RewardList(items=[_reward(one) for one in found.items], next_cursor=found.next_cursor)

    @routes.get("/api/rewards/{reward_id}/explanation", summary="How a reward came about")
    async def reward_explanation(who: Caller, reward_id: Id) -> RewardExplanation:
        found = await explanations.find(reward_id)
        if not access.sees(who, found.distributor_id):
            raise RewardMissing(reward_id=reward_id)
        return _explained(await explanations.explain(found))

    return routes


def _whose(who: Caller, wanted: int | None) -> int | None:
    """Whose rewards are listed: anybody's (None: everybody's) for whoever sees all, otherwise the caller's own."""
    if access.sees_all(who):
        return wanted
    if who.distributor_id is None:
        who.demand(access.READ)
    if wanted is not None or who.distributor_id is None:
        access.demand(who, wanted or 0)
    return who.distributor_id


def _run(one: RewardRun) -> RewardRunAnswer:
    return RewardRunAnswer(
        reward_run_id=one.reward_run_id,
        status=one.status,
        period=one.period,
        created_at=one.created_at,
        progress=ProgressAnswer(done=one.done, total=one.total),
    )


def _reward(one: Reward) -> RewardAnswer:
    return RewardAnswer(
        reward_id=one.reward_id,
        distributor_id=one.distributor_id,
        reward_type=one.reward_type,
        reward=one.reward,
        rule_id=one.rule_id,
        period=one.period,
        tier=None if one.tier is None else one.tier + 1,
        kind=one.kind,
        reward_amount=from_minor(one.reward_amount_minor, one.currency),
        currency=one.currency,
        status=one.status,
        created_at=one.created_at,
        release_at=one.release_at,
        corrects=one.corrects,
    )


def _explained(explained: RewardExplained) -> RewardExplanation:
    reward, trace, language = explained.reward, explained.trace, current().language
    before, after = (from_minor(one.amount_minor, reward.currency) for one in (trace.before, trace.after))
    text = [i18n.render(RULE, {"rule_id": reward.rule_id, "period": reward.period}, language)]
    if reward.corrects is not None:
        values = {
            "period": reward.period,
            "before": before,
            "after": after,
            "currency": reward.currency,
            "amount": from_minor(reward.reward_amount_minor, reward.currency),
        }
        text.append(i18n.render(CORRECTED, values, language))
    text.extend(render_reward(trace, language))
    return RewardExplanation(
        **_reward(reward).model_dump(),
        engine_version=reward.engine_version,
        before=before,
        after=after,
        text="\n".join(text),
        trace=trace.document(),
    )
