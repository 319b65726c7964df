"""Writing rewards: their periods and steps, where everybody stands, what is granted, and the grades that follow."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from fenxiao.commission.domain.rewards import Grant, Opened, Promotion, RewardStep, Stage, Stood
from fenxiao.commission.store.periods import Overtaken
from fenxiao.engine import ENGINE_VERSION
from fenxiao.engine.periods import Period
from fenxiao.infra.db import arrays
from fenxiao.infra.db.transaction import Transaction

ROWS = 400
"""Rows per statement."""


async def open_period(
    tx: Transaction, *, rule_id: int, currency: str, period: Period, known_until: datetime, now: datetime
) -> int:
    """The first step of a period begins; Overtaken if somebody else was first."""
    reward_period_id: int | None = await tx.fetchval(
        "insert into reward_period (rule_id, currency, kind, period, since, until, steps, stage, position, known_until,"
        " opened_at) values ($1, $2, $3, $4, $5, $6, 0, 'granting', 0, $7, $8)"
        " on conflict (currency, kind, period) do nothing returning reward_period_id",
        rule_id,
        currency,
        period.kind,
        period.key,
        period.start,
        period.end,
        known_until,
        now,
    )
    if reward_period_id is None:
        raise Overtaken
    return reward_period_id


async def move(tx: Transaction, reward_period_id: int, *, stage: Stage, position: int, steps: int) -> None:
    """A locked period goes on."""
    await tx.execute(
        "update reward_period set stage = $2, position = $3, steps = $4 where reward_period_id = $1",
        reward_period_id,
        stage,
        position,
        steps,
    )


async def known(tx: Transaction, reward_period_id: int, until: datetime) -> None:
    """All that was recorded until then is reckoned with."""
    await tx.execute(
        "update reward_period set known_until = $2 where reward_period_id = $1", reward_period_id, until
    )


async def step(tx: Transaction, one: RewardStep) -> None:
    """A step begins."""
    await tx.execute(
        "insert into reward_step (reward_period_id, step, at, known_until) values ($1, $2, $3, $4)",
        one.reward_period_id,
        one.step,
        one.at,
        one.known_until,
    )


async def standings(tx: Transaction, reward_period_id: int, step: int, some: Sequence[Stood]) -> None:
    """Where these stand after a step."""
    for start in range(0, len(some), ROWS):
        page = some[start : start + ROWS]
        await tx.execute(
            "insert into reward_standing (reward_period_id, step, reward, distributor_id, sales_minor, before_minor, team_id, tier,"
            " amount_minor) select $1::bigint, $2::int, * from unnest($3::text::text[], $4::text::bigint[],"
            " $5::text::bigint[], $6::text::bigint[], $7::text::bigint[], $8::text::int[], $9::text::bigint[])",
            reward_period_id,
            step,
            arrays.texts([one.reward for one in page]),
            arrays.numbers([one.distributor_id for one in page]),
            arrays.numbers([one.figures.sales_minor for one in page]),
            arrays.numbers([one.figures.before_minor for one in page]),
            arrays.numbers([one.figures.team_id for one in page]),
            arrays.numbers([one.standing.tier for one in page]),
            arrays.numbers([one.standing.amount_minor for one in page]),
        )


async def reward_ids(tx: Transaction, count: int) -> list[int]:
    """So many fresh ids, ascending."""
    rows = await tx.fetch(
        "select nextval('rewards_reward_id_seq') as id from generate_series(1, $1::int)", count
    )
    return sorted(row["id"] for row in rows)


async def grants(
    tx: Transaction, opened: Opened, step: RewardStep, made: Sequence[Grant], now: datetime
) -> None:
    """What a step grants and takes back."""
    for start in range(0, len(made), ROWS):
        page = made[start : start + ROWS]
        await tx.execute(
            "insert into rewards (reward_id, distributor_id, reward_type, reward, kind, reward_amount_minor, status,"
            " release_at, released_at, corrects, tier, rule_id, engine_version, reward_period_id, period, currency, step,"
            " created_at, booked_at)"
            " select *, $12::bigint, $13::text, $14::bigint, $15::text, $16::text, $17::int, $18::timestamptz, $19::timestamptz"
            " from unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[], $4::text::text[], $5::text::text[],"
            " $6::text::bigint[], $7::text::text[], $8::text::timestamptz[], $9::text::timestamptz[], $10::text::bigint[],"
            " $11::text::int[])",
            arrays.numbers([one.reward_id for one in page]),
            arrays.numbers([one.distributor_id for one in page]),
            arrays.texts([one.params.type for one in page]),
            arrays.texts([one.params.name for one in page]),
            arrays.texts([one.kind for one in page]),
            arrays.numbers([one.amount_minor for one in page]),
            arrays.texts([one.status for one in page]),
            arrays.times([one.release_at for one in page]),
            arrays.times([one.released_at for one in page]),
            arrays.numbers([one.corrects for one in page]),
            arrays.numbers([one.tier for one in page]),
            opened.rule_id,
            ENGINE_VERSION,
            opened.reward_period_id,
            opened.period,
            opened.currency,
            step.step,
            step.at,
            now,
        )


async def promote(tx: Transaction, some: Mapping[int, Promotion | None], now: datetime) -> None:
    """What rewards have given these; None: nothing any more."""
    given = {key: one for key, one in sorted(some.items()) if one is not None}
    await tx.execute(
        "delete from reward_promotion where distributor_id = any($1::text::bigint[])",
        arrays.numbers([key for key, one in some.items() if one is None]),
    )
    await tx.execute(
        "insert into reward_promotion (distributor_id, grade, previous, promoted_at)"
        " select *, $4::timestamptz from unnest($1::text::bigint[], $2::text::text[], $3::text::text[])"
        " on conflict (distributor_id) do update set grade = excluded.grade, previous = excluded.previous,"
        " promoted_at = excluded.promoted_at",
        arrays.numbers(list(given)),
        arrays.texts([one.grade for one in given.values()]),
        arrays.texts([one.previous for one in given.values()]),
        now,
    )


async def open_run(
    tx: Transaction, *, run_id: int, period: str | None, scheduled_on: date | None, now: datetime
) -> int:
    """A run that grants."""
    reward_run_id: int = await tx.fetchval(
        "insert into reward_run (run_id, period, scheduled_on, created_at) values ($1, $2, $3, $4) returning reward_run_id",
        run_id,
        period,
        scheduled_on,
        now,
    )
    return reward_run_id
