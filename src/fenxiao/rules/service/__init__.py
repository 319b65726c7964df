"""Use cases of plans: drafting, publishing, and what other contexts ask."""

from fenxiao.rules.service.rules import Publication, Rules, Terms

__all__ = ["Publication", "Rules", "Terms"]
