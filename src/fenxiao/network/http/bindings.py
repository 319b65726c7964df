"""The policy of bindings over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Body
from fenxiao.infra.http.headers import IfMatch, etag
from fenxiao.infra.http.routing import router as new_router
from fenxiao.network.http.answers import WRITE
from fenxiao.network.queries.bindings import BindingPolicy
from fenxiao.network.service import Network

Days = Annotated[int, Field(ge=1, le=36500)]


class BindingPolicyBody(Body):
    """For how many days a new sponsor stays, and after how many the binding ends; null for neither."""

    protection_days: Days | None
    lifetime_days: Days | None


class BindingPolicyAnswer(Answer):
    """绑定政策: what bindings made from `since` on are under; null: not protected, without end."""

    policy_id: int
    since: datetime | None
    protection_days: int | None
    lifetime_days: int | None


def router(network: Network) -> APIRouter:
    """Routes of the policy."""
    routes = new_router(tags=["network"])

    @routes.get("/api/distributors/binding-policy")
    async def get_binding_policy(
        response: Response, _: Annotated[Principal, require(WRITE)]
    ) -> BindingPolicyAnswer:
        """What new bindings to a sponsor are under: their protection time and their lifetime."""
        return _answer(await network.bindings.policy(), response)

    @routes.put("/api/distributors/binding-policy")
    async def put_binding_policy(
        body: BindingPolicyBody,
        version: IfMatch,
        response: Response,
        _: Annotated[Principal, require(WRITE)],
    ) -> BindingPolicyAnswer:
        """Write a version of the policy for bindings made from now on; those that stand keep theirs."""
        policy = await network.bindings.set_policy(
            protection_days=body.protection_days, lifetime_days=body.lifetime_days, version=version
        )
        return _answer(policy, response)

    return routes


def _answer(policy: BindingPolicy, response: Response) -> BindingPolicyAnswer:
    response.headers["ETag"] = etag(policy.policy_id)
    return BindingPolicyAnswer(
        policy_id=policy.policy_id,
        since=policy.since,
        protection_days=policy.protection_days,
        lifetime_days=policy.lifetime_days,
    )
