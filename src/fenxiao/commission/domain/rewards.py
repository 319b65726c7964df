"""Rewards (奖励): where everybody stands in a period, what that grants or takes back, and which grade follows.

A period is looked at when it is over, and again when the orders tell something new of it; each look is a step. What
somebody has at a step beyond what he was granted, or less, is one reward per (reward, distributor).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from fenxiao.commission.domain.booking import Status
from fenxiao.commission.domain.comparison import Odd
from fenxiao.commission.domain.posting import Account, Posting, account_of
from fenxiao.engine.plan import Plan
from fenxiao.engine.rewards.grant import NOTHING, Standing, result, stand
from fenxiao.engine.rewards.kind import Figures
from fenxiao.engine.rewards.params import RewardParams, RewardPeriod

Stage = Literal["idle", "granting"]
Kind = Literal["grant", "clawback"]
StandingKey = tuple[str, int]
"""(name of the reward, distributor id)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """奖励周期: a period of one currency; `steps` are booked, the next is under way unless the stage is idle."""

    reward_period_id: int
    rule_id: int
    currency: str
    kind: RewardPeriod
    period: str
    since: datetime
    until: datetime
    steps: int
    stage: Stage
    position: int
    known_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardStep:
    """One look: the time that its rewards bear, and what the orders had recorded by then."""

    reward_period_id: int
    step: int
    at: datetime
    known_until: datetime


@dataclass(frozen=True, slots=True)
class Stood:
    """Where somebody stands after a step, and the sales that it rests on."""

    reward: str
    distributor_id: int
    figures: Figures
    standing: Standing

    @property
    def key(self) -> StandingKey:
        """Of which reward, and of whom."""
        return self.reward, self.distributor_id


@dataclass(frozen=True, slots=True)
class Root:
    """The first reward of its key; later ones correct it, and stand where it stands."""

    reward_id: int
    released: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """A reward as it is written; the amount is signed, in minor units, never 0."""

    reward_id: int
    params: RewardParams
    distributor_id: int
    tier: int | None
    amount_minor: int
    status: Status
    release_at: datetime
    released_at: datetime | None
    corrects: int | None

    @property
    def kind(self) -> Kind:
        """The sign as a word."""
        return "grant" if self.amount_minor > 0 else "clawback"


def of_kind(plan: Plan, kind: RewardPeriod) -> list[RewardParams]:
    """The rewards of a plan that a kind of period pays."""
    return [reward for reward in plan.rewards if reward.period == kind]


def stood(
    plan: Plan,
    kind: RewardPeriod,
    told: Mapping[StandingKey, Figures],
    before: Mapping[StandingKey, Standing],
) -> list[Stood]:
    """Who stands otherwise than before, in the order of the plan and then of ids."""
    found = []
    for reward in of_kind(plan, kind):
        for key in sorted(key for key in told if key[0] == reward.name):
            was = before.get(key, NOTHING)
            now = stand(reward, result(reward, told[key], plan.rounding), was)
            if now != was:
                found.append(Stood(*key, told[key], now))
    return found


def release_at(params: RewardParams, until: datetime) -> datetime:
    """When a settlement may release what a period granted."""
    return until + timedelta(hours=24 * params.hold_days)


def grants(
    found: Iterable[tuple[RewardParams, Stood, Standing]],
    roots: Mapping[StandingKey, Root],
    ids: Iterator[int],
    *,
    until: datetime,
    now: datetime,
) -> Iterator[Grant]:
    """The rewards that bring what was granted to where each stands; `found` has with each where he stood before.

    A correction stands where the first of its key stands. The first is held if the reward says so, else available.
    """
    for params, one, was in found:
        amount = one.standing.amount_minor - was.amount_minor
        if not amount:
            continue
        root, due = roots.get(one.key), release_at(params, until)
        released = root.released if root else not params.hold_days
        yield Grant(
            reward_id=next(ids),
            params=params,
            distributor_id=one.distributor_id,
            tier=one.standing.tier,
            amount_minor=amount,
            status="released" if released else "pending",
            release_at=due,
            released_at=now if released else None,
            corrects=root.reward_id if root else None,
        )


def rewarded(grant: Grant, *, currency: str, at: datetime) -> Posting:
    """What is granted is an expense; what is taken back comes from where the first of its key stands."""
    account, expense = account_of(grant.status), "reward_expense"
    given = grant.amount_minor > 0
    debit, credit = (expense, account) if given else (account, expense)
    accounts: tuple[Account, Account] = (debit, credit)  # type: ignore[assignment]  # all are accounts
    return Posting(
        event="reward" if given else "clawback",
        debit=accounts[0],
        credit=accounts[1],
        distributor_id=grant.distributor_id,
        currency=currency,
        amount_minor=abs(grant.amount_minor),
        commission_id=None,
        settlement_id=None,
        at=at,
        reward_id=grant.reward_id,
    )


@dataclass(frozen=True, slots=True)
class Promotion:
    """晋级: the grade that rewards have given somebody, and the one that he had before they gave any."""

    grade: str
    previous: str | None


@dataclass(frozen=True, slots=True)
class Regrade:
    """What is to be done about somebody's grade: `grade` instead of `expected`, and what rewards then have given."""

    grade: str | None
    expected: str | None
    after: Promotion | None


def regrade(
    current: str | None, given: Promotion | None, wanted: str | None, ranks: Mapping[str, int]
) -> Regrade | None:
    """Whether rewards give somebody another grade than he has; None where they do not.

    They never lower a grade that they have not given: whoever was given another one since, by whomever, keeps it, and
    nobody falls below what he had before. A grade that does not exist is no grade.
    """
    if wanted is not None and wanted not in ranks:
        wanted = None
    if given is not None and given.grade != current:
        given = None
    if given is None:
        if wanted is None or _rank(wanted, ranks) <= _rank(current, ranks):
            return None
        return Regrade(wanted, current, Promotion(wanted, current))
    target = max(wanted, given.previous, key=lambda grade: _rank(grade, ranks))
    if target == current:
        return None
    kept = target is not None and target != given.previous
    return Regrade(target, current, Promotion(target, given.previous) if kept and target else None)


def highest(grades: Iterable[str | None], ranks: Mapping[str, int]) -> str | None:
    """The grade of the highest rank, None where there is none that exists."""
    known = [grade for grade in grades if grade is not None and grade in ranks]
    return max(known, key=lambda grade: ranks[grade], default=None)


def _rank(grade: str | None, ranks: Mapping[str, int]) -> int:
    return 0 if grade is None else ranks.get(grade, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What is looked at of a stored reward."""

    reward_id: int
    step: int
    reward: str
    distributor_id: int
    tier: int | None
    kind: str
    reward_type: str
    reward_amount_minor: int
    created_at: datetime
    release_at: datetime
    corrects: int | None


def compare_standings(
    subject: str, made: Sequence[Stood], stored: Mapping[StandingKey, Stood]
) -> Iterator[Odd]:
    """Where everybody stands by what orders and network say now of that time, beside what a step wrote."""
    wanted = {one.key: one for one in made}
    for key in sorted({*wanted, *stored}):
        expected, found = wanted.get(key), stored.get(key)
        if expected != found:
            yield Odd(f"{subject}, {key[0]}, distributor {key[1]}", _told(expected), _told(found))


def compare_grants(
    subject: str,
    opened: Opened,
    made: Sequence[tuple[RewardStep, RewardParams, Stood, int]],
    stored: Sequence[Granted],
) -> Iterator[Odd]:
    """What each step was to grant (params, who stood where, amount), beside what is stored."""
    first: dict[StandingKey, int] = {}
    for kept in stored:
        first.setdefault((kept.reward, kept.distributor_id), kept.reward_id)
    there = {(one.step, one.reward, one.distributor_id): one for one in stored}
    wanted = {}
    for step, params, one, amount in made:
        root = first.get(one.key)
        wanted[step.step, *one.key] = {
            "tier": one.standing.tier,
            "kind": "grant" if amount > 0 else "clawback",
            "reward_type": params.type,
            "reward_amount_minor": amount,
            "created_at": step.at,
            "release_at": release_at(params, opened.until),
            "corrects": root,
        }
    for place in sorted({*wanted, *there}):
        expected, found = wanted.get(place), there.get(place)
        if found is None or expected is None:
            where = f"{subject}, step {place[0]}, {place[1]}, distributor {place[2]}"
            yield Odd(
                f"reward {found.reward_id}" if found else where,
                f"{expected['reward_amount_minor']}" if expected else "no such reward",
                f"{found.reward_amount_minor}" if found else "no such reward",
            )
            continue
        if expected["corrects"] == found.reward_id:
            expected["corrects"] = None
        for name, value in expected.items():
            if getattr(found, name) != value:
                yield Odd(f"reward {found.reward_id}.{name}", str(value), str(getattr(found, name)))


def _told(one: Stood | None) -> str:
    if one is None:
        return "no change"
    tier = "no tier" if one.standing.tier is None else f"tier {one.standing.tier + 1}"
    sales = f"sales {one.figures.sales_minor}, before {one.figures.before_minor}"
    team = "" if one.figures.team_id is None else f", of team {one.figures.team_id}"
    return f"{tier}, {one.standing.amount_minor} in all; {sales}{team}"
