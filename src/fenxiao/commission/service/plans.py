"""Compiled plans, kept for ever by the id of their version: a published version never changes."""

from collections.abc import Iterable, Sequence

from fenxiao.engine.conditions.subjects import Need
from fenxiao.engine.plan import Plan, needed_facts, parse_plan
from fenxiao.kernel.ids import RuleId
from fenxiao.rules.api import RulesApi


class UnknownRuleError(LookupError):
    """An order names a rule version that the rules do not have."""


class Plans:
    """Every plan that was ever asked for, compiled once."""

    def __init__(self, rules: RulesApi) -> None:
        self._rules = rules
        self._kept: dict[RuleId, Plan] = {}
        self._needs: dict[RuleId, Sequence[Need]] = {}

    async def of(self, rule_ids: Iterable[RuleId | None]) -> dict[RuleId, Plan]:
        """The plans of these versions, None left out; UnknownRuleError if one does not exist."""
        wanted = {rule_id for rule_id in rule_ids if rule_id is not None}
        missing = sorted(wanted - self._kept.keys())
        if missing:
            for version in await self._rules.versions(rule_ids=missing):
                self._kept[version.rule_id] = parse_plan(version.document)
        unknown = sorted(wanted - self._kept.keys())
        if unknown:
            raise UnknownRuleError(f"no rule version {unknown}")
        return {rule_id: self._kept[rule_id] for rule_id in wanted}

    def needs(self, rule_id: RuleId) -> Sequence[Need]:
        """What the conditions of a version ask about people, often nothing; it must have been asked for before."""
        needs = self._needs.get(rule_id)
        if needs is None:
            needs = self._needs[rule_id] = needed_facts(self._kept[rule_id])
        return needs
