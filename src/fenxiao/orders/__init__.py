"""订单 — orders, their lines, states and refunds, and the facts frozen with them.

Owns what was sold to whom at what price and by whom. Never computes commission.
"""
