"""An existing PostgreSQL instead of the embedded one, with and without the right to create roles."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from tests.conftest import Server
from tests.e2e.instance import Instance


@pytest_asyncio.fixture
async def empty(server: Server) -> AsyncIterator[str]:
    """The name of an empty database of a user of that name, who may create nothing but tables in it."""
    name = f"own_{uuid4().hex[:8]}"
    owner = await asyncpg.connect(server.dsn)
    await owner.execute(f"create role {name} login")
    await owner.execute(f"create database {name} owner {name}")
    yield name
    await owner.execute(f"drop database {name} with (force)")
    await owner.execute(f"drop role {name}")
    await owner.close()


def serves(instance: Instance) -> None:
    """It starts, keeps what it is given, and stops; no PostgreSQL of its own has been made."""
    instance.start()
    made = httpx.post(
        f"{instance.url}/api/categories", json={"name": "茶"}, headers=instance.token(), timeout=20
    )
    assert made.status_code == 201, made.text
    verified = instance.run("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert instance.stop() == 0
    assert instance.postmaster() is None
    assert (instance.folder / "keys" / "master.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.timeout(180)
async def test_a_user_who_may_create_roles_gets_one_for_each_context(
    server: Server, empty: str, instance: Instance
) -> None:
    instance.extra["DATABASE_URL"] = server.database(empty)
    serves(instance)
    assert "one role serves all" not in instance.output()


@pytest.mark.timeout(180)
async def test_a_user_who_may_not_is_told_that_one_role_serves_all(
    server: Server, empty: str, instance: Instance
) -> None:
    instance.extra["DATABASE_URL"] = server.database(empty).replace("//fenxiao@", f"//{empty}@")
    serves(instance)
    assert "one role serves all" in instance.output()


async def test_a_server_that_is_not_there_is_said_in_one_line(instance: Instance) -> None:
    instance.extra["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/nothing"
    refused = instance.run("migrate")
    assert refused.returncode == 2
    lines = (refused.stdout + refused.stderr).strip().splitlines()
    assert len(lines) == 1, lines
    assert "DATABASE_URL" in lines[0]
