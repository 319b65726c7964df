"""Use cases of plans: drafting, changing a draft, publishing, and what other contexts ask."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fenxiao.engine.findings import Finding
from fenxiao.engine.names import named
from fenxiao.engine.plan import parse_plan
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import Moved, starts_over
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.ids import RuleId
from fenxiao.kernel.paging import Page
from fenxiao.rules import queries
from fenxiao.rules.api import NoActiveRule, RuleQuestion, RuleVersion, Vocabulary
from fenxiao.rules.domain import difference
from fenxiao.rules.domain.examination import Examination, absent, advice, examine
from fenxiao.rules.queries import Rule, Status
from fenxiao.rules.service.drafts import (
    audited,
    demand_draft,
    demand_same,
    found,
    insert,
    next_version,
    rewrite,
)
from fenxiao.rules.service.limits import record_limits
from fenxiao.rules.service.publication import (
    demand_facts,
    demand_lawful,
    demand_names,
    demand_notice,
    hold_timeline,
    put_in_effect,
)
from fenxiao.rules.service.review import approve, demand_approval, record
from fenxiao.rules.service.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A version as it was published, and what its author should know."""

    rule: Rule
    warnings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A version with what its check found."""

    rule: Rule
    examination: Examination


class Rules:
    """平台规则: the near implementation of `RulesApi`, and what HTTP asks besides."""

    def __init__(self, db: Database, clock: Clock, terms: Terms, *, vocabulary: Vocabulary) -> None:
        self._db = db
        self._vocabulary = vocabulary
        self._clock = clock
        self._terms = terms
        # A published version never changes, so it is read once.
        self._kept: dict[RuleId, RuleVersion] = {}

    # What other contexts ask

    async def active(self, *, asked: Sequence[RuleQuestion]) -> list[RuleId | None]:
        """The version in effect for each question."""
        return await queries.in_effect(self._db, asked) if asked else []

    async def versions(self, *, rule_ids: Sequence[RuleId]) -> list[RuleVersion]:
        """These published versions, ordered by id."""
        missing = [rule_id for rule_id in set(rule_ids) if rule_id not in self._kept]
        if missing:
            self._kept.update((one.rule_id, one) for one in await queries.published(self._db, missing))
        return [self._kept[rule_id] for rule_id in sorted(set(rule_ids)) if rule_id in self._kept]

    async def documents(self, *, rule_ids: Sequence[RuleId]) -> list[RuleVersion]:
        """These versions, drafts too, ordered by id."""
        return await queries.documents(self._db, rule_ids)

    async def publish_once(self, *, document: dict[str, Any], effective_from: datetime) -> RuleId:
        """Publish a plan for past facts; one of this name that was published before is answered as it is."""
        plan = parse_plan(document)
        demand_lawful(plan, self._terms.limits)
        demand_facts(plan)
        missing = absent(plan, await self._vocabulary.known(named=named(plan)))
        async with self._db.begin() as tx:
            version, published = await next_version(tx, plan)
            if published is not None:
                return published
            demand_names(missing)
            now = self._clock()
            rule = await insert(tx, plan, version, now)
            await hold_timeline(tx, plan.currency)
            await put_in_effect(tx, rule, announced_at=now, start=effective_from, replace=False)
            return rule.rule_id

    # What HTTP asks besides

    async def draft(self, document: Mapping[str, Any], *, once: Once | None) -> Rule:
        """Draft a plan, or the next version of the plan of this name."""
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Rule)
            plan = parse_plan(document)
            version, _ = await next_version(tx, plan)
            rule = await insert(tx, plan, version, self._clock())
            tx.audit("rule.drafted", f"rules/{rule.rule_id}", after=audited(rule))
            return tx.keep(rule)

    async def redraft(self, rule_id: int, document: Mapping[str, Any], *, revision: int | None) -> Rule:
        """Change a draft; `revision` is the one that the caller has read."""
        plan = parse_plan(document)
        async with self._db.begin() as tx:
            before = demand_draft(await queries.locked(tx, rule_id), rule_id, revision)
            demand_same(before, plan)
            after = await rewrite(tx, before, plan, self._clock())
            tx.audit("rule.redrafted", f"rules/{rule_id}", before=audited(before), after=audited(after))
            return after

    @starts_over
    async def check(self, rule_id: int, *, revision: int | None) -> Checked:
        """Check a draft; it is `checked` once nothing found keeps it from being published."""
        read = demand_draft(await queries.find(self._db, rule_id), rule_id, revision)
        examination = await self._examined(read)
        async with self._db.begin() as tx:
            draft = demand_draft(await queries.locked(tx, rule_id), rule_id, revision)
            if draft.revision != read.revision:
                raise Moved
            rule = await record(tx, draft, self._clock(), passed=examination.passed)
            return Checked(rule=rule, examination=examination)

    async def examined(self, rule_id: int) -> Checked:
        """What a check of this version would find now; nothing changes."""
        rule = await self.find(rule_id)
        return Checked(rule=rule, examination=await self._examined(rule))

    async def _examined(self, rule: Rule) -> Examination:
        plan = parse_plan(rule.document)
        known = await self._vocabulary.known(named=named(plan))
        # The worst case is found by trying, which may take longer than others can wait.
        return await asyncio.to_thread(examine, plan, self._terms.limits, known)

    async def approve(self, rule_id: int, *, revision: int | None) -> Rule:
        """Approve a checked draft that somebody else wrote; `revision` is the one that was read."""
        async with self._db.begin() as tx:
            draft = demand_draft(await queries.locked(tx, rule_id), rule_id, revision)
            return await approve(tx, draft, self._clock())

    @starts_over
    async def publish(
        self, rule_id: int, *, effective_from: datetime | None, revision: int | None, once: Once | None
    ) -> Publication:
        """Publish a draft, from `effective_from` on or as soon as the notice allows."""
        read = await self.find(rule_id)
        plan = parse_plan(read.document)
        limits = self._terms.limits
        known = await self._vocabulary.known(named=named(plan))
        told = () if read.state == "published" else await asyncio.to_thread(advice, plan, limits, known)
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Publication)
            draft = demand_draft(await queries.locked(tx, rule_id), rule_id, revision)
            if draft.revision != read.revision:
                raise Moved
            demand_lawful(plan, limits)
            demand_facts(plan)
            demand_names(absent(plan, known))
            if self._terms.approval == "second-person":
                demand_approval(draft)
            await hold_timeline(tx, draft.currency)
            now = self._clock()
            start = demand_notice(self._terms.min_notice_days, now, effective_from)
            rule = await put_in_effect(tx, draft, announced_at=now, start=start, replace=True)
            return tx.keep(Publication(rule=rule, warnings=told))

    async def find(self, rule_id: int) -> Rule:
        """One version."""
        return await found(self._db, rule_id)

    async def find_active(self, *, currency: str, at: datetime | None) -> Rule:
        """The version in effect for a currency at a moment, by default now."""
        moment = at or self._clock()
        (rule_id,) = await queries.in_effect(self._db, [RuleQuestion(currency=currency, at=moment)])
        if rule_id is None:
            raise NoActiveRule(currency=currency, at=moment.isoformat().replace("+00:00", "Z"))
        return await self.find(rule_id)

    async def list_rules(
        self, *, name: str | None, currency: str | None, status: Status | None, cursor: str | None, limit: int
    ) -> Page[Rule]:
        """Versions of all plans, the newest first."""
        now = self._clock()
        return await queries.listed(
            self._db, name=name, currency=currency, status=status, now=now, cursor=cursor, limit=limit
        )

    async def compare(
        self, rule_id: int, *, against: int | None
    ) -> tuple[Rule | None, list[difference.Change]]:
        """What a version changes against another, by default against the plan's published version before it.

        A setting that did not exist when one of them was stored has its default in both.
        """
        rule = await self.find(rule_id)
        other = await queries.version_before(self._db, rule) if against is None else await self.find(against)
        if other is None:
            return None, []
        before, after = (parse_plan(one.document).document() for one in (other, rule))
        return other, difference.changes(before, after)

    async def record_limits(self) -> None:
        """Write a change of what the settings say about publishing to the audit log, once."""
        await record_limits(self._db, self._terms, self._clock())

    async def rules_after(self, cursor: int, limit: int) -> list[Rule]:
        """The next versions by id, for checks."""
        return await queries.after(self._db, cursor, limit)

    async def overlaps(self) -> list[tuple[int, int]]:
        """Pairs of versions in effect at the same moment; there must be none."""
        return await queries.overlaps(self._db)
