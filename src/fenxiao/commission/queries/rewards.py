"""What was granted, where everybody stood, and the runs that grant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.commission.domain.rewards import Granted, Opened, Promotion, RewardStep, Root, StandingKey, Stood
from fenxiao.engine.rewards.grant import Standing
from fenxiao.engine.rewards.kind import Figures
from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId, RuleId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

_OPENED = ", ".join(Opened.__slots__)
_STEP = ", ".join(RewardStep.__slots__)
_GRANTED = ", ".join(Granted.__slots__)
_STOOD = "reward, distributor_id, sales_minor, before_minor, team_id, tier, amount_minor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """奖励: a reward as it stands; the amount is signed. `tier` is that reached, from 0, None for none any more."""

    reward_id: int
    distributor_id: DistributorId
    reward_type: str
    reward: str
    rule_id: RuleId
    engine_version: str
    reward_period_id: int
    period: str
    step: int
    tier: int | None
    kind: str
    reward_amount_minor: int
    currency: str
    status: str
    created_at: datetime
    release_at: datetime
    released_at: datetime | None
    corrects: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardRun:
    """A run that grants rewards, and how far it has come; `done` of `total` periods."""

    reward_run_id: int
    run_id: int
    period: str | None
    scheduled_on: date | None
    status: str
    created_at: datetime
    done: int
    total: int | None


_REWARD = (
    "select r.reward_id, r.distributor_id, r.reward_type, r.reward, r.rule_id, r.engine_version, r.reward_period_id,"
    " r.period, r.step, r.tier, r.kind, r.reward_amount_minor, r.currency, r.status, r.created_at, r.release_at,"
    " r.released_at, r.corrects from rewards r"
)


async def reward(reader: Reader, reward_id: int) -> Reward | None:
    """One reward."""
    row = await reader.fetchrow(f"{_REWARD} where r.reward_id = $1", reward_id)
    return None if row is None else Reward(**dict(row.items()))


async def page(reader: Reader, *, distributor_id: int | None, limit: int, cursor: str | None) -> Page[Reward]:
    """Rewards of one distributor, or of all (None), the latest first."""
    values: list[object] = [limit + 1]
    where = []
    if distributor_id is not None:
        values.append(distributor_id)
        where.append(f"r.distributor_id = ${len(values)}")
    if cursor is not None:
        values.extend(decode_cursor(cursor, int))
        where.append(f"r.reward_id < ${len(values)}")
    chosen = f" where {' and '.join(where)}" if where else ""
    rows = await reader.fetch(f"{_REWARD}{chosen} order by r.reward_id desc limit $1", *values)
    items = tuple(Reward(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].reward_id) if len(rows) > limit else None)


async def of(reader: Reader, currency: str, kind: str, period: str) -> Opened | None:
    """What was opened of a period."""
    row = await reader.fetchrow(
        f"select {_OPENED} from reward_period where currency = $1 and kind = $2 and period = $3",
        currency,
        kind,
        period,
    )
    return None if row is None else _opened(row)


async def opened(reader: Reader, reward_period_id: int) -> Opened | None:
    """One of them by its number."""
    row = await reader.fetchrow(
        f"select {_OPENED} from reward_period where reward_period_id = $1", reward_period_id
    )
    return None if row is None else _opened(row)


async def locked(reader: Reader, reward_period_id: int) -> Opened | None:
    """The same, locked until the transaction ends."""
    row = await reader.fetchrow(
        f"select {_OPENED} from reward_period where reward_period_id = $1 for update", reward_period_id
    )
    return None if row is None else _opened(row)


async def after(reader: Reader, cursor: int, limit: int) -> list[Opened]:
    """The next by number."""
    rows = await reader.fetch(
        f"select {_OPENED} from reward_period where reward_period_id > $1 order by reward_period_id limit $2",
        cursor,
        limit,
    )
    return [_opened(row) for row in rows]


async def within(reader: Reader, currency: str, start: datetime, end: datetime) -> list[Opened]:
    """Those of a currency that share a moment with the span."""
    rows = await reader.fetch(
        f"select {_OPENED} from reward_period where currency = $1 and until > $2 and since < $3"
        " order by until, reward_period_id",
        currency,
        start,
        end,
    )
    return [_opened(row) for row in rows]


async def unfinished(reader: Reader) -> list[Opened]:
    """Those with a step under way."""
    rows = await reader.fetch(f"select {_OPENED} from reward_period where stage <> 'idle' order by until")
    return [_opened(row) for row in rows]


async def latest(reader: Reader) -> list[Opened]:
    """The last of each currency and kind that a step was booked of."""
    rows = await reader.fetch(
        f"select distinct on (currency, kind) {_OPENED} from reward_period where steps > 0"
        " order by currency, kind, until desc"
    )
    return [_opened(row) for row in rows]


async def steps(reader: Reader, reward_period_id: int) -> list[RewardStep]:
    """The steps of a period, in order; the last one may be under way."""
    rows = await reader.fetch(
        f"select {_STEP} from reward_step where reward_period_id = $1 order by step", reward_period_id
    )
    return [RewardStep(**dict(row.items())) for row in rows]


async def standings(
    reader: Reader, reward_period_id: int, step: int, distributor_ids: Sequence[int]
) -> dict[StandingKey, Standing]:
    """Where each of these stood before a step."""
    rows = await reader.fetch(
        f"select distinct on (reward, distributor_id) {_STOOD} from reward_standing where reward_period_id = $1"
        " and step < $2 and distributor_id = any($3::text::bigint[]) order by reward, distributor_id, step desc",
        reward_period_id,
        step,
        arrays.numbers(distributor_ids),
    )
    return {one.key: one.standing for one in map(_stood, rows)}


async def written(reader: Reader, reward_period_id: int, step: int) -> dict[StandingKey, Stood]:
    """What a step wrote of who stands where."""
    rows = await reader.fetch(
        f"select {_STOOD} from reward_standing where reward_period_id = $1 and step = $2",
        reward_period_id,
        step,
    )
    return {one.key: one for one in map(_stood, rows)}


async def stood(
    reader: Reader, reward_period_id: int, step: int, reward: str, distributor_id: int
) -> Stood | None:
    """What a step wrote of one."""
    row = await reader.fetchrow(
        f"select {_STOOD} from reward_standing where reward_period_id = $1 and step = $2 and reward = $3"
        " and distributor_id = $4",
        reward_period_id,
        step,
        reward,
        distributor_id,
    )
    return None if row is None else _stood(row)


async def roots(
    reader: Reader, reward_period_id: int, distributor_ids: Sequence[int]
) -> dict[StandingKey, Root]:
    """The first reward of each key of a period."""
    rows = await reader.fetch(
        "select reward, distributor_id, reward_id, status = 'released' as released from rewards"
        " where reward_period_id = $1 and corrects is null and distributor_id = any($2::text::bigint[])",
        reward_period_id,
        arrays.numbers(distributor_ids),
    )
    return {(row["reward"], row["distributor_id"]): Root(row["reward_id"], row["released"]) for row in rows}


async def granted(reader: Reader, reward_period_id: int) -> list[Granted]:
    """What was granted for a period, for comparison."""
    rows = await reader.fetch(
        f"select {_GRANTED} from rewards where reward_period_id = $1 order by reward_id", reward_period_id
    )
    return [Granted(**dict(row.items())) for row in rows]


async def graded(reader: Reader, cursor: int, limit: int) -> list[DistributorId]:
    """The next by id who ever stood somewhere, or have a grade by a reward."""
    rows = await reader.fetch(
        "select distributor_id from reward_standing where distributor_id > $1 group by distributor_id"
        " union select distributor_id from reward_promotion where distributor_id > $1"
        " order by distributor_id limit $2",
        cursor,
        limit,
    )
    return [row["distributor_id"] for row in rows]


async def reached(
    reader: Reader, opened: Opened, names: Sequence[str], distributor_ids: Sequence[int]
) -> dict[StandingKey, dict[str, int | None]]:
    """The tier of each key in every period of this kind up to this one, by the period's key."""
    rows = await reader.fetch(
        "select distinct on (p.reward_period_id, s.reward, s.distributor_id) s.reward, s.distributor_id, p.period, s.tier"
        " from reward_period p join reward_standing s using (reward_period_id)"
        " where p.currency = $1 and p.kind = $2 and p.until <= $3 and s.reward = any($4::text::text[])"
        " and s.distributor_id = any($5::text::bigint[]) and s.step < p.steps"
        " order by p.reward_period_id, s.reward, s.distributor_id, s.step desc",
        opened.currency,
        opened.kind,
        opened.until,
        arrays.texts(names),
        arrays.numbers(distributor_ids),
    )
    found: dict[StandingKey, dict[str, int | None]] = {}
    for row in rows:
        found.setdefault((row["reward"], row["distributor_id"]), {})[row["period"]] = row["tier"]
    return found


async def promotions(reader: Reader, distributor_ids: Sequence[int]) -> dict[int, Promotion]:
    """The grades that rewards have given these."""
    rows = await reader.fetch(
        "select distributor_id, grade, previous from reward_promotion"
        " where distributor_id = any($1::text::bigint[])",
        arrays.numbers(distributor_ids),
    )
    return {row["distributor_id"]: Promotion(row["grade"], row["previous"]) for row in rows}


async def run(
    reader: Reader, *, reward_run_id: int | None = None, run_id: int | None = None
) -> RewardRun | None:
    """A run that grants, by its number or by that of its work."""
    row = await reader.fetchrow(
        "select w.reward_run_id, w.run_id, w.period, w.scheduled_on, r.state as status, w.created_at, r.done, r.total"
        " from reward_run w join run r using (run_id) where w.reward_run_id = $1 or w.run_id = $2",
        reward_run_id,
        run_id,
    )
    return None if row is None else RewardRun(**dict(row.items()))


def _opened(row: Record) -> Opened:
    return Opened(**{name: row[name] for name in Opened.__slots__})


def _stood(row: Record) -> Stood:
    return Stood(
        row["reward"],
        row["distributor_id"],
        Figures(row["sales_minor"], row["before_minor"], row["team_id"]),
        Standing(row["tier"], row["amount_minor"]),
    )
