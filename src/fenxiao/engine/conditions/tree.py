"""The tree of a condition: `{"all": […]}`, `{"any": […]}`, `{"not": …}`, or a comparison such as
`{"field": "personal_sales", "within_days": 30, "op": "at_least", "value": "1000.00"}`.

Every comparison of a tree is looked at, also where an earlier one has decided already: whether a fact is
missing must not depend on the others.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Tag
from pydantic import Field as Option

from fenxiao.engine.conditions.subjects import SUBJECTS, FactMissing, Field, Need
from fenxiao.engine.facts import Party
from fenxiao.engine.faults import TAG, fault
from fenxiao.engine.fields import AmountField, CountField, DaysField, Document, RankField, WindowField
from fenxiao.engine.periods import Member

Op = Literal["at_least", "at_most"]

MAX_COMPARISONS = 50
MAX_NESTED = 6


@lru_cache(maxsize=1000)
def _need(field: Field, within_days: int | None) -> Need | None:
    fact = SUBJECTS[field].fact
    return None if fact is None else Need(fact, within_days)


class Comparison(Document):
    """Compares one fact of a person with a value."""

    op: Op = "at_least"

    @property
    def need(self) -> Need | None:
        """The fact it asks for; None where the chain itself has it."""
        return _need(getattr(self, "field"), getattr(self, "within_days", None))  # noqa: B009 - each has its own `field`

    def comparisons(self) -> Iterator["Comparison"]:
        """Every comparison of the tree, in the order of the document."""
        yield self

    def met(self, party: Party) -> bool:
        """Whether the person meets it; `FactMissing` if it was not gathered."""
        found, value = known(self, party), self.threshold
        if found is None:
            # Without a grade: below every grade.
            return self.op == "at_most"
        return found >= value if self.op == "at_least" else found <= value

    @property
    def threshold(self) -> int:
        """What it is compared with, in the unit of the fact."""
        return int(getattr(self, "value"))  # noqa: B009 - as above


class Rank(Comparison):
    """The rank of the person's grade (等级序号); somebody without a grade is below every rank."""

    TAG: ClassVar[str] = TAG + "rank"
    field: Literal["rank"]
    op: Op = "at_least"
    value: RankField


class Active(Comparison):
    """Active (活跃): at least one paid order of one's own within so many days."""

    TAG: ClassVar[str] = TAG + "active"
    field: Literal["active"]
    op: Literal["at_least"] = Option(default="at_least", exclude=True)
    within_days: WindowField

    @property
    def threshold(self) -> int:
        """One order is enough."""
        return 1


class PaidOrders(Comparison):
    """How many orders of one's own were paid (本人已付款订单数); without `within_days` since ever."""

    TAG: ClassVar[str] = TAG + "paid_orders"
    field: Literal["paid_orders"]
    within_days: WindowField | None = None
    op: Op = "at_least"
    value: CountField


class PersonalSales(Comparison):
    """Personal sales (个人销售额) net of refunds, in the plan's currency; without `within_days` since ever."""

    TAG: ClassVar[str] = TAG + "personal_sales"
    field: Literal["personal_sales"]
    within_days: WindowField | None = None
    op: Op = "at_least"
    value: AmountField


class DaysRegistered(Comparison):
    """For how many whole days the person has been registered (注册天数)."""

    TAG: ClassVar[str] = TAG + "days_registered"
    field: Literal["days_registered"]
    op: Op = "at_least"
    value: DaysField


class PeriodPersonalSales(Comparison):
    """Personal sales of the period that closes (周期个人销售额), on the plan's base."""

    TAG: ClassVar[str] = TAG + "period_personal_sales"
    field: Literal["period_personal_sales"]
    op: Op = "at_least"
    value: AmountField


class PeriodTeamSales(Comparison):
    """Team sales of the period that closes (周期团队销售额), one's own among them, on the plan's base."""

    TAG: ClassVar[str] = TAG + "period_team_sales"
    field: Literal["period_team_sales"]
    op: Op = "at_least"
    value: AmountField


def _some(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse an empty list: whether nothing is met by everyone or by nobody would be anyone's guess."""
    if not parts:
        raise fault("empty")
    return parts


class All(Document):
    """Met where all of its conditions are (且)."""

    TAG: ClassVar[str] = TAG + "all"
    all: Annotated[tuple["Node", ...], AfterValidator(_some)]

    def comparisons(self) -> Iterator[Comparison]:
        """Every comparison of the tree, in the order of the document."""
        for one in self.all:
            yield from one.comparisons()

    def met(self, party: Party) -> bool:
        """Whether the person meets it; `FactMissing`."""
        return min([one.met(party) for one in self.all])


class Any_(Document):  # noqa: N801 - "any" of the document; typing has the plain name
    """Met where one of its conditions is (或)."""

    TAG: ClassVar[str] = TAG + "any"
    any: Annotated[tuple["Node", ...], AfterValidator(_some)]

    def comparisons(self) -> Iterator[Comparison]:
        """Every comparison of the tree, in the order of the document."""
        for one in self.any:
            yield from one.comparisons()

    def met(self, party: Party) -> bool:
        """Whether the person meets it; `FactMissing`."""
        return max([one.met(party) for one in self.any])


class Not(Document):
    """Met where its condition is not (非)."""

    TAG: ClassVar[str] = TAG + "not"
    model_config = ConfigDict(extra="forbid", frozen=True)
    negated: "Node" = Option(alias="not")

    def comparisons(self) -> Iterator[Comparison]:
        """Every comparison of the tree, in the order of the document."""
        return self.negated.comparisons()

    def met(self, party: Party) -> bool:
        """Whether the person meets it; `FactMissing`."""
        return not self.negated.met(party)


_WORDS = ("all", "any", "not")


def _tag(value: Any) -> str | None:
    """Which class reads this part of a document."""
    if isinstance(value, All | Any_ | Not | Comparison):
        return str(value.TAG)  # type: ignore[union-attr]
    word = next((word for word in _WORDS if word in value), None)
    return TAG + str(word or value.get("field"))


def _recognised(value: object) -> object:
    """Refuse what is no condition before a class is looked for, in words of the document."""
    if isinstance(value, All | Any_ | Not | Comparison):
        return value
    if not isinstance(value, Mapping):
        raise fault("model_type")
    if any(word in value for word in _WORDS):
        return value
    if not isinstance(value.get("field"), str) or value["field"] not in SUBJECTS:
        raise fault("condition", field=str(value.get("field", "")), known=", ".join(SUBJECTS))
    return value


def _bounded(value: object) -> object:
    """Refuse a tree that is too large before anything walks it down."""
    level, comparisons = [value], 0
    for _ in range(MAX_NESTED + 1):
        below: list[object] = []
        for one in level:
            parts = [one.get(word) for word in _WORDS if word in one] if isinstance(one, Mapping) else []
            comparisons += not parts
            for part in parts:
                below.extend(part if isinstance(part, list | tuple) else [part])
        if comparisons > MAX_COMPARISONS or len(below) > MAX_COMPARISONS:
            break
        if not below:
            return value
        level = below
    raise fault("condition_size", most=MAX_COMPARISONS, deep=MAX_NESTED)


Node = Annotated[
    Union[  # noqa: UP007 - members carry tags
        Annotated[All, Tag(All.TAG)],
        Annotated[Any_, Tag(Any_.TAG)],
        Annotated[Not, Tag(Not.TAG)],
        Annotated[Rank, Tag(Rank.TAG)],
        Annotated[Active, Tag(Active.TAG)],
        Annotated[PaidOrders, Tag(PaidOrders.TAG)],
        Annotated[PersonalSales, Tag(PersonalSales.TAG)],
        Annotated[DaysRegistered, Tag(DaysRegistered.TAG)],
        Annotated[PeriodPersonalSales, Tag(PeriodPersonalSales.TAG)],
        Annotated[PeriodTeamSales, Tag(PeriodTeamSales.TAG)],
    ],
    Discriminator(_tag),
    BeforeValidator(_recognised),
]
"""Any part of a condition."""

Condition = (
    All
    | Any_
    | Not
    | Rank
    | Active
    | PaidOrders
    | PersonalSales
    | DaysRegistered
    | PeriodPersonalSales
    | PeriodTeamSales
)
ConditionField = Annotated[Node, BeforeValidator(_bounded)]
"""A whole condition, as a field of a document; reading needs `context={"currency": …}`."""

for _kind in (All, Any_, Not):
    _kind.model_rebuild()


def known(comparison: Comparison, party: Party) -> int | None:
    """The person's own figure for a comparison, None for the rank of somebody without a grade; `FactMissing`."""
    need = comparison.need
    if need is None:
        return _own(comparison, party)
    found = None if party.facts is None else party.facts.get(need.name)
    if found is None:
        raise FactMissing(party.distributor_id, need.name)
    return found


def _own(comparison: Comparison, party: Party) -> int | None:
    """What the chain or the period itself has."""
    if isinstance(comparison, Rank):
        return party.rank
    if not isinstance(party, Member):
        raise FactMissing(party.distributor_id, getattr(comparison, "field"))  # noqa: B009 - each has its own `field`
    return party.personal_minor if isinstance(comparison, PeriodPersonalSales) else party.team_minor


def as_document(condition: Condition, currency: str) -> dict[str, Any]:
    """The condition as JSON-able data, which reads to an equal one."""
    found: dict[str, Any] = condition.model_dump(
        mode="json", exclude_none=True, by_alias=True, context={"currency": currency}
    )
    return found


def needs(condition: Condition) -> set[Need]:
    """The facts that the condition asks for."""
    return {one.need for one in condition.comparisons() if one.need is not None}
