"""The order policy over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response

from fenxiao.infra.http.auth import require
from fenxiao.infra.http.fields import Answer
from fenxiao.infra.http.headers import IfMatch, etag
from fenxiao.orders.http.bodies import PolicyBody
from fenxiao.orders.http.placing import POLICY, READ
from fenxiao.orders.queries.policies import OrderPolicy
from fenxiao.orders.service import Orders
from fenxiao.orders.service.policies import Policies


class PolicyVersionAnswer(Answer):
    """订单政策: one version; `payment_minutes` null: orders wait for their payment without end."""

    policy_id: int
    payment_minutes: int | None
    effective_from: datetime


class PolicyAnswer(PolicyVersionAnswer):
    """The version in effect, and those that will follow it."""

    ahead: Sequence[PolicyVersionAnswer]


def add_policy(routes: APIRouter, orders: Orders) -> None:
    """The routes of the policy."""

    async def now(response: Response) -> PolicyAnswer:
        policies = await orders.policies.policies()
        response.headers["ETag"] = etag(policies.newest)
        return _answer(policies)

    @routes.get("/api/orders/policy", dependencies=[require(READ)])
    async def order_policy(response: Response) -> PolicyAnswer:
        """What new orders are placed under: how long they wait for their payment, now and from when on otherwise."""
        return await now(response)

    @routes.put("/api/orders/policy", dependencies=[require(POLICY)])
    async def set_order_policy(body: PolicyBody, version: IfMatch, response: Response) -> PolicyAnswer:
        """Write a version of the policy, in effect now or from a later moment; orders that exist keep their limits."""
        await orders.policies.set_policy(
            payment_minutes=body.payment_minutes, effective_from=body.effective_from, version=version
        )
        return await now(response)


def _answer(policies: Policies) -> PolicyAnswer:
    return PolicyAnswer(
        **_version(policies.current), ahead=[PolicyVersionAnswer(**_version(each)) for each in policies.ahead]
    )


def _version(policy: OrderPolicy) -> dict[str, Any]:
    return {
        "policy_id": policy.policy_id,
        "payment_minutes": policy.payment_minutes,
        "effective_from": policy.effective_from,
    }
