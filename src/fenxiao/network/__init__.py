"""组织与团队 — distributors, grades, the sponsor tree and its history.

Owns who sponsors whom, since when and on what evidence. Never computes pay and never looks at orders.
"""
