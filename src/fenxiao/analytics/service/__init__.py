"""Use cases of analytics: following what happens, reporting, comparing."""

from fenxiao.analytics.service.sales import Analytics

__all__ = ["Analytics"]
