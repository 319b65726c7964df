"""Conditions as people read them, in Chinese and English: the whole tree, and a person's own figures."""

from collections.abc import Mapping
from typing import Any

from fenxiao.engine.conditions.subjects import SUBJECTS, Field
from fenxiao.engine.conditions.tree import All, Any_, Comparison, Condition, Not, known
from fenxiao.engine.facts import Party
from fenxiao.kernel.i18n import Catalogue, Language
from fenxiao.kernel.money import from_minor

_SUBJECT = {
    "active": ("active: an own paid order within so many days", "活跃：若干天内有本人已付款订单"),
    "rank": ("the rank of the grade", "等级序号"),
    "paid_orders": ("the number of own paid orders", "本人已付款订单数"),
    "personal_sales": ("personal sales", "个人销售额"),
    "period_personal_sales": ("personal sales of the period", "周期个人销售额"),
    "period_team_sales": ("team sales of the period", "周期团队销售额"),
    "days_registered": ("the days since registration", "注册天数"),
}
_WINDOW = ("{subject} of the last {days} days", "最近 {days} 天的{subject}")
_ACTIVE = ("an own paid order within the last {days} days", "最近 {days} 天内有本人已付款订单")
_OPS = {
    "at_least": ("{subject} at least {value}", "{subject}不低于 {value}"),
    "at_most": ("{subject} at most {value}", "{subject}不高于 {value}"),
}
_OP_LABELS = {"at_least": ("at least", "不低于"), "at_most": ("at most", "不高于")}
_GROUPS = {"all": ("all of", "全部满足"), "any": ("any of", "任一满足"), "not": ("none of", "不满足")}
_FIGURE = ("{subject}: {value}", "{subject}：{value}")
_NO_GRADE = ("no grade", "无等级")
_NOT = ("not ({condition})", "并非（{condition}）")
_GROUP = ("({condition})", "（{condition}）")
_AND = (" and ", " 且 ")
_OR = (" or ", " 或 ")
_COMMA = (", ", "，")
_MONEY = "{amount} {currency}"

TEXTS: Catalogue = dict(
    [
        *(text for texts in (_SUBJECT, _OPS, _OP_LABELS, _GROUPS) for text in texts.values()),
        *(_WINDOW, _ACTIVE, _FIGURE, _NO_GRADE, _NOT),
    ]
)
"""Chinese by English."""


def told(condition: Condition, currency: str, language: Language) -> str:
    """The condition as a phrase: "the rank of the grade at least 2 and personal sales … at least 100.00 CNY"."""
    if isinstance(condition, Not):
        return _say(_NOT, language, condition=told(condition.negated, currency, language))
    if isinstance(condition, Comparison):
        return _comparison(condition, currency, language)
    parts, word = (condition.all, _AND) if isinstance(condition, All) else (condition.any, _OR)
    return _say(word, language).join(_member(one, currency, language) for one in parts)


def figures(condition: Condition, party: Party, currency: str, language: Language) -> str:
    """What the condition looked at, as it stood with this person; each figure once."""
    found: dict[str, None] = {}
    for one in condition.comparisons():
        figure = known(one, party)
        subject = _subject(one, language)
        value = _say(_NO_GRADE, language) if figure is None else _value(one, figure, currency)
        found[_say(_FIGURE, language, subject=subject, value=value)] = None
    return _say(_COMMA, language).join(found)


def label(field: str, language: Language) -> str:
    """The name of a field in a form."""
    return _say(_SUBJECT[field], language)


def operator(op: str, language: Language) -> str:
    """The name of an operator in a form."""
    return _say(_OP_LABELS[op], language)


def group(name: str, language: Language) -> str:
    """The name of `all`, `any` and `not` in a form."""
    return _say(_GROUPS[name], language)


def _member(condition: Condition, currency: str, language: Language) -> str:
    text = told(condition, currency, language)
    return _say(_GROUP, language, condition=text) if isinstance(condition, All | Any_) else text


def _comparison(one: Comparison, currency: str, language: Language) -> str:
    if _field(one) == "active":
        return _say(_ACTIVE, language, days=_days(one))
    value = _value(one, one.threshold, currency)
    return _say(_OPS[one.op], language, subject=_subject(one, language), value=value)


def _subject(one: Comparison, language: Language) -> str:
    name = _say(_SUBJECT["paid_orders" if _field(one) == "active" else _field(one)], language)
    days = _days(one)
    return name if days is None else _say(_WINDOW, language, subject=name, days=days)


def _value(one: Comparison, figure: int, currency: str) -> str:
    if SUBJECTS[_named(one)].unit == "minor_units":
        return _MONEY.format(amount=from_minor(figure, currency), currency=currency)
    return str(figure)


def _field(one: Comparison) -> str:
    return str(_named(one))


def _named(one: Comparison) -> Field:
    found: Field = getattr(one, "field")  # noqa: B009 - each comparison has its own literal `field`
    return found


def _days(one: Comparison) -> int | None:
    return getattr(one, "within_days", None)


def _say(texts: tuple[str, str], language: Language, **values: Any) -> str:
    text = texts[1] if language == "zh" else texts[0]
    filled: Mapping[str, Any] = values
    return text.format_map(filled)
