"""Ports refuse to be called inside a transaction, and a callee's replay is not the caller's."""

import asyncio

import pytest

from fenxiao.infra.context import RequestContext, current, use
from fenxiao.infra.db.transaction import in_transaction
from fenxiao.infra.http.ports import CalledInsideTransaction, guard


class Catalog:
    """A port's near side."""

    limit = 50

    async def hold(self, *, quantity: int) -> str:
        current().replayed = True
        return f"{quantity} for {current().actor}"


async def test_a_port_works_outside_a_transaction() -> None:
    port = guard(Catalog())
    with use(RequestContext(actor="account:12")) as context:
        assert await port.hold(quantity=3) == "3 for account:12"
        assert not context.replayed
    assert port.limit == 50


async def test_a_port_raises_inside_a_transaction() -> None:
    port = guard(Catalog())
    await port.hold(quantity=1)
    token = in_transaction.set(True)
    with pytest.raises(CalledInsideTransaction, match=r"Catalog\.hold"):
        await port.hold(quantity=3)
    in_transaction.reset(token)
    await port.hold(quantity=3)


async def test_the_context_follows_into_tasks_and_is_shared() -> None:
    async def deep() -> None:
        current().replayed = True

    with use(RequestContext(request_id="r1")) as context:
        await asyncio.gather(asyncio.create_task(deep()))
        assert context.replayed
        with use(RequestContext(request_id="r2")):
            assert current().request_id == "r2"
        assert current() is context
    assert current().actor == "system"
    current().actor = "account:1"
    assert current().actor == "system"
