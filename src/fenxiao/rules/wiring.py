"""What the rules offer: their api, routes and checks."""

from fenxiao.engine.law import LawProfile
from fenxiao.infra.wiring import Offer, Tools
from fenxiao.rules.api import RulesApi, Vocabulary
from fenxiao.rules.checks import checks
from fenxiao.rules.http import router
from fenxiao.rules.service import Rules, Terms

NAME = "rules"


def offer(tools: Tools, *, vocabulary: Vocabulary) -> Offer[RulesApi]:
    """The rules, built from what every context gets, and what tells them which names there are."""
    settings = tools.settings
    limits = LawProfile(settings.jurisdiction, settings.max_upline_levels)
    terms = Terms(limits=limits, min_notice_days=settings.min_notice_days, approval=settings.plan_approval)
    service = Rules(tools.db, tools.clock, terms, vocabulary=vocabulary)
    return Offer(
        name=NAME,
        api=service,
        router=lambda: router(service, clock=tools.clock, currency=settings.currency),
        checks=checks(service),
        start=service.record_limits,
    )
