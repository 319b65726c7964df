"""Reward types (奖励类型): one file each and one line in the list below.

Owns what a reward is paid on, its tiers, what becomes of it after refunds, which grade it gives, and its texts.
Never rounds more than once, and knows of sales alone: no reward counts heads.
"""

from collections.abc import Mapping

from fenxiao.engine.rewards import sales_target, team_growth
from fenxiao.engine.rewards.kind import RewardKind

REWARDS: Mapping[str, RewardKind] = {"sales_target": sales_target, "team_growth": team_growth}
"""Every reward type by the name that documents use."""
