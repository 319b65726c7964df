"""佣金 — commission entries, the ledger, settlement, statements, and explanations of amounts.

Owns what every distributor has earned and where each cent came from. Never changes an order or a rule.
"""
