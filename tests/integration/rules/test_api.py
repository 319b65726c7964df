"""What other contexts ask of the rules."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from fenxiao.engine.faults import InvalidPlan
from fenxiao.engine.law import LawProfile
from fenxiao.engine.plan import parse_plan
from fenxiao.entrypoints.vocabulary import Names
from fenxiao.rules import wiring
from fenxiao.rules.api import FactsNotGathered, RuleQuestion, StartTaken, UnlawfulPlan
from fenxiao.rules.domain import conditions
from fenxiao.rules.service import Terms
from fenxiao.rules.service.rules import Rules

DIRECT = {"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}
PLAN: dict[str, Any] = {"name": "import", "currency": "GBP", "components": [DIRECT]}
PAST = datetime(2009, 12, 1, tzinfo=UTC)


def asked(at: datetime, currency: str = "GBP") -> RuleQuestion:
    return RuleQuestion(currency=currency, at=at)


async def test_a_plan_for_past_facts_is_published_once(system: Any, owner: asyncpg.Connection) -> None:
    rules = system.apis.rules
    ids = await asyncio.gather(*(rules.publish_once(document=PLAN, effective_from=PAST) for _ in range(8)))
    assert len(set(ids)) == 1
    assert await rules.publish_once(document={**PLAN, "hold_days": 5}, effective_from=PAST) == ids[0]
    assert await owner.fetchval("select count(*) from rules.rules") == 1
    assert await owner.fetchval("select count(*) from rules.outbox where type = 'rule.published'") == 1


async def test_two_plans_for_past_facts_at_once_do_not_overlap(
    system: Any, owner: asyncpg.Connection
) -> None:
    rules = system.apis.rules
    starts = [PAST + timedelta(days=days) for days in (30, 0, 20, 10)]
    ids = await asyncio.gather(
        *(
            rules.publish_once(document={**PLAN, "name": f"p{n}"}, effective_from=start)
            for n, start in enumerate(starts)
        )
    )
    by_start = dict(zip(starts, ids, strict=True))
    ordered = sorted(starts)
    for start, end in zip(ordered, [*ordered[1:], None], strict=True):
        row = await owner.fetchrow(
            "select effective_from, effective_to from rules.rules where rule_id = $1", by_start[start]
        )
        assert tuple(row) == (start, end)


async def test_before_other_plans_it_ends_where_they_begin(system: Any) -> None:
    rules = system.apis.rules
    new = await rules.publish_once(document={**PLAN, "name": "new"}, effective_from=PAST + timedelta(days=30))
    old = await rules.publish_once(document=PLAN, effective_from=PAST)
    moments = [PAST - timedelta(seconds=1), PAST, PAST + timedelta(days=29), PAST + timedelta(days=30)]
    assert await rules.active(asked=[asked(at) for at in moments]) == [None, old, old, new]


async def test_another_plan_at_the_same_past_moment_is_refused(
    system: Any, owner: asyncpg.Connection
) -> None:
    rules = system.apis.rules
    first = await rules.publish_once(document=PLAN, effective_from=PAST)
    with pytest.raises(StartTaken):
        await rules.publish_once(document={**PLAN, "name": "other"}, effective_from=PAST)
    assert await rules.active(asked=[asked(PAST)]) == [first]
    assert await owner.fetchval("select count(*) from rules.rules") == 1


async def test_faulty_and_unlawful_plans_are_refused(
    system: Any, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "GATHERED", frozenset())
    deep = [{"type": "unilevel", "name": "direct", "levels": ["0.1"] * 3}]
    with pytest.raises(UnlawfulPlan):
        await system.apis.rules.publish_once(document={**PLAN, "components": deep}, effective_from=PAST)
    with pytest.raises(FactsNotGathered) as caught:
        await system.apis.rules.publish_once(
            document={
                **PLAN,
                "components": [{**DIRECT, "when": {"not": {"field": "active", "within_days": 9}}}],
            },
            effective_from=PAST,
        )
    assert [error.field for error in caught.value.errors] == ["components.0.when.not.field"]
    with pytest.raises(InvalidPlan):
        await system.apis.rules.publish_once(document={**PLAN, "base": "none"}, effective_from=PAST)
    assert await owner.fetchval("select count(*) from rules.rules") == 0
    assert await owner.fetchval("select count(*) from rules.outbox where type = 'rule.published'") == 0


async def test_five_hundred_questions_are_answered_in_their_order(system: Any) -> None:
    rules = system.apis.rules
    pound = await rules.publish_once(document=PLAN, effective_from=PAST)
    yen = await rules.publish_once(
        document={**PLAN, "name": "yen", "currency": "JPY"}, effective_from=PAST + timedelta(days=250)
    )
    questions = [
        asked(PAST + timedelta(days=day), currency) for day in range(250) for currency in ("GBP", "JPY")
    ]
    questions += [asked(PAST + timedelta(days=300), "JPY")]
    assert await rules.active(asked=questions) == [pound, None] * 250 + [yen]
    assert await rules.active(asked=[]) == []


async def test_versions_are_the_published_ones_and_compile(system: Any) -> None:
    rules = system.apis.rules
    rule_id = await rules.publish_once(document=PLAN, effective_from=PAST)
    draft = await rules.draft({**PLAN, "name": "draft"}, once=None)
    for _ in range(2):  # the second time from memory
        (version,) = await rules.versions(rule_ids=[draft.rule_id, rule_id, 999, rule_id])
        assert (version.rule_id, version.name, version.version, version.currency) == (
            rule_id,
            "import",
            1,
            "GBP",
        )
        assert parse_plan(version.document) == parse_plan(PLAN)


async def test_notice_must_lie_between_announcement_and_effect(system: Any) -> None:
    names = Names(system.apis.network, system.apis.catalog)
    week = Terms(limits=LawProfile("CN", 2), min_notice_days=7)
    rules = Rules(system.databases[wiring.NAME], system.clock, week, vocabulary=names)
    draft = await rules.draft(PLAN, once=None)
    with pytest.raises(Exception, match="earliest") as caught:
        await rules.publish(
            draft.rule_id, effective_from=system.clock.now + timedelta(days=6), revision=None, once=None
        )
    assert caught.value.code == "starts-too-early"
    assert (await rules.find(draft.rule_id)).state == "draft"
    published = await rules.publish(draft.rule_id, effective_from=None, revision=None, once=None)
    assert published.rule.effective_from == system.clock.now + timedelta(days=7)
    assert published.rule.announced_at == system.clock.now


async def test_drafts_of_one_plan_at_once_get_different_versions(system: Any) -> None:
    drafts = await asyncio.gather(*(system.apis.rules.draft(PLAN, once=None) for _ in range(6)))
    assert sorted(draft.version for draft in drafts) == [1, 2, 3, 4, 5, 6]


async def test_publications_at_once_leave_one_in_effect(system: Any, owner: asyncpg.Connection) -> None:
    rules = system.apis.rules
    drafts = [await rules.draft({**PLAN, "name": f"p{n}"}, once=None) for n in range(6)]
    await asyncio.gather(
        *(rules.publish(one.rule_id, effective_from=None, revision=None, once=None) for one in drafts)
    )
    at = system.clock.now
    assert (await rules.active(asked=[asked(at)]))[0] is not None
    in_effect = await owner.fetchval(
        "select count(*) from rules.rules where effective_from <= $1 and (effective_to is null or effective_to > $1)",
        at,
    )
    assert in_effect == 1
    assert await rules.overlaps() == []
