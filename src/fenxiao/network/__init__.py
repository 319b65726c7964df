"""组织与团队 — distributors, grades, the sponsor tree and its history, teams.

Owns who sponsors whom, since when and on what evidence, and who is in which team. Never computes pay and never looks at orders.
"""
