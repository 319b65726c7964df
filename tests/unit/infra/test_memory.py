"""How much memory PostgreSQL keeps pages in: a quarter, within bounds, of the machine or the container."""

import os
from pathlib import Path

import pytest

from fenxiao.infra.db.embedded import memory

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("usable", "setting"),
    [
        (256 * memory.MIB, "128MB"),
        (512 * memory.MIB, "128MB"),
        (1024 * memory.MIB, "256MB"),
        (6000 * memory.MIB, "1500MB"),
        (8192 * memory.MIB, "2048MB"),
        (1024 * 1024 * memory.MIB, "2048MB"),
    ],
)
def test_a_quarter_within_bounds(usable: int, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "usable", lambda: usable)
    assert memory.shared_buffers() == setting


@pytest.mark.parametrize(
    ("limit", "usable"),
    [
        ("67108864\n", 64 * memory.MIB),
        # A group without a limit says so by a word, or by a number that no machine has.
        ("max\n", MACHINE),
        ("9223372036854771712\n", MACHINE),
        ("", MACHINE),
        (None, MACHINE),
    ],
)
def test_a_container_has_what_its_limit_leaves(
    limit: str | None, usable: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "limit"
    if limit is not None:
        file.write_text(limit)
    monkeypatch.setattr(memory, "_LIMITS", (file,))
    assert memory.usable() == usable
