"""Parameters that components have in common: names, caps, conditions, overrides.

Each type adds its own in a class of its own; the JSON schema of that class is the console's form.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from fenxiao.engine.conditions.subjects import SUBJECTS
from fenxiao.engine.conditions.tree import Condition, ConditionField
from fenxiao.engine.faults import fault
from fenxiao.engine.fields import AmountField, Document, IdField, NameField
from fenxiao.engine.periods import PeriodKind

MAX_OVERRIDES = 10_000
MAX_LEVELS = 100
PERIOD: PeriodKind = "month"
"""What a component pays for where it names no period."""


class Match(Document):
    """Which lines an override (特例) is for: one product, one category with all below it, or one tag."""

    product_id: IdField | None = None
    category_id: IdField | None = None
    tag: NameField | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Match":
        if sum(value is not None for value in (self.product_id, self.category_id, self.tag)) != 1:
            raise fault("match")
        return self


class OverrideParams(Document):
    """Parameters for the lines that match; those it names replace the component's as a whole."""

    match: Match


Overrides = Field(default=(), max_length=MAX_OVERRIDES)


class ComponentParams(Document):
    """What every component has: a name, unique in the plan, that its entries carry, and the caps of one earner."""

    condition_field: ClassVar[str]

    type: str
    name: NameField
    cap_per_entry: AmountField | None = None
    cap_per_period: AmountField | None = None

    @property
    def condition(self) -> Condition | None:
        """The condition on whoever is to earn; it stands in the field named by `condition_field`."""
        found: Condition | None = getattr(self, self.condition_field)
        return found

    def rests_on(self) -> str | None:
        """The name of the earlier component whose amounts it rests on, for types that have an `of`."""
        return None

    def override_list(self) -> Sequence[OverrideParams]:
        """The overrides in the order of the document; a type without them answers none."""
        return ()


def _of_an_order(condition: Condition | None) -> Condition | None:
    """Refuse what only a period knows."""
    for one in () if condition is None else condition.comparisons():
        field = getattr(one, "field")  # noqa: B009 - each has its own `field`
        if SUBJECTS[field].period_only:
            raise fault("period_only", field=field)
    return condition


class OrderParams(ComponentParams):
    """What every component has that pays per order; `when` asks about the earner as of the payment."""

    condition_field = "when"

    cap_per_order: AmountField | None = None
    when: Annotated[ConditionField | None, AfterValidator(_of_an_order)] = None


class PeriodParams(ComponentParams):
    """What every component has that pays when a period closes; `qualify` asks about the earner as of its end."""

    condition_field = "qualify"

    period: PeriodKind = PERIOD
    qualify: ConditionField | None = None
