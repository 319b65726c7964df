"""Every text that the engine itself renders, in Chinese by its English; templates take named values.

What is wrong with a plan is rendered at the edge, from the catalogue `locale/zh/engine.po`.
"""

from collections.abc import Mapping
from typing import Any

from fenxiao.engine.components import KINDS
from fenxiao.engine.conditions.wording import TEXTS as CONDITIONS
from fenxiao.engine.rewards.wording import TEXTS as REWARDS
from fenxiao.kernel.i18n import Catalogue, Language

EARNED = "You get {amount} {currency} from order {order_id} by component {component}, level {level}."
OWN_SALE = "You are the seller of this order; that is level 0."
PLACE = "You stand at place {place} above the seller, distributor {seller_id}."
SKIPPED = {
    "suspended": "Distributor {distributor_id} at place {place} was suspended when the order was created",
    "unmet": "Distributor {distributor_id} at place {place} did not meet the condition of component {component}",
}
LEVELS_MOVED = "{who} and was passed over, so the levels moved up."
PASSED_OVER = "{who} and was passed over."
LEVEL_LOST = "{who}; level {level} was paid to nobody."
LEVEL_ROLLED = "{who}; level {level} rolled up to the next above who qualified."
GENERATION_LOST = "{who}; generation {generation} was paid to nobody."
GENERATION_ROLLED = "{who}; generation {generation} rolled up to the next above who qualified."
CONDITION_MET = "The condition was met: {condition}. Your figures: {figures}."
BASES = {
    "paid_amount": "Commission is paid on what the buyer paid: {base} {currency}.",
    "profit": "Commission is paid on the profit: {base} {currency}.",
    "list_price": "Commission is paid on the list price: {base} {currency}.",
}
AFTER_REFUNDS = "That is what is left after {refunds} refund(s)."
OVERRIDDEN = "Special terms for {what}:"
WHATS = {"product_id": "product {value}", "category_id": "category {value}", "tag": "tag {value}"}
TOGETHER = "Together that is {exact}."
ROUNDINGS = {"half_up": "Rounded half up: {rounded}.", "down": "Rounded down: {rounded}."}
ENTRY_CAPPED = "One entry of the component is at most {cap}, so yours was cut to that."
_CAPPED = "The component pays at most {cap} for one order; its amounts came to {total}, so yours was cut to {capped}."
_CAPPED_IN_ORDER = "The component pays at most {cap} for one order; its amounts came to {total} and were paid in order until that was used up, so yours was cut to {capped}."
CAPPED = {"pro_rata": _CAPPED, "priority": _CAPPED_IN_ORDER, "hard_stop": _CAPPED_IN_ORDER}
_LIMITED = "An order pays at most {percent} % of its base, {limit}; all amounts came to {total}, so yours was cut to {amount}."
_LIMITED_IN_ORDER = "An order pays at most {percent} % of its base, {limit}; all amounts came to {total} and were paid in the plan's order until that was used up, so yours was cut to {amount}."
LIMITED = {"pro_rata": _LIMITED, "priority": _LIMITED_IN_ORDER, "hard_stop": _LIMITED_IN_ORDER}

PERIOD_EARNED = "You get {amount} {currency} for the period {period} by component {component}, level {level}."
PERIOD_CAPPED = "One earner gets at most {cap} of this component in a period, so yours was cut to {capped}."
DIVIDED = "Single cents of what is divided go to the largest remainders: {rounded}."
PERIOD_NOTHING = "You get nothing for the period {period}."
NOTHING = "You get nothing from order {order_id}."
REASONS: Mapping[str, str] = {
    "not-in-chain": "You were neither the seller nor in the seller's upline when the order was created.",
    "suspended": "You were suspended when the order was created.",
    "not-paid-yet": "The order has not been paid yet; commission arises with the payment.",
    "not-completed-yet": "The order has not been completed yet; commission arises with completion.",
    "no-component": "The plan has no component that pays.",
    "nothing-left": "Nothing is left that commission could be paid on.",
    "seller-not-paid": "Component {component} does not pay the seller.",
    "too-far": "Component {component} pays up to level {depth}; you stand at place {place} and were not reached.",
    "level-not-paid": "Component {component} pays nothing at level {level} for what was sold.",
    "unmet": "Component {component} asks for a condition that you did not meet: {condition}. Your figures: {figures}.",
    "nobody-to-match": "Component {component}: nobody below you in the chain earned anything by component {of}.",
    "match-too-far": "Component {component} reaches {depth} level(s) above those who earned by component {of}; you stand further up.",
    **{code: text for kind in KINDS.values() for code, text in kind.reasons.items()},
    "rounded-away": "Component {component}: your share of {exact} rounds to nothing.",
    "entry-capped-away": "Component {component}: its cap of {cap} for one entry left nothing of your share of {rounded}.",
    "capped-away": "Component {component}: its cap of {cap} for one order left nothing of your share of {rounded}.",
    "period-capped-away": "Component {component}: its cap of {cap} for one earner in a period left nothing of your share of {rounded}.",
    "paid-at-close": "Component {component} pays when its period closes, for all sales of the period together.",
    "not-a-member": "You were not there when the period ended.",
    "suspended-at-close": "You were suspended when the period ended.",
    "no-sales": "Component {component}: there were no sales that it could pay on.",
    "limited-away": "Component {component}: the payout limit of {limit} left nothing of your share of {capped}.",
}

_EXPLANATIONS: Catalogue = {
    EARNED: "您从订单 {order_id} 获得 {amount} {currency}：组件 {component}，第 {level} 级。",
    OWN_SALE: "您是该订单的卖家，即第 0 级。",
    PLACE: "您位于卖家（分销商 {seller_id}）之上第 {place} 位。",
    SKIPPED["suspended"]: "第 {place} 位的分销商 {distributor_id} 在下单时处于停用状态",
    SKIPPED["unmet"]: "第 {place} 位的分销商 {distributor_id} 未满足组件 {component} 的条件",
    LEVELS_MOVED: "{who}，被跳过，层级依次上移。",
    PASSED_OVER: "{who}，被跳过。",
    LEVEL_LOST: "{who}，第 {level} 级未向任何人发放。",
    LEVEL_ROLLED: "{who}，第 {level} 级上移给上方下一位合格者。",
    GENERATION_LOST: "{who}，第 {generation} 代未向任何人发放。",
    GENERATION_ROLLED: "{who}，第 {generation} 代上移给上方下一位合格者。",
    CONDITION_MET: "条件已满足：{condition}。您的数据：{figures}。",
    BASES["paid_amount"]: "佣金按买家实付金额计算：{base} {currency}。",
    BASES["profit"]: "佣金按利润计算：{base} {currency}。",
    BASES["list_price"]: "佣金按标价计算：{base} {currency}。",
    AFTER_REFUNDS: "这是扣除 {refunds} 次退款后的剩余部分。",
    OVERRIDDEN: "{what}适用特例：",
    WHATS["product_id"]: "商品 {value} ",
    WHATS["category_id"]: "分类 {value} ",
    WHATS["tag"]: "标签“{value}”",
    TOGETHER: "合计 {exact}。",
    ROUNDINGS["half_up"]: "四舍五入：{rounded}。",
    ROUNDINGS["down"]: "向下取整：{rounded}。",
    ENTRY_CAPPED: "该组件每笔佣金最多 {cap}，因此您的部分减为该数。",
    _CAPPED: "该组件每单最多发放 {cap}；其金额合计 {total}，因此您的部分按比例减为 {capped}。",
    _CAPPED_IN_ORDER: "该组件每单最多发放 {cap}；其金额合计 {total}，按顺序发放至用尽，因此您的部分减为 {capped}。",
    _LIMITED: "每单最多发放基数的 {percent}%，即 {limit}；全部金额合计 {total}，因此您的部分按比例减为 {amount}。",
    _LIMITED_IN_ORDER: "每单最多发放基数的 {percent}%，即 {limit}；全部金额合计 {total}，按方案顺序发放至用尽，因此您的部分减为 {amount}。",
    PERIOD_EARNED: "您在周期 {period} 获得 {amount} {currency}：组件 {component}，第 {level} 级。",
    PERIOD_CAPPED: "该组件每人每周期最多 {cap}，因此您的部分减为 {capped}。",
    DIVIDED: "分配时零头归余数最大者：{rounded}。",
    PERIOD_NOTHING: "您在周期 {period} 没有佣金。",
    REASONS["period-capped-away"]: "组件 {component}：每人每周期上限 {cap} 使您的份额 {rounded} 减为零。",
    REASONS["paid-at-close"]: "组件 {component} 在其周期结束时按该周期的全部销售发放。",
    REASONS["not-a-member"]: "周期结束时您不在其中。",
    REASONS["suspended-at-close"]: "周期结束时您处于停用状态。",
    REASONS["no-sales"]: "组件 {component}：没有可计佣的销售额。",
    NOTHING: "您在订单 {order_id} 中没有佣金。",
    REASONS["not-in-chain"]: "下单时您既不是卖家，也不在卖家的上级链中。",
    REASONS["suspended"]: "下单时您处于停用状态。",
    REASONS["not-paid-yet"]: "订单尚未付款；佣金在付款时产生。",
    REASONS["not-completed-yet"]: "订单尚未完成；佣金在订单完成时产生。",
    REASONS["no-component"]: "该方案没有任何发放佣金的组件。",
    REASONS["nothing-left"]: "没有剩余金额可计佣。",
    REASONS["seller-not-paid"]: "组件 {component} 不向卖家发放。",
    REASONS["too-far"]: "组件 {component} 最多发放到第 {depth} 级；您位于第 {place} 位，未能到达。",
    REASONS["level-not-paid"]: "就所售商品，组件 {component} 在第 {level} 级不发放。",
    REASONS["unmet"]: "组件 {component} 要求的条件您未满足：{condition}。您的数据：{figures}。",
    REASONS["nobody-to-match"]: "组件 {component}：链上您的下方无人由组件 {of} 获得佣金。",
    REASONS["match-too-far"]: "组件 {component} 发放到由组件 {of} 获得佣金者之上 {depth} 级；您位于更上方。",
    REASONS["entry-capped-away"]: "组件 {component}：每笔上限 {cap} 使您的份额 {rounded} 减为零。",
    REASONS["rounded-away"]: "组件 {component}：您的份额 {exact} 取整后为零。",
    REASONS["capped-away"]: "组件 {component}：每单上限 {cap} 使您的份额 {rounded} 减为零。",
    REASONS["limited-away"]: "组件 {component}：发放上限 {limit} 使您的份额 {capped} 减为零。",
}

UNLAWFUL_LEVELS = (
    "Component {component} can pay {levels} upline levels of one sale; at most {limit} are allowed here. "
    "In the law's count the seller and two paid uplines already are three levels."
)
UNLAWFUL_ENDLESS = (
    "Component {component} can pay upline levels of one sale without end; at most {limit} are allowed here. "
    "In the law's count the seller and two paid uplines already are three levels."
)
UNLAWFUL_TYPE = (
    "Component {component} is of type {type}, which is off under jurisdiction {jurisdiction}: "
    "it pays upline levels of one sale without a fixed number."
)
UNLAWFUL_PLACEMENT = (
    "Component {component} is of type {type}, which is off under jurisdiction {jurisdiction}: "
    "it pays by the places of people in a tree and the sales below them."
)
TEAM_POOL = (
    "Component {component} divides its pool by team sales, so one sale raises the share of everybody above it. "
    "Pay by the sales of those below is what the law looks at: have it examined, or divide by personal sales."
)
TEAM_REWARD = (
    "Reward {reward} pays by the growth of team sales, so one sale counts for everybody above it. "
    "Pay by the sales of those below is what the law looks at: have it examined, or set targets of personal sales."
)
TEAM_LED = (
    "Reward {reward} pays whoever leads a team by the sales of its members. "
    "Pay by the sales of others is what the law looks at: have it examined, or set targets of personal sales."
)
TEAM_CONDITION = (
    "Component {component} asks its earners for team sales. Pay by the sales of those below is what the law looks at: "
    "have it examined, or ask for personal sales."
)
NO_SAFE_HARBOUR = (
    "This plan pays {levels} upline levels. Two are the platforms' habit, no safe harbour: "
    "the seller and two paid uplines already are three levels in the law's count."
)
RATE_ABOVE_LIMIT = (
    "In the worst case the components pay {worst} % of the base; max_payout_rate cuts that to {limit} %."
)
UNIT_ABOVE_LIMIT = "Units with a base below {threshold} {currency} can earn more than max_payout_rate allows; their commission is cut then."
UNIT_WITHOUT_LIMIT = (
    "The rates use up max_payout_rate by themselves; amounts per unit of up to {amount} {currency} are cut."
)

RATIO_MISSING = (
    "Components of a period can pay {worst} % of the sales on top of what orders pay; nothing bounds both together. "
    "Set max_payout_rate_per_period."
)
RATIO_ENDLESS = (
    "Component {component} pays on the sales of everybody below, so no rate of the sales bounds what it can come to. "
    "Set max_payout_rate_per_period."
)
WORST_EXAMPLE = (
    "For example a sale of {base} {currency} (special terms: {what}; grades from the seller up: {chain}) comes to {total}, "
    "by component and level: {rows}."
)
PAYS_NOTHING = "Component {component} can never pay anything: every rate or amount is 0."
CAP_ZERO = "Component {component} can never pay anything: its {field} is 0."
CAP_NEVER = "Component {component}: {field} never applies, {other} is not above it."
CONDITION_NEVER = "Component {component}: nobody can ever meet its condition, so it pays nobody."
CONDITION_ALWAYS = "Component {component}: everybody meets its condition, whatever his figures; leave it out."
OVERRIDE_IDLE = (
    "Component {component}: the special terms for {match} change nothing; they are the component's own."
)
FIELD_IDLE = "Component {component}: {field} has no effect as the other fields stand."
RATES_BEYOND = (
    "Component {component}: {field} lists {count} rates, but by its depth at most {reached} can be reached."
)
STEP_FALLS = "Component {component}: step {step} does not pay more than the one below it."
GRADE_UNKNOWN = "Component {component}: there is no grade {grade}, so its rate applies to nobody."
GRADE_OF_REWARD = "Reward {reward}: there is no grade {grade}, so reaching its tier gives nobody a grade."
TAG_UNKNOWN = "Component {component}: there is no tag {tag}, so its special terms apply to no product yet."
PRODUCT_CURRENCY = "Component {component}: product {product_id} is sold in {sold_in}, not in {currency}, so its special terms apply to no sale."
CURRENCY_UNKNOWN = "{currency} is no currency of ISO 4217; amounts in it are read with two decimals."
RATE_FALLS = "Component {component}: grade {grade} has a lower rate than {below}, which ranks below it."
RANK_UNREACHED = (
    "Component {component} asks for rank {rank}; the highest grade has {highest}, so nobody reaches it."
)

_CHECKS: Catalogue = {
    RATIO_MISSING: "周期组件在订单佣金之外还可发放销售额的 {worst}%；两者合计没有上限。请设置 max_payout_rate_per_period。",
    RATIO_ENDLESS: "组件 {component} 按下方所有人的销售发放，没有任何销售额比例可以限定其总额。请设置 max_payout_rate_per_period。",
    WORST_EXAMPLE: "例如一笔 {base} {currency} 的销售（特例：{what}；自卖家向上的等级：{chain}）共发放 {total}，按组件与层级：{rows}。",
    PAYS_NOTHING: "组件 {component} 永远不会发放：所有比例或金额均为 0。",
    CAP_ZERO: "组件 {component} 永远不会发放：其 {field} 为 0。",
    CAP_NEVER: "组件 {component}：{field} 永远不起作用，因为 {other} 不高于它。",
    CONDITION_NEVER: "组件 {component}：其条件无人能满足，因此不向任何人发放。",
    CONDITION_ALWAYS: "组件 {component}：任何人都满足其条件；可将其删除。",
    OVERRIDE_IDLE: "组件 {component}：{match} 的特例不改变任何结果，与组件自身参数相同。",
    FIELD_IDLE: "组件 {component}：在其他字段的当前设置下，{field} 不起作用。",
    RATES_BEYOND: "组件 {component}：{field} 列出 {count} 个比例，但按其深度最多可达 {reached} 个。",
    STEP_FALLS: "组件 {component}：第 {step} 档的比例不高于前一档。",
    GRADE_UNKNOWN: "组件 {component}：没有等级 {grade}，其比例不适用于任何人。",
    GRADE_OF_REWARD: "奖励 {reward}：没有等级 {grade}，达到该档不会授予任何人等级。",
    TAG_UNKNOWN: "组件 {component}：没有标签 {tag}，其特例尚不适用于任何商品。",
    PRODUCT_CURRENCY: "组件 {component}：商品 {product_id} 以 {sold_in} 而非 {currency} 出售，其特例不适用于任何销售。",
    CURRENCY_UNKNOWN: "{currency} 不是 ISO 4217 规定的货币；其金额按两位小数读取。",
    RATE_FALLS: "组件 {component}：等级 {grade} 的比例低于排在其下的 {below}。",
    RANK_UNREACHED: "组件 {component} 要求等级序号 {rank}；最高等级为 {highest}，无人能达到。",
    UNLAWFUL_LEVELS: "组件 {component} 对一笔销售最多可向 {levels} 级上级发放；此处最多允许 {limit} 级。按法律的计算方式，卖家加两级获佣上级已是三级。",
    UNLAWFUL_ENDLESS: "组件 {component} 对一笔销售可向上级无限级发放；此处最多允许 {limit} 级。按法律的计算方式，卖家加两级获佣上级已是三级。",
    UNLAWFUL_TYPE: "组件 {component} 的类型 {type} 在司法辖区 {jurisdiction} 下停用：它对一笔销售发放的上级层数不固定。",
    UNLAWFUL_PLACEMENT: "组件 {component} 的类型 {type} 在司法辖区 {jurisdiction} 下停用：它按人员在树中的位置及其下方的销售发放。",
    TEAM_POOL: "组件 {component} 按团队销售额分配分红池，一笔销售会提高其所有上级的份额。以下线业绩计酬正是法律所关注的：请先审查，或改按个人销售额分配。",
    TEAM_REWARD: "奖励 {reward} 按团队销售额的增长发放，一笔销售会计入其所有上级。以下线业绩计酬正是法律所关注的：请先审查，或改设个人销售目标。",
    TEAM_LED: "奖励 {reward} 按团队成员的销售额向团队负责人发放。以他人业绩计酬正是法律所关注的：请先审查，或改设个人销售目标。",
    TEAM_CONDITION: "组件 {component} 要求获得者有团队销售额。以下线业绩计酬正是法律所关注的：请先审查，或改为要求个人销售额。",
    NO_SAFE_HARBOUR: "该方案向 {levels} 级上级发放。两级只是各平台的惯例，并非安全港：按法律的计算方式，卖家加两级获佣上级已是三级。",
    RATE_ABOVE_LIMIT: "最坏情况下各组件共发放基数的 {worst}%；max_payout_rate 会将其减至 {limit}%。",
    UNIT_ABOVE_LIMIT: "单件基数低于 {threshold} {currency} 时，佣金可能超过 max_payout_rate 的允许值，届时会被削减。",
    UNIT_WITHOUT_LIMIT: "各比例之和已用尽 max_payout_rate；每件最高 {amount} {currency} 的固定金额会被削减。",
}

ZH: Catalogue = {
    **_EXPLANATIONS,
    **_CHECKS,
    **CONDITIONS,
    **REWARDS,
    **{english: text for kind in KINDS.values() for english, text in kind.texts.items()},
}
"""Chinese by English, for the catalogue at the edge."""


def say(language: Language, template: str, **values: Any) -> str:
    """The text in the reader's language with its values filled in."""
    return (ZH[template] if language == "zh" else template).format_map(values)
