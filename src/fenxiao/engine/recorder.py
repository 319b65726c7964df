"""The recorder (记录器): hears what the evaluation does while it does it, and hands over the trace."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from fenxiao.engine.components.kind import Key, Part, Place, Portion, Stop
from fenxiao.engine.evaluate import AwardKey, Evaluation
from fenxiao.engine.facts import OrderFacts
from fenxiao.engine.plan import Component, Plan
from fenxiao.engine.tally import Tally
from fenxiao.engine.trace import Breakage, Trace, TracedAward, TracedComponent, TracedLine
from fenxiao.kernel.money import rounded


@dataclass(slots=True)
class Heard:
    """What the recorder has heard of one component."""

    portions: list[Portion] = field(default_factory=list)
    walks: dict[Key, tuple[Stop, ...]] = field(default_factory=dict)
    claims: defaultdict[Place, list[Part]] = field(default_factory=lambda: defaultdict(list))
    unclaimed: defaultdict[int, list[Part]] = field(default_factory=lambda: defaultdict(list))
    rounded: Mapping[Place, int] = field(default_factory=dict)
    single: Mapping[Place, int] = field(default_factory=dict)
    capped: Mapping[Place, int] = field(default_factory=dict)


class TraceRecorder:
    """Listens to an evaluation and lays out its trace."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._heard = {component.name: Heard() for component in plan.components}

    def portioned(self, component: str, portion: Portion) -> None:
        self._heard[component].portions.append(portion)

    def walked(self, component: str, key: Key, stops: Sequence[Stop]) -> None:
        self._heard[component].walks[key] = tuple(stops)

    def claimed(self, component: str, place: Place, part: Part) -> None:
        self._heard[component].claims[place].append(part)

    def unclaimed(self, component: str, level: int, part: Part) -> None:
        self._heard[component].unclaimed[level].append(part)

    def settled(
        self,
        component: str,
        amounts: Mapping[Place, int],
        single: Mapping[Place, int],
        capped: Mapping[Place, int],
    ) -> None:
        self._heard[component].rounded = amounts
        self._heard[component].single = single
        self._heard[component].capped = capped

    def trace(self, order: OrderFacts, refunds: int, tally: Tally, evaluation: Evaluation) -> Trace:
        """All of it, once the evaluation is done."""
        final = {award.key: award.amount_minor for award in evaluation.awards}
        lines = (
            TracedLine(line.line_id, *tally.left(line), tally.base_of(line), self._plan.bucket(line))
            for line in order.lines
        )
        components = tuple(self._component(component, final) for component in self._plan.components)
        return Trace(self._plan, order, refunds, tuple(lines), components, evaluation)

    def _component(self, component: Component, final: Mapping[AwardKey, int]) -> TracedComponent:
        heard, name = self._heard[component.name], component.name
        awards = tuple(
            TracedAward(
                component=name,
                level=level,
                distributor_id=earner,
                parts=tuple(heard.claims[level, earner]),
                exact=_sum(heard.claims[level, earner]),
                rounded_minor=amount,
                single_minor=heard.single[level, earner],
                capped_minor=heard.capped[level, earner],
                amount_minor=final.get((name, level, earner), 0),
            )
            for (level, earner), amount in heard.rounded.items()
        )
        breakage = tuple(
            Breakage(level, tuple(parts), _sum(parts), rounded(_sum(parts), self._plan.rounding))
            for level, parts in sorted(heard.unclaimed.items())
        )
        return TracedComponent(component, tuple(heard.portions), heard.walks, awards, breakage)


def _sum(parts: Sequence[Part]) -> Fraction:
    return sum((part.exact for part in parts), Fraction(0))
