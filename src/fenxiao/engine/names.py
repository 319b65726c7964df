"""What a plan names of a server (名称): grades, products, categories and tags, and which of them there are."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from fenxiao.engine.findings import Finding
from fenxiao.engine.plan import Component, Plan
from fenxiao.engine.texts import (
    CURRENCY_UNKNOWN,
    GRADE_OF_REWARD,
    GRADE_UNKNOWN,
    PRODUCT_CURRENCY,
    TAG_UNKNOWN,
)
from fenxiao.kernel.money import CURRENCIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What special terms are for, each once and in order."""

    product_ids: tuple[int, ...]
    category_ids: tuple[int, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is: all grades with their ranks, and of what was named the products with their currencies, and so on."""

    grades: Mapping[str, int] = field(default_factory=dict)
    products: Mapping[int, str] = field(default_factory=dict)
    category_ids: Collection[int] = ()
    tags: Collection[str] = ()


def named(plan: Plan) -> Named:
    """The products, categories and tags that the plan has special terms for."""
    matches = [one.match for component in plan.components for one in component.params.override_list()]
    return Named(
        product_ids=tuple(sorted({one.product_id for one in matches if one.product_id is not None})),
        category_ids=tuple(sorted({one.category_id for one in matches if one.category_id is not None})),
        tags=tuple(sorted({one.tag for one in matches if one.tag is not None})),
    )


def unknown(plan: Plan, known: Known) -> Iterator[Finding]:
    """Names of nothing that is there, where it may still come: an author should know, and nothing is broken.

    Grades in the rates of a component itself are told by `idle`.
    """
    if plan.currency not in CURRENCIES:
        yield Finding("currency-unknown", CURRENCY_UNKNOWN, {"currency": plan.currency})
    for component in plan.components:
        yield from _of_special_terms(component, plan.currency, known)
    for reward in plan.rewards:
        granted = {tier.grade for tier in reward.tier_list() if tier.grade is not None}
        for grade in sorted(granted - known.grades.keys()):
            yield Finding("grade-unknown", GRADE_OF_REWARD, {"reward": reward.name, "grade": grade})


def _of_special_terms(component: Component, currency: str, known: Known) -> Iterator[Finding]:
    told = getattr(component.params, "rates", None)
    grades = set(told) if isinstance(told, Mapping) else set()
    for one in component.params.override_list():
        tag, product_id = one.match.tag, one.match.product_id
        if tag is not None and tag not in known.tags:
            yield Finding("tag-unknown", TAG_UNKNOWN, {"component": component.name, "tag": tag})
        sold_in = None if product_id is None else known.products.get(product_id)
        if sold_in not in {None, currency}:
            values = {"product_id": product_id, "sold_in": sold_in, "currency": currency}
            yield Finding("product-currency", PRODUCT_CURRENCY, {"component": component.name, **values})
        rates = getattr(one, "rates", None)
        if isinstance(rates, Mapping):
            for grade in sorted(rates.keys() - grades - known.grades.keys()):
                yield Finding("grade-unknown", GRADE_UNKNOWN, {"component": component.name, "grade": grade})
            grades |= rates.keys()
