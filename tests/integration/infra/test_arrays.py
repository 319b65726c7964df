"""Arrays that travel as texts come back from PostgreSQL as they were."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from fenxiao.infra.db import arrays

ODD = ["", " ", "NULL", "null", '"', "\\", "\\\\", '\\"', "{a,b}", "a,b", "面粉\n\t", "'; drop", None]


@pytest.mark.parametrize(
    ("write", "kind", "values"),
    [
        (arrays.numbers, "bigint", [1, None, -(2**63), 2**63 - 1]),
        (arrays.texts, "text", ODD),
        (arrays.truths, "bool", [True, False]),
        (
            arrays.times,
            "timestamptz",
            [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), None],
        ),
        (arrays.octets, "bytea", [b"", b"\\", bytes(range(256)), None]),
    ],
)
async def test_they_come_back_as_they_were(
    write: Any, kind: str, values: list[Any], owner: asyncpg.Connection
) -> None:
    assert await owner.fetchval(f"select $1::text::{kind}[]", write(values)) == values
    nested = await owner.fetch(
        f"select a::{kind}[] as back from unnest($1::text::text[]) as a", arrays.texts([write(values), "{}"])
    )
    assert [row["back"] for row in nested] == [values, []]
