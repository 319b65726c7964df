"""The check before publishing (发布前检查): what is refused, what its author is warned of, what is to be said anyway."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fenxiao.engine import bounds, law
from fenxiao.engine.findings import Finding
from fenxiao.engine.names import Known, unknown
from fenxiao.engine.plan import Plan
from fenxiao.kernel.errors import FieldError
from fenxiao.rules.domain.conditions import lacks
from fenxiao.rules.domain.exposure import Exposure, exposure

Severity = Literal["refused", "warning", "note"]
"""Whether it keeps the plan from being published, should make its author think, or is to be known."""

NOT_GATHERED = "Component {component}: a condition on {field} cannot be published in this version."
NO_PRODUCT = (
    "Component {component}: there is no product {product_id}; take its special terms out, or name another."
)
NO_CATEGORY = (
    "Component {component}: there is no category {category_id}; take its special terms out, or name another."
)

_Part = tuple[str, Any]
"""A component or a reward by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing found: by the engine, or (a `FieldError`) by the rules themselves. `field` is its place in the document."""

    severity: Severity
    code: str
    field: str | None
    said: Finding | FieldError


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found in a plan, what is refused first, and what it exposes its operator to."""

    remarks: tuple[Remark, ...]
    exposure: Exposure

    @property
    def passed(self) -> bool:
        """Whether the plan may be published."""
        return all(remark.severity != "refused" for remark in self.remarks)


def unlawful(plan: Plan, limits: law.LawProfile) -> tuple[FieldError, ...]:
    """Why the limits forbid the plan, each reason at its component; none if they do not."""
    places = _places(plan)
    return tuple(
        _reason(places["component", finding.params["component"]], finding.message, finding.params)
        for finding in law.check(plan, limits)
    )


def ungathered(plan: Plan) -> tuple[FieldError, ...]:
    """Conditions that ask for facts which nobody gathers: orders could not be evaluated."""
    return tuple(
        FieldError(lack.place, NOT_GATHERED, {"component": lack.component, "field": lack.field})
        for lack in lacks(plan)
    )


def absent(plan: Plan, known: Known) -> tuple[FieldError, ...]:
    """Special terms for products and categories that do not exist. The server gives their ids, and none twice: such
    terms could never apply, or one day to something that their author never meant.
    """
    return tuple(
        FieldError(
            f"components.{number}.overrides.{place}.match.{field}",
            message,
            {"component": component.name, field: value},
        )
        for number, component in enumerate(plan.components)
        for place, one in enumerate(component.params.override_list())
        for field, message, value, there in (
            ("product_id", NO_PRODUCT, one.match.product_id, known.products),
            ("category_id", NO_CATEGORY, one.match.category_id, known.category_ids),
        )
        if value is not None and value not in there
    )


def examine(plan: Plan, limits: law.LawProfile, known: Known) -> Examination:
    """Everything that is to be said about publishing the plan under these limits, where this is what there is."""
    return Examination(remarks=tuple(_remarks(plan, limits, known)), exposure=exposure(plan))


def advice(plan: Plan, limits: law.LawProfile, known: Known) -> tuple[Finding, ...]:
    """What the engine warns of or notes about a plan that may be published."""
    return (*warnings(plan, known), *law.notes(plan, limits))


def warnings(plan: Plan, known: Known) -> tuple[Finding, ...]:
    """What the engine warns of."""
    return (*bounds.warnings(plan, known.grades), *unknown(plan, known))


def _remarks(plan: Plan, limits: law.LawProfile, known: Known) -> Iterator[Remark]:
    places = _places(plan)
    for finding in law.check(plan, limits):
        yield _remark("refused", finding, places)
    for error in ungathered(plan):
        yield Remark(severity="refused", code="facts-not-gathered", field=error.field, said=error)
    for error in absent(plan, known):
        yield Remark(severity="refused", code="names-missing", field=error.field, said=error)
    for finding in warnings(plan, known):
        yield _remark("warning", finding, places)
    for finding in law.notes(plan, limits):
        yield _remark("note", finding, places)


def _remark(severity: Severity, finding: Finding, places: Mapping[_Part, str]) -> Remark:
    parts = [(kind, finding.params[kind]) for kind in ("component", "reward") if kind in finding.params]
    place = places.get(parts[0]) if parts else None
    return Remark(severity=severity, code=finding.code, field=place, said=finding)


def _places(plan: Plan) -> Mapping[_Part, str]:
    components = {("component", one.name): f"components.{index}" for index, one in enumerate(plan.components)}
    return components | {("reward", one.name): f"rewards.{index}" for index, one in enumerate(plan.rewards)}


def _reason(field: str, message: str, params: Mapping[str, object]) -> FieldError:
    return FieldError(field, message, params)
