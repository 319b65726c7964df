"""The texts by which a reward is told, in Chinese by their English; templates take named values."""

from fenxiao.engine.rewards import REWARDS
from fenxiao.kernel.i18n import Catalogue

EARNED = "You get {amount} {currency} for the period {period} by reward {reward}."
NOTHING = "You get nothing for the period {period} by reward {reward}."
REACHED = "You have reached tier {tier}, which begins at {threshold} {currency}; the next begins at {next} {currency}."
REACHED_HIGHEST = "You have reached tier {tier}, the highest; it begins at {threshold} {currency}."
BELOW = "The first tier begins at {next} {currency}; you have not reached it."
WHOLE = "The highest tier reached pays: {parts}."
MARGINAL = "Each tier pays on what lies between it and the next: {parts}."
BY_RATE = "tier {tier}: {measure} × {percent} % = {exact}"
BY_AMOUNT = "tier {tier}: {exact}"
ROUNDED = {"half_up": "Rounded half up: {rounded} {currency}.", "down": "Rounded down: {rounded} {currency}."}
EARLIER = "On the sales of the season before this period the tiers pay {before} {currency}, so {amount} {currency} is new."
KEPT = "You were granted {kept} {currency} before, and this reward is kept where refunds pull the sales down."
GRADE = "The tier gives the grade {grade}."
GRADE_KEPT = "The tier gives the grade {grade}, which lasts for {periods} period(s) after this one."

TEXTS: Catalogue = {
    EARNED: "您在周期 {period} 获得 {amount} {currency}：奖励 {reward}。",
    NOTHING: "您在周期 {period} 没有获得奖励 {reward}。",
    REACHED: "您已达到第 {tier} 档（起点 {threshold} {currency}）；下一档起点为 {next} {currency}。",
    REACHED_HIGHEST: "您已达到最高的第 {tier} 档（起点 {threshold} {currency}）。",
    BELOW: "第一档起点为 {next} {currency}，您尚未达到。",
    WHOLE: "按所达到的最高档发放：{parts}。",
    MARGINAL: "各档按其与下一档之间的部分发放：{parts}。",
    BY_RATE: "第 {tier} 档：{measure} × {percent}% = {exact}",
    BY_AMOUNT: "第 {tier} 档：{exact}",
    ROUNDED["half_up"]: "四舍五入：{rounded} {currency}。",
    ROUNDED["down"]: "向下取整：{rounded} {currency}。",
    EARLIER: "本赛季在该周期之前的销售额按各档为 {before} {currency}，因此新增 {amount} {currency}。",
    KEPT: "您此前已获得 {kept} {currency}；退款使销售额下降时，该奖励予以保留。",
    GRADE: "该档授予等级 {grade}。",
    GRADE_KEPT: "该档授予等级 {grade}，在此后 {periods} 个周期内有效。",
    **{english: chinese for kind in REWARDS.values() for english, chinese in kind.texts.items()},
}
