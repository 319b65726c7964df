"""Law as data (合规): how many upline levels of one sale a plan may pay, where, since when and on what grounds.

The rules are under revision, so the limit is a dated row and a setting of the server, never a branch of
the code. Being within the limit is no safe harbour, and every check says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fenxiao.engine.conditions.tree import PeriodTeamSales
from fenxiao.engine.findings import Finding
from fenxiao.engine.plan import Plan
from fenxiao.engine.texts import (
    NO_SAFE_HARBOUR,
    TEAM_CONDITION,
    TEAM_LED,
    TEAM_POOL,
    TEAM_REWARD,
    UNLAWFUL_ENDLESS,
    UNLAWFUL_LEVELS,
    UNLAWFUL_PLACEMENT,
    UNLAWFUL_TYPE,
)

LawFinding = Finding
Jurisdiction = Literal["CN", "none"]


@dataclass(frozen=True, slots=True)
class LevelLimit:
    """A limit of upline levels that applies from a day on, with where it comes from."""

    jurisdiction: Jurisdiction
    since: date
    max_upline_levels: int
    source: str


LEVEL_LIMITS = (
    LevelLimit(
        jurisdiction="CN",
        since=date(2005, 11, 1),
        max_upline_levels=2,
        source=(
            "禁止传销条例 (国务院令第444号, 2005-08-23, in force since 2005-11-01) art. 2 and 7: pay by the sales of those recruited; "
            "关于办理组织领导传销活动刑事案件适用法律若干问题的意见 (公通字〔2013〕37号, 2013-11-14): from three levels and thirty people on, "
            "the organiser's own level counted. Two upline levels are the platforms' habit, not a number of the law."
        ),
    ),
)
"""Newest last for each jurisdiction."""


@dataclass(frozen=True, slots=True)
class TypesOff:
    """Component types that a jurisdiction switches off, whatever their parameters: `message` tells their author why."""

    jurisdiction: Jurisdiction
    types: frozenset[str]
    message: str
    source: str


TYPES_OFF = (
    TypesOff(
        jurisdiction="CN",
        types=frozenset(("generation", "breakaway", "infinity", "stairstep")),
        message=UNLAWFUL_TYPE,
        source=(
            "禁止传销条例 (国务院令第444号) art. 7: 团队计酬. A generation, a leg that broke away and an infinity bonus are as many "
            "levels deep as it takes to come to a leader, and the group of a stair-step is as deep as the tree, so no limit "
            "of levels can bound them."
        ),
    ),
    TypesOff(
        jurisdiction="CN",
        types=frozenset(("binary", "matrix")),
        message=UNLAWFUL_PLACEMENT,
        source=(
            "禁止传销条例 (国务院令第444号) art. 2 and 7: 团队计酬. Both pay by the sales below a place in a tree of positions, which says "
            "nothing of who brought or served a buyer: a binary leg is as deep as the tree, a matrix is built to be filled."
        ),
    ),
)
"""Off whatever limit of levels the settings name."""


@dataclass(frozen=True, slots=True)
class LawProfile:
    """What the server's settings say (合规设置): the jurisdiction and the highest upline level that may be paid, None for any."""

    jurisdiction: Jurisdiction
    max_upline_levels: int | None


def default_profile(jurisdiction: Jurisdiction, on: date) -> LawProfile:
    """The profile of a jurisdiction on a day, where the settings name no limit of their own."""
    limits = [
        limit.max_upline_levels
        for limit in LEVEL_LIMITS
        if limit.jurisdiction == jurisdiction and limit.since <= on
    ]
    return LawProfile(jurisdiction, limits[-1] if limits else None)


def depths(plan: Plan) -> Mapping[str, int | None]:
    """For each component the deepest upline level it can pay, as that component counts levels; None without end."""
    found: dict[str, int | None] = {}
    for component in plan.components:
        found[component.name] = component.kind.depth(component, found)
    return found


def types_off(jurisdiction: Jurisdiction) -> Mapping[str, str]:
    """The component types that cannot be published under a jurisdiction, with the template that tells why."""
    return {kind: off.message for off in TYPES_OFF if off.jurisdiction == jurisdiction for kind in off.types}


def _off(plan: Plan, profile: LawProfile) -> list[LawFinding]:
    forbidden = types_off(profile.jurisdiction)
    return [
        Finding(
            "type-off",
            forbidden[component.type],
            {"component": component.name, "type": component.type, "jurisdiction": profile.jurisdiction},
        )
        for component in plan.components
        if component.type in forbidden
    ]


def check(plan: Plan, profile: LawProfile) -> tuple[LawFinding, ...]:
    """Why the plan must not be published under this profile; empty if it may be."""
    findings = _off(plan, profile)
    limit, off = profile.max_upline_levels, {finding.params["component"] for finding in findings}
    if limit is None:
        return tuple(findings)
    for name, levels in depths(plan).items():
        if name in off:
            continue
        if levels is None:
            findings.append(
                Finding("endless-upline-levels", UNLAWFUL_ENDLESS, {"component": name, "limit": limit})
            )
        elif levels > limit:
            findings.append(
                Finding(
                    "too-many-upline-levels",
                    UNLAWFUL_LEVELS,
                    {"component": name, "levels": levels, "limit": limit},
                )
            )
    return tuple(findings)


def notes(plan: Plan, profile: LawProfile) -> tuple[LawFinding, ...]:
    """What is to be said about a plan that may be published: within the limit is no safe harbour."""
    if profile.jurisdiction != "CN" or check(plan, profile):
        return ()
    found = [
        Finding("team-pool", TEAM_POOL, {"component": component.name})
        for component in plan.components
        if component.type == "pool" and component.params.share_by == "team_sales"  # type: ignore[attr-defined]
    ]
    found += [
        Finding("team-condition", TEAM_CONDITION, {"component": component.name})
        for component in plan.components
        if component.when is not None
        and any(isinstance(one, PeriodTeamSales) for one in component.when.comparisons())
    ]
    for reward in plan.rewards:
        # Members of a team stand in no chain: one sale counts for one leader.
        if getattr(reward, "scope", None) == "team":
            found.append(Finding("team-reward", TEAM_LED, {"reward": reward.name}))
        elif reward.type == "team_growth":
            found.append(Finding("team-reward", TEAM_REWARD, {"reward": reward.name}))
    levels = max((level for level in depths(plan).values() if level is not None), default=0)
    if levels >= 2:  # noqa: PLR2004 - seller and two uplines are three levels
        found.insert(0, Finding("no-safe-harbour", NO_SAFE_HARBOUR, {"levels": levels}))
    return tuple(found)
