"""A context's database with nothing of any context in use: what infra promises is shown on its standard tables."""

import pytest
from tests.conftest import TestedSystem

from fenxiao.infra.db.database import Database


@pytest.fixture
def db(system: TestedSystem) -> Database:
    return system.databases["analytics"]
