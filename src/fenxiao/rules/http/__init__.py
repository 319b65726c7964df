"""HTTP of plans: drafting, publishing, reading, comparing."""

from fenxiao.rules.http.routes import router

__all__ = ["router"]
