"""Rewards: which periods were looked at, where everybody stands in them, and what was granted for that."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from fenxiao.commission.tables.metadata import METADATA
from fenxiao.commission.tables.settlement import settlement
from fenxiao.infra.db import tables
from fenxiao.infra.db.tables import time

reward_period = Table(
    "reward_period",
    METADATA,
    Column("reward_period_id", BigInteger, Identity(), primary_key=True),
    # The version in effect at the last moment of the period.
    Column("rule_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("kind", Text, CheckConstraint("kind in ('month', 'quarter')", name="kind"), nullable=False),
    Column("period", Text, nullable=False),
    # `until` is not in it.
    time("since"),
    time("until"),
    # How many evaluations are booked; the one under way, if any, is the next.
    Column("steps", Integer, CheckConstraint("steps >= 0", name="steps"), nullable=False),
    Column("stage", Text, CheckConstraint("stage in ('idle', 'granting')", name="stage"), nullable=False),
    # The last distributor looked at in the evaluation under way.
    Column("position", BigInteger, nullable=False),
    # All that the orders had recorded until then is known to have been reckoned with.
    time("known_until"),
    time("opened_at"),
    UniqueConstraint("currency", "kind", "period"),
    # A reward names its period too.
    UniqueConstraint("reward_period_id", "rule_id", "currency", "period"),
    CheckConstraint("since < until", name="until"),
    CheckConstraint("stage <> 'idle' or steps > 0", name="idle"),
    comment="奖励周期: one period of one currency; its row lock decides who grants, takes back and releases for it",
)

reward_step = Table(
    "reward_step",
    METADATA,
    Column(
        "reward_period_id",
        BigInteger,
        ForeignKey(reward_period.c.reward_period_id),
        primary_key=True,
        autoincrement=False,
    ),
    Column("step", Integer, CheckConstraint("step >= 0", name="step"), primary_key=True, autoincrement=False),
    # The time that its rewards bear: the end of the period, and when it was looked at again.
    time("at"),
    time("known_until"),
    comment=tables.APPEND_ONLY + "; one evaluation of a period's rewards",
)

reward_standing = Table(
    "reward_standing",
    METADATA,
    Column("reward_period_id", BigInteger, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("reward", Text, primary_key=True),
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sales_minor", BigInteger, nullable=False),
    Column("before_minor", BigInteger, nullable=False),
    # The team that he led, where its members' sales count.
    Column("team_id", BigInteger),
    # Counted from 0; null where none is reached any more.
    Column("tier", Integer, CheckConstraint("tier >= 0", name="tier")),
    # What he has of this reward for this period in all.
    Column(
        "amount_minor", BigInteger, CheckConstraint("amount_minor >= 0", name="amount_minor"), nullable=False
    ),
    ForeignKeyConstraint(["reward_period_id", "step"], [reward_step.c.reward_period_id, reward_step.c.step]),
    Index("ix_reward_standing_distributor_id", "distributor_id"),
    comment=tables.APPEND_ONLY
    + "; 达标情况: where somebody stands in a period, written when that changes, and the sales it rests on",
)

rewards = Table(
    "rewards",
    METADATA,
    Column("reward_id", BigInteger, Identity(), primary_key=True),
    Column("distributor_id", BigInteger, nullable=False),
    Column(
        "reward_type",
        Text,
        CheckConstraint("reward_type in ('sales_target', 'team_growth')", name="reward_type"),
        nullable=False,
    ),
    Column("reward_amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # The time of the fact; `booked_at` is when it was written.
    time("created_at"),
    time("booked_at"),
    Column("reward", Text, nullable=False),
    Column("rule_id", BigInteger, nullable=False),
    Column("engine_version", Text, nullable=False),
    Column("reward_period_id", BigInteger, nullable=False),
    Column("period", Text, nullable=False),
    Column("step", Integer, nullable=False),
    # That of the standing, so that a list needs nothing else.
    Column("tier", Integer),
    Column("kind", Text, CheckConstraint("kind in ('grant', 'clawback')", name="kind"), nullable=False),
    Column(
        "status", Text, CheckConstraint("status in ('pending', 'released')", name="status"), nullable=False
    ),
    time("release_at"),
    time("released_at", nullable=True),
    Column("settlement_id", BigInteger, ForeignKey(settlement.c.settlement_id)),
    # The first reward of its key, which this one corrects.
    Column("corrects", BigInteger, ForeignKey("commission.rewards.reward_id")),
    # Granted once, whatever runs how often: a step says once what somebody has of a reward for a period.
    UniqueConstraint("distributor_id", "reward_period_id", "reward", "step"),
    ForeignKeyConstraint(
        ["reward_period_id", "rule_id", "currency", "period"],
        [
            reward_period.c.reward_period_id,
            reward_period.c.rule_id,
            reward_period.c.currency,
            reward_period.c.period,
        ],
        name="reward_period",
    ),
    ForeignKeyConstraint(
        ["reward_period_id", "step", "reward", "distributor_id"],
        [
            reward_standing.c.reward_period_id,
            reward_standing.c.step,
            reward_standing.c.reward,
            reward_standing.c.distributor_id,
        ],
        name="reward_standing",
    ),
    CheckConstraint("reward_amount_minor <> 0", name="reward_amount_minor"),
    CheckConstraint("(kind = 'grant') = (reward_amount_minor > 0)", name="sign"),
    CheckConstraint("kind = 'grant' or corrects is not null", name="clawback"),
    CheckConstraint("(status = 'released') = (released_at is not null)", name="released_at"),
    CheckConstraint("settlement_id is null or status = 'released'", name="settlement_id"),
    comment="奖励: what a distributor was granted for a period, and what was taken back of it",
)
Index("ix_rewards_distributor_id", rewards.c.distributor_id, rewards.c.reward_id)
Index(
    "uq_rewards_first",
    rewards.c.reward_period_id,
    rewards.c.reward,
    rewards.c.distributor_id,
    unique=True,
    postgresql_where=rewards.c.corrects.is_(None),
)
Index(
    "ix_rewards_pending",
    rewards.c.distributor_id,
    rewards.c.release_at,
    postgresql_where=rewards.c.status == "pending",
)
Index("ix_rewards_settlement_id", rewards.c.settlement_id)

reward_promotion = Table(
    "reward_promotion",
    METADATA,
    Column("distributor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("grade", Text, nullable=False),
    # What he had before rewards gave him any; null for none.
    Column("previous", Text),
    time("promoted_at"),
    comment="The grade that rewards have given somebody, as long as he keeps it by them",
)

reward_run = Table(
    "reward_run",
    METADATA,
    Column("reward_run_id", BigInteger, Identity(), primary_key=True),
    Column("run_id", BigInteger, ForeignKey("commission.run.run_id"), nullable=False, unique=True),
    # Null: whatever is due.
    Column("period", Text),
    # The day of a scheduled one, so that there is one a day.
    Column("scheduled_on", Date, unique=True),
    time("created_at"),
    CheckConstraint("period is null or scheduled_on is null", name="scheduled_on"),
    comment="A run that grants rewards",
)
