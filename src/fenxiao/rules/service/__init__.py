"""Use cases of plans: drafting, publishing, and what other contexts ask."""

from fenxiao.rules.service.rules import Checked, Publication, Rules
from fenxiao.rules.service.terms import Terms

__all__ = ["Checked", "Publication", "Rules", "Terms"]
