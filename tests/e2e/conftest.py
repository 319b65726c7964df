"""The fixture of every end-to-end test: an instance as a user would have it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.e2e.instance import Instance, kill


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """A fresh data folder; whatever was started on it is gone afterwards."""
    one = Instance(tmp_path / "folder")
    yield one
    for process in one.started:
        if process.poll() is None:
            kill(process)
    pid = one.postmaster()
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)  # PostgreSQL's fast shutdown
        deadline = time.monotonic() + 20
        while one.postmaster() is not None and time.monotonic() < deadline:
            time.sleep(0.05)
