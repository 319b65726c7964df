"""The holds of accounts, as other contexts see them, and the first administrator."""

import asyncio
import zlib
from datetime import timedelta

import pytest

from fenxiao.identity.api import AccountRequest, HeldAccount, UsernameTaken
from fenxiao.kernel.errors import KeyReused


@pytest.fixture
def identity(system):
    return system.apis.identity


def request_for(system, username, **more):
    wanted = {
        "caller": "1",
        "key": f"key of {username}",
        "username": username,
        "password": "a long password",
        "distributor_id": zlib.crc32(username.encode()),
        "deadline": system.clock.now + timedelta(seconds=60),
    }
    return AccountRequest(**{**wanted, **more})


async def state(owner):
    return [
        await owner.fetch(f"select * from identity.{table} order by 1")
        for table in ("account", "account_role", "account_hold", "outbox")
    ]


async def test_each_request_gets_its_own_answer(system, identity):
    wanted = ["anna", "ben", "ANNA", "x y", "ben"]
    requests = [
        request_for(system, name, key=str(place), distributor_id=place + 1)
        for place, name in enumerate(wanted)
    ]
    answers = await identity.hold_accounts(requests=requests)
    kinds = [getattr(answer, "code", "held") for answer in answers]
    assert kinds == ["held", "held", "username-taken", "validation-failed", "username-taken"]
    assert [answer.distributor_id for answer in answers[:2]] == [1, 2]
    assert await identity.hold_accounts(requests=[]) == []


async def test_the_same_attempt_is_adopted_with_its_distributor(system, identity, owner):
    (first,) = await identity.hold_accounts(requests=[request_for(system, "anna", distributor_id=7)])
    before = await state(owner)
    (again,) = await identity.hold_accounts(requests=[request_for(system, "anna", distributor_id=8)])
    assert again == first
    assert again.distributor_id == 7
    assert await state(owner) == before


async def test_the_same_attempt_twice_at_once_is_one(system, identity):
    requests = [request_for(system, "anna", distributor_id=number) for number in range(1, 7)]
    answers = await asyncio.gather(*(identity.hold_accounts(requests=[one]) for one in requests))
    assert len({answer for (answer,) in answers if isinstance(answer, HeldAccount)}) == 1


@pytest.mark.parametrize(
    ("username", "password"), [("anne", "a long password"), ("anna", "some other password")]
)
async def test_other_words_under_the_same_key_are_refused(system, identity, owner, username, password):
    await identity.hold_accounts(requests=[request_for(system, "anna", key="one")])
    before = await state(owner)
    (answer,) = await identity.hold_accounts(
        requests=[request_for(system, username, password=password, key="one")]
    )
    assert isinstance(answer, KeyReused)
    assert await state(owner) == before


async def test_confirmed_twice_is_confirmed_once(system, identity, owner, login):
    (held,) = await identity.hold_accounts(requests=[request_for(system, "anna")])
    await identity.confirm_accounts(holds=[held.hold_id])
    before = await state(owner)
    await identity.confirm_accounts(holds=[held.hold_id, 4711])
    await identity.release_accounts(holds=[held.hold_id, 4711])
    assert await state(owner) == before
    await login("anna", "a long password")


async def test_a_released_account_is_gone_and_its_name_is_free(system, identity, owner):
    (held,) = await identity.hold_accounts(requests=[request_for(system, "anna")])
    await identity.release_accounts(holds=[held.hold_id])
    before = await state(owner)
    await identity.release_accounts(holds=[held.hold_id])
    await identity.confirm_accounts(holds=[held.hold_id])
    assert await state(owner) == before
    (again,) = await identity.hold_accounts(requests=[request_for(system, "anna", key="another")])
    assert isinstance(again, HeldAccount)


async def test_overdue_ones_come_oldest_first(system, identity):
    requests = [
        request_for(system, name, deadline=system.clock.now + timedelta(seconds=seconds))
        for name, seconds in (("late", 50), ("early", 10), ("later", 99), ("done", 5))
    ]
    held = await identity.hold_accounts(requests=requests)
    await identity.confirm_accounts(holds=[held[3].hold_id])
    found = await identity.overdue_accounts(before=system.clock.now + timedelta(seconds=60), limit=10)
    assert found == [held[1].hold_id, held[0].hold_id]
    assert await identity.overdue_accounts(before=system.clock.now, limit=10) == []
    assert len(await identity.overdue_accounts(before=system.clock.now + timedelta(days=1), limit=1)) == 1


async def test_a_taken_name_is_refused_whatever_its_case(system, identity, owner):
    before = await state(owner)
    for name in ("admin", "Admin", "ＡＤＭＩＮ"):
        (answer,) = await identity.hold_accounts(requests=[request_for(system, name)])
        assert isinstance(answer, UsernameTaken), name
    assert await state(owner) == before


async def test_started_again_the_administrator_stays(system, owner):
    before = await state(owner)
    await system.start()
    assert await state(owner) == before


async def test_passwords_are_stored_as_argon2id(owner):
    stored = await owner.fetchval("select password_hash from identity.account")
    assert stored.startswith("$argon2id$")


async def test_a_made_password_is_printed_once(server, owner, capsys):
    """A first start without FENXIAO_ADMIN_PASSWORD makes one, prints it, and it opens the door."""
    from dataclasses import replace
    from pathlib import Path

    from fenxiao.entrypoints.compose import CONTEXTS, Place, composed
    from fenxiao.infra import crypto
    from fenxiao.infra.db import migrate
    from fenxiao.infra.settings import Settings

    await owner.execute("create database without_password")
    dsn = server.database("without_password")
    try:
        folder = Path(__file__).parents[3] / "migrations"
        await migrate.migrate(dsn, folder, CONTEXTS)
        cipher = crypto.load_or_create(server.folder)
        place = Place(dsn=dsn, roles=True, settings=Settings(data_dir=server.folder), cipher=cipher)
        async with composed(replace(place)) as system:
            await system.start()
            printed = capsys.readouterr().out
            password = printed.partition(" is ")[2].partition(" ")[0]
            assert len(password) >= 12
            await system.start()
            assert capsys.readouterr().out == ""
            sessions = next(offer.api.sessions for offer in system.offers if offer.name == "identity")
            await sessions.sign_in(
                username="admin", password=password, client_id="fenxiao-console", address=""
            )
    finally:
        await owner.execute("drop database without_password with (force)")


async def test_an_open_hold_is_listed_as_in_flight(system, identity):
    (offer,) = [offer for offer in system.offers if offer.name == "identity"]

    async def findings():
        return [finding for check in offer.checks async for finding in check.findings()]

    assert await findings() == []
    (held,) = await identity.hold_accounts(requests=[request_for(system, "anna")])
    assert [(one.check, one.in_flight) for one in await findings()] == [("identity.account_holds", True)]
    await identity.confirm_accounts(holds=[held.hold_id])
    assert await findings() == []
