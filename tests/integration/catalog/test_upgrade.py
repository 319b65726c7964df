"""Data of an earlier version: what it held is there after the upgrade."""

import json

import asyncpg
import pytest
from tests.conftest import MIGRATIONS, Server

from fenxiao.infra.db import migrate


@pytest.fixture
async def older(server: Server, tmp_path):
    """A database as the first release left it, and the folder of its revisions."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    for file in (MIGRATIONS / "catalog").glob("000[12]_*.py"):
        (folder / file.name).write_text(file.read_text())
    name = "upgraded_products"
    owner = await asyncpg.connect(server.dsn)
    await owner.execute(f"create database {name}")
    await migrate.migrate(server.database(name), tmp_path, ["catalog"])
    connection = await asyncpg.connect(server.database(name))
    yield server.database(name), connection
    await connection.close()
    await owner.execute(f"drop database {name} with (force)")
    await owner.close()


async def test_a_products_one_picture_becomes_its_first(older) -> None:
    dsn, connection = older
    await connection.execute(
        "insert into catalog.product (name, image_url, status, currency, version, created_at, updated_at)"
        " values ('面粉', 'https://e.example/1', 'available', 'CNY', 1, now(), now()),"
        " ('b', null, 'available', 'CNY', 1, now(), now())"
    )
    await migrate.migrate(dsn, MIGRATIONS, ["catalog"])
    rows = await connection.fetch("select images, version from catalog.product order by product_id")
    assert [(json.loads(row["images"]), row["version"]) for row in rows] == [
        ([{"alt": None, "url": "https://e.example/1"}], 1),
        ([], 1),
    ]
    found = await connection.fetchval(
        "select name from catalog.product where catalog.grams(catalog.searched(name, sku)) @> array['面粉']"
    )
    assert found == "面粉"


async def test_indexes_of_an_upgrade_that_was_killed_are_built_again(older) -> None:
    """Whatever a kill has left under the name of an index, also one that is not valid, is thrown away first."""
    dsn, connection = older
    await connection.execute("create index ix_product_name on catalog.product (currency)")
    await connection.execute("create index ix_product_status on catalog.product (currency)")
    await migrate.migrate(dsn, MIGRATIONS, ["catalog"])
    definition = await connection.fetchval("select pg_get_indexdef('catalog.ix_product_name'::regclass)")
    assert definition.endswith("(name, product_id)")
