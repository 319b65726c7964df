"""What other contexts may ask of the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fenxiao.engine.names import Known, Named
from fenxiao.kernel.errors import Conflict, Invalid, NotFound
from fenxiao.kernel.ids import RuleId


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleQuestion:
    """Which version is in effect for a currency at a moment."""

    currency: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVersion:
    """规则版本: one immutable version of a plan; `document` is canonical and compiles with `engine.plan.parse_plan`."""

    rule_id: RuleId
    name: str
    version: int
    currency: str
    document: dict[str, Any]


class Vocabulary(Protocol):
    """名称核对: a port of the rules. What a plan may name lies in contexts beside them; whoever joins the contexts
    knows where.
    """

    async def known(self, *, named: Named) -> Known:
        """All grades with their ranks, and those of the named products, categories and tags that there are."""


class RulesApi(Protocol):
    """平台规则."""

    async def active(self, *, asked: Sequence[RuleQuestion]) -> list[RuleId | None]:
        """The version in effect for each question, None while no plan is."""

    async def versions(self, *, rule_ids: Sequence[RuleId]) -> list[RuleVersion]:
        """These versions; they never change, so an answer may be kept for ever. Unknown ids are left out."""

    async def documents(self, *, rule_ids: Sequence[RuleId]) -> list[RuleVersion]:
        """These versions as they stand now, drafts among them, which may change; ordered by id, unknown ids left out."""

    async def publish_once(self, *, document: dict[str, Any], effective_from: datetime) -> RuleId:
        """Publish a plan for past facts, effective from a moment that may lie in the past.

        A plan of this name that was published before is answered as it is; so a repeated import publishes once.
        It ends where the next plan of its currency begins. Raises `InvalidPlan`, `UnlawfulPlan`,
        `FactsNotGathered`, `NamesMissing`, and `StartTaken` where another plan begins at that very moment.
        """


class RuleMissing(NotFound):
    """There is no rule version {rule_id}."""

    code = "rule-missing"


class NoActiveRule(NotFound):
    """No plan is in effect for {currency} at {at}."""

    code = "no-active-rule"


class AlreadyPublished(Conflict):
    """Version {version} of plan {name} is published and never changes; draft the plan's next version instead."""

    code = "already-published"


class NotChecked(Conflict):
    """Version {version} of plan {name} has not passed its check as it stands; call POST /api/rules/{rule_id}/check first."""

    code = "not-checked"


class OwnVersion(Conflict):
    """You have written on version {version} of plan {name}; somebody else must approve it."""

    code = "own-version"


class ApprovalMissing(Conflict):
    """Version {version} of plan {name} needs the approval of a second person, who calls POST /api/rules/{rule_id}/approve."""

    code = "approval-missing"


class UnlawfulPlan(Invalid):
    """The plan goes beyond the legal limits of this server and cannot be published; errors says where."""

    code = "unlawful-plan"


class FactsNotGathered(Invalid):
    """The plan has conditions whose facts are not gathered; those cannot be published in this version."""

    code = "facts-not-gathered"


class NamesMissing(Invalid):
    """The plan has special terms for products or categories that do not exist; errors says where."""

    code = "names-missing"


class StartsTooEarly(Invalid):
    """The plan cannot take effect that early; the earliest moment is {earliest}."""

    code = "starts-too-early"


class StartTaken(Conflict):
    """Plan {name} already takes effect for {currency} at that very moment; choose another."""

    code = "start-taken"
