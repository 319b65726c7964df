"""数据分析与报表 — projections of what happened, and the reports read from them.

Owns figures, each of which equals the one recomputed from orders. Never decides anything.
"""
