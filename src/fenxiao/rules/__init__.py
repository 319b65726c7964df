"""平台规则 — plans, immutable rule versions, their checks and their publication.

Owns what will be paid and from when. Never knows an order: it checks and publishes with the engine.
"""
