"""Writing closes: their rows, what they rest on, and the entries that they pay."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec

from fenxiao.commission.domain.booking import Entry
from fenxiao.commission.domain.closing import Close, CloseClaim, Evaluation, Purpose, Stage
from fenxiao.engine import ENGINE_VERSION
from fenxiao.engine.evaluate import AwardKey
from fenxiao.engine.periods import Carry, Member, Period
from fenxiao.infra.db import arrays
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Transaction

ROWS = 400
"""Rows per statement."""

_CLOSE = ", ".join(Close.__slots__)


class Overtaken(Moved):
    """Another run has moved this close on meanwhile; look at it again."""


async def open_close(
    tx: Transaction,
    *,
    rule_id: int,
    currency: str,
    period: Period,
    purpose: Purpose,
    release_at: datetime,
    known_until: datetime,
    now: datetime,
) -> int:
    """The first evaluation of a period begins; Overtaken if somebody else was first."""
    close_id: int | None = await tx.fetchval(
        "insert into period_close (rule_id, currency, kind, period, purpose, since, until, release_at, steps, stage, booked_minor, position,"
        " known_until, closed_at) values ($1, $2, $3, $4, $10, $5, $6, $7, 0, 'gathering', 0, 0, $9, $8)"
        " on conflict (currency, kind, period, purpose) do nothing returning close_id",
        rule_id,
        currency,
        period.kind,
        period.key,
        period.start,
        period.end,
        release_at,
        now,
        known_until,
        purpose,
    )
    if close_id is None:
        raise Overtaken
    return close_id


async def demand(tx: Transaction, close: Close) -> None:
    """Lock the close; Overtaken unless it stands as it was read."""
    row = await tx.fetchrow(
        f"select {_CLOSE} from period_close where close_id = $1 for update", close.close_id
    )
    if row is None or Close(**dict(row.items())) != close:
        raise Overtaken


async def move(tx: Transaction, close_id: int, *, stage: Stage, position: int, steps: int) -> None:
    """A locked close goes on."""
    await tx.execute(
        "update period_close set stage = $2, position = $3, steps = $4 where close_id = $1",
        close_id,
        stage,
        position,
        steps,
    )


async def booked(tx: Transaction, close_id: int, amount_minor: int) -> None:
    """So much more, or less, stands booked of a locked close."""
    await tx.execute(
        "update period_close set booked_minor = booked_minor + $2 where close_id = $1", close_id, amount_minor
    )


async def known(tx: Transaction, close_id: int, until: datetime) -> None:
    """All that was recorded until then is reckoned with."""
    await tx.execute("update period_close set known_until = $2 where close_id = $1", close_id, until)


async def evaluation(tx: Transaction, one: Evaluation) -> None:
    """A step begins."""
    await tx.execute(
        "insert into period_step (close_id, step, at, known_until, sales_minor, carried_from, carried_step)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        one.close_id,
        one.step,
        one.at,
        one.known_until,
        one.sales_minor,
        one.carried_from,
        one.carried_step,
    )


async def members(tx: Transaction, close_id: int, step: int, some: Sequence[Member]) -> None:
    """What a step rests on."""
    for start in range(0, len(some), ROWS):
        page = some[start : start + ROWS]
        await tx.execute(
            "insert into period_member (close_id, step, distributor_id, grade, rank, active, personal_minor, team_minor,"
            " sponsor_id, placement_parent_id, position, facts)"
            " select $1::bigint, $2::int, * from unnest($3::text::bigint[], $4::text::text[], $5::text::int[],"
            " $6::text::boolean[], $7::text::bigint[], $8::text::bigint[], $9::text::bigint[], $10::text::bigint[],"
            " $11::text::int[], $12::text::jsonb[])",
            close_id,
            step,
            arrays.numbers([one.distributor_id for one in page]),
            arrays.texts([one.grade for one in page]),
            arrays.numbers([one.rank for one in page]),
            arrays.truths([one.active for one in page]),
            arrays.numbers([one.personal_minor for one in page]),
            arrays.numbers([one.team_minor for one in page]),
            arrays.numbers([one.sponsor_id for one in page]),
            arrays.numbers([one.placement_parent_id for one in page]),
            arrays.numbers([one.position for one in page]),
            arrays.texts(
                [None if one.facts is None else msgspec.json.encode(one.facts).decode() for one in page]
            ),
        )


async def carries(tx: Transaction, close_id: int, step: int, some: Sequence[Carry]) -> None:
    """What a step keeps for the next period."""
    for start in range(0, len(some), ROWS):
        page = some[start : start + ROWS]
        await tx.execute(
            "insert into period_carry (close_id, step, component, distributor_id, leg, age, amount_minor)"
            " select $1::bigint, $2::int, * from unnest($3::text::text[], $4::text::bigint[], $5::text::int[],"
            " $6::text::int[], $7::text::bigint[])",
            close_id,
            step,
            arrays.texts([one.component for one in page]),
            arrays.numbers([one.distributor_id for one in page]),
            arrays.numbers([one.leg for one in page]),
            arrays.numbers([one.age for one in page]),
            arrays.numbers([one.amount_minor for one in page]),
        )


async def accrued(tx: Transaction, close_id: int, step: int, found: Mapping[AwardKey, int]) -> None:
    """What caps rest on."""
    rows = [(*key, amount) for key, amount in sorted(found.items())]
    for start in range(0, len(rows), ROWS):
        page = rows[start : start + ROWS]
        await tx.execute(
            "insert into period_accrued (close_id, step, component, level, distributor_id, amount_minor)"
            " select $1::bigint, $2::int, * from unnest($3::text::text[], $4::text::int[], $5::text::bigint[],"
            " $6::text::bigint[])",
            close_id,
            step,
            arrays.texts([row[0] for row in page]),
            arrays.numbers([row[1] for row in page]),
            arrays.numbers([row[2] for row in page]),
            arrays.numbers([row[3] for row in page]),
        )


async def entry_ids(tx: Transaction, count: int) -> list[int]:
    """So many fresh ids, ascending."""
    rows = await tx.fetch(
        "select nextval('commission_commission_id_seq') as id from generate_series(1, $1::int)", count
    )
    return sorted(row["id"] for row in rows)


async def entries(tx: Transaction, claim: CloseClaim, made: Sequence[Entry], now: datetime) -> None:
    """The entries of a close."""
    for start in range(0, len(made), ROWS):
        page = made[start : start + ROWS]
        found = [entry.difference for entry in page]
        await tx.execute(
            "insert into commission (commission_id, close_id, period, distributor_id, rule_id, engine_version, component,"
            " level, kind, commission_amount_minor, currency, step, status, created_at, booked_at, release_at, released_at,"
            " corrects)"
            " select id, $10, $11, distributor_id, $12, $13, component, level, kind, amount, $14, $15, status, $16, $17, $18,"
            " released_at, corrects from unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[], $4::text::int[],"
            " $5::text::text[], $6::text::bigint[], $7::text::text[], $8::text::timestamptz[], $9::text::bigint[])"
            " as t (id, distributor_id, component, level, kind, amount, status, released_at, corrects)",
            arrays.numbers([entry.commission_id for entry in page]),
            arrays.numbers([one.key[2] for one in found]),
            arrays.texts([one.key[0] for one in found]),
            arrays.numbers([one.key[1] for one in found]),
            arrays.texts([one.kind for one in found]),
            arrays.numbers([one.amount_minor for one in found]),
            arrays.texts([entry.status for entry in page]),
            arrays.times([entry.released_at for entry in page]),
            arrays.numbers([entry.corrects for entry in page]),
            claim.close_id,
            claim.period,
            claim.rule_id,
            ENGINE_VERSION,
            claim.currency,
            claim.steps[-1].step,
            claim.steps[-1].at,
            now,
            claim.release_at,
        )


async def open_closing(
    tx: Transaction, *, run_id: int, period: str | None, scheduled_on: date | None, now: datetime
) -> int:
    """A run that closes periods."""
    closing_id: int = await tx.fetchval(
        "insert into closing (run_id, period, scheduled_on, created_at) values ($1, $2, $3, $4) returning closing_id",
        run_id,
        period,
        scheduled_on,
        now,
    )
    return closing_id
