"""The sample application, with and without a socket."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

# What several files of this folder share lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

from sample_app import Hot, hot, make


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make()), base_url="http://test") as client:
        yield client


@pytest_asyncio.fixture
async def address(served: Any) -> AsyncIterator[str]:
    async with served(make(), hot(Hot())) as where:
        yield where
